"""Files in the pieces in which they grow, and what an SQLite file holds."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.attacks.leaks.texts import WRAPPED, Found

SQLITE = b"SQLite format 3\0"
WAL, WAL_HEAD, FRAME_HEAD = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83"), 32, 24
"""How a database's -wal begins, and the bytes before its frames and before the page of each."""
PAGE = 4096


def pieces(path: Path) -> Found:
    """A file in the pieces in which it grows, an SQLite file with what only its -wal holds yet.

    They are rows and pages of a database, frames of its -wal, lines of a log: of what is looked at
    again and again only the new ones are searched.
    """
    data = path.read_bytes()
    wal = path.with_name(path.name + "-wal")
    yield from _pieces(data, wal.read_bytes() if wal.is_file() else b"")


def _pieces(data: bytes, wal: bytes) -> Found:
    if data.startswith(SQLITE):
        yield from sqlite_values(data, wal)
        yield from (("page", data[at : at + PAGE]) for at in range(0, len(data), PAGE))
    elif data.startswith(WAL):
        frame = FRAME_HEAD + int.from_bytes(data[8:12], "big")
        yield "wal", data[:WAL_HEAD]
        yield from (("wal", data[at : at + frame]) for at in range(WAL_HEAD, len(data), frame))
    elif _is_lines(data):
        yield from (("line", line) for line in data.splitlines())
        yield from (("lines", run) for run in WRAPPED.findall(data))
    else:
        yield "", data


def _is_lines(data: bytes) -> bool:
    """Text that is no JSON document: nothing that is searched for goes over the end of a line."""
    if b"\0" in data:
        return False
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return "\n" in text
    return False


def sqlite_values(data: bytes, wal: bytes = b"") -> Found:
    """Each row of each table in one piece and each text and blob by itself, out of a copy.

    A copy taken while somebody writes may be torn; its bytes are searched all the same, raw.
    """
    with TemporaryDirectory() as folder, closing(_open(data, wal, folder)) as connection:
        try:
            connection.text_factory = bytes
            yield from _rows(connection)
        except sqlite3.DatabaseError:
            return


def _open(data: bytes, wal: bytes, folder: str) -> sqlite3.Connection:
    """A database in WAL mode whose -wal is not there is opened as one without (header 18, 19)."""
    if not wal:
        connection = sqlite3.connect(":memory:")
        connection.deserialize(data[:18] + b"\x01\x01" + data[20:])
        return connection
    copy = Path(folder) / "copy.db"
    copy.write_bytes(data)
    copy.with_name("copy.db-wal").write_bytes(wal)
    return sqlite3.connect(copy)


def _rows(connection: sqlite3.Connection) -> Found:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (raw,) in names:
        name = raw.decode()
        quoted = name.replace('"', '""')
        for row in connection.execute(f'SELECT * FROM "{quoted}"'):  # noqa: S608 - quoted above
            yield from ((f"sqlite {name}", cell) for cell in row if isinstance(cell, bytes))
            yield f"sqlite {name}", b"\t".join(_cell(value) for value in row)


def _cell(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
