"""When a checkpoint is anchored, whatever was done to the clock; and slots, all together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from node.core.errors import NodeError, UnavailableError
from node.services.anchors import CHECKPOINT_S, Anchors
from node.services.ports import LogNote
from tests.simulators.sources import NOON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.core.rules.state import TenderState
    from node.services.ports import Chain, Slot


class Anchored:
    """A chain that takes checkpoints."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def anchor(self, size: int, _root: str) -> None:
        """Take one."""
        self.sizes.append(size)


def note(size: int) -> LogNote:
    return LogNote("zhuzhou.example/log", size, "00" * 32, NOON, "a note", "a quorum")


def test_checkpoints_wait_a_moment_but_not_for_a_time_that_a_mended_clock_took_back() -> None:
    chain = Anchored()
    anchors = Anchors(cast("Chain", chain))
    anchors.write([], note(4), NOON + 600)
    anchors.write([], note(8), NOON + 600 + CHECKPOINT_S - 1)
    assert chain.sizes == [4], "a moment"
    anchors.write([], note(8), NOON)
    assert chain.sizes == [4, 8], "the clock was ten minutes ahead and is right again"
    anchors.write([], note(12), NOON + CHECKPOINT_S - 1)
    assert chain.sizes == [4, 8]
    anchors.write([], note(12), NOON + CHECKPOINT_S)
    assert chain.sizes == [4, 8, 12]


class Slots(Anchored):
    """A chain that takes slots together and refuses all of a request that holds a wrong one."""

    def __init__(self, wrong: str) -> None:
        super().__init__()
        self.wrong, self.asked, self.stand = wrong, list[list[str]](), set["Slot"]()

    def set_slots(self, slots: Sequence[Slot]) -> None:
        """Take all or refuse."""
        self.asked.append([slot.stream for slot in slots])
        if self.wrong in self.asked[-1]:
            raise NodeError("AnchorBidsAlreadyClosed", code="anchor")
        self.stand.update(slots)


def announced(stream: str) -> TenderState:
    """A tender whose deadline is due."""
    deadline = SimpleNamespace(deadline="2026-01-01T00:00:00Z")
    made = SimpleNamespace(stream=stream, announced=deadline, closed=None, session_seq=0)
    return cast("TenderState", SimpleNamespace(**vars(made), phase=None, seats={}))


def test_all_slots_go_together_and_a_refused_one_blocks_no_other() -> None:
    chain, states = Slots("wrong"), [announced(one) for one in ("a", "wrong", "b")]
    anchors = Anchors(cast("Chain", chain))
    assert anchors.due(states) == 3
    anchors.write(states, None, NOON)
    assert {slot.stream for slot in chain.stand} == {"a", "b"}
    assert chain.asked == [["a", "wrong", "b"], ["a"], ["wrong"], ["b"]]
    anchors.write([*states, announced("c")], None, NOON)
    assert chain.asked[4:] == [["c"]], "the refused one is for people now"


def test_a_silent_chain_is_asked_again_for_what_was_not_written() -> None:
    chain, states = Slots(""), [announced("a"), announced("b")]
    anchors = Anchors(cast("Chain", chain))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chain, "set_slots", silent)
        with pytest.raises(UnavailableError):
            anchors.write(states, None, NOON)
    assert (anchors.due(states), anchors.waiting_since) == (2, NOON)
    anchors.write(states, None, NOON + 1)
    assert (anchors.due(states), anchors.waiting_since) == (0, None)


def silent(_slots: Sequence[Slot]) -> None:
    """Answer nothing."""
    raise UnavailableError("silent", code="chain")
