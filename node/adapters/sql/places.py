"""Streams and their places as rows. The caller owns the transaction; nothing here commits.

Who writes: the sequencer (own streams) and the followers (streams of others). What an attacker
gains who can write here: nothing lasting, see `tables`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from node.adapters.sql.tables import ENTRIES, LOGS, PLACES, STREAMS
from node.core.records.canonical import decode, encode
from node.core.records.envelope import Envelope
from node.core.records.place import What, Where
from node.services.ports import PlaceRow, StreamRow

# A statement is built once: building one for each call costs more than running it.
_RETELL = update(STREAMS).where(STREAMS.c.id == bindparam("name"))
_RETELL = _RETELL.values(tender=bindparam("told"))
_PUT_STREAM, _PUT_PLACES = insert(STREAMS), insert(PLACES)
_STREAMS = select(STREAMS).order_by(STREAMS.c.n)
_PLACES_OF = (
    select(PLACES)
    .where(PLACES.c.stream == bindparam("stream"), PLACES.c.seq > bindparam("after"))
    .order_by(PLACES.c.seq)
)
_FIND = select(PLACES).where(PLACES.c.record == bindparam("record"))
_UNPUBLISHED = (
    select(PLACES.c.entry)
    .where(PLACES.c.own.is_(True), PLACES.c.leaf.is_(None))
    .order_by(PLACES.c.n)
)
_UNCOVERED = (
    select(func.count())
    .select_from(PLACES)
    .where(PLACES.c.own.is_(True), PLACES.c.leaf.is_(None) | (PLACES.c.leaf >= bindparam("size")))
)
_WITHOUT_LEAF = (
    select(PLACES.c.n, PLACES.c.entry)
    .join(STREAMS, STREAMS.c.id == PLACES.c.stream)
    .where(PLACES.c.leaf.is_(None))
)
_OURS_WITHOUT_LEAF = _WITHOUT_LEAF.where(STREAMS.c.own.is_(True), PLACES.c.own.is_(True))
_THEIRS_WITHOUT_LEAF = _WITHOUT_LEAF.where(
    STREAMS.c.keeper == bindparam("keeper"), PLACES.c.own.is_(False)
)
_SET_LEAF = update(PLACES).where(PLACES.c.n == bindparam("number"))
_SET_LEAF = _SET_LEAF.values(leaf=bindparam("index"))
_KEEPERS = select(STREAMS).where(STREAMS.c.id.in_(bindparam("streams", expanding=True)))
_LOGGED = (
    select(LOGS.c.keeper, ENTRIES.c.entry, func.min(ENTRIES.c.leaf).label("leaf"))
    .join(LOGS, LOGS.c.origin == ENTRIES.c.origin)
    .where(ENTRIES.c.entry.in_(bindparam("entries", expanding=True)))
    .group_by(LOGS.c.keeper, ENTRIES.c.entry)
)


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

    A place of another member that its keeper's mirrored log holds already gets its index at once.
    """
    if not rows:
        return
    own, keepers = _keepers(db, {row.stream for row in rows})
    logged = _logged(db, [row.entry for row in rows if row.stream not in own])
    values = []
    for row in rows:
        mine = row.stream in own
        leaf = None if mine else logged.get((keepers[row.stream], row.entry))
        values.append({**_place_values(row), "own": mine, "leaf": leaf})
    db.execute(_PUT_PLACES, values)


def places_of(db: Connection, stream: str, after: int) -> list[PlaceRow]:
    """Places of a stream with seq > after, in order."""
    return [_place(row) for row in db.execute(_PLACES_OF, {"stream": stream, "after": after})]


def find_place(db: Connection, record: str) -> PlaceRow | None:
    """The place of a record in any stream, or None."""
    row = db.execute(_FIND, {"record": record}).one_or_none()
    return None if row is None else _place(row)


def unpublished_entries(db: Connection) -> list[str]:
    """Entries of own places without an index, oldest first."""
    return list(db.execute(_UNPUBLISHED).scalars())


def uncovered_places(db: Connection, size: int) -> int:
    """How many own places have no index below `size` yet."""
    return int(db.execute(_UNCOVERED, {"size": size}).scalar_one())


def set_leaves(db: Connection, keeper: str | None, start: int, entries: Sequence[bytes]) -> None:
    """Give the places that these entries stand for their index (`keeper` None: our own places).

    The first index stays: a log may hold the same 32 bytes twice, a place is proven by either.
    """
    if keeper is None:
        waiting = db.execute(_OURS_WITHOUT_LEAF)
    else:
        waiting = db.execute(_THEIRS_WITHOUT_LEAF, {"keeper": keeper})
    leaves: dict[str, int] = {}
    for index, entry in enumerate(entries, start):
        leaves.setdefault(entry.hex(), index)
    put_leaves(db, ((row.n, leaves[row.entry]) for row in waiting if row.entry in leaves))


def put_leaves(db: Connection, found: Iterable[tuple[int, int]]) -> None:
    """Give places, by the number of their row, the index of their leaf."""
    rows = [{"number": number, "index": index} for number, index in found]
    if rows:
        db.execute(_SET_LEAF, rows)


def _keepers(db: Connection, streams: set[str]) -> tuple[set[str], dict[str, str]]:
    found = db.execute(_KEEPERS, {"streams": list(streams)}).all()
    return {row.id for row in found if row.own}, {row.id: row.keeper for row in found}


def _logged(db: Connection, entries: Sequence[str]) -> dict[tuple[str, str], int]:
    """(keeper, entry) -> its first leaf in that member's log, of those that are there already."""
    if not entries:
        return {}
    found = db.execute(_LOGGED, {"entries": [bytes.fromhex(entry) for entry in entries]})
    return {(row.keeper, bytes(row.entry).hex()): row.leaf for row in found}


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


def _place_values(row: PlaceRow) -> dict[str, Any]:
    return {
        "stream": row.stream,
        "seq": row.seq,
        "record": row.record,
        "received": row.what.received,
        "what_salt": row.what.salt,
        "sig": row.what.sig,
        "prev": row.where.prev,
        "where_salt": row.where.salt,
        "entry": row.entry,
        "envelope": encode(row.envelope),
        "body": row.body,
    }


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
