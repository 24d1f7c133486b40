"""The one way to write and read what is hashed and signed: RFC 8785 bytes, and nothing else.

Source: protocol.md 2 and 10.1. Records hold no floats, no null, integers below 2^53 and member
names in ASCII; within these bounds msgspec with sorted keys writes exactly RFC 8785.
Hostile bytes raise InvalidError (code `form`) only.
"""

from __future__ import annotations

import binascii
import calendar
import re
from collections.abc import Hashable
from datetime import UTC, datetime
from functools import cache, lru_cache
from hashlib import sha256
from typing import Annotated, Any, Final, TypeVar, cast

import msgspec
from msgspec import Meta, inspect

from node.core.errors import InvalidError

T = TypeVar("T")

# Python's "$" also matches before a last newline; ECMA 262 (JSON Schema) has no "\Z".
# "$(?!\n)" means "the very end" to both.
END: Final = r"$(?!\n)"
LENGTHS_OF_DAYS: Final = (
    r"(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
    r"|02-(?:0[1-9]|1[0-9]|2[0-8]))"
)
LEAP_YEAR: Final = r"(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)"
TIME_PATTERN: Final = (
    r"^(?=19[7-9]|[2-9])(?:[0-9]{4}-" + LENGTHS_OF_DAYS + "|" + LEAP_YEAR + r"-02-29)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z" + END
)

Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}" + END)]
"""32 bytes in lower-case hex: a digest, an id, a salt, a key."""
Count = Annotated[int, Meta(ge=0, lt=2**53)]
"""A number of things, a place, a size: 0 <= n < 2^53."""
Time = Annotated[str, Meta(pattern=TIME_PATTERN)]
"""A real UTC time `YYYY-MM-DDTHH:MM:SSZ`, years 1970 to 9999, no leap second."""
Money = Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?" + END)]
"""A decimal string; its scale is fixed by the announcement, its unit by the currency."""
Base64 = Annotated[str, Meta(extra_json_schema={"contentEncoding": "base64"})]
"""Padded canonical base64; `b64decode` is its check."""

_ENCODER: Final = msgspec.json.Encoder(order="sorted")
_TIME: Final = re.compile(TIME_PATTERN)
MAX_REASON: Final = 200
_LAST_EPOCH: Final = 253402300799  # 9999-12-31T23:59:59Z


def encode(value: object) -> bytes:
    """Write the RFC 8785 bytes of Structs, dicts, tuples, lists, str, int and bool.

    The caller keeps to what records may hold (module docstring); text with lone surrogates,
    which has no UTF-8 form, raises InvalidError.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError:
        raise InvalidError("text holds half a surrogate pair") from None


def decode(data: bytes, kind: type[T]) -> T:
    """Read `data` as `kind`, if and only if `data` are the bytes we should write for it.

    That one comparison refuses white space, order, doubled members, escapes, null and -0.
    Raises InvalidError; TypeError if `kind` itself is too loose to be read strictly.
    """
    decoder = _decoder(cast("Hashable", kind))
    try:
        value: T = decoder.decode(data)
        same = _ENCODER.encode(value) == data
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise InvalidError(f"not a {_name(kind)}: {_reason(error)}") from None
    if not same:
        raise InvalidError(f"not the canonical bytes (RFC 8785) of a {_name(kind)}")
    return value


def digest(tag: str, data: bytes) -> bytes:
    """H(tag, data) of protocol.md: SHA-256 of `yuanping/<tag>/v1\\n` and `data`; 32 raw bytes."""
    return sha256(tagged(tag) + data).digest()


@cache
def tagged(tag: str) -> bytes:
    """What H(tag, data) hashes before the data; tags are a few dozen, all written in the code."""
    return b"yuanping/%b/v1\n" % tag.encode("ascii")


def digest_hex(tag: str, data: bytes) -> str:
    """H(tag, data) in lower-case hex."""
    return sha256(tagged(tag) + data).hexdigest()


def digest_of(tag: str, value: object) -> str:
    """H(tag, RFC 8785 bytes of value) in lower-case hex."""
    return sha256(tagged(tag) + encode(value)).hexdigest()


@lru_cache(maxsize=1024)
def epoch_of(time: str) -> int:
    """Seconds since 1970-01-01T00:00:00Z of a `Time`. Raises InvalidError if it is none."""
    if not _TIME.search(time):
        raise InvalidError("time must be a real YYYY-MM-DDTHH:MM:SSZ of 1970 to 9999")
    parts = (time[0:4], time[5:7], time[8:10], time[11:13], time[14:16], time[17:19])
    return calendar.timegm(tuple(int(part) for part in parts))


@lru_cache(maxsize=1024)
def time_of(epoch: int) -> str:
    """The `Time` of seconds since 1970. Raises InvalidError outside the years 1970 to 9999."""
    if not 0 <= epoch <= _LAST_EPOCH:
        raise InvalidError("time is outside the years 1970 to 9999")
    return datetime.fromtimestamp(epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def b64encode(data: bytes) -> str:
    """RFC 4648 section 4 base64, padded, without line breaks."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def b64decode(text: str) -> bytes:
    """Read base64 only in the one form `b64encode` writes. Raises InvalidError.

    Comparing with the re-encoding refuses stray trailing bits, which strict decoders let pass.
    """
    try:
        data = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise InvalidError("not base64") from None
    if b64encode(data) != text:
        raise InvalidError("not canonical base64")
    return data


def _reason(error: Exception) -> str:
    """What was wrong; msgspec quotes names it was given: cut, and nothing a terminal obeys."""
    text = str(error) if isinstance(error, msgspec.DecodeError) else type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in text[:MAX_REASON])


def _name(kind: object) -> str:
    return getattr(kind, "__name__", "value").lower()


def prepare(*kinds: Hashable) -> None:
    """Get ready to `decode` these kinds. Call it where they are defined, while modules load.

    msgspec fills in what it knows of a structure at its first use. Two threads that do so at once
    can read what is half filled, and crash: so a node prepares every kind before it has threads.
    """
    for kind in kinds:
        _decoder(kind)


@cache
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    _check_kind(inspect.type_info(kind), set())
    return msgspec.json.Decoder(cast(Any, kind))


def _check_kind(info: inspect.Type, done: set[type]) -> None:
    """Refuse, at its first use, a kind under which two different bytes could pass as one value.

    Floats, raw JSON, unbounded integers, null and free member names all survive the re-encoding
    test although protocol.md forbids them.
    """
    match info:
        case inspect.BoolType() | inspect.StrType() | inspect.LiteralType() | inspect.EnumType():
            return
        case inspect.IntType() if _is_bounded(info):
            return
        case inspect.StructType():
            _check_struct(info, done)
        case inspect.DictType(key_type=inspect.StrType(pattern=str()), value_type=value):
            _check_kind(value, done)
        case _:
            for inner in _inner_types(info):
                _check_kind(inner, done)


def _is_bounded(info: inspect.IntType) -> bool:
    lowest = info.gt if info.ge is None else info.ge
    highest = info.lt if info.le is None else info.le
    return None not in (lowest, highest) and max(abs(lowest or 0), abs(highest or 0)) <= 2**53


def _inner_types(info: inspect.Type) -> tuple[inspect.Type, ...]:
    match info:
        case inspect.Metadata(type=inner) | inspect.VarTupleType(item_type=inner):
            return (inner,)
        case inspect.ListType(item_type=inner):
            return (inner,)
        case inspect.TupleType(item_types=items):
            return tuple(items)
        case inspect.UnionType(types=items):
            return tuple(items)
    raise TypeError(f"{type(info).__name__} cannot be read strictly")


def _check_struct(info: inspect.StructType, done: set[type]) -> None:
    if info.cls in done:
        return
    done.add(info.cls)
    if not info.forbid_unknown_fields:
        raise TypeError(f"{info.cls.__name__} must forbid unknown members")
    omits = info.cls.__struct_config__.omit_defaults
    for field in info.fields:
        if not field.required and not omits:
            raise TypeError(f"{info.cls.__name__}.{field.name}: needs omit_defaults")
        inner = field.type
        if isinstance(inner, inspect.UnionType) and inner.includes_none and not field.required:
            types = tuple(t for t in inner.types if not isinstance(t, inspect.NoneType))
            inner = inspect.UnionType(types)
        _check_kind(inner, done)
