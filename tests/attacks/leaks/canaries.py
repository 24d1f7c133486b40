"""Known secrets planted in every encoding, alone and in one another: what proves the search.

`prove` plants them in a folder and searches it. One that is not found, or one that is found and
was never planted, raises BlindError: then the search says nothing about anything else.
"""

from __future__ import annotations

import base64
import gzip
import html
import json
import random
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote_plus

from tests.attacks.leaks.search import Secret, search_tree

Encoder = Callable[[bytes], bytes]
WORDS = "金丝雀 ?????>>>>> canary"


class BlindError(Exception):
    """The search does not see what it must."""


def _text(data: bytes) -> str:
    """Bytes as a JSON string can carry them."""
    return data.decode("utf-8", "surrogateescape") if _is_text(data) else data.hex()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return b"\0" not in data


def _json(data: bytes) -> bytes:
    return json.dumps({"a": [1, {"b": _text(data)}]}, ensure_ascii=False).encode()


def _json_escaped(data: bytes) -> bytes:
    return json.dumps({"a": [None, {_text(data): True}]}, ensure_ascii=True).encode()


def _json_lines(data: bytes) -> bytes:
    return b'{"event":"start"}\n' + json.dumps({"x": _text(data)}).encode() + b"\nnot json\n"


def _piece_of_json(data: bytes) -> bytes:
    """A document that somebody cut: no parser takes it."""
    return json.dumps({"a": 1, "b": _text(data), "c": 2}).encode()[3:-4]


def _wide(codec: str, mark: bytes = b"") -> Encoder:
    return lambda data: mark + _text(data).encode(codec)


def _sqlite(kind: str) -> Encoder:
    def encode(data: bytes) -> bytes:
        with closing(sqlite3.connect(":memory:")) as base:
            base.execute(f'CREATE TABLE "odd ""name" (n INTEGER, x {kind})')
            value = _text(data) if kind == "TEXT" else data
            base.execute('INSERT INTO "odd ""name" VALUES (1, ?)', (value,))
            base.commit()
            return base.serialize()

    return encode


def _length(size: int) -> bytes:
    out = b""
    while size > 0x7F:
        out, size = out + bytes([size & 0x7F | 0x80]), size >> 7
    return out + bytes([size])


def _protobuf(data: bytes) -> bytes:
    """Field 1 a number, field 2 a message whose field 3 is the bytes, field 4 a fixed64."""
    inner = b"\x1a" + _length(len(data)) + data
    return b"\x08\x96\x01\x12" + _length(len(inner)) + inner + b"\x21" + bytes(8)


def _frame(message: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + len(message).to_bytes(4, "big") + message


def _grpc(data: bytes) -> bytes:
    """A stream of two messages: one plain, one compressed with the bytes in it."""
    return _frame(b"\x08\x01") + _frame(gzip.compress(_protobuf(data), mtime=0), 1)


def _grpc_pieces(data: bytes) -> bytes:
    """A stream that carries the bytes in pieces of seven, each in field 1 of a message."""
    pieces = [data[at : at + 7] for at in range(0, len(data), 7)]
    return b"".join(_frame(b"\x0a" + _length(len(piece)) + piece) for piece in pieces)


def _deflate(data: bytes) -> bytes:
    machine = zlib.compressobj(wbits=-15)
    return machine.compress(data) + machine.flush()


def _lines(data: bytes) -> bytes:
    return b"-- begin\n" + base64.encodebytes(data) + b"-- end\n"


def _percent(data: bytes) -> bytes:
    return quote_plus(data).encode()


def _page(data: bytes) -> bytes:
    """Every character that is not ASCII, and every sign of HTML, as a page writes it."""
    text = html.escape(_text(data)).encode("ascii", "xmlcharrefreplace")
    return b"<p title=&quot;&quot;>" + text + b"</p>"


ENCODERS: Mapping[str, Encoder] = {
    "raw": lambda data: b"\x00\x01 before " + data + b" after \xff",
    "utf-16-le": _wide("utf-16-le"),
    "utf-16-be": _wide("utf-16-be"),
    "utf-16 with mark": _wide("utf-16-le", b"\xff\xfe"),
    "hex": lambda data: b"x" + data.hex().encode(),
    "HEX after a digit": lambda data: b"A" + data.hex().upper().encode(),
    "base64": base64.b64encode,
    "base64 after a letter": lambda data: b"k" + base64.b64encode(data),
    "base64url": lambda data: base64.urlsafe_b64encode(data).rstrip(b"="),
    "json": _json,
    "json escaped key": _json_escaped,
    "json lines": _json_lines,
    "piece of json": _piece_of_json,
    "sqlite text": _sqlite("TEXT"),
    "sqlite blob": _sqlite("BLOB"),
    "protobuf": _protobuf,
    "grpc": _grpc,
    "grpc in pieces": _grpc_pieces,
    "gzip": lambda data: b"header" + gzip.compress(data, mtime=0),
    "zlib": zlib.compress,
    "deflate": _deflate,
    "percent": _percent,
    "page": _page,
    "repr of bytes": lambda data: b"note: " + repr(data).encode() + b" end",
    "hex with colons": lambda data: data.hex(":").upper().encode(),
    "base64 in lines": base64.encodebytes,
    "base64 in a text of lines": lambda data: (
        b"-- begin\n" + base64.encodebytes(data) + b"-- end\n"
    ),
}


WHOLE = frozenset({"grpc in pieces", "deflate"})
"""What is told by its form from the first byte to the last: bytes around it hide it (`raw`)."""


def is_told(inner: str, outer: str) -> bool:
    """Whether one encoding can be told inside another."""
    return not (inner in WHOLE and outer == "raw")


def canary(name: str) -> str:
    """A secret of this name: Chinese, Latin and digits."""
    return f"{WORDS} {sha256(name.encode()).hexdigest()[:20]}"


def plant(root: Path, *, nested: bool) -> list[Secret]:
    """Write one file for each encoding, and for each around base64 or, if `nested`, every other."""
    planted: list[Secret] = []
    for name, content in _files(nested):
        (root / f"{len(planted)}.bin").write_bytes(content)
        planted.append(Secret("canary", name, (canary(name).encode(),)))
    planted += _plant_prices(root)
    return [*planted, _plant_name(root), _plant_split(root)]


def _files(nested: bool) -> Iterator[tuple[str, bytes]]:
    for outer, wrap in ENCODERS.items():
        yield outer, wrap(canary(outer).encode())
        inners = [one for one in ENCODERS if is_told(one, outer)] if nested else ["base64"]
        for inner in inners:
            name = f"{inner} in {outer}"
            yield name, wrap(ENCODERS[inner](canary(name).encode()))


def chains(count: int, length: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Canaries in so many encodings around one another, drawn with a seed."""
    chance = random.Random(seed)
    for number in range(count):
        names = [chance.choice(list(ENCODERS))]
        while len(names) < length:
            names.append(chance.choice([n for n in ENCODERS if is_told(names[-1], n)]))
        name = f"{number}: {' in '.join(names)}"
        data = canary(name).encode()
        for one in names:
            data = ENCODERS[one](data)
        yield name, data


def _plant_name(root: Path) -> Secret:
    """A secret that is only the name of an empty file."""
    name = canary("name of a file")
    (root / "deep").mkdir()
    (root / "deep" / name).touch()
    return Secret("canary", "name of a file", (name.encode(),))


def _plant_prices(root: Path) -> list[Secret]:
    """Prices that stand nowhere as text: numbers of a message, of a document, of a table."""
    with closing(sqlite3.connect(root / "price.db")) as base:
        base.execute("CREATE TABLE t (x INTEGER)")
        base.execute("INSERT INTO t VALUES (7654321077)")
        base.commit()
    (root / "price.bin").write_bytes(b"\x08" + _length(7_654_321_099))
    (root / "price.json").write_bytes(b'{"x":7.654321088e9}')
    message = b"\x0a\x06\x08" + _length(7_654_321_066)
    (root / "price.rpc").write_bytes(_frame(message) + _frame(b""))
    prices = {
        "protobuf": b"7654321099",
        "json": b"7654321088",
        "sqlite": b"7654321077",
        "grpc": b"7654321066",
    }
    return [Secret("canary", f"number in {name}", (price,)) for name, price in prices.items()]


def _plant_split(root: Path) -> Secret:
    """A text that SQLite breaks in two: its halves lie on pages of their own."""
    value = canary("split")
    (root / "split.db").write_bytes(_split(value))
    return Secret("canary", "split over pages", (value.encode(),))


@cache
def _split(value: str) -> bytes:
    """A database in which this text lies on two pages."""
    for more in range(9000, 9000 + 4096):
        with closing(sqlite3.connect(":memory:")) as base:
            base.execute("CREATE TABLE t (x TEXT)")
            base.execute("INSERT INTO t VALUES (?)", ("." * 600 + value + "." * more,))
            base.commit()
            data = base.serialize()
        if value.encode() not in data:
            return data
    raise BlindError("no text could be split over two pages")


def plant_wal(root: Path) -> tuple[sqlite3.Connection, Secret]:
    """A value that only the -wal of an open database holds, in base64; close the connection."""
    connection = sqlite3.connect(root / "live.db")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("CREATE TABLE t (x TEXT)")
    value = base64.b64encode(canary("wal").encode()).decode()
    connection.execute("INSERT INTO t VALUES (?)", (value,))
    connection.commit()
    return connection, Secret("canary", "wal", (canary("wal").encode(),))


def plant_remains(root: Path) -> list[Secret]:
    """Values that no query gives any more: of a row that was deleted, of a -wal left alone."""
    gone, left = (base64.b64encode(canary(name).encode()).decode() for name in ("gone", "left"))
    with closing(sqlite3.connect(root / "deleted.db")) as base:
        base.execute("PRAGMA secure_delete = OFF")
        base.execute("CREATE TABLE t (x TEXT)")
        base.execute("INSERT INTO t VALUES (?)", (gone,))
        base.commit()
        base.execute("DELETE FROM t")
        base.commit()
    with closing(sqlite3.connect(root / "lost.db")) as base:
        base.execute("PRAGMA journal_mode = WAL")
        base.execute("CREATE TABLE t (x TEXT)")
        base.execute("INSERT INTO t VALUES (?)", (left,))
        base.commit()
        (root / "alone.db-wal").write_bytes((root / "lost.db-wal").read_bytes())
    (root / "lost.db").unlink()
    return [Secret("canary", name, (canary(name).encode(),)) for name in ("gone", "left")]


def prove(root: Path, *, nested: bool = True) -> int:
    """Plant, search, and compare; gives how many were planted. Raises BlindError."""
    planted = [*plant(root, nested=nested), *plant_remains(root)]
    connection, wal = plant_wal(root)
    never = Secret("canary", "never planted", (canary("never planted").encode(),))
    with closing(connection):
        found = {hit.secret.name for hit in search_tree(root, [*planted, wal, never])}
    wanted = {secret.name for secret in (*planted, wal)}
    if found != wanted:
        raise BlindError(f"not found: {sorted(wanted - found)}; imagined: {sorted(found - wanted)}")
    return len(wanted)
