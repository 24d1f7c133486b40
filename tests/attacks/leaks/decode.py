"""From any bytes every layer below them: text, hex, base64, JSON, SQLite, gRPC, protobuf, gzip.

Promise: whatever is encoded by these, alone or in one another up to `Limits.depth` deep, comes out
as a layer of its own. A limit that is reached raises `TooMuchError`: a search that stops early and
says nothing would be worse than none.
"""

from __future__ import annotations

import binascii
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from tests.attacks.leaks.pieces import SQLITE, sqlite_values
from tests.attacks.leaks.seen import Seen
from tests.attacks.leaks.texts import (
    SPACED,
    SPACED_SIGN,
    WRAPPED,
    WRAPPED_SIGN,
    Found,
    noted_values,
    page_values,
    percent_values,
    spaced_values,
    wrapped_values,
)

GZIP = b"\x1f\x8b\x08"
LEAST = 4
"""Layers shorter than this are left out: no secret that is searched for is so short."""

_HEX = re.compile(rb"[0-9A-Fa-f]{8,}")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{6,}={0,2}")
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]{6,}={0,2}")
_DIGEST = re.compile(rb"[0-9a-f]{32,}")
"""No base64 looks like this: one run of 32 in 2^64 would."""
_CHARACTER = rb"[\x09\x0a\x0d\x20-\x7e]"
_WIDE_LE = re.compile(rb"(?:%b\x00){4,}" % _CHARACTER)
_WIDE_BE = re.compile(rb"(?:\x00%b){4,}" % _CHARACTER)
_WIDE_SIGN = re.compile(rb"\x00%b\x00%b\x00%b\x00" % ((_CHARACTER,) * 3))
"""In every layer that has such a run, and found many times faster than a run."""
_DEFLATED = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]")
_TEXT = re.compile(rb"[^\x00-\x08\x0b\x0c\x0e-\x1f]{4,}")
_ESCAPED = re.compile(rb"\\[\"\\/bfnrtu]")
STRUCTURES = frozenset({"sqlite", "gzip", "zlib", "json", "unescaped", "grpc"})
_FRAME = 5
"""A flag (0 plain, 1 compressed) and four bytes of length before each message of a gRPC stream."""
_MAX_VARINT = 10
_MAX_FIELD = 4096


class TooMuchError(Exception):
    """A limit was reached: not everything was looked at."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`depth` of encodings in one another; `total` bytes of all layers; `inflated` of one."""

    depth: int = 9
    total: int = 512 * 1024 * 1024
    inflated: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Layer:
    """Some bytes, and how one gets there."""

    path: tuple[str, ...]
    data: bytes


def layers(data: bytes, limits: Limits | None = None, seen: Seen | None = None) -> Iterator[Layer]:
    """The bytes themselves and every layer below them, each different one once.

    What was seen is passed over with all below it, and what is given is added to it. Raises
    TooMuchError.
    """
    limits, seen = limits or Limits(), seen or Seen()
    waiting = [Layer((), data)]
    total = 0
    while waiting:
        layer = waiting.pop()
        mark = blake2b(layer.data, digest_size=16).digest()
        if len(layer.data) < LEAST or not seen.new({mark}):
            continue
        total += len(layer.data)
        if total > limits.total:
            raise TooMuchError(f"more than {limits.total} bytes of layers")
        yield layer
        found = _below(layer.data, limits, seen)
        below = [Layer((*layer.path, how), inner) for how, inner in found]
        if below and len(layer.path) >= limits.depth:
            below = [one for one in below if _is_structure(one)]
        if below and len(layer.path) >= 2 * limits.depth:
            raise TooMuchError(f"encodings more than {limits.depth} deep: {layer.path}")
        waiting += below


def _is_structure(layer: Layer) -> bool:
    """Whether a layer was told by its form; short hex and base64 runs are mostly chance."""
    return layer.path[-1].partition(" ")[0] in STRUCTURES


def _below(data: bytes, limits: Limits, seen: Seen) -> Found:
    if data.startswith(SQLITE):
        yield from sqlite_values(data)
    for decoder in DECODERS:
        yield from decoder(data)
    for sign, pattern, decode in RUNS:
        if sign and not sign.search(data):
            continue
        for run in seen.new(set(pattern.findall(data))):
            yield from decode(run)
    yield from _inflated(data, limits)


def hex_values(run: bytes) -> Found:
    """A run of hex digits, at both alignments."""
    for skip in (0, 1):
        yield "hex", binascii.unhexlify(run[skip : skip + (len(run) - skip) // 2 * 2])


def base64_values(run: bytes) -> Found:
    """A run of either alphabet, at all four alignments; a wrong one gives chance bytes only."""
    if _DIGEST.fullmatch(run):
        return
    how = "base64url" if {45, 95} & set(run) else "base64"
    plain = run.rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
    for skip in range(4):
        part = plain[skip:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        yield how, binascii.a2b_base64(part + b"=" * (-len(part) % 4))


def wide_values(data: bytes) -> Found:
    """UTF-16: the whole with a byte order mark, and runs of ASCII without one."""
    for mark, codec in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            yield codec, data[2:].decode(codec, "replace").encode()
    if not _WIDE_SIGN.search(data):
        return
    for pattern, start in ((_WIDE_LE, 0), (_WIDE_BE, 1)):
        for match in pattern.finditer(data):
            yield "utf-16", match.group()[start::2]


def json_values(data: bytes) -> Found:
    """The strings and numbers of a JSON document, or of JSON lines: together, and each string that
    may hold another document by itself.
    """
    text = data.strip()
    if not text or text[:1] not in b'{["':
        return
    documents = _parse(text)
    texts: list[str] = []
    for document in documents:
        _gather(document, texts)
    if not documents:
        return
    yield "json", "\n".join(texts).encode("utf-8", "surrogatepass")
    for one in texts:
        if one[:1] in ('"', "{", "[") or "\\" in one:
            yield "json string", one.encode("utf-8", "surrogatepass")


def _parse(text: bytes) -> list[object]:
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    found: list[object] = []
    for line in text.splitlines():
        try:
            found.append(json.loads(line))
        except (ValueError, RecursionError):
            continue
    return found


def _gather(document: object, texts: list[str]) -> None:
    stack = [document]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            stack += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            stack += one
        elif isinstance(one, str):
            texts.append(one)
        elif isinstance(one, int | float):
            texts.append(str(one))


def unescaped_values(run: bytes) -> Found:
    """Text with JSON's escapes undone, for documents that are only part of something else."""
    if not _ESCAPED.search(run):
        return
    text = run.decode("utf-8", "surrogateescape")
    plain = _UNESCAPE.sub(_unescape, text)
    paired = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    yield "unescaped", paired.encode("utf-8", "replace")


_UNESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"\\/bfnrt]))")
_SHORT = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _unescape(match: re.Match[str]) -> str:
    if match.group(1):
        return chr(int(match.group(1), 16))
    return _SHORT.get(match.group(2), match.group(2))


def protobuf_values(data: bytes) -> Found:
    """The fields of a message of unknown type: what has a length by itself, numbers as text."""
    fields = _message(data)
    if not fields:
        return
    numbers = b"\n".join(str(one).encode() for one in fields if isinstance(one, int))
    yield "protobuf numbers", numbers
    yield from (("protobuf", one) for one in fields if isinstance(one, bytes))


def grpc_values(data: bytes) -> Found:
    """The messages of a gRPC stream as HTTP/2 carries it, and what they carry piece by piece."""
    messages = _frames(data)
    yield from (("grpc", one) for one in messages)
    pieces = [[f for f in _message(one) or () if isinstance(f, bytes)] for one in messages]
    if len(messages) > 1 and any(pieces):
        yield "grpc pieces", b"".join(piece for fields in pieces for piece in fields)


def _frames(data: bytes) -> list[bytes]:
    """The messages, or none if the bytes are no stream of frames from the first to the last."""
    found: list[bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + _FRAME], "big")
        if data[at] > 1 or at + _FRAME + size > len(data):
            return []
        found.append(data[at + _FRAME : at + _FRAME + size])
        at += _FRAME + size
    return found


def _message(data: bytes) -> list[int | bytes] | None:
    """The fields, or None if the bytes are no message from the first to the last."""
    fields: list[int | bytes] = []
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if not 0 < tag >> 3 <= _MAX_FIELD:
            return None
        value, at = _field(data, at, tag & 7)
        if value is None or at > len(data):
            return None
        fields.append(value)
    return fields


def _field(data: bytes, at: int, wire: int) -> tuple[int | bytes | None, int]:
    if wire == 0:
        number, at = _varint(data, at)
        return (number if number >= 0 else None), at
    if wire == 2:
        size, at = _varint(data, at)
        return (data[at : at + size] if size >= 0 else None), at + max(size, 0)
    size = {1: 8, 5: 4}.get(wire, 0)
    return (int.from_bytes(data[at : at + size], "little") if size else None), at + size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place, byte in enumerate(data[at : at + _MAX_VARINT]):
        number |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return number, at + place + 1
    return -1, len(data) + 1


def _inflated(data: bytes, limits: Limits) -> Found:
    """Gzip and zlib wherever one begins."""
    for start in _DEFLATED.finditer(data):
        how, window = ("gzip", 31) if start.group() == GZIP else ("zlib", 15)
        machine = zlib.decompressobj(window)
        try:
            plain = machine.decompress(data[start.start() :], limits.inflated)
        except zlib.error:
            continue
        if machine.unconsumed_tail:
            raise TooMuchError(f"{how} of more than {limits.inflated} bytes")
        yield how, plain
    yield from _deflated(data, limits)


def _deflated(data: bytes, limits: Limits) -> Found:
    """Deflate without any header, as some HTTP servers send it: the whole of a layer or nothing."""
    machine = zlib.decompressobj(-15)
    try:
        plain = machine.decompress(data, limits.inflated)
    except zlib.error:
        return
    if machine.unconsumed_tail:
        raise TooMuchError(f"deflate of more than {limits.inflated} bytes")
    if machine.eof and not machine.unused_data:
        yield "zlib deflate", plain


DECODERS: tuple[Callable[[bytes], Found], ...] = (
    json_values,
    protobuf_values,
    grpc_values,
    wide_values,
    percent_values,
    page_values,
    noted_values,
)
"""What reads a layer as a whole."""
Run = tuple[re.Pattern[bytes] | None, re.Pattern[bytes], Callable[[bytes], Found]]
RUNS: tuple[Run, ...] = (
    (_ESCAPED, _TEXT, unescaped_values),
    (None, _HEX, hex_values),
    (None, _BASE64, base64_values),
    (None, _BASE64URL, base64_values),
    (SPACED_SIGN, SPACED, spaced_values),
    (WRAPPED_SIGN, WRAPPED, wrapped_values),
)
"""What reads runs of certain characters inside of a layer; each different run once.

A sign is in every layer that has such a run, and is found many times faster than a run.
"""
