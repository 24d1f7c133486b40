"""Ways in which text hides bytes beside base64 and hex: addresses, pages, Python's own notation.

Each is a layer of its own where its signs stand side by side; in bytes that are no text a single
one is chance.
"""

from __future__ import annotations

import binascii
import html
import re
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

Found = Iterator[tuple[str, bytes]]

SPACED = re.compile(rb"(?:[0-9a-fA-F]{2}[ :-]){7,}[0-9a-fA-F]{2}")
"""Hex as fingerprints and dumps write it."""
SPACED_SIGN = re.compile(rb"[ :-][0-9a-fA-F]{2}[ :-][0-9a-fA-F]{2}[ :-]")
WRAPPED = re.compile(rb"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{16,}+\r?\n)+[A-Za-z0-9+/_-]++={0,2}")
"""Base64 or hex over several lines, as PEM and mail write it; a long line is looked at once."""
WRAPPED_SIGN = re.compile(rb"\n[A-Za-z0-9+/_-]")
_PERCENT = re.compile(rb"%[0-9A-Fa-f]{2}")
_PERCENTS = re.compile(rb"%[0-9A-Fa-f]{2}%[0-9A-Fa-f]{2}")
_ENTITY = re.compile(rb"&(?:#[0-9]{2,7}|#[xX][0-9a-fA-F]{2,6}|amp|lt|gt|quot|apos);")
_BYTES = re.compile(rb"\\x[0-9a-fA-F]{2}\\x[0-9a-fA-F]{2}")
_LITERAL = re.compile(rb"b'(?:[^'\\]|\\.)*'|b\"(?:[^\"\\]|\\.)*\"")
_NOTED = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([\\'\"nrt]))")
_SHORT = {b"n": b"\n", b"r": b"\r", b"t": b"\t"}


def spaced_values(run: bytes) -> Found:
    """Pairs of hex digits with something between them."""
    yield "spaced hex", binascii.unhexlify(re.sub(rb"[ :-]", b"", run))


def wrapped_values(run: bytes) -> Found:
    """The lines in one."""
    yield "wrapped", run.replace(b"\r", b"").replace(b"\n", b"")


def percent_values(data: bytes) -> Found:
    """An address or a form: `%E9%87%91`, and a plus for a space."""
    if _PERCENTS.search(data) or (b"\0" not in data and _PERCENT.search(data)):
        yield "percent", unquote_to_bytes(data)
        if b"+" in data:
            yield "percent", unquote_to_bytes(data.replace(b"+", b" "))


def page_values(data: bytes) -> Found:
    """A page: `&#37329;`, `&amp;`."""
    if _ENTITY.search(data):
        text = data.decode("utf-8", "surrogateescape")
        yield "page", html.unescape(text).encode("utf-8", "surrogateescape")


def noted_values(data: bytes) -> Found:
    r"""Bytes as Python writes them in a log: `b'\xe9\x87'`."""
    if _BYTES.search(data):
        for literal in _LITERAL.findall(data):
            yield "noted bytes", _NOTED.sub(_noted, literal[2:-1])
        yield "noted bytes", _NOTED.sub(_noted, data)


def _noted(match: re.Match[bytes]) -> bytes:
    if match.group(1):
        return binascii.unhexlify(match.group(1))
    return _SHORT.get(match.group(2), match.group(2))
