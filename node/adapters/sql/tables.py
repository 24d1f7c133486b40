"""The node's tables, in SQLAlchemy Core; the same for SQLite and PostgreSQL.

Who writes them: this node alone. What an attacker gains who can write them: he can stop the node
and he can read what is sealed until its time; he cannot change what was said. Every place is
hashed into the next one, every entry into a checkpoint that partners hold, every record is
signed, and all of it is judged anew at each start.

Hashes are lower-case hex, times epoch seconds, but `received`, which is the text that was hashed.
No text has a width: SQLite would not keep to it, and what comes in is bounded where it comes in.
A change of a table is a new migration; `tests/ports/test_store.py` compares the two.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()
# SQLite numbers rows by itself only where the column is exactly INTEGER.
NUMBER = BigInteger().with_variant(Integer, "sqlite")
# In the order of its bytes on both, whatever language the database sorts by.
NAME = Text().with_variant(Text(collation="C"), "postgresql")

STREAMS = Table(
    "streams",
    METADATA,
    Column("n", NUMBER, primary_key=True, autoincrement=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("keeper", Text, nullable=False),
    Column("own", Boolean, nullable=False),
    Column("of", Text),
    Column("tender", Text),
)

PLACES = Table(
    "places",
    METADATA,
    Column("n", NUMBER, primary_key=True, autoincrement=True),
    Column("stream", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("record", Text, nullable=False, unique=True),
    Column("received", Text, nullable=False),
    Column("what_salt", Text, nullable=False),
    Column("sig", Text, nullable=False),
    Column("prev", Text, nullable=False),
    Column("where_salt", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("body", LargeBinary),
    UniqueConstraint("stream", "seq", name="places_in_order"),
)
"""A row is written once and stays: what comes of a place later stands in `waiting`, `entries`."""

WAITING = Table(
    "waiting",
    METADATA,
    Column("n", NUMBER, primary_key=True, autoincrement=False),
    Column("keeper", Text),
    Column("entry", LargeBinary(32), nullable=False),
)
"""Places, by the number of their row, that their keeper's log does not hold yet as we know it;
`keeper` is null for our own, which wait for the next tick."""

SEALED = Table(
    "sealed",
    METADATA,
    Column("record", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("share", LargeBinary, nullable=False),
)

REFUSALS = Table(
    "refusals",
    METADATA,
    Column("record", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("article", Text, nullable=False),
)

TASKS = Table(
    "tasks",
    METADATA,
    Column("n", NUMBER, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("since", BigInteger, nullable=False),
    UniqueConstraint("kind", "key", name="tasks_once"),
)

FACTS = Table(
    "facts",
    METADATA,
    Column("key", NAME, primary_key=True),
    Column("value", Text, nullable=False),
)

LOGS = Table(
    "logs",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("keeper", Text, nullable=False),
)
"""Whose log an origin is: a place counts as logged only in the log of its stream's keeper."""

ENTRIES = Table(
    "entries",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("leaf", BigInteger, primary_key=True),
    Column("entry", LargeBinary(32), nullable=False),
    Column("place", BigInteger),
    Index("entries_by_value", "entry"),
)
Index(
    "entries_by_place",
    ENTRIES.c.place,
    sqlite_where=ENTRIES.c.place.is_not(None),
    postgresql_where=ENTRIES.c.place.is_not(None),
)
"""`place` is the number of a row of `places`: of the place that this leaf proves."""

NOTES = Table(
    "notes",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, primary_key=True),
    Column("root", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("quorum", Text),
)

WITNESSED = Table(
    "witnessed",
    METADATA,
    Column("origin", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", Text, nullable=False),
)
