"""Fetching our own log and streams back from partners: gather, judge, commit, then memory."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.errors import LogError, NodeError
from node.core.log.merkle import Tree, leaf_hash
from node.core.records.canonical import epoch_of
from node.services.bell import STREAMS
from node.services.losses import Looking
from node.services.model import moved, row_of
from node.services.ports import Batch, Stretch
from node.services.regaining import Judge, OwnEntries
from node.services.stretches import ticks_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from node.services.application import Records
    from node.services.members import Members
    from node.services.model import Stream
    from node.services.ports import Followed, Partner, PlaceRow, StreamRow, Submission
    from node.services.standing import Loss

LOOKS: Final = 20
LOOK_S: Final = 0.25
"""How often, and how long apart, we look whether a member's own log has come so far."""


@dataclass(slots=True)
class Back:
    """Streams as they will be, and their rows that are new."""

    streams: dict[str, Stream] = field(default_factory=dict)
    rows: list[PlaceRow] = field(default_factory=list)

    def of(self, stream: str) -> list[PlaceRow]:
        """The new rows of one stream."""
        return [row for row in self.rows if row.stream == stream]


@dataclass(slots=True)
class Gathering:
    """One round of it. `since` is our log's size in the old copy: losses lie beyond it."""

    records: Records
    members: Members
    since: int
    report: Callable[[str, Exception], None]
    infos: dict[str, StreamRow] = field(default_factory=dict)
    shown: dict[str, dict[int, list[tuple[str, Followed]]]] = field(default_factory=dict)

    async def run(self, names: Sequence[str], size: int) -> None:
        """Take what these partners hold; entries until our log has `size`, if they go so far.

        Raises UnavailableError (`store`) if our own store does not take it.
        """
        off = self.records.desk.off
        own = await off(self._own)
        for name in names:
            await self._entries(own, name, size)
            await self._places(name)
        back = await off(self._judge, own)
        await off(self._store, own, back)
        for name, stream in back.streams.items():
            self.records.book.put(stream, back.of(name))
        await self.records.publisher.reload()
        self.records.bell.ring(STREAMS, *back.streams)

    def _own(self) -> OwnEntries:
        eras = self.members.eras(self.members.me)
        return OwnEntries(self.records.log.origin, eras, self._tree())

    def _tree(self) -> Tree:
        """Our log as the store has it."""
        entries = self.records.desk.store.entries(self.records.log.origin)
        return Tree(leaf_hash(entry) for entry in entries)

    async def _entries(self, own: OwnEntries, name: str, size: int) -> None:
        """From one partner after the other, until the log is as long as somebody has proven."""
        if own.tree.size >= size:
            return
        try:
            async for part in self._partner(name).given_log(own.tree.size):
                await self.records.desk.off(own.take, part)
        except NodeError as error:
            self.report(f"our log from {name}", error)

    def _partner(self, name: str) -> Partner:
        return self.records.desk.partners[name]

    async def _places(self, name: str) -> None:
        held = {one.row.id: len(one.records) for one in self.records.book.streams(own=True)}
        try:
            async for row, places in self._partner(name).given_places(held):
                self.infos.setdefault(row.id, row)
                stream = self.shown.setdefault(row.id, {})
                for place in places:
                    stream.setdefault(place.seq, []).append((name, place))
        except NodeError as error:
            self.report(f"our streams from {name}", error)

    def _judge(self, own: OwnEntries) -> Back:
        """Blocking."""
        store, me, back = self.records.desk.store, self.members.me, Back()
        fresh = [entry.hex() for one in own.stretches for entry in one.entries]
        logged = frozenset([*fresh, *(entry.hex() for entry in store.entries(own.origin))])
        judge = Judge(self.records.book, me, logged, self.members.faulty() + 1)
        for name, row in self.infos.items():
            try:
                stream, taken, why = judge.regained(row, self.shown[name])
            except NodeError as error:
                self.report(f"stream {name[:16]}", error)
                continue
            if why:
                self.report(f"stream {name[:16]}", LogError(why))
            if stream is not None and taken:
                back.streams[name] = stream
                back.rows += [row_of(name, place) for place in taken]
        # As they came: a tick takes the oldest first. `received` never goes back in a stream.
        back.rows.sort(key=lambda row: (epoch_of(row.what.received), row.stream, row.where.seq))
        return back

    def _store(self, own: OwnEntries, back: Back) -> None:
        rows = tuple(moved(self.records.book, back.streams.values()))
        named = {f"tender/{row.tender}": row.id for row in rows if row.tender}
        batch = Batch(streams=rows, places=tuple(back.rows), facts=named)
        self.records.desk.store.regain(own.origin, batch, own.stretches)

    async def remake(self, size: int, root: str) -> bool:
        """Make anew the ticks that lead to what a witness cosigned; False if that cannot be."""
        done = await self.records.desk.off(self._remade, size, root)
        if done:
            await self.records.publisher.reload()
        return done

    def _remade(self, size: int, root: str) -> bool:
        publisher, store = self.records.publisher, self.records.desk.store
        tree, stretches = self._tree(), []
        waiting = self._by_second(store.unpublished())
        ticks = publisher.remaker().ticks(tree, size, root, waiting)
        for entries in ticks or ():
            start = tree.size
            tree.extend(leaf_hash(entry) for entry in entries)
            stretches.append(Stretch(start, entries, publisher.signed(tree)))
        if stretches:
            store.regain(self.records.log.origin, Batch(), stretches)
        return bool(stretches)

    def _by_second(self, entries: Sequence[str]) -> list[list[list[str]]]:
        """Entries that no tick holds: second by second, in each stream by stream, in order."""
        wanted = frozenset(entries)
        found: dict[int, dict[str, list[str]]] = {}
        for stream in self.records.book.streams(own=True):
            if wanted.isdisjoint(stream.state.entries):
                continue
            for row in self.records.desk.store.places(stream.row.id):
                if row.entry in wanted:
                    second = found.setdefault(epoch_of(row.what.received), {})
                    second.setdefault(row.stream, []).append(row.entry)
        return [list(found[at].values()) for at in sorted(found)]

    async def lodged(self, names: Sequence[str]) -> list[Submission]:
        """Take back the boxes of records that stand; gives those that have no place any more."""
        streams = [state.stream for state in self.records.active(own=True)]
        again: dict[str, Submission] = {}
        for name in names:
            try:
                async for item, ciphertext in self._partner(name).given_lodged(streams):
                    if await self._is_its(name, item):
                        await self.records.desk.off(self._keep_box, item, ciphertext)
                        again[item.opened.id] = item
            except NodeError as error:
                self.report(f"records lodged with {name}", error)
        stands = self.records.book.answer
        return [item for record, item in again.items() if stands(record) is None]

    async def _is_its(self, name: str, item: Submission) -> bool:
        """Whether a member logged that it lodged this, as it does before it brings it.

        The shares of a box are signed by nobody: another's would have its maker blamed. We may
        have to wait a little: its log is followed beside.
        """
        for _ in range(LOOKS):
            side = self.records.book.side_of(item.opened.stream, name)
            if side is not None and item.opened.id in getattr(side.state, "lodged", ()):
                return True
            await asyncio.sleep(LOOK_S)
        self.report(f"{name} gives {item.opened.id[:16]}", LogError("it has not logged that"))
        return False

    def _keep_box(self, item: Submission, ciphertext: bytes | None) -> None:
        """Blocking."""
        desk, record = self.records.desk, item.opened.id
        if ciphertext is not None:
            desk.blobs.put(ciphertext)
        if item.sealed and self.records.book.answer(record) is not None:
            desk.store.regain(self.records.log.origin, Batch(sealed={record: item.sealed}), ())

    def losses(self) -> list[Loss]:
        """What is missing in all that our log has beyond the old copy. Blocking."""
        store, origin = self.records.desk.store, self.records.log.origin
        known = {e for one in self.records.book.streams(own=True) for e in one.state.entries}
        looking = Looking(store, self.records.desk.blobs, self.records.publisher.remaker())
        stretches = ticks_of(store, origin, self.since)
        rows = [row for one in self.records.book.streams(own=True) for row in self._new(one)]
        return [*looking.places(stretches, frozenset(known)), *looking.contents(rows)]

    def _new(self, stream: Stream) -> list[PlaceRow]:
        """Its places that our old copy's log did not hold."""
        rows = self.records.desk.store.places(stream.row.id)
        return [row for row in rows if row.index is None or row.index >= self.since]
