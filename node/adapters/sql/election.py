"""Which process may write: one of a centre at a time, elected by a lock that ends with it.

On SQLite it is `flock` on a file beside the database, on PostgreSQL a session-level advisory lock.
There every write goes over the one connection that holds the lock, so the server itself orders the
two: it gives the lock to the next process only when the session of the one before has ended, and a
session ends only after its last commit is decided. Who has lost that connection can commit nothing
more, needs no clock to know it, and answers nobody as if he had. He never takes the lock again: the
process ends, and its next start is the start after a crash (ADR 0010).

What an attacker gains who can take the lock: he keeps the node from starting, nothing else.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from node.core.errors import ConfigError, UnavailableError

LOCK: Final = 0x7975616E70696E67
"""The lock's number in the centre's own database: `yuanping` in ASCII."""
OLDEST: Final = 15
"""The oldest major version of PostgreSQL that we work on."""
_ASK = text("SELECT pg_try_advisory_lock(:number)")
_RESIGN = text("SELECT pg_advisory_unlock(:number)")
_SERVER = text(
    "SELECT current_setting('server_version_num')::int / 10000 AS version,"
    " current_setting('server_encoding') AS encoding, current_setting('fsync') AS fsync,"
    " current_setting('full_page_writes') AS whole_pages, pg_backend_pid() AS pid"
)
# A commit waits for the disk whatever the role's own default says; a stronger wish stays. The
# server notices within 15 s that our machine is gone, and gives the lock to the next.
_SESSION = text(
    "SELECT set_config('synchronous_commit', CASE current_setting('synchronous_commit')"
    " WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false),"
    " set_config('tcp_keepalives_idle', '5', false),"
    " set_config('tcp_keepalives_interval', '2', false),"
    " set_config('tcp_keepalives_count', '5', false)"
)


class Election(Protocol):
    """One process's part in it. Not safe for threads: `Database` asks under its own lock."""

    def elect(self) -> bool:
        """Become the one who writes; False while another process is, which may be waited for.

        Raises UnavailableError (`in-use`) where nobody waits, ConfigError, and what drivers raise.
        """
        ...

    @property
    def stands(self) -> bool:
        """Whether we are the one who writes, as far as we have noticed."""
        ...

    def session(self) -> AbstractContextManager[Connection]:
        """What to write on, for one transaction; asked for after `elect`.

        Raises UnavailableError: `in-use` if somebody else writes, `store` if the lock was lost.
        """
        ...

    def hold(self) -> None:
        """Look after the lock. Raises UnavailableError (`store`) once it is lost."""
        ...

    def resign(self) -> None:
        """Let somebody else be elected, from when this returns; between two transactions only."""
        ...

    def close(self) -> None:
        """Be done, at any time; what holds the lock ends, and the lock with it."""
        ...


class FileElection:
    """On SQLite: a lock on `<database>.lock`, which names the process that holds it.

    Nobody waits for it: a file has one machine, and there a second process is a mistake.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = Path(f"{engine.url.database}.lock")
        self._held: int | None = None

    def elect(self) -> bool:
        """Take the lock; the system takes it back when this process ends."""
        if self._held is not None:
            return True
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 20).decode("ascii", "replace").strip()
            os.close(handle)
            raise _in_use(f"process {holder}") from None
        os.truncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode("ascii"))
        self._held = handle
        return True

    @property
    def stands(self) -> bool:
        """Whether we hold the lock."""
        return self._held is not None

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection that takes SQLite's own lock as it begins."""
        with self._engine.connect() as connection:
            yield connection.execution_options(yuanping_writes=True)

    def hold(self) -> None:
        """Nothing to do: the lock of a file is not lost."""

    def resign(self) -> None:
        """Let go of the lock; its file stays."""
        self.close()

    def close(self) -> None:
        """The same: the system knows no moment in between."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


class SessionElection:
    """On PostgreSQL: an advisory lock of the one session that writes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._session: Connection | None = None
        self._elected = False

    def elect(self) -> bool:
        """Take the lock. Raises ConfigError for a server on which it, or a commit, is not kept."""
        if self._elected:
            return True
        if self._session is None or _is_gone(self._session):
            self._session = self._opened()
        with self._session.begin():
            self._elected = bool(self._session.execute(_ASK, {"number": LOCK}).scalar_one())
        return self._elected

    @property
    def stands(self) -> bool:
        """Whether our session holds the lock, as far as anything sent over it has shown."""
        return self._elected and self._session is not None and not _is_gone(self._session)

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """The session that holds the lock, never another in its place."""
        if not self._elected:
            raise _in_use("another process")
        yield self._standing()

    def hold(self) -> None:
        """Ask the server for a sign of life: so an idle process notices that it is alone."""
        if self._elected:
            session = self._standing()
            with suppress(SQLAlchemyError), session.begin():
                session.execute(text("SELECT 1"))
            self._standing()

    def resign(self) -> None:
        """Give the lock back: by itself the server does it once it has noticed our end."""
        if self.stands:
            session, self._elected = self._standing(), False
            with suppress(SQLAlchemyError), session.begin():
                session.execute(_RESIGN, {"number": LOCK})

    def close(self) -> None:
        """End the session, and with it the lock."""
        if self._session is not None:
            self._session.close()

    def _opened(self) -> Connection:
        """A session of our own, that the pool lends to nobody."""
        with ExitStack() as undone:
            session = undone.enter_context(self._engine.connect())
            session.detach()
            with session.begin():
                _check(session)
                session.execute(_SESSION)
            undone.pop_all()
        return session

    def _standing(self) -> Connection:
        """The session that was elected. Raises UnavailableError (`store`) if it is gone."""
        if self._session is None or _is_gone(self._session):
            raise UnavailableError("the database's connection was lost, start again", code="store")
        return self._session


def _is_gone(session: Connection) -> bool:
    """Whether SQLAlchemy has given it up; it would open another one if it were used again."""
    return session.invalidated or session.closed


def _check(session: Connection) -> None:
    """Refuse a server that would lose what it has confirmed, or a lock that was not released."""
    found = session.execute(_SERVER).one()
    if found.version < OLDEST:
        raise _unfit(f"PostgreSQL {found.version} is too old: we need {OLDEST} or newer")
    if found.encoding != "UTF8":
        raise _unfit(f"its encoding is {found.encoding}: create it with ENCODING 'UTF8'")
    if (found.fsync, found.whole_pages) != ("on", "on"):
        raise _unfit("the server can lose what it has confirmed: set fsync and full_page_writes on")
    driver: Any = session.connection.dbapi_connection
    if driver.info.backend_pid != found.pid:
        raise _unfit("a pooler stands before PostgreSQL, and locks do not hold: connect directly")


def _unfit(why: str) -> ConfigError:
    return ConfigError(f"[store] database_url: {why}")


def _in_use(who: str) -> UnavailableError:
    return UnavailableError(f"{who} works on this database", code="in-use")
