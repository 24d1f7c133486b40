"""One reading of a tender that several actors of one process hear together.

Each of them would follow the same stream as the same reader and judge the same places; here one
does, and all act on what it has seen. What an actor makes and signs stays its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError, UnavailableError
from node.core.rules.award import OVER
from node.services.actors.reading import AGAIN_S, Reading, watch

if TYPE_CHECKING:
    from node.core.records.kinds.streams import Network
    from node.core.rules.state import TenderState
    from node.services.ports.door import Door

LOOK_S = 0.1
"""How often a node's clock is looked at: one look for all tenders."""


@dataclass(slots=True)
class Times:
    """The clocks of all nodes, looked at once for everybody; a jump wakes those who wait for it."""

    doors: Mapping[str, Door]
    now: dict[str, int] = field(default_factory=dict)
    heard: dict[str, list[Callable[[], None]]] = field(default_factory=dict)

    async def run(self) -> None:
        """Look until cancelled; a node that is away keeps its last time."""
        while True:
            for centre, door in self.doors.items():
                try:
                    await self._see(centre, await door.now())
                except UnavailableError:
                    continue
            await asyncio.sleep(LOOK_S)

    async def _see(self, centre: str, now: int) -> None:
        jumped = now > self.now.get(centre, 0) + 1
        self.now[centre] = max(now, self.now.get(centre, 0))
        if jumped:
            for wake in self.heard.get(centre, ()):
                wake()


@dataclass(slots=True)
class Hearing:
    """One stream as one reader sees it through one door."""

    door: Door
    reading: Reading
    reader: str
    centre: str
    times: Times
    failed: NodeError | None = None
    _state: TenderState | None = None
    _news: set[asyncio.Event] = field(default_factory=set)

    async def run(self) -> None:
        """Follow to the tender's end; what a place breaks is told to everybody who hears."""
        self.times.heard.setdefault(self.centre, []).append(self._wake)
        try:
            async for state, now in watch(self.door, self.reading, lambda _: self.reader):
                self.times.now[self.centre] = max(now, self.times.now.get(self.centre, 0))
                if state is not self._state:
                    self._state = state
                    self._wake()
        except NodeError as error:
            self.failed = error
            self._wake()
        finally:
            self.times.heard[self.centre].remove(self._wake)

    def _wake(self) -> None:
        for event in self._news:
            event.set()

    async def beats(self) -> AsyncIterator[tuple[TenderState, int]]:
        """State and node's time, newest first of all, at each change, until the tender is over.

        Now and then also without a change: what was refused for now is tried again. Raises what a
        place broke.
        """
        news = asyncio.Event()
        self._news.add(news)
        try:
            while True:
                news.clear()
                if self.failed is not None:
                    raise self.failed
                if self._state is not None:
                    yield self._state, self.times.now.get(self.centre, 0)
                    if self._state.phase in OVER:
                        return
                try:
                    await asyncio.wait_for(news.wait(), AGAIN_S)
                except TimeoutError:
                    continue
        finally:
            self._news.discard(news)


@dataclass(slots=True)
class Hearings:
    """The readings of one tender, each begun when somebody first needs it."""

    stream: str
    network: Network
    times: Times
    known: dict[tuple[str, str], Hearing] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def of(self, centre: str, reader: str) -> Hearing:
        """What `reader` sees through a centre's door."""
        if (centre, reader) not in self.known:
            reading = Reading(self.stream, self.network)
            door = self.times.doors[centre]
            hearing = Hearing(door, reading, reader, centre, self.times)
            self.known[centre, reader] = hearing
            self.tasks.append(asyncio.create_task(hearing.run()))
        return self.known[centre, reader]

    async def close(self) -> None:
        """End them all."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
