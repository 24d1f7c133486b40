"""The node's tables, in SQLAlchemy Core; the same for SQLite and PostgreSQL.

Who writes them: this node alone. What an attacker gains who can write them: he can stop the node
and he can read what is sealed until its time; he cannot change what was said. Every place is
hashed into the next one, every entry into a checkpoint that partners hold, every record is
signed, and all of it is judged anew at each start.

Hashes are lower-case hex, times epoch seconds, but `received`, which is the text that was hashed.
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
    String,
    Table,
    Text,
    UniqueConstraint,
)

METADATA = MetaData()
# SQLite numbers rows by itself only where the column is exactly INTEGER.
NUMBER = BigInteger().with_variant(Integer, "sqlite")
HASH = String(64)
# In the order of its bytes on both, whatever language the database sorts by.
NAME = String(200).with_variant(String(200, collation="C"), "postgresql")

STREAMS = Table(
    "streams",
    METADATA,
    Column("n", NUMBER, primary_key=True, autoincrement=True),
    Column("id", HASH, nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("keeper", String(32), nullable=False),
    Column("own", Boolean, nullable=False),
    Column("of", HASH),
    Column("tender", String(64)),
)

PLACES = Table(
    "places",
    METADATA,
    Column("n", NUMBER, primary_key=True, autoincrement=True),
    Column("stream", HASH, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("record", HASH, nullable=False, unique=True),
    Column("received", String(20), nullable=False),
    Column("what_salt", HASH, nullable=False),
    Column("sig", HASH, nullable=False),
    Column("prev", HASH, nullable=False),
    Column("where_salt", HASH, nullable=False),
    Column("entry", HASH, nullable=False),
    Column("envelope", LargeBinary, nullable=False),
    Column("body", LargeBinary),
    Column("own", Boolean, nullable=False),
    Column("leaf", BigInteger),
    UniqueConstraint("stream", "seq", name="places_in_order"),
    Index("places_by_entry", "entry"),
    Index("places_by_leaf", "own", "leaf"),
)
"""`leaf` is the index in its keeper's log; own places that have none wait for the next tick."""

SEALED = Table(
    "sealed",
    METADATA,
    Column("record", HASH, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("share", LargeBinary, nullable=False),
)

REFUSALS = Table(
    "refusals",
    METADATA,
    Column("record", HASH, primary_key=True),
    Column("code", String(64), nullable=False),
    Column("article", Text, nullable=False),
)

TASKS = Table(
    "tasks",
    METADATA,
    Column("n", NUMBER, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("key", String(200), nullable=False),
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
    Column("origin", String(256), primary_key=True),
    Column("keeper", String(32), nullable=False),
)
"""Whose log an origin is: a place counts as logged only in the log of its stream's keeper."""

ENTRIES = Table(
    "entries",
    METADATA,
    Column("origin", String(256), primary_key=True),
    Column("leaf", BigInteger, primary_key=True),
    Column("entry", LargeBinary(32), nullable=False),
    Index("entries_by_value", "entry"),
)

NOTES = Table(
    "notes",
    METADATA,
    Column("origin", String(256), primary_key=True),
    Column("size", BigInteger, primary_key=True),
    Column("root", HASH, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("quorum", Text),
)

WITNESSED = Table(
    "witnessed",
    METADATA,
    Column("origin", String(256), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", HASH, nullable=False),
)
