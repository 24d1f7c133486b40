"""Many streams shown to one follower in one call: what appeared meanwhile goes out together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.errors import LimitError

if TYPE_CHECKING:
    from node.services.bell import Ear
    from node.services.ports import Followed, News, Wanted
    from node.services.shown import Shown

TOGETHER_S: Final = 0.05
"""So long after news we look whether there is more to send with it."""
HEAVY: Final = 1024 * 1024
"""A message of about so many bytes takes no further place."""
MOST: Final = 65_536
"""Streams in one call."""


@dataclass(slots=True)
class _Position:
    """How far one stream was shown."""

    number: int
    wanted: Wanted
    after: int


@dataclass(slots=True)
class Watching:
    """One follower of many streams. `beat_s`: an empty message after so long without news."""

    shown: Shown
    beat_s: float
    positions: list[_Position] = field(default_factory=list)
    by_topic: dict[str, list[_Position]] = field(default_factory=dict)
    fresh: list[_Position] = field(default_factory=list)

    async def run(self, wanted: AsyncIterator[Sequence[Wanted]]) -> AsyncIterator[list[News]]:
        """The news, message by message. Raises LimitError, and what asking raises."""
        with self.shown.bell.listen() as ear:
            asking = asyncio.create_task(self._ask(wanted, ear))
            try:
                while True:
                    topics = await ear.heard(self.beat_s)
                    if asking.done():
                        asking.result()
                    told = False
                    async for message in self._messages(self._due(topics, ear)):
                        yield message
                        told = True
                    if not told and not topics:
                        yield []
                    await asyncio.sleep(TOGETHER_S)
            finally:
                asking.cancel()
                await asyncio.gather(asking, return_exceptions=True)

    async def _ask(self, wanted: AsyncIterator[Sequence[Wanted]], ear: Ear) -> None:
        """Take what is to be followed; `tell` wakes the follower, also when this fails."""
        try:
            async for more in wanted:
                if len(self.positions) + len(more) > MOST:
                    raise LimitError(f"one call follows at most {MOST} streams")
                for one in more:
                    position = _Position(len(self.positions), one, one.after)
                    self.positions.append(position)
                    self.fresh.append(position)
                    self._listen(one.stream, position, ear)
                    ear.tell(one.stream)
        except Exception:
            ear.tell("")
            raise

    def _listen(self, topic: str, position: _Position, ear: Ear) -> None:
        ear.also(topic)
        self.by_topic.setdefault(topic, []).append(position)

    def _due(self, topics: Sequence[str], ear: Ear) -> list[_Position]:
        """Whose stream, or the stream that decides what may be seen of it, has changed."""
        self.fresh = [one for one in self.fresh if not self._settle(one, ear)]
        if not topics:
            return self.positions
        found = (one for topic in topics for one in self.by_topic.get(topic, ()))
        return list({one.number: one for one in found}.values())

    def _settle(self, position: _Position, ear: Ear) -> bool:
        """Listen to a side stream's host too, once we know whose side it is."""
        known = self.shown.book.get(position.wanted.stream)
        if known is not None and known.row.of is not None:
            self._listen(known.row.of, position, ear)
        return known is not None

    async def _messages(self, due: Iterable[_Position]) -> AsyncIterator[list[News]]:
        message: list[News] = []
        weight = 0
        for position in due:
            wanted = position.wanted
            news = await self.shown.news(wanted.stream, position.after, wanted.reader)
            for places in _parts(news):
                message.append((position.number, places))
                position.after = places[-1].seq
                weight += sum(map(weight_of, places))
                if weight >= HEAVY:
                    yield message
                    message, weight = [], 0
        if message:
            yield message


def _parts(places: Sequence[Followed]) -> Iterable[list[Followed]]:
    """Places in parts of at most about one message."""
    part: list[Followed] = []
    weight = 0
    for place in places:
        part.append(place)
        weight += weight_of(place)
        if weight >= HEAVY:
            yield part
            part, weight = [], 0
    if part:
        yield part


def weight_of(place: Followed) -> int:
    """About how many bytes a place takes in a message."""
    return len(place.body or b"") + len(place.envelope.payload)
