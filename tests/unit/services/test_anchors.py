"""When a checkpoint is anchored: not at every tick, and whatever was done to the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from node.services.anchors import CHECKPOINT_S, Anchors
from node.services.ports import LogNote
from tests.simulators.sources import NOON

if TYPE_CHECKING:
    from node.services.ports import Chain


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
