"""Entries and checkpoints of our own log and of the logs we mirror, and what we cosigned.

The caller owns the transaction. Who writes: the publisher, the mirrors and our witness. What an
attacker gains who can write here: a log that no longer fits the checkpoints its partners hold,
which stops it; and, by lowering what was cosigned, our witness's word for two logs of one partner.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, select, update

from node.adapters.sql import places
from node.adapters.sql.rows import put_rows
from node.adapters.sql.tables import ENTRIES, LOGS, NOTES, WITNESSED
from node.core.errors import UnavailableError
from node.services.ports import LogNote

_ORIGIN: BindParameter[str] = bindparam("origin")
_PUT_NOTE, _PUT_LOG = insert(NOTES), insert(LOGS)
_ENTRY_COLUMNS = tuple(column.name for column in ENTRIES.c)
_LOG = select(LOGS).where(LOGS.c.origin == _ORIGIN)
_LAST = select(func.max(ENTRIES.c.leaf)).where(ENTRIES.c.origin == _ORIGIN)
_LEAVES_OF = select(ENTRIES.c.origin, ENTRIES.c.leaf).where(ENTRIES.c.entry == bindparam("entry"))
_ENTRIES_OF = (
    select(ENTRIES.c.entry)
    .where(
        ENTRIES.c.origin == _ORIGIN,
        ENTRIES.c.leaf >= bindparam("start"),
        ENTRIES.c.leaf < bindparam("end"),
    )
    .order_by(ENTRIES.c.leaf)
)
_SET_QUORUM = (
    update(NOTES)
    .where(
        NOTES.c.origin == bindparam("of"),
        NOTES.c.size == bindparam("at_size"),
        NOTES.c.quorum.is_(None),
    )
    .values(quorum=bindparam("form"))
)
_NOTES = (
    select(NOTES)
    .where(NOTES.c.origin == _ORIGIN, NOTES.c.size > bindparam("after"))
    .order_by(NOTES.c.size)
)
_NEWEST = select(NOTES).where(NOTES.c.origin == _ORIGIN).order_by(NOTES.c.size.desc()).limit(1)
_HAS_QUORUM = NOTES.c.quorum.is_not(None)
# By whether only notes with their quorum are asked for.
_NOTES_BY = {True: _NOTES.where(_HAS_QUORUM), False: _NOTES}
_NEWEST_BY = {True: _NEWEST.where(_HAS_QUORUM), False: _NEWEST}
_WITNESSED = select(WITNESSED).where(WITNESSED.c.origin == _ORIGIN)
_PUT_WITNESSED = insert(WITNESSED)
_SET_WITNESSED = (
    update(WITNESSED)
    .where(WITNESSED.c.origin == bindparam("of"), WITNESSED.c.size == bindparam("old"))
    .values(size=bindparam("new_size"), root=bindparam("new_root"))
)
_END = 2**62


def append(
    db: Connection,
    start: int,
    entries: Sequence[bytes],
    note: LogNote,
    waiting: dict[bytes, int] | None = None,
) -> None:
    """Add a stretch of entries at the log's end and the checkpoint over it.

    `waiting` are the places that these entries may prove (`places.waiting_for`); those that are
    proven are taken out of it. Raises UnavailableError (`store`) if `start` is not the log's end or
    the note's size is not the new one: two writers, or a memory that is behind.
    """
    if start != size_of(db, note.origin) or note.size != start + len(entries):
        raise UnavailableError(f"the log {note.origin} does not end at {start}", code="store")
    waiting = {} if waiting is None else waiting
    rows = [
        # Taken out, so that of two leaves with the same 32 bytes the first one proves the place.
        (note.origin, leaf, entry, waiting.pop(entry, None))
        for leaf, entry in enumerate(entries, start)
    ]
    put_rows(db, ENTRIES, _ENTRY_COLUMNS, rows)
    db.execute(_PUT_NOTE, [_note_values(note)])


def publish(db: Connection, start: int, entries: Sequence[bytes], note: LogNote) -> None:
    """Append a tick to our own log; our places get their indexes."""
    _append_for(db, None, start, entries, note)


def mirror(
    db: Connection, keeper: str, start: int, entries: Sequence[bytes], note: LogNote
) -> None:
    """Append to a partner's log; the places of its own streams get their indexes."""
    if db.execute(_LOG, {"origin": note.origin}).one_or_none() is None:
        db.execute(_PUT_LOG, [{"origin": note.origin, "keeper": keeper}])
    _append_for(db, keeper, start, entries, note)


def _append_for(
    db: Connection, keeper: str | None, start: int, entries: Sequence[bytes], note: LogNote
) -> None:
    waiting = places.waiting_for(db, keeper)
    append(db, start, entries, note, waiting)
    places.end_wait(db, note.origin, start)


def mirrored_logs(db: Connection) -> dict[str, str]:
    """Origin -> keeper."""
    return {row.origin: row.keeper for row in db.execute(select(LOGS))}


def size_of(db: Connection, origin: str) -> int:
    """Number of entries of a log."""
    last = db.execute(_LAST, {"origin": origin}).scalar()
    return 0 if last is None else int(last) + 1


def entries_of(db: Connection, origin: str, start: int, end: int | None) -> list[bytes]:
    """The entries [start, end)."""
    wanted = {"origin": origin, "start": start, "end": _END if end is None else end}
    return [bytes(entry) for entry in db.execute(_ENTRIES_OF, wanted).scalars()]


def leaf_of(db: Connection, origin: str, entry: str) -> int | None:
    """The first index of an entry in a log, or None."""
    # By value alone: asked for the origin as well, a planner may walk through the whole log.
    found = db.execute(_LEAVES_OF, {"entry": bytes.fromhex(entry)})
    return min((int(row.leaf) for row in found if row.origin == origin), default=None)


def set_quorum(db: Connection, origin: str, size: int, note: str) -> None:
    """Store the quorum form of a checkpoint's note; the first one stands."""
    db.execute(_SET_QUORUM, {"of": origin, "at_size": size, "form": note})


def drop_quorum(db: Connection, origin: str, size: int) -> None:
    """Forget the quorum form of a checkpoint's note."""
    where = (NOTES.c.origin == origin, NOTES.c.size == size)
    db.execute(update(NOTES).where(*where).values(quorum=None))


def notes_of(
    db: Connection, origin: str, after: int, *, quorum: bool, limit: int | None
) -> list[LogNote]:
    """Checkpoints with size > after, ascending, at most `limit`."""
    found = _NOTES_BY[quorum] if limit is None else _NOTES_BY[quorum].limit(limit)
    return [_note(row) for row in db.execute(found, {"origin": origin, "after": after})]


def covering_notes(db: Connection, origin: str, leaves: Sequence[int], size: int) -> list[LogNote]:
    """Quorum notes, ascending: the first over each leaf, that of `size`, and the newest."""
    whole = (NOTES.c.origin == origin, NOTES.c.quorum.is_not(None))
    newest = db.execute(select(func.max(NOTES.c.size)).where(*whole)).scalar()
    if newest is None:
        return []
    wanted = {size, int(newest)}
    if leaves:
        lowest, highest = leaves[0], leaves[-1]
        after = select(func.min(NOTES.c.size)).where(*whole, NOTES.c.size > highest)
        last = db.execute(after).scalar()
        spread = select(NOTES.c.size).where(
            *whole, NOTES.c.size > lowest, NOTES.c.size <= (newest if last is None else last)
        )
        sizes = list(db.execute(spread.order_by(NOTES.c.size)).scalars())
        at = (bisect_right(sizes, leaf) for leaf in leaves)
        wanted |= {sizes[index] for index in at if index < len(sizes)}
    found = select(NOTES).where(*whole, NOTES.c.size.in_(sorted(wanted)))
    return [_note(row) for row in db.execute(found.order_by(NOTES.c.size))]


def newest_note(db: Connection, origin: str, *, quorum: bool) -> LogNote | None:
    """The checkpoint of the largest size, of those with a quorum if asked."""
    row = db.execute(_NEWEST_BY[quorum], {"origin": origin}).one_or_none()
    return None if row is None else _note(row)


def witnessed(db: Connection, origin: str) -> tuple[int, str] | None:
    """(size, root) last cosigned for a log."""
    row = db.execute(_WITNESSED, {"origin": origin}).one_or_none()
    return None if row is None else (row.size, row.root)


def set_witnessed(db: Connection, origin: str, old: int, size: int, root: str) -> bool:
    """Replace what was cosigned only if it still is `old` (0: nothing yet)."""
    if witnessed(db, origin) is None:
        if old == 0:
            db.execute(_PUT_WITNESSED, [{"origin": origin, "size": size, "root": root}])
        return old == 0
    done = db.execute(
        _SET_WITNESSED, {"of": origin, "old": old, "new_size": size, "new_root": root}
    )
    return done.rowcount == 1


def _note_values(note: LogNote) -> dict[str, Any]:
    return {
        "origin": note.origin,
        "size": note.size,
        "root": note.root,
        "at": note.at,
        "note": note.note,
        "quorum": note.quorum,
    }


def _note(row: Row[Any]) -> LogNote:
    return LogNote(row.origin, row.size, row.root, row.at, row.note, row.quorum)
