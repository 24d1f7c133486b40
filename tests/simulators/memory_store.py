"""`ports.Store` and `ports.Blobs` in memory: what the real adapters are compared with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

from node.core.errors import LimitError, UnavailableError
from node.services.ports import NEWEST_CLOCK, Batch, LogNote, PlaceRow, StreamRow, Stretch, Task


class MemoryBlobs:
    """Blobs in a dict."""

    def __init__(self, limit: int = 64 * 1024 * 1024) -> None:
        self.data: dict[str, bytes] = {}
        self._limit = limit

    def put(self, data: bytes) -> str:
        """Store."""
        if len(data) > self._limit:
            raise LimitError("too large")
        name = sha256(data).hexdigest()
        self.data[name] = data
        return name

    def size(self, sha256: str) -> int | None:
        """Their number, or None."""
        data = self.get(sha256)
        return None if data is None else len(data)

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None."""
        return self.data.get(sha256)


class MemoryStore:
    """The store in dicts and lists; every method is one step."""

    def __init__(self) -> None:
        self._streams: dict[str, StreamRow] = {}
        self._places: list[PlaceRow] = []
        self._sealed: dict[tuple[str, int], bytes] = {}
        self._refusals: dict[str, tuple[str, str]] = {}
        self._tasks: dict[tuple[str, str], Task] = {}
        self._facts: dict[str, str] = {}
        self._entries: dict[str, list[bytes]] = {}
        self._notes: dict[tuple[str, int], LogNote] = {}
        self._keepers: dict[str, str] = {}
        self._witnessed: dict[str, tuple[int, str]] = {}

    def commit(self, batch: Batch) -> None:
        """All of it, or nothing."""
        here = {(p.stream, p.seq) for p in self._places} | {(p.record, 0) for p in self._places}
        for place in batch.places:
            if {(place.stream, place.seq), (place.record, 0)} & here:
                raise UnavailableError("a place stands twice", code="store")
        for row in batch.streams:
            old = self._streams.get(row.id, row)
            self._streams[row.id] = replace(old, tender=row.tender)
        self._places += [self._with_index(place) for place in batch.places]
        for record, shares in batch.sealed.items():
            self._sealed |= {(record, n): share for n, share in enumerate(shares, 1)}
        self._refusals = {**batch.refusals, **self._refusals}
        for task in batch.tasks:
            self._tasks.setdefault((task.kind, task.key), task)
        self._facts |= batch.facts
        if batch.now > int(self._facts.get(NEWEST_CLOCK, "0")):
            self._facts[NEWEST_CLOCK] = str(batch.now)

    def _with_index(self, place: PlaceRow) -> PlaceRow:
        stream = self._streams[place.stream]
        origin = self._keepers.get(stream.keeper, "")
        entries = [] if stream.own else self._entries.get(origin, [])
        entry = bytes.fromhex(place.entry)
        return replace(place, index=entries.index(entry) if entry in entries else None)

    def streams(self) -> list[StreamRow]:
        """All streams."""
        return list(self._streams.values())

    def places(self, stream: str, after: int = -1) -> list[PlaceRow]:
        """Places of a stream with seq > after."""
        found = [p for p in self._places if p.stream == stream and p.seq > after]
        return sorted(found, key=lambda place: place.seq)

    def find(self, record: str) -> PlaceRow | None:
        """The place of a record."""
        return next((p for p in self._places if p.record == record), None)

    def refusals(self) -> dict[str, tuple[str, str]]:
        """Record -> (code, article)."""
        return dict(self._refusals)

    def sealed(self, record: str, index: int) -> bytes | None:
        """One sealed share."""
        return self._sealed.get((record, index))

    def unpublished(self) -> list[str]:
        """Entries of own places without an index."""
        return [p.entry for p in self._places if p.index is None and self._streams[p.stream].own]

    def uncovered(self, origin: str, size: int) -> int:  # noqa: ARG002 - only one log is ours
        """Own places without an index below `size`."""
        own = [p for p in self._places if self._streams[p.stream].own]
        return sum(p.index is None or p.index >= size for p in own)

    def publish(self, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        """Append a tick."""
        self._append(start, entries, note)
        self._set_indexes({s.id for s in self._streams.values() if s.own}, start, entries)

    def mirror(self, keeper: str, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        """Append to a partner's log."""
        self._append(start, entries, note)
        self._keepers[keeper] = note.origin
        streams = {s.id for s in self._streams.values() if s.keeper == keeper}
        self._set_indexes(streams, start, entries)

    def regain(self, origin: str, batch: Batch, stretches: Sequence[Stretch]) -> None:
        """What comes back; indexes are looked up in the whole log."""
        self.commit(replace(batch, sealed={}))
        for record, shares in batch.sealed.items():
            for number, share in enumerate(shares, 1):
                self._sealed.setdefault((record, number), share)
        for one in stretches:
            self._append(one.start, one.entries, one.note)
        own = {s.id for s in self._streams.values() if s.own}
        self._set_indexes(own, 0, self._entries.get(origin, []))

    def _append(self, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        log = self._entries.setdefault(note.origin, [])
        taken = (note.origin, note.size) in self._notes
        if start != len(log) or note.size != start + len(entries) or taken:
            raise UnavailableError("not the log's end", code="store")
        log += entries
        self._notes[note.origin, note.size] = note

    def _set_indexes(self, streams: set[str], start: int, entries: Sequence[bytes]) -> None:
        leaf: dict[str, int] = {}
        for index, entry in enumerate(entries, start):
            leaf.setdefault(entry.hex(), index)
        self._places = [
            replace(p, index=leaf[p.entry])
            if p.index is None and p.stream in streams and p.entry in leaf
            else p
            for p in self._places
        ]

    def loose(self, origin: str) -> list[str]:
        """Only places and logs can be without what they belong to here."""
        places = [p.record for p in self._places if p.stream not in self._streams]
        logs = {origin, *self.logs()}
        return places + [name for name in self._entries if name not in logs]

    def logs(self) -> dict[str, str]:
        """Origin -> keeper."""
        return {origin: keeper for keeper, origin in self._keepers.items()}

    def entries(self, origin: str, start: int = 0, end: int | None = None) -> list[bytes]:
        """The entries [start, end)."""
        return self._entries.get(origin, [])[start:end]

    def leaf(self, origin: str, entry: str) -> int | None:
        """The first index of an entry."""
        log, raw = self._entries.get(origin, []), bytes.fromhex(entry)
        return log.index(raw) if raw in log else None

    def set_quorum(self, origin: str, size: int, note: str) -> None:
        """The first one stands."""
        known = self._notes.get((origin, size))
        if known is not None and known.quorum is None:
            self._notes[origin, size] = replace(known, quorum=note)

    def drop_quorum(self, origin: str, size: int) -> None:
        """Forget a quorum form."""
        self._notes[origin, size] = replace(self._notes[origin, size], quorum=None)

    def notes(
        self, origin: str, after: int = 0, *, quorum: bool = True, limit: int | None = None
    ) -> list[LogNote]:
        """Checkpoints with size > after."""
        found = [n for n in self._notes.values() if n.origin == origin and n.size > after]
        wanted = [n for n in found if n.quorum is not None or not quorum]
        return sorted(wanted, key=lambda note: note.size)[:limit]

    def covering(self, origin: str, leaves: Sequence[int], size: int) -> list[LogNote]:
        """Only the notes that are asked for."""
        notes = self.notes(origin, 0)
        first = {min((n.size for n in notes if n.size > leaf), default=0) for leaf in leaves}
        wanted = {*first, size, *(n.size for n in notes[-1:])}
        return [note for note in notes if note.size in wanted]

    def newest(self, origin: str, *, quorum: bool = True) -> LogNote | None:
        """The largest."""
        return next(reversed(self.notes(origin, -1, quorum=quorum)), None)

    def witnessed(self, origin: str) -> tuple[int, str] | None:
        """(size, root)."""
        return self._witnessed.get(origin)

    def set_witnessed(self, origin: str, old: int, size: int, root: str) -> bool:
        """Compare and set."""
        if self._witnessed.get(origin, (0, ""))[0] != old:
            return False
        self._witnessed[origin] = (size, root)
        return True

    def tasks(self, kind: str | None = None) -> list[Task]:
        """Open tasks."""
        return [task for task in self._tasks.values() if kind in (None, task.kind)]

    def done(self, kind: str, keys: Iterable[str]) -> None:
        """Remove tasks."""
        for key in keys:
            self._tasks.pop((kind, key), None)

    def put_fact(self, key: str, value: str) -> None:
        """Set a fact."""
        self._facts[key] = value

    def fact(self, key: str) -> str | None:
        """A fact."""
        return self._facts.get(key)

    def facts(self, prefix: str) -> dict[str, str]:
        """Facts by prefix."""
        return {k: v for k, v in sorted(self._facts.items()) if k.startswith(prefix)}
