"""How the database is opened, and the two ways to use it: `read` and `write`.

SQLite runs in WAL mode with synchronous=FULL: when `write` returns, the operating system was told
to put the transaction on the disk. A write takes SQLite's lock at once (BEGIN IMMEDIATE), so it
never fails half way because another one came between. Everything that differs between SQLite and
PostgreSQL stands in this file.

A full disk, a read-only file, a lost server: UnavailableError with code `store`. After it the
outcome of a write is unknown, and the caller reads what stands before it goes on.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from node.core.errors import ConfigError, UnavailableError

SCHEMA = "0001"
"""The newest migration; a database of this version is used without loading alembic."""
BUSY_MS = 10_000
_PRAGMAS = (
    f"busy_timeout = {BUSY_MS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
)


class Database:
    """One database of one node. Safe for threads; one writes at a time."""

    def __init__(self, url: str) -> None:
        """Open it and bring it up to date. Raises ConfigError for an address nobody can use.

        Raises UnavailableError (`store`) if it cannot be opened or written.
        """
        self._lock = Lock()
        self.engine = _engine(_address(url))
        with _mapped("opened"):
            _upgrade(self.engine)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from; it writes nothing."""
        with _mapped("read"), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is on the disk when this returns, or did not happen.

        If it raises UnavailableError it may have happened all the same: read what stands.
        """
        with _mapped("written"), self._lock, self.engine.connect() as connection:
            connection = connection.execution_options(yuanping_writes=True)
            with connection.begin():
                yield connection

    def close(self) -> None:
        """Give all connections back."""
        self.engine.dispose()


def upsert(db: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what to do where the row stands already."""
    if db.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


@contextmanager
def _mapped(doing: str) -> Iterator[None]:
    """Turn the driver's errors into ours; what it says goes to our log, not to a caller."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        raise UnavailableError(f"the database cannot be {doing} now", code="store") from error


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise ConfigError("[store] database_url is no address of a database") from None
    if address.get_backend_name() == "sqlite":
        return address.set(drivername="sqlite+pysqlite")
    if address.get_backend_name() == "postgresql":
        return address.set(drivername="postgresql+psycopg")
    raise ConfigError("[store] database_url must begin with sqlite or postgresql")


def _engine(address: URL) -> Engine:
    if address.get_backend_name() != "sqlite":
        try:
            return create_engine(address, pool_pre_ping=True)
        except ImportError:
            raise ConfigError("[store] database_url: the driver psycopg is not installed") from None
    with _mapped("opened"):
        _make_file(Path(address.database or ""))
    engine = create_engine(address, connect_args={"timeout": BUSY_MS / 1000})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_file(path: Path) -> None:
    """Create the file for our eyes only: SQLite gives its side files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("yuanping_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _upgrade(engine: Engine) -> None:
    """Run the migrations that are due; refuse a database that a newer version has changed."""
    version = _version(engine)
    if version == SCHEMA:
        return
    if version is not None and version > SCHEMA:
        raise ConfigError(f"the database is of schema {version}, newer than ours ({SCHEMA})")
    from node.adapters.sql.migrations import upgrade

    with engine.connect() as connection:
        connection = connection.execution_options(yuanping_writes=True)
        with connection.begin():
            upgrade(connection, SCHEMA)


def _version(engine: Engine) -> str | None:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
