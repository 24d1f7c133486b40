"""`SqlStore`: the node's database behind `ports.Store`.

Who writes it: this node alone, one transaction at a time. What an attacker with write access
gains stands in `tables`. Every method is one transaction, and what it wrote is on the disk when
it returns. Safe for threads. Every method raises UnavailableError (`store`) if the database does
not do it; after that the outcome of a write is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import Connection

from node.adapters.sql import aside, logs, loose, places, regaining
from node.adapters.sql.engine import Database
from node.adapters.sql.remembered import Remembered
from node.services.ports import NEWEST_CLOCK, Batch, LogNote, PlaceRow, StreamRow, Stretch, Task


class SqlStore:
    """The store on a SQLite file or a PostgreSQL database."""

    def __init__(self, database: str | Database) -> None:
        """Open it at its address, and bring its tables up to date; or one that is open (`looking`).

        Raises ConfigError, UnavailableError.
        """
        self._database = Database(database) if isinstance(database, str) else database
        self._facts = Remembered()
        self._newest = 0

    def elect(self) -> bool:
        """Become the one process that writes here; False while another one is.

        On SQLite nobody waits for the other: UnavailableError (`in-use`).
        """
        return self._database.elect()

    def hold(self) -> None:
        """Raise UnavailableError (`store`) once we may write no more, ever."""
        self._database.hold()

    def close(self) -> None:
        """Give the database back."""
        self._database.close()

    def commit(self, batch: Batch) -> None:
        """Write streams, records, places, sealed shares, tasks, refusals and facts at once."""
        self._write_facts(batch.facts, lambda db: self._put(db, batch))
        self._newest = max(self._newest, batch.now)

    def _put(self, db: Connection, batch: Batch) -> None:
        places.put_streams(db, batch.streams)
        places.put_places(db, batch.places)
        aside.put_sealed(db, batch.sealed)
        aside.put_refusals(db, batch.refusals)
        aside.put_tasks(db, batch.tasks)
        aside.put_facts(db, batch.facts)
        if batch.now > self._newest:
            _put_clock(db, batch.now)

    def _write_facts(self, facts: Mapping[str, str], work: Callable[[Connection], None]) -> None:
        """Do `work`, which sets these facts, and remember them as they then stand."""
        try:
            self._database.write(work, lambda: self._facts.wrote(facts))
        except BaseException:
            self._facts.forget(facts)
            raise

    def streams(self) -> list[StreamRow]:
        """All streams, in the order they were first stored."""
        with self._database.read() as db:
            return places.all_streams(db)

    def places(self, stream: str, after: int = -1) -> list[PlaceRow]:
        """Places of a stream with seq > after, in order."""
        with self._database.read() as db:
            return places.places_of(db, stream, after)

    def find(self, record: str) -> PlaceRow | None:
        """The place of a record in any stream, or None."""
        with self._database.read() as db:
            return places.find_place(db, record)

    def refusals(self) -> dict[str, tuple[str, str]]:
        """Record -> (code, article) of all that were refused for good."""
        with self._database.read() as db:
            return aside.all_refusals(db)

    def sealed(self, record: str, index: int) -> bytes | None:
        """One sealed share of a box (index from 1)."""
        with self._database.read() as db:
            return aside.sealed_share(db, record, index)

    def unpublished(self) -> list[str]:
        """Entries of own places that no published tick holds yet, oldest first."""
        with self._database.read() as db:
            return places.unpublished_entries(db)

    def uncovered(self, origin: str, size: int) -> int:
        """How many own places have no index below `size` in our log, `origin`, yet."""
        with self._database.read() as db:
            return places.uncovered_places(db, origin, size)

    def publish(self, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        """Append a tick: 32-byte entries from index `start`, and its checkpoint; set indexes."""
        self._database.write(lambda db: logs.publish(db, start, entries, note))

    def mirror(self, keeper: str, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        """The same for the log of a partner, `keeper`: entries and a note with its quorum."""
        self._database.write(lambda db: logs.mirror(db, keeper, start, entries, note))

    def regain(self, origin: str, batch: Batch, stretches: Sequence[Stretch]) -> None:
        """Take back what partners gave of our own streams and of our own log, `origin`."""
        self._write_facts(batch.facts, lambda db: regaining.regain(db, origin, batch, stretches))

    def loose(self, origin: str) -> list[str]:
        """Rows that belong to no other as they must, a few of each kind, named."""
        with self._database.read() as db:
            return loose.loose_rows(db, origin)

    def logs(self) -> dict[str, str]:
        """Origin -> keeper of the partners' logs that are mirrored here."""
        with self._database.read() as db:
            return logs.mirrored_logs(db)

    def entries(self, origin: str, start: int = 0, end: int | None = None) -> list[bytes]:
        """The 32-byte entries [start, end) of an own or mirrored log."""
        with self._database.read() as db:
            return logs.entries_of(db, origin, start, end)

    def leaf(self, origin: str, entry: str) -> int | None:
        """The first index of an entry (hex) in an own or mirrored log, or None."""
        with self._database.read() as db:
            return logs.leaf_of(db, origin, entry)

    def set_quorum(self, origin: str, size: int, note: str) -> None:
        """Store a checkpoint's note with its quorum of cosignatures; the first one stands."""
        self._database.write(lambda db: logs.set_quorum(db, origin, size, note))

    def drop_quorum(self, origin: str, size: int) -> None:
        """Forget the quorum form of a checkpoint's note: its witnesses no longer suffice."""
        self._database.write(lambda db: logs.drop_quorum(db, origin, size))

    def notes(
        self, origin: str, after: int = 0, *, quorum: bool = True, limit: int | None = None
    ) -> list[LogNote]:
        """Stored checkpoints with size > after, ascending; only those with a quorum if asked."""
        with self._database.read() as db:
            return logs.notes_of(db, origin, after, quorum=quorum, limit=limit)

    def covering(self, origin: str, leaves: Sequence[int], size: int) -> list[LogNote]:
        """Quorum notes, ascending: the first over each leaf, that of `size`, and the newest."""
        with self._database.read() as db:
            return logs.covering_notes(db, origin, leaves, size)

    def newest(self, origin: str, *, quorum: bool = True) -> LogNote | None:
        """The stored checkpoint of the largest size, of those with a quorum if asked."""
        with self._database.read() as db:
            return logs.newest_note(db, origin, quorum=quorum)

    def witnessed(self, origin: str) -> tuple[int, str] | None:
        """(size, root hex) last cosigned for a log."""
        with self._database.read() as db:
            return logs.witnessed(db, origin)

    def set_witnessed(self, origin: str, old: int, size: int, root: str) -> bool:
        """Persist what we are about to cosign; False if not `old` stands (compare-and-set)."""
        return self._database.write(lambda db: logs.set_witnessed(db, origin, old, size, root))

    def tasks(self, kind: str | None = None) -> list[Task]:
        """Open tasks, oldest first."""
        with self._database.read() as db:
            return aside.open_tasks(db, kind)

    def done(self, kind: str, keys: Iterable[str]) -> None:
        """Remove finished tasks."""
        finished = tuple(keys)
        self._database.write(lambda db: aside.finish(db, kind, finished))

    def put_fact(self, key: str, value: str) -> None:
        """Remember one small private fact durably."""
        facts = {key: value}
        self._write_facts(facts, lambda db: aside.put_facts(db, facts))

    def fact(self, key: str) -> str | None:
        """The fact, or None."""
        if not self._database.writes:
            return self._fact(key)
        return self._facts.get(key, lambda: self._fact(key))

    def _fact(self, key: str) -> str | None:
        with self._database.read() as db:
            return aside.fact(db, key)

    def facts(self, prefix: str) -> dict[str, str]:
        """All facts whose key begins so."""
        with self._database.read() as db:
            return aside.facts(db, prefix)


def _put_clock(db: Connection, now: int) -> None:
    """Keep the newest time; it never goes back."""
    if now > int(aside.fact(db, NEWEST_CLOCK) or 0):
        aside.put_facts(db, {NEWEST_CLOCK: str(now)})
