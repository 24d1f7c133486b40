"""A tender's stream as an actor sees it: followed through the door, folded with the same rules.

What the node shows is judged as if a stranger had sent it: form, signatures, rules. The actor acts
at each beat, on what it has seen by then and on the node's own time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import MissingError, UnavailableError
from node.core.records.kinds.streams import StreamOpened
from node.core.rules.award import OVER
from node.core.rules.state import TenderState
from node.services.judging import Candidate, Laws, found, judge, read_place
from node.services.ports.door import Beat

if TYPE_CHECKING:
    from node.core.records.kinds.streams import Network
    from node.services.ports import Followed, StreamRow
    from node.services.ports.door import Door

AGAIN_S = 0.3
"""Pause before a node that does not answer is asked again."""
Reader = Callable[["TenderState | None"], str]
"""As whom an actor reads, which may change with what it has seen."""
REMEMBERED = 8192
"""So many steps of all tenders are remembered: doors that show the same tell it seconds apart."""


@dataclass(slots=True)
class Judged:
    """The last steps of the readings that share this: the same bytes after the same state.

    Only a whole equality counts, down to the signature. What breaks a rule is not remembered.
    """

    steps: dict[
        tuple[str, int, tuple[Followed, ...]], tuple[TenderState | None, TenderState | None]
    ] = field(default_factory=dict)

    def step(
        self,
        stream: str,
        before: TenderState | None,
        items: tuple[Followed, ...],
        judge: Callable[[], TenderState | None],
    ) -> TenderState | None:
        """The state after these places; `judge` is asked if they are not remembered."""
        key = stream, id(before), items
        if (found := self.steps.get(key)) is None:
            # `before` stays with its step, so no other state can have its id.
            found = self.steps[key] = before, judge()
            if len(self.steps) > REMEMBERED:
                del self.steps[next(iter(self.steps))]
        return found[1]


@dataclass(slots=True)
class Reading:
    """One tender's stream as far as it was shown; `network` is the one that the actor knows."""

    stream: str
    network: Network | None = None
    judged: Judged = field(default_factory=Judged)
    state: TenderState | None = None
    begun: list[Followed] = field(default_factory=list)

    @property
    def after(self) -> int:
        """The last place folded, or -1."""
        return len(self.state.entries) - 1 if self.state else -1

    def take(self, item: Followed) -> None:
        """Judge the next place. Raises what is wrong with it."""
        items = (*self.begun, item)
        if self.state is None and not self.begun:
            read_place(self.stream, item)
            self.begun.append(item)
            return
        before = self.state
        self.state = self.judged.step(self.stream, before, items, lambda: self._judge(items))
        self.begun.clear()

    def _judge(self, items: tuple[Followed, ...]) -> TenderState | None:
        candidates = [read_place(self.stream, item) for item in items]
        if self.state is not None:
            after = judge(self.state, candidates[0])
            return after if isinstance(after, TenderState) else self.state
        state = found(self._laws(candidates[0]), *candidates)
        return state if isinstance(state, TenderState) else None

    def _laws(self, first: Candidate) -> Laws:
        """Our own network if we know it; else that which the stream names."""
        body = first.body
        told = body.network if isinstance(body, StreamOpened) else None
        network = self.network or told
        if network is None:
            raise MissingError("the stream does not begin with its opening")
        return Laws(network)


async def watch(
    door: Door, reading: Reading, reader: Reader
) -> AsyncIterator[tuple[TenderState, int]]:
    """The state and the node's time (epoch seconds) at each beat, until the tender is over.

    A node that is away is asked again from where we stand. Raises what a place breaks.
    """
    while True:
        name = reader(reading.state)
        try:
            async for state, now in _once(door, reading, reader):
                yield state, now
                if state.phase in OVER:
                    return
        except (UnavailableError, MissingError):
            reading.begun.clear()
        if name == reader(reading.state):
            await asyncio.sleep(AGAIN_S)


async def _once(
    door: Door, reading: Reading, reader: Reader
) -> AsyncIterator[tuple[TenderState, int]]:
    """Follow as one reader; ends when we may read as another one."""
    name = reader(reading.state)
    reading.begun.clear()
    async for item in door.follow(reading.stream, reading.after, name):
        if not isinstance(item, Beat):
            reading.take(item)
        elif reading.state is not None:
            yield reading.state, item.now
        if reader(reading.state) != name:
            return


async def find_tender(door: Door, reader: str, is_it: Callable[[StreamRow], bool]) -> str:
    """The id of the first tender's stream that `is_it` accepts; waits until there is one."""
    while True:
        try:
            async for row in door.streams(reader):
                if row.kind == "tender" and is_it(row):
                    return row.id
        except UnavailableError:
            pass
        await asyncio.sleep(AGAIN_S)
