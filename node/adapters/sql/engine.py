"""How the database is opened, and the two ways to use it: `read` and `write`.

SQLite runs in WAL mode with synchronous=FULL: when `write` returns, the operating system was told
to put the transaction on the disk. A write takes SQLite's lock at once (BEGIN IMMEDIATE), so it
never fails half way because another one came between. On PostgreSQL a commit waits for its log to
be on the disk, and all transactions see one moment (REPEATABLE READ). Who may write at all is
decided in `election`; nothing else differs between the two outside these two files.

A lost server, a broken file: UnavailableError with code `store`; with code `disk-full` or
`disk-read-only` where that is the reason. After it the
outcome of a write is unknown, and the caller reads what stands before it goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, Table, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from node.adapters.durable import FULL, OTHER, code_of, refused, state_of
from node.adapters.sql.election import FileElection, SessionElection
from node.adapters.sql.together import Together
from node.core.errors import ConfigError

T = TypeVar("T")
SCHEMA = "0002"
"""The newest migration; a database of this version is used without loading alembic."""
BUSY_MS = 10_000
_DISK_FULL = "53100"
"""PostgreSQL's code (its manual, appendix A)."""
_OF_THE_DISK = ("SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")
_PRAGMAS = (
    # Rows of some 2 KiB fill such pages better than those of 4 KiB: a seventh less to be written
    # where many come at once. Of a file that is there already the size stays as it is.
    "page_size = 8192",
    f"busy_timeout = {BUSY_MS}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
)
_LIBPQ = {
    "application_name": "yuanping",
    "connect_timeout": "5",
    "client_encoding": "UTF8",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "5",
    "tcp_user_timeout": "15000",
}
"""Parameters of libpq that the address may set otherwise; a dead line is noticed within 15 s."""


def _nothing() -> None:
    """Nobody keeps in memory what was written."""


class Database:
    """One database of one node. Safe for threads; one writes at a time."""

    def __init__(self, url: str) -> None:
        """Open it and bring it up to date. Raises ConfigError for an address nobody can use.

        Raises UnavailableError (`store`) if it cannot be opened or written.
        """
        self._lock = Lock()
        self._together = Together(self._transaction, self._lock)
        self.engine = opened(url)
        is_file = self.engine.dialect.name == "sqlite"
        self._folder = Path(self.engine.url.database or "").parent if is_file else None
        self._election = (FileElection if is_file else SessionElection)(self.engine)
        with ExitStack() as undone:
            undone.callback(self.close)
            with mapped("opened", self._folder):
                self._is_current = is_newest(version_of(self.engine))
            if not self._is_current:
                self.elect()
            undone.pop_all()

    def elect(self) -> bool:
        """Become the one process that writes here; False while another one is, which may end.

        The first `write` asks too. Raises UnavailableError (`in-use`) where nobody waits: SQLite.
        """
        with mapped("opened", self._folder), self._lock:
            return self._elect()

    def hold(self) -> None:
        """Raise UnavailableError (`store`) once what `elect` gave is lost, and lost for good."""
        if self._lock.acquire(blocking=False):  # else somebody writes, and will notice
            try:
                self._election.hold()
            finally:
                self._lock.release()

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes, as far as it has noticed."""
        return self._election.stands

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from; it writes nothing."""
        with (
            mapped("read", self._folder),
            self.engine.connect() as connection,
            connection.begin(),
        ):
            yield connection

    def write(self, work: Callable[[Connection], T], then: Callable[[], None] = _nothing) -> T:
        """Do `work` in a transaction that is on the disk when this returns, or did not happen.

        Many threads' work may share a transaction (`together`), so `work` may be called again;
        `then` is called once it is on the disk, and before anybody else's transaction. If this
        raises UnavailableError it may have happened all the same: read what stands. With
        code `in-use` it did not: another process writes here.
        """
        return self._together.write(work, then)

    def _transaction(self, run: Callable[[Connection], None]) -> None:
        with mapped("written", self._folder):
            self._elect()
            with self._election.session() as connection, connection.begin():
                run(connection)

    def close(self) -> None:
        """Give all connections back, and let another process be elected."""
        if self._lock.acquire(blocking=False):  # else somebody still writes: the server decides
            try:
                self._election.resign()
            finally:
                self._lock.release()
        self._election.close()
        self.engine.dispose()

    def _elect(self) -> bool:
        if not self._election.elect():
            return False
        if not self._is_current:
            with self._election.session() as connection, connection.begin():
                _upgrade(connection)
            self._is_current = True
        return True


def upsert(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that can say what to do where the row stands already."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)


@contextmanager
def mapped(doing: str, folder: Path | None = None) -> Iterator[None]:
    """Turn the driver's errors into ours; what it says goes to our log, not to a caller."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        why = _why(error) if doing == "opened" else ""
        code = _code(error, folder)
        raise refused(f"the database cannot be {doing} now{why}", code) from error


def _code(error: SQLAlchemyError | OSError, folder: Path | None) -> str:
    """Whether the disk is full or read-only. SQLite does not always pass on why I/O failed."""
    if isinstance(error, OSError):
        return code_of(error)
    said = error.orig if isinstance(error, DBAPIError) else None
    name = getattr(said, "sqlite_errorname", "") or ""
    if name == "SQLITE_FULL" or getattr(said, "sqlstate", "") == _DISK_FULL:
        return FULL
    if folder is not None and name.startswith(_OF_THE_DISK):
        return state_of(folder)
    return OTHER


def _why(error: Exception) -> str:
    """What libpq says of a connection that fails; it names host and user, never a password."""
    said = error.orig if isinstance(error, DBAPIError) else None
    is_libpq = type(said).__module__.startswith("psycopg")
    return ": " + " ".join(str(said).split()) if is_libpq else ""


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError:
        raise ConfigError("[store] database_url is no address of a database") from None
    if address.get_backend_name() == "sqlite":
        return address.set(drivername="sqlite+pysqlite")
    if address.get_backend_name() == "postgresql":
        if "@" in (address.host or ""):
            raise ConfigError("[store] database_url: write an @ of the password as %40")
        return address.set(drivername="postgresql+psycopg")
    raise ConfigError("[store] database_url must begin with sqlite or postgresql")


def opened(url: str) -> Engine:
    """An engine to read with, whatever version the tables have. Raises ConfigError."""
    return _engine(_address(url))


def _engine(address: URL) -> Engine:
    if address.get_backend_name() != "sqlite":
        return create_engine(
            address.set(query={**_LIBPQ, **address.query}),
            pool_pre_ping=True,
            isolation_level="REPEATABLE READ",
            hide_parameters=True,
        )
    with mapped("opened"):
        _make_file(Path(address.database or ""))
    engine = create_engine(address, connect_args={"timeout": BUSY_MS / 1000}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", begin_sqlite)
    return engine


def _make_file(path: Path) -> None:
    """Create the file for our eyes only: SQLite gives its side files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _set_up_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own
    connection.isolation_level = None  # the driver must not begin transactions by itself
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def begin_sqlite(connection: Connection) -> None:
    """Begin by ourselves: a write takes SQLite's lock at once."""
    writes = connection.get_execution_options().get("yuanping_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def is_newest(version: str | None) -> bool:
    """Whether no migration is due. Raises ConfigError if a newer version has changed it."""
    if version is not None and version > SCHEMA:
        raise ConfigError(f"the database is of schema {version}, newer than ours ({SCHEMA})")
    return version == SCHEMA


def _upgrade(connection: Connection) -> None:
    """Run the migrations that are due, in the caller's transaction."""
    from node.adapters.sql.migrations import upgrade

    upgrade(connection, SCHEMA)


def version_of(engine: Engine) -> str | None:
    """The newest migration that a database has had; None for one that is no node's."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)
