"""Tenders heard together: one call a door for all streams, one reading for many actors.

Each actor would follow the same stream as the same reader and judge the same places; here one
reading does, and all act on what it has seen. What an actor makes and signs stays its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import MissingError, NodeError, UnavailableError
from node.core.rules.award import OVER, is_settled
from node.services.actors.reading import AGAIN_S, Reading
from node.services.arrivals import arrived
from node.services.ports import Wanted

if TYPE_CHECKING:
    from node.core.records.kinds.streams import Network
    from node.core.rules.state import TenderState
    from node.services.ports import Followed
    from node.services.ports.door import Door

LOOK_S = 0.25
"""How often a node's clock is looked at: one look for all tenders."""
RETRY_S = 1.0
"""What was refused for now is tried again so often, though nothing changed."""


@dataclass(slots=True)
class Hearing:
    """One stream as one reader sees it through one door."""

    reading: Reading
    reader: str
    house: House
    failed: NodeError | None = None
    news: list[asyncio.Event] = field(default_factory=list)

    @property
    def state(self) -> TenderState | None:
        """How the stream stands."""
        return self.reading.state

    def take(self, places: list[Followed]) -> None:
        """Judge the next places; what one breaks is told to everybody who hears."""
        try:
            for place in places:
                self.reading.take(place)
        except NodeError as error:
            self.failed = error
        self.wake()

    def wake(self) -> None:
        """Let everybody look."""
        for event in self.news:
            event.set()

    @contextmanager
    def listen(self) -> Iterator[asyncio.Event]:
        """An event that is set at each change."""
        news = asyncio.Event()
        self.news.append(news)
        try:
            yield news
        finally:
            self.news.remove(news)

    async def beats(self) -> AsyncIterator[tuple[TenderState, int]]:
        """State and node's time at each change, until the tender is over.

        Now and then also without a change: what was refused for now is tried again. Raises what a
        place broke.
        """
        with self.listen() as news:
            while True:
                news.clear()
                if self.failed is not None:
                    raise self.failed
                if self.state is not None:
                    yield self.state, self.house.now
                    if self.state.phase in OVER:
                        return
                with suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S):
                        await news.wait()


@dataclass(slots=True)
class House:
    """One door, and all that is heard through it. `now` is its node's clock."""

    door: Door
    network: Network
    now: int = 0
    hearings: dict[tuple[str, str], Hearing] = field(default_factory=dict)
    fresh: asyncio.Queue[Hearing] = field(default_factory=asyncio.Queue)

    def hear(self, stream: str, reader: str) -> Hearing:
        """What `reader` sees of a stream from its beginning."""
        if (stream, reader) not in self.hearings:
            hearing = Hearing(Reading(stream, self.network), reader, self)
            self.hearings[stream, reader] = hearing
            self.fresh.put_nowait(hearing)
        return self.hearings[stream, reader]

    async def run(self) -> None:
        """Listen until cancelled; a node that is away is asked again from where we stand."""
        await asyncio.gather(self._listen(), self._look())

    async def _listen(self) -> None:
        while True:
            asked: list[Hearing] = []
            try:
                async for message in self.door.follow_many(self._wanted(asked)):
                    for number, places in message:
                        self._take(asked[number], list(places))
            except (UnavailableError, MissingError):
                await asyncio.sleep(AGAIN_S)

    def _take(self, hearing: Hearing, places: list[Followed]) -> None:
        hearing.take(places)
        if hearing.state is not None and is_settled(hearing.state):
            self.hearings.pop((hearing.reading.stream, hearing.reader), None)

    async def _wanted(self, asked: list[Hearing]) -> AsyncIterator[list[Wanted]]:
        self.fresh = asyncio.Queue()
        more = list(self.hearings.values())
        while True:
            asked += more
            for hearing in more:
                hearing.reading.begun.clear()
            yield [Wanted(one.reading.stream, one.reading.after, one.reader) for one in more]
            more = await arrived(self.fresh)

    async def _look(self) -> None:
        """See the node's clock; a jump wakes everybody."""
        while True:
            try:
                now = await self.door.now()
            except UnavailableError:
                now = self.now
            jumped, self.now = now > self.now + 1, max(now, self.now)
            if jumped:
                for hearing in list(self.hearings.values()):
                    hearing.wake()
            await asyncio.sleep(LOOK_S)


def houses_of(doors: Mapping[str, Door], network: Network) -> dict[str, House]:
    """A house for each centre's door."""
    return {centre: House(door, network) for centre, door in doors.items()}
