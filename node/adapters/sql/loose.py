"""Rows that belong to no other as they must: what nobody's reading would ever come upon.

The caller owns the transaction. Nothing is written here. A place waits for its keeper's log, or a
leaf proves it: one of the two, from the transaction on that wrote it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, Connection, exists, or_, select

from node.adapters.sql.tables import ENTRIES, LOGS, NOTES, PLACES, STREAMS, WAITING

MOST: Final = 5
"""So many are named of each kind."""
_PLACE = select(PLACES.c.n, PLACES.c.stream, PLACES.c.seq).order_by(PLACES.c.n).limit(MOST)
_WAITS = exists().where(WAITING.c.n == PLACES.c.n)
_PROVEN = exists().where(ENTRIES.c.place == PLACES.c.n)
_OF_PLACES: Final[tuple[tuple[str, ColumnElement[bool]], ...]] = (
    ("its stream is not here", ~exists().where(STREAMS.c.id == PLACES.c.stream)),
    ("it neither stands in a log nor waits for one", ~_WAITS & ~_PROVEN),
    ("it stands in a log and waits for one", _WAITS & _PROVEN),
)
_ASTRAY = (
    select(ENTRIES.c.origin, ENTRIES.c.leaf)
    .where(ENTRIES.c.place.is_not(None), ~exists().where(PLACES.c.n == ENTRIES.c.place))
    .limit(MOST)
)
_LOST = select(WAITING.c.n).where(~exists().where(PLACES.c.n == WAITING.c.n)).limit(MOST)
_WAITING = (
    select(WAITING, PLACES.c.entry.label("hex"), STREAMS.c.own, STREAMS.c.keeper.label("whose"))
    .join(PLACES, PLACES.c.n == WAITING.c.n)
    .join(STREAMS, STREAMS.c.id == PLACES.c.stream)
)


def loose_rows(db: Connection, origin: str) -> list[str]:
    """What is loose, a few of each kind, named for an operator; `origin` is our own log."""
    found = [
        f"place {row.seq} of stream {row.stream[:16]}: {why}"
        for why, loose in _OF_PLACES
        for row in db.execute(_PLACE.where(loose))
    ]
    found += [
        f"{row.origin} leaf {row.leaf}: it proves a place that is not here"
        for row in db.execute(_ASTRAY)
    ]
    found += [f"waiting row {row.n}: its place is not here" for row in db.execute(_LOST)]
    found += _wrong(db)
    for table in (ENTRIES, NOTES):
        ours = or_(table.c.origin == origin, exists().where(LOGS.c.origin == table.c.origin))
        names = db.execute(select(table.c.origin).where(~ours).distinct().limit(MOST)).scalars()
        found += [f"{table.name} of {name}: nobody's log" for name in names]
    return found


def _wrong(db: Connection) -> list[str]:
    """Waiting rows that say something else than the place that waits."""
    return [
        f"waiting row {row.n}: it is not as its place says"
        for row in db.execute(_WAITING)
        if (bytes(row.entry).hex(), row.keeper) != (row.hex, None if row.own else row.whose)
    ][:MOST]
