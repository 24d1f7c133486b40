"""Tenders heard together: one call a door for all streams, one reading for many actors.

Each actor would follow the same stream as the same reader and judge the same places; here one
reading does, and all act on what it has seen. What an actor makes and signs stays its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import MissingError, NodeError, UnavailableError
from node.core.rules.award import OVER, is_settled
from node.services.actors.reading import AGAIN_S, Judged, Reading
from node.services.arrivals import arrived
from node.services.ports import Wanted

if TYPE_CHECKING:
    from node.core.records.kinds.streams import Network
    from node.core.rules.state import Phase, TenderState
    from node.services.ports import Followed
    from node.services.ports.door import Door

LOOK_S = 0.25
"""How often a node's clock is looked at: one look for all tenders."""
RETRY_S = 1.0
"""What was refused for now is tried again so often, though nothing changed."""
Acts = Callable[["TenderState", int], bool]
"""Whether an actor has anything to do as a tender stands, at a node's time (epoch seconds)."""


@dataclass(slots=True)
class Hearing:
    """One stream as one reader sees it through one door."""

    reading: Reading
    reader: str
    house: House
    failed: NodeError | None = None
    news: list[asyncio.Event] = field(default_factory=list)
    trying: list[asyncio.Event] = field(default_factory=list)

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

    def remind(self) -> None:
        """Let those look who may have something to try again."""
        for event in self.trying:
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

    @contextmanager
    def _try(self) -> Iterator[asyncio.Event]:
        """An event that is set at each change, and when it is time to try again."""
        with self.listen() as news:
            self.trying.append(news)
            try:
                yield news
            finally:
                self.trying.remove(news)

    async def beats(self, acts: Acts) -> AsyncIterator[tuple[TenderState, int]]:
        """State and node's time at each new phase, and whenever `acts`, until the tender is over.

        `acts` is asked at each change, and now and then without one: what was refused for now is
        tried again. Raises what a place broke.
        """
        seen: Phase | None = None
        with self._try() as news:
            while True:
                news.clear()
                if self.failed is not None:
                    raise self.failed
                state, now = self.state, self.house.now
                if state is not None and (state.phase is not seen or acts(state, now)):
                    seen = state.phase
                    yield state, now
                    if state.phase in OVER:
                        return
                await news.wait()


@dataclass(slots=True)
class House:
    """One door, and all that is heard through it. `now` is its node's clock."""

    door: Door
    network: Network
    judged: Judged = field(default_factory=Judged)
    now: int = 0
    hearings: dict[tuple[str, str], Hearing] = field(default_factory=dict)
    fresh: asyncio.Queue[Hearing] = field(default_factory=asyncio.Queue)

    def hear(self, stream: str, reader: str) -> Hearing:
        """What `reader` sees of a stream from its beginning."""
        if (stream, reader) not in self.hearings:
            hearing = Hearing(Reading(stream, self.network, self.judged), reader, self)
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
        steady = asyncio.get_running_loop().time
        reminded = steady()
        while True:
            try:
                now = await self.door.now()
            except UnavailableError:
                now = self.now
            jumped, self.now = now > self.now + 1, max(now, self.now)
            again = steady() >= reminded + RETRY_S
            reminded = steady() if again else reminded
            for hearing in list(self.hearings.values()):
                if jumped:
                    hearing.wake()
                elif again:
                    hearing.remind()
            await asyncio.sleep(LOOK_S)


def houses_of(doors: Mapping[str, Door], network: Network) -> dict[str, House]:
    """A house for each centre's door; what one of them has judged, the others need not."""
    judged = Judged()
    return {centre: House(door, network, judged) for centre, door in doors.items()}
