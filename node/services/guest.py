"""Taking a partner's places: judged one by one, committed together, then believed.

Commit order: judge (nothing changed), commit rows, then memory, then the bell. What was judged
good before the first wrong place is kept; the wrong one is never stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError, RuleError
from node.core.records.place import entry_of
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.bell import STREAMS
from node.services.judging import judge, read_place
from node.services.model import begin, extend, moved
from node.services.ports import Batch, PlaceRow

if TYPE_CHECKING:
    from node.services.bell import Bell
    from node.services.endorsing import GuestChecks
    from node.services.model import Book, Stream
    from node.services.ports import Clock, Followed, Store, StreamRow


@dataclass(slots=True)
class Guest:
    """Keeps our copies of partners' streams."""

    me: str
    book: Book
    store: Store
    clock: Clock
    bell: Bell
    checks: GuestChecks
    begun: dict[str, list[Followed]] = field(default_factory=dict)

    def held(self, stream: str) -> int:
        """How many places of a stream we hold."""
        self.begun.pop(stream, None)
        known = self.book.get(stream)
        return len(known.records) if known else 0

    async def take(self, row: StreamRow, together: list[Followed]) -> None:
        """Judge, store and take over the next places; raises what is wrong with a bad one."""
        items = [*self.begun.pop(row.id, []), *together]
        if self.book.get(row.id) is None and len(items) < 2:
            self.begun[row.id] = items
            return
        stream, good, error = await asyncio.to_thread(self._judge, row, items)
        if good and stream is not None:
            places = tuple(_stored(row.id, item) for item in good)
            batch = Batch(streams=tuple(moved(self.book, [stream])), places=places)
            await self._commit(batch, row.id)
            self.book.put(stream, places)
            self.bell.ring(STREAMS, row.id)
        if error is not None:
            raise error

    async def _commit(self, batch: Batch, stream: str) -> None:
        """Commit; if that fails its outcome is unknown, and what stands is read back."""
        try:
            await asyncio.to_thread(self.store.commit, batch)
        except NodeError:
            await asyncio.to_thread(self.book.reload, self.store, stream)
            raise

    def _judge(
        self, row: StreamRow, items: Sequence[Followed]
    ) -> tuple[Stream | None, list[Followed], NodeError | None]:
        stream, good = self.book.get(row.id), 0
        try:
            if stream is None:
                stream = self._begin(row, items)
                good = 2
            for item in items[good:]:
                stream = self._next(stream, item)
                good += 1
        except NodeError as error:
            return stream, list(items[:good]), error
        return stream, list(items), None

    def _begin(self, row: StreamRow, items: Sequence[Followed]) -> Stream:
        first, second = (read_place(row.id, item) for item in items[:2])
        stream = begin(self.book.laws, first, second, own=False)
        if stream.row.keeper != row.keeper:
            raise RuleError("a partner shows the streams that it keeps", article="protocol 4")
        return stream

    def _next(self, stream: Stream, item: Followed) -> Stream:
        candidate = read_place(stream.row.id, item)
        if isinstance(stream.state, TenderState):
            mine = self.book.side_of(stream.row.id, self.me)
            side = mine.state if mine and isinstance(mine.state, OwnState) else None
            self.checks.check(stream.state, side, candidate.placed())
        return extend(stream, judge(stream.state, candidate), candidate)


def _stored(stream: str, item: Followed) -> PlaceRow:
    return PlaceRow(
        stream=stream,
        seq=item.seq,
        record=item.what.id,
        what=item.what,
        where=item.where,
        entry=entry_of(item.what, item.where),
        envelope=item.envelope,
        body=item.body,
    )
