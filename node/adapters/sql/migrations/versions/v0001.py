"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make all tables of version 0001."""
    _streams_and_places()
    _aside()
    _logs()


def _streams_and_places() -> None:
    op.create_table(
        "streams",
        sa.Column("n", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("keeper", sa.Text, nullable=False),
        sa.Column("own", sa.Boolean, nullable=False),
        sa.Column("of", sa.Text),
        sa.Column("tender", sa.Text),
    )
    op.create_table(
        "places",
        sa.Column("n", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("stream", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("record", sa.Text, nullable=False, unique=True),
        sa.Column("received", sa.Text, nullable=False),
        sa.Column("what_salt", sa.Text, nullable=False),
        sa.Column("sig", sa.Text, nullable=False),
        sa.Column("prev", sa.Text, nullable=False),
        sa.Column("where_salt", sa.Text, nullable=False),
        sa.Column("entry", sa.Text, nullable=False),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary),
        sa.Column("own", sa.Boolean, nullable=False),
        sa.Column("leaf", sa.BigInteger),
        sa.UniqueConstraint("stream", "seq", name="places_in_order"),
    )
    op.create_index("places_by_entry", "places", ["entry"])
    op.create_index("places_by_leaf", "places", ["own", "leaf"])


def _aside() -> None:
    op.create_table(
        "sealed",
        sa.Column("record", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("share", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "refusals",
        sa.Column("record", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("article", sa.Text, nullable=False),
    )
    op.create_table(
        "tasks",
        sa.Column("n", NUMBER, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("kind", "key", name="tasks_once"),
    )
    op.create_table(
        "facts",
        sa.Column("key", NAME, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )


def _logs() -> None:
    op.create_table(
        "logs",
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("keeper", sa.Text, nullable=False),
    )
    op.create_table(
        "entries",
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("leaf", sa.BigInteger, primary_key=True),
        sa.Column("entry", sa.LargeBinary(32), nullable=False),
    )
    op.create_index("entries_by_value", "entries", ["entry"])
    op.create_table(
        "notes",
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, primary_key=True),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("quorum", sa.Text),
    )
    op.create_table(
        "witnessed",
        sa.Column("origin", sa.Text, primary_key=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
    )
