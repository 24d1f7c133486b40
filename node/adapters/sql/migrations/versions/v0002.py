"""A place's row is written once: its leaf stands with the log's entry, not in the row."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
ROWS = 1000


def upgrade() -> None:
    """Move every leaf to its entry, and the places that have none to a table of their own."""
    op.create_table(
        "waiting",
        sa.Column("n", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("keeper", sa.Text),
        sa.Column("entry", sa.LargeBinary(32), nullable=False),
    )
    op.add_column("entries", sa.Column("place", sa.BigInteger))
    _move()
    some = sa.text("place IS NOT NULL")
    op.create_index(
        "entries_by_place", "entries", ["place"], sqlite_where=some, postgresql_where=some
    )
    op.drop_index("places_by_entry", "places")
    op.drop_index("places_by_leaf", "places")
    op.drop_column("places", "own")
    op.drop_column("places", "leaf")


def _move() -> None:
    """Read them by the thousand in the order of their rows; write each where it belongs now."""
    names = ("n", "stream", "entry", "own", "leaf")
    places = sa.table("places", *map(sa.column, names))
    streams = sa.table("streams", *map(sa.column, ("id", "keeper")))
    rows = sa.select(places, streams.c.keeper).join(streams, streams.c.id == places.c.stream)
    later = rows.where(places.c.n > sa.bindparam("after")).order_by(places.c.n).limit(ROWS)
    after = -1
    while found := op.get_bind().execute(later, {"after": after}).all():
        _wait([row for row in found if row.leaf is None])
        _settle([row for row in found if row.leaf is not None])
        after = found[-1].n


def _wait(rows: list[sa.Row[Any]]) -> None:
    waiting = sa.table(
        "waiting", sa.column("n"), sa.column("keeper"), sa.column("entry", sa.LargeBinary)
    )
    values = [
        {"n": row.n, "keeper": None if row.own else row.keeper, "entry": bytes.fromhex(row.entry)}
        for row in rows
    ]
    if values:
        op.get_bind().execute(sa.insert(waiting), values)


def _settle(rows: list[sa.Row[Any]]) -> None:
    """An entry is 32 random bytes: with its leaf it stands in one log, which need not be named."""
    entries = sa.table(
        "entries",
        sa.column("leaf", sa.BigInteger),
        sa.column("entry", sa.LargeBinary),
        sa.column("place", sa.BigInteger),
    )
    where = (entries.c.entry == sa.bindparam("value"), entries.c.leaf == sa.bindparam("index"))
    values = [
        {"number": row.n, "value": bytes.fromhex(row.entry), "index": row.leaf} for row in rows
    ]
    if values:
        put = sa.update(entries).where(*where).values(place=sa.bindparam("number"))
        op.get_bind().execute(put, values)
