"""What a reader may see of a stream now: rows cut by the audience table, as they appear.

The one way out of this node for places: Follow for partners and at the door both come here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.records.envelope import open_envelope
from node.core.rules import audience
from node.core.rules.audience import Level, Stage
from node.core.rules.state import TenderState
from node.services.ports import Followed, News, Wanted
from node.services.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from node.services.bell import Bell
    from node.services.model import Book, Stream
    from node.services.ports import PlaceRow, Store

WAIT_S = 15.0
"""How long a follower is left without a look, should a ring be missed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Streams as their readers may see them."""

    book: Book
    store: Store
    bell: Bell
    off: Callable[..., Awaitable[list[PlaceRow]]]

    async def follow(self, stream: str, after: int, reader: str) -> AsyncIterator[Followed]:
        """Places with seq > after that the reader may see, then new ones; stops at no *nothing*.

        Raises MissingError for a stream that this node does not know.
        """
        first = self.book.need(stream)
        with self.bell.listen(stream, first.row.of or stream) as ear:
            while True:
                known = self.book.need(stream)
                for item in self.cut(known, await self._rows(known, after), reader):
                    yield item
                    after = item.seq
                await ear.heard(WAIT_S)

    def follow_many(
        self, wanted: AsyncIterator[Sequence[Wanted]], beat_s: float = WAIT_S
    ) -> AsyncIterator[list[News]]:
        """The same for many streams; a stream that is not known yet is shown once it is."""
        return Watching(self, beat_s).run(wanted)

    async def news(self, stream: str, after: int, reader: str) -> list[Followed]:
        """What a reader may see of a stream now beyond a place; none of an unknown stream."""
        known = self.book.get(stream)
        if known is None:
            return []
        return list(self.cut(known, await self._rows(known, after), reader))

    async def _rows(self, stream: Stream, after: int) -> list[PlaceRow]:
        """The stream's rows with a greater seq, from memory if they are there."""
        if len(stream.records) - 1 <= after:
            return []
        found = self.book.recent.after(stream.row.id, after)
        return (
            found if found is not None else await self.off(self.store.places, stream.row.id, after)
        )

    def cut(self, stream: Stream, rows: list[PlaceRow], reader: str) -> Iterator[Followed]:
        """Those of the rows, in order, that the reader may see now; up to the first *nothing*."""
        host = self.host_of(stream)
        told = host.state if host else None
        stage = audience.stage_at(told.phase) if isinstance(told, TenderState) else Stage.AWARDED
        keeper = host.row.keeper if host else stream.row.keeper
        column = audience.reader_class(reader, keeper)
        for row in rows:
            header = open_envelope(row.envelope).header
            record = (header.type, header.author)
            level = audience.level(stream.row.kind, record, stage, (reader, column))
            if level < Level.HEADER:
                return
            body = row.body if level is Level.ALL else None
            yield Followed(row.seq, row.what, row.where, row.envelope, body)

    def host_of(self, stream: Stream) -> Stream | None:
        """The tender's stream that decides the stage; None for a pool's stream."""
        if stream.row.kind == "pool":
            return None
        return stream if stream.row.kind == "tender" else self.book.need(stream.row.of or "")
