"""Own places and own entries that come back from partners, after the store was lost or restored.

The caller owns the transaction. Who writes: the loop that catches up, with what it has verified.
What an attacker gains who can write here: nothing lasting, see `tables`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, func, select

from node.adapters.sql import aside, logs, places
from node.adapters.sql.tables import ENTRIES, PLACES
from node.services.ports import Batch, Stretch

_TOGETHER: Final = 500
"""Entries looked up by one statement; SQLite takes a limited number of parameters."""
_WITHOUT_LEAF = select(PLACES.c.n, PLACES.c.entry).where(
    PLACES.c.own.is_(True), PLACES.c.leaf.is_(None)
)
_LEAVES = (
    select(ENTRIES.c.entry, func.min(ENTRIES.c.leaf).label("leaf"))
    .where(
        ENTRIES.c.origin == bindparam("origin"),
        ENTRIES.c.entry.in_(bindparam("entries", expanding=True)),
    )
    .group_by(ENTRIES.c.entry)
)


def regain(db: Connection, origin: str, batch: Batch, stretches: Sequence[Stretch]) -> None:
    """Write all of it, then give every own place that the log holds its index."""
    places.put_streams(db, batch.streams)
    places.put_places(db, batch.places)
    aside.put_sealed(db, batch.sealed, again=True)
    aside.put_facts(db, batch.facts)
    for one in stretches:
        logs.append(db, one.start, one.entries, one.note)
    places.put_leaves(db, _leaves(db, origin))


def _leaves(db: Connection, origin: str) -> Iterator[tuple[int, int]]:
    """(row, leaf) of own places without an index that our log holds: a later round may bring the
    place of an entry that an earlier one brought."""
    waiting = db.execute(_WITHOUT_LEAF).all()
    for at in range(0, len(waiting), _TOGETHER):
        rows = waiting[at : at + _TOGETHER]
        wanted = {"origin": origin, "entries": [bytes.fromhex(row.entry) for row in rows]}
        leaves = {bytes(one.entry).hex(): one.leaf for one in db.execute(_LEAVES, wanted)}
        yield from ((row.n, leaves[row.entry]) for row in rows if row.entry in leaves)
