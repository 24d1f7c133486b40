"""`SqliteDrawer`: the keys and records of many actors of one program, in one SQLite database.

Who writes: the program of those actors alone; it keeps the file locked while it runs. What an
attacker gains who can read it: their private keys, so everything they can sign. The folder has mode
0700 and the file 0600; a file that others may read is refused.

What `write` returned from survives a loss of power: the commit is in the write-ahead log and that
is on the disk (`synchronous=FULL`). One fsync a write, where a file of its own takes two: in a
replay, hundreds of tenders' actors share the process.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from typing import TYPE_CHECKING, Any, Final

from node.adapters.durable import FULL, READ_ONLY, refused, state_of, sync_folder
from node.core.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "drawer.sqlite"
_MADE: Final = "CREATE TABLE IF NOT EXISTS kept (name TEXT PRIMARY KEY, data BLOB NOT NULL)"
_SETTINGS: Final = ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL")
_CODES: Final = {sqlite3.SQLITE_FULL: FULL, sqlite3.SQLITE_READONLY: READ_ONLY}


class SqliteDrawer:
    """Small files by name, as rows. Use it from the thread that made it."""

    def __init__(self, folder: Path) -> None:
        """Open or make it. Raises ConfigError (`in-use`, if another program has it open)."""
        self._path = folder / FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._make_file()
        except OSError as error:
            raise ConfigError(f"{self._path}: {error.strerror}") from None
        self._database = sqlite3.connect(self._path, isolation_level=None, timeout=0)
        try:
            for setting in _SETTINGS:
                self._database.execute(f"PRAGMA {setting}")
            self._database.execute(_MADE)
        except sqlite3.Error as error:
            self._database.close()
            busy = _code(error) == sqlite3.SQLITE_BUSY
            detail = "another program has it open; end that first" if busy else str(error)
            code = "in-use" if busy else "unreadable"
            raise ConfigError(f"{self._path}: {detail}", code=code) from None

    def _make_file(self) -> None:
        """SQLite gives the files beside it the mode of this one."""
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if stat.S_IMODE(os.fstat(handle).st_mode) & 0o077:
                raise ConfigError(f"{self._path}: others may read it; run chmod 600")
        finally:
            os.close(handle)
        sync_folder(self._path.parent)

    def read(self, name: str) -> bytes | None:
        """What stands under a name, or None. Raises ConfigError (`unreadable`)."""
        rows = self._rows("SELECT data FROM kept WHERE name = ?", name)
        return rows[0][0] if rows else None

    def write(self, name: str, data: bytes) -> None:
        """Put the whole of it in its place at once.

        Raises UnavailableError (`store`, `disk-full`, `disk-read-only`): the old or the new stands.
        """
        self._change("INSERT OR REPLACE INTO kept VALUES (?, ?)", name, data)

    def names(self, folder: str) -> list[str]:
        """What stands directly in a folder, sorted."""
        # "0" is the character after "/".
        rows = self._rows(
            "SELECT name FROM kept WHERE name > ? AND name < ?", f"{folder}/", f"{folder}0"
        )
        inside = [name[len(folder) + 1 :] for (name,) in rows]
        return sorted(name for name in inside if "/" not in name)

    def remove(self, name: str) -> None:
        """Remove what stands under a name, if anything does. Raises as `write`."""
        self._change("DELETE FROM kept WHERE name = ?", name)

    def close(self) -> None:
        """Give up the file."""
        self._database.close()

    def _rows(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise ConfigError(f"{self._path}: {error}", code="unreadable") from None

    def _change(self, statement: str, name: str, *values: bytes) -> None:
        try:
            self._database.execute(statement, (name, *values))
        except sqlite3.Error as error:
            known = _CODES.get(_code(error))
            code = known or state_of(self._path.parent)
            raise refused(f"{name} could not be written: {error}", code) from None


def _code(error: sqlite3.Error) -> int:
    """SQLite's primary code; 0 for an error of the Python module's own."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF
