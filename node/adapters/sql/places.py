"""Streams and their places as rows. The caller owns the transaction; nothing here commits.

Who writes: the sequencer (own streams) and the followers (streams of others). What an attacker
gains who can write here: nothing lasting, see `tables`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from node.adapters.sql.rows import Value, put_rows
from node.adapters.sql.tables import ENTRIES, LOGS, PLACES, STREAMS, WAITING
from node.core.records.canonical import decode, encode
from node.core.records.envelope import Envelope
from node.core.records.place import What, Where
from node.services.ports import PlaceRow, StreamRow

# A statement is built once: building one for each call costs more than running it.
_RETELL = update(STREAMS).where(STREAMS.c.id == bindparam("name"))
_RETELL = _RETELL.values(tender=bindparam("told"))
_PUT_STREAM = insert(STREAMS)
_STREAMS = select(STREAMS).order_by(STREAMS.c.n)
_KEEPERS = select(STREAMS).where(STREAMS.c.id.in_(bindparam("streams", expanding=True)))
_LAST = select(func.max(PLACES.c.n))
_PLACES = select(PLACES, ENTRIES.c.leaf).outerjoin(ENTRIES, ENTRIES.c.place == PLACES.c.n)
_PLACES_OF = _PLACES.where(
    PLACES.c.stream == bindparam("stream"), PLACES.c.seq > bindparam("after")
).order_by(PLACES.c.seq)
_FIND = _PLACES.where(PLACES.c.record == bindparam("record"))
_OURS, _THEIRS = WAITING.c.keeper.is_(None), WAITING.c.keeper == bindparam("keeper")
_UNPUBLISHED = select(WAITING.c.entry).where(_OURS).order_by(WAITING.c.n)
_OUR_ENTRIES = select(WAITING.c.entry, WAITING.c.n).where(_OURS)
_THEIR_ENTRIES = select(WAITING.c.entry, WAITING.c.n).where(_THEIRS)
_HOW_MANY_WAIT = select(func.count()).select_from(WAITING).where(_OURS)
_PROVEN = (
    ENTRIES.c.origin == bindparam("origin"),
    ENTRIES.c.leaf >= bindparam("start"),
    ENTRIES.c.place.is_not(None),
)
_HOW_MANY_PROVEN = select(func.count()).select_from(ENTRIES).where(*_PROVEN)
_END_WAIT = delete(WAITING).where(WAITING.c.n.in_(select(ENTRIES.c.place).where(*_PROVEN)))
_HELD = (
    select(WAITING.c.n, ENTRIES.c.origin, func.min(ENTRIES.c.leaf).label("leaf"))
    .join(ENTRIES, ENTRIES.c.entry == WAITING.c.entry)
    .group_by(WAITING.c.n, ENTRIES.c.origin)
)
_OURS_HELD = _HELD.where(_OURS, ENTRIES.c.origin == bindparam("origin"))
_THEIRS_HELD = _HELD.join(LOGS, LOGS.c.origin == ENTRIES.c.origin).where(
    LOGS.c.keeper == WAITING.c.keeper, WAITING.c.n >= bindparam("first")
)
_PROVE = (
    update(ENTRIES)
    .where(ENTRIES.c.origin == bindparam("log"), ENTRIES.c.leaf == bindparam("index"))
    .values(place=bindparam("number"))
)
_END_ONE = delete(WAITING).where(WAITING.c.n == bindparam("number"))
_PLACE_COLUMNS = tuple(column.name for column in PLACES.c)
_WAITING_COLUMNS = tuple(column.name for column in WAITING.c)


def put_streams(db: Connection, rows: Iterable[StreamRow]) -> None:
    """Insert streams, or give a known one the tender it has been told of since."""
    for row in rows:
        if db.execute(_RETELL, {"name": row.id, "told": row.tender}).rowcount == 0:
            db.execute(_PUT_STREAM, [_stream_values(row)])


def all_streams(db: Connection) -> list[StreamRow]:
    """All streams, in the order they were first stored."""
    return [_stream(row) for row in db.execute(_STREAMS)]


def put_places(db: Connection, rows: Sequence[PlaceRow]) -> None:
    """Insert places; their streams are already there. One that stands already is an error.

    A place of another member that its keeper's mirrored log holds already is proven by it at once.
    """
    if not rows:
        return
    first = (db.execute(_LAST).scalar() or 0) + 1
    keepers = _keepers(db, {row.stream for row in rows})
    waiting = [
        (n, keepers[row.stream], bytes.fromhex(row.entry)) for n, row in enumerate(rows, first)
    ]
    put_rows(db, PLACES, _PLACE_COLUMNS, list(map(_place_values, count(first), rows)))
    put_rows(db, WAITING, _WAITING_COLUMNS, waiting)
    if any(keepers.values()):
        _prove(db, db.execute(_THEIRS_HELD, {"first": first}).all())


def places_of(db: Connection, stream: str, after: int) -> list[PlaceRow]:
    """Places of a stream with seq > after, in order."""
    return [_place(row) for row in db.execute(_PLACES_OF, {"stream": stream, "after": after})]


def find_place(db: Connection, record: str) -> PlaceRow | None:
    """The place of a record in any stream, or None."""
    row = db.execute(_FIND, {"record": record}).one_or_none()
    return None if row is None else _place(row)


def unpublished_entries(db: Connection) -> list[str]:
    """Entries of own places that our log does not hold, oldest first."""
    return [bytes(entry).hex() for entry in db.execute(_UNPUBLISHED).scalars().all()]


def uncovered_places(db: Connection, origin: str, size: int) -> int:
    """How many own places are not among the first `size` entries of our log, `origin`."""
    held = db.execute(_HOW_MANY_PROVEN, {"origin": origin, "start": size}).scalar_one()
    return int(held) + int(db.execute(_HOW_MANY_WAIT).scalar_one())


def waiting_for(db: Connection, keeper: str | None) -> dict[bytes, int]:
    """Entry -> place, of those that this keeper's log does not hold yet (None: our own)."""
    asked = _OUR_ENTRIES if keeper is None else _THEIR_ENTRIES
    found = db.execute(asked, {} if keeper is None else {"keeper": keeper}).all()
    return {bytes(entry): n for entry, n in found}


def end_wait(db: Connection, origin: str, start: int) -> None:
    """Nobody waits any more for what a log holds from leaf `start` on."""
    db.execute(_END_WAIT, {"origin": origin, "start": start})


def prove_ours(db: Connection, origin: str) -> None:
    """Let the entries that our log, `origin`, holds already prove own places that wait."""
    _prove(db, db.execute(_OURS_HELD, {"origin": origin}).all())


def _prove(db: Connection, found: Sequence[Row[Any, Any, Any]]) -> None:
    """Write to entries which places they prove. The first leaf: a log may hold 32 bytes twice."""
    proven = {row.n: row for row in reversed(found)}
    if not proven:
        return
    rows = [{"log": row.origin, "index": row.leaf, "number": row.n} for row in proven.values()]
    db.execute(_PROVE, rows)
    db.execute(_END_ONE, [{"number": number} for number in proven])


def _keepers(db: Connection, streams: set[str]) -> dict[str, str | None]:
    """Stream -> whose log its places wait for; None for our own."""
    found = db.execute(_KEEPERS, {"streams": list(streams)}).all()
    return {row.id: None if row.own else row.keeper for row in found}


def _stream_values(row: StreamRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "keeper": row.keeper,
        "own": row.own,
        "of": row.of,
        "tender": row.tender,
    }


def _stream(row: Row[Any]) -> StreamRow:
    return StreamRow(row.id, row.kind, row.keeper, row.own, row.of, row.tender)


def _place_values(n: int, row: PlaceRow) -> tuple[Value, ...]:
    """In the order of the table's columns."""
    what, where = row.what, row.where
    return (
        n,
        row.stream,
        row.seq,
        row.record,
        what.received,
        what.salt,
        what.sig,
        where.prev,
        where.salt,
        row.entry,
        encode(row.envelope),
        row.body,
    )


def _place(row: Row[Any]) -> PlaceRow:
    return PlaceRow(
        stream=row.stream,
        seq=row.seq,
        record=row.record,
        what=What(row.record, row.received, row.what_salt, row.sig, row.stream),
        where=Where(row.prev, row.where_salt, row.seq),
        entry=row.entry,
        envelope=decode(bytes(row.envelope), Envelope),
        body=None if row.body is None else bytes(row.body),
        index=row.leaf,
    )
