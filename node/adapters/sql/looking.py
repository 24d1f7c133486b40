"""A database that is only looked at: nothing is made, migrated, locked or written.

`at_once`: everything is read as it is at one moment, that of the first read, while the node goes on
(a read transaction of SQLite's WAL; REPEATABLE READ of PostgreSQL). Until it is closed SQLite keeps
what the node writes in its WAL file, which grows meanwhile.

A SQLite file on a disk that takes no writes is opened as one that nobody changes: beside a WAL file
SQLite would write, and there it cannot. Only if that file still holds something, it is needed.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Final, NoReturn, TypeVar
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

from node.adapters.sql.engine import (
    BUSY_MS,
    SCHEMA,
    Database,
    begin_sqlite,
    is_newest,
    mapped,
    opened,
    version_of,
)
from node.core.errors import ConfigError, UnavailableError

T = TypeVar("T")
NONE: Final = "[store] database_url: no node's database lies there"


class LookedAt(Database):
    """One node's database, read only. Safe for threads.

    It opens by itself: a `Database` makes what is not there, and migrates what is old.
    """

    def __init__(self, url: str, *, at_once: bool) -> None:
        """Open what is there. Raises ConfigError if that is no node's database.

        Raises UnavailableError (`store`) if it cannot be opened, or an older version of ours left
        it.
        """
        self._reading, self._at_once = RLock(), at_once
        self._moment: Connection | None = None
        is_file = make_url(url).get_backend_name() == "sqlite"
        self.engine = _of_file(url) if is_file else opened(url)
        try:
            with mapped("opened"):
                _check(version_of(self.engine))
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection to read from."""
        if not self._at_once:
            with mapped("read"), self.engine.connect() as connection, connection.begin():
                yield connection
            return
        with mapped("read"), self._reading:
            if self._moment is None:
                self._moment = self.engine.connect()
                self._moment.begin()
            yield self._moment

    @property
    def writes(self) -> bool:
        """Nobody writes here."""
        return False

    def elect(self) -> bool:
        """Nobody writes here."""
        return False

    def hold(self) -> NoReturn:
        """Raise UnavailableError (`store`): nobody writes here."""
        raise UnavailableError("this database is only looked at", code="store")

    def write(
        self, _work: Callable[[Connection], T], _then: Callable[[], None] | None = None, /
    ) -> NoReturn:
        """Raise UnavailableError (`store`): nothing is written."""
        self.hold()

    def close(self) -> None:
        """Let the moment go."""
        if self._moment is not None:
            self._moment.close()
        self.engine.dispose()


def _check(version: str | None) -> None:
    if version is None:
        raise ConfigError(NONE)
    if not is_newest(version):
        raise UnavailableError(
            f"the database is of schema {version}, and this program reads {SCHEMA}: start the node "
            "once, that brings it up to date",
            code="store",
        )


def _of_file(url: str) -> Engine:
    path = Path(make_url(url).database or "")
    address = file_address(path)

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            address,
            uri=True,
            timeout=BUSY_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = create_engine(f"sqlite+pysqlite:///{path}", creator=connect, hide_parameters=True)
    event.listen(engine, "begin", begin_sqlite)
    return engine


def file_address(path: Path) -> str:
    """How SQLite opens a file to look at it only. Raises ConfigError if it is not there."""
    if not path.is_file():
        raise ConfigError(f"{NONE} ({path})")
    return f"file:{quote(str(path.absolute()))}?mode=ro{_frozen(path)}"


def _frozen(path: Path) -> str:
    """What tells SQLite that a file does not change: nobody can write there, and no WAL is left."""
    wal = Path(f"{path}-wal")
    is_settled = not (wal.exists() and wal.stat().st_size)
    return "&immutable=1" if is_settled and not os.access(path.parent, os.W_OK) else ""
