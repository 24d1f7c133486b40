"""Copies of the whole database: as one SQLite file, of one moment, while the node goes on.

One form for both engines: a backup of PostgreSQL may be restored on SQLite and the other way round,
and no program beside ours is needed. SQLite's own backup interface copies a file, within one read
transaction; from and to PostgreSQL the rows go table by table, within one transaction there.

What an attacker gains who can write a copy that is restored: what stands in `tables`; a restored
node verifies what it holds against its partners before it writes. Who can read it reads all that
the node keeps secret, but for its keys.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, Select, Table, func, insert, select, text
from sqlalchemy.engine import make_url

from node.adapters.durable import refused, state_of, sync_folder
from node.adapters.sql.aside import put_facts
from node.adapters.sql.engine import Database, mapped, opened
from node.adapters.sql.looking import file_address
from node.adapters.sql.tables import METADATA
from node.core.errors import ConfigError, UnavailableError

Told = Callable[[str, int, int], None]
"""Progress: of what, how much is done, of how much."""
PAGES: Final = 4096
"""Pages of SQLite (8 KiB each, 4 in older files) copied at once."""
ROWS: Final = 1000
_SIDES: Final = ("-wal", "-shm", "-journal")
"""What SQLite keeps beside a file."""
_RESTORING: Final = ".restoring"


def is_sqlite(url: str) -> bool:
    """Whether an address names a file."""
    return make_url(url).get_backend_name() == "sqlite"


def snapshot(url: str, into: Path, told: Told) -> None:
    """Copy a database, as it is at one moment, into a new SQLite file. The node may run.

    Raises ConfigError if there is none or an empty one, UnavailableError (`store`, `disk-full`,
    `disk-read-only`) if one cannot be read or the other not be written.
    """
    with mapped("copied", into.parent):
        if is_sqlite(url):
            _snapshot_file(Path(make_url(url).database or ""), into, told)
        else:
            _snapshot_server(url, into, told)
        _check_filled(into)


def _check_filled(copy: Path) -> None:
    """A store that no node ever wrote is none: such copies would push out good ones."""
    with closing(sqlite3.connect(copy)) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        wanted = [name for name in names if name in METADATA.tables]
        if not any(db.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in wanted):  # noqa: S608 - our own names
            raise ConfigError("[store] database_url: that database is empty; no node has used it")


def _snapshot_file(path: Path, into: Path, told: Told) -> None:
    address = file_address(path)
    try:
        with (
            closing(sqlite3.connect(address, uri=True, isolation_level=None)) as source,
            closing(sqlite3.connect(into, isolation_level=None)) as copy,
        ):
            source.execute("PRAGMA busy_timeout = 10000")
            source.execute("BEGIN")  # from the first read on we see one moment
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(copy, pages=PAGES, progress=_pages(told))
            copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        code = state_of(into.parent)
        raise refused(f"{path} cannot be copied: {error}", code) from error


def _pages(told: Told) -> Callable[[int, int, int], None]:
    return lambda _status, left, whole: told("database", whole - left, whole)


def _snapshot_server(url: str, into: Path, told: Told) -> None:
    engine = opened(url)
    copy = Database(f"sqlite:///{into}")
    try:
        with mapped("opened"):  # so that it is told why not
            engine.connect().close()
        with engine.connect() as source, source.begin():
            if source.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
                raise ConfigError("[store] database_url: that database is no node's")
            copy.write(lambda target: _copy_rows(source, target, told))
        _settle(copy.engine)
    finally:
        copy.close()
        engine.dispose()


def _copy_rows(source: Connection, target: Connection, told: Told) -> None:
    for table in METADATA.sorted_tables:
        whole = source.execute(select(func.count()).select_from(table)).scalar_one()
        done = 0
        rows = source.execution_options(yield_per=ROWS).execute(select(table))
        for part in rows.mappings().partitions(ROWS):
            target.execute(insert(table), [dict(row) for row in part])
            done += len(part)
            told(table.name, done, whole)


def _settle(engine: Engine) -> None:
    """Bring everything into the one file."""
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        if raw is not None:
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.execute("PRAGMA journal_mode = DELETE")


class Target:
    """The empty database that a copy is put into. Holds the lock that a node would write under.

    Raises ConfigError (`not-empty`) if it has rows, UnavailableError (`in-use`) if a node writes.
    """

    def __init__(self, url: str) -> None:
        self._file = Path(make_url(url).database or "") if is_sqlite(url) else None
        if self._file is not None and not self._file.exists():
            for side in (Path(f"{self._file}{end}") for end in _SIDES):
                if side.exists():
                    raise ConfigError(f"{side}: a leftover of another database", code="not-empty")
        self._database = Database(url)
        try:
            if not self._database.elect():
                raise UnavailableError("another process works on this database", code="in-use")
            self._check_empty()
        except BaseException:
            self._database.close()
            raise

    def _check_empty(self) -> None:
        with self._database.read() as db:
            for table in METADATA.sorted_tables:
                if db.execute(select(table).limit(1)).first() is not None:
                    where = self._file or "the database"
                    raise ConfigError(f"{where} holds {table.name} already", code="not-empty")

    def close(self) -> None:
        """Let a node write."""
        self._database.close()

    def take(self, copy: Path, facts: Mapping[str, str], told: Told) -> None:
        """Put a copy in place with these facts in it: it is seen with them, or not at all.

        `copy` is used up. Raises ConfigError if a newer version of ours has made it.
        """
        with mapped("written", copy.parent):
            source = Database(f"sqlite:///{copy}")
            try:
                source.write(lambda db: put_facts(db, facts))
                if self._file is None:
                    self._fill(source, told)
                _settle(source.engine)
            finally:
                source.close()
            if self._file is not None:
                self._replace(copy, self._file)

    def _fill(self, source: Database, told: Told) -> None:
        """Copy all rows into PostgreSQL, in one transaction."""

        def fill(new: Connection) -> None:
            with source.read() as old:
                _copy_rows(old, new, told)
            _set_numbers(new)

        self._database.write(fill)

    def _replace(self, copy: Path, file: Path) -> None:
        self._database.engine.dispose()
        with copy.open("rb") as handle:
            os.fsync(handle.fileno())
        _remove(file, _SIDES)
        copy.replace(file)
        sync_folder(file.parent)


def beside(url: str, folder: Path) -> Path:
    """Where a copy is unpacked: beside the file whose place it takes, else in `folder`."""
    path = Path(make_url(url).database or "") if is_sqlite(url) else folder / "node.db"
    return path.with_name(path.name + _RESTORING)


def remove_copy(path: Path) -> None:
    """Remove a copy and what lies beside it, as far as it is there."""
    _remove(path, ("", *_SIDES, ".lock"))


def _remove(path: Path, ends: Sequence[str]) -> None:
    for end in ends:
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").unlink()


def _set_numbers(db: Connection) -> None:
    """Let PostgreSQL count rows on from those that came with a number."""
    for table in METADATA.sorted_tables:
        if "n" in table.c:
            db.execute(_next_number(table))


def _next_number(table: Table) -> Select[tuple[int]]:
    sequence = func.pg_get_serial_sequence(table.name, "n")
    newest = select(func.max(table.c.n)).scalar_subquery()
    return select(func.setval(sequence, func.coalesce(newest, 0) + 1, False))
