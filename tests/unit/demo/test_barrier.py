"""A jump of the clock is a barrier: nothing under way before it, every node past it after."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, repeat

import pytest

from node.cli.demo.barrier import Barrier
from node.core.errors import UnavailableError
from node.services.ports.operator import Status

TO, BLOCK = 1_000, 7
SETTLED = Status(now=10, height=3, outbox=0, uncovered=0)
PAST = Status(now=TO, height=BLOCK, outbox=5, uncovered=5)


@dataclass
class Told:
    """A node that answers one status after the other, the last for ever; None: no answer."""

    answers: list[Status | None]
    asked: int = 0
    stream: Iterator[Status | None] = field(init=False)

    def __post_init__(self) -> None:
        self.stream = chain(self.answers, repeat(self.answers[-1]))

    async def status(self) -> Status:
        self.asked += 1
        found = next(self.stream)
        if found is None:
            raise UnavailableError("away")
        return found

    async def open_tender(self, tender: str, ruleset: str) -> str:
        raise NotImplementedError(tender, ruleset)

    async def evidence(self, stream: str, reader: str) -> bytes:
        raise NotImplementedError(stream, reader)


@dataclass
class Blocks:
    """A chain that notes when it was asked to jump."""

    nodes: dict[str, Told]
    jumps: list[tuple[int, dict[str, int]]] = field(default_factory=list)

    def __call__(self, to: int) -> int:
        self.jumps.append((to, {name: node.asked for name, node in self.nodes.items()}))
        return BLOCK


def move(patience_s: float = 5.0, **answers: list[Status | None]) -> Blocks:
    nodes = {name: Told(given) for name, given in answers.items()}
    blocks = Blocks(nodes)
    asyncio.run(Barrier(nodes, blocks).move(TO, patience_s))
    return blocks


def test_jump_waits_until_every_node_is_settled() -> None:
    waiting = Status(now=10, height=3, outbox=1, uncovered=0)
    unseen = Status(now=10, height=3, outbox=0, uncovered=2)
    blocks = move(
        a=[waiting, SETTLED, SETTLED, SETTLED, PAST],
        b=[SETTLED, unseen, None, SETTLED, PAST],
    )
    assert blocks.jumps == [(TO, {"a": 4, "b": 4})]


@pytest.mark.parametrize(
    "behind",
    [
        Status(now=TO - 1, height=BLOCK, outbox=0, uncovered=0),
        Status(now=TO, height=BLOCK - 1, outbox=0, uncovered=0),
        None,
    ],
)
def test_move_is_over_only_when_every_node_shows_block_and_time(behind: Status | None) -> None:
    blocks = move(a=[SETTLED, PAST], b=[SETTLED, behind, behind, PAST])
    assert blocks.nodes["b"].asked == 4


def test_node_with_work_under_way_keeps_the_clock_from_moving(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YUANPING_LANG", "en")
    busy = Status(now=10, height=3, outbox=2, uncovered=1)
    with pytest.raises(UnavailableError, match="b: 2 to send, 1 not witnessed"):
        move(0.1, a=[SETTLED], b=[busy])
    with pytest.raises(UnavailableError, match="b: no answer"):
        move(0.1, a=[SETTLED], b=[None])


def test_node_that_never_sees_the_block_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUANPING_LANG", "en")
    with pytest.raises(UnavailableError, match="not seen the new block: b"):
        move(0.1, a=[SETTLED, PAST], b=[SETTLED])
