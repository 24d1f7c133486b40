"""Taking a partner's places: judged one by one, committed together, then believed.

Commit order: judge (nothing changed), commit rows, then memory, then the bell. What was judged
good before the first wrong place is kept; the wrong one is never stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import LogError, NodeError, RuleError
from node.core.records.place import entry_of
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.bell import STREAMS
from node.services.judging import judge, read_place
from node.services.model import begin, extend, moved, row_of
from node.services.ports import Batch, PlaceRow
from node.services.promise import fail

if TYPE_CHECKING:
    from node.services.bell import Bell
    from node.services.endorsing import GuestChecks
    from node.services.model import Book, Stream
    from node.services.ports import Clock, Followed, Store, StreamRow


GATHER_S = 0.02
"""So long after a partner's news we wait whether others have some: a commit costs the same."""


@dataclass(slots=True)
class _Call:
    """Places of one stream that wait to be judged, and who waits for it."""

    row: StreamRow
    items: list[Followed]
    done: asyncio.Future[None]


@dataclass(slots=True)
class _Round:
    """What one round adds: streams as they will be, their new places, and what was wrong."""

    streams: dict[str, Stream] = field(default_factory=dict)
    places: dict[str, list[PlaceRow]] = field(default_factory=dict)
    errors: list[NodeError | None] = field(default_factory=list)


@dataclass(slots=True)
class Guest:
    """Keeps our copies of partners' streams. What waits together is committed together."""

    me: str
    book: Book
    store: Store
    clock: Clock
    bell: Bell
    checks: GuestChecks
    begun: dict[str, list[Followed]] = field(default_factory=dict)
    waiting: list[_Call] = field(default_factory=list)
    worker: asyncio.Task[None] | None = None

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
        call = _Call(row, items, asyncio.get_running_loop().create_future())
        self.waiting.append(call)
        if self.worker is None or self.worker.done():
            self.worker = asyncio.create_task(self._drain())
        await asyncio.shield(call.done)

    async def _drain(self) -> None:
        while self.waiting:
            await asyncio.sleep(GATHER_S)
            calls, self.waiting = self.waiting, []
            try:
                errors = await self._take_all(calls)
            except BaseException as error:
                for call in calls:
                    fail(call.done, error)
                if not isinstance(error, Exception):
                    raise
                continue
            for call, found in zip(calls, errors, strict=True):
                if found is None:
                    call.done.set_result(None)
                else:
                    call.done.set_exception(found)

    async def _take_all(self, calls: Sequence[_Call]) -> list[NodeError | None]:
        """Commit order: judge, commit, memory, bell; gives what was wrong, call by call."""
        done = await asyncio.to_thread(self._round, calls)
        if done.streams:
            for name, stream in done.streams.items():
                self.book.put(stream, done.places[name])
            self.bell.ring(STREAMS, *done.streams)
        return done.errors

    def _round(self, calls: Sequence[_Call]) -> _Round:
        """Judge and commit, on a thread. A commit that fails is of unknown outcome: read back."""
        done = self._judge_all(calls)
        if done.streams:
            streams = tuple(moved(self.book, done.streams.values()))
            places = tuple(row for rows in done.places.values() for row in rows)
            try:
                self.store.commit(Batch(streams=streams, places=places))
            except NodeError:
                for stream in done.streams:
                    self.book.reload(self.store, stream)
                raise
        return done

    def _judge_all(self, calls: Sequence[_Call]) -> _Round:
        done = _Round()
        for call in calls:
            name = call.row.id
            before = done.streams.get(name) or self.book.get(name)
            stream, good, error = self._judge(call.row, before, call.items)
            if good and stream is not None:
                done.streams[name] = stream
                done.places.setdefault(name, []).extend(row_of(name, item) for item in good)
            done.errors.append(error)
        return done

    def _judge(
        self, row: StreamRow, stream: Stream | None, items: Sequence[Followed]
    ) -> tuple[Stream | None, list[Followed], NodeError | None]:
        good = 0
        try:
            if stream is None:
                stream = self._begin(row, items)
                good = 2
            else:
                items = _unknown(stream, items)
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
        self.checks.check_members(second.placed())
        return stream

    def _next(self, stream: Stream, item: Followed) -> Stream:
        candidate = read_place(stream.row.id, item)
        self.checks.check_members(candidate.placed())
        after = judge(stream.state, candidate)
        if isinstance(stream.state, TenderState):
            mine = self.book.side_of(stream.row.id, self.me)
            side = mine.state if mine and isinstance(mine.state, OwnState) else None
            self.checks.check(stream.state, side, candidate.placed())
        return extend(stream, after, candidate)


def _unknown(stream: Stream, items: Sequence[Followed]) -> Sequence[Followed]:
    """Without what we hold already: a call that was taken up again may show it once more.

    Raises LogError for another entry at a place that we hold.
    """
    held = len(stream.records)
    for item in items:
        same = item.seq >= held or entry_of(item.what, item.where) == stream.state.entries[item.seq]
        if not same:
            raise LogError(f"two entries were shown for place {item.seq}")
    return [item for item in items if item.seq >= held]
