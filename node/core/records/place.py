"""Where a record stands: what was received, its place in the stream, the log's 32-byte entry.

Source: protocol.md 3, 10.5, 10.6. The halves are hashed apart with their own salts, so that a
receipt can open *what* without telling the bidder, by *where*, how many came before him.
All hashes here are lower-case hex; `entry_bytes` gives the 32 raw bytes the log holds.
"""

from __future__ import annotations

from typing import Final

import msgspec

from node.core.errors import InvalidError
from node.core.records.canonical import Count, Hex32, Time, decode, digest_hex, digest_of, prepare

FIRST_PREV: Final = "0" * 64
"""`prev` of a stream's first place."""
SMALLEST_TICK: Final = 4


class What(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which record was received when: `received` by the host's clock, `sig` = SHA-256(signature).

    `stream` of a stream's first record is its own `id`.
    """

    id: Hex32
    received: Time
    salt: Hex32
    sig: Hex32
    stream: Hex32


class Where(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Its place: `seq` from 0, and the entry before it in the stream."""

    prev: Hex32
    salt: Hex32
    seq: Count

    def __post_init__(self) -> None:
        if (self.seq == 0) != (self.prev == FIRST_PREV):
            raise ValueError("place 0 and no other has 64 zeros before it")


class Extra(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The `extra` of a receipt: *what* opened, *where* as a hash. Write it with `encode`."""

    what: What
    where: Hex32


prepare(What, Where, Extra)


def what_hash(what: What) -> str:
    """H("what", what)."""
    return digest_of("what", what)


def where_hash(where: Where) -> str:
    """H("where", where)."""
    return digest_of("where", where)


def entry_hash(what: str, where: str) -> str:
    """H("entry", what || where): the leaf's content, from both halves' hashes in hex."""
    return digest_hex("entry", bytes.fromhex(what) + bytes.fromhex(where))


def entry_of(what: What, where: Where) -> str:
    """The entry of a record whose two halves are open."""
    return entry_hash(what_hash(what), where_hash(where))


def entry_bytes(entry: str) -> bytes:
    """The 32 raw bytes that the log's leaf and bundles hold. Raises InvalidError."""
    try:
        raw = bytes.fromhex(entry)
    except ValueError:
        raise InvalidError("an entry is 32 bytes in hex") from None
    if raw.hex() != entry or len(raw) != 32:
        raise InvalidError("an entry is 32 bytes in hex")
    return raw


def padding_what(salt: str) -> str:
    """H("what", {"pad": true, "salt"}): the hash of a padding entry's first half."""
    return digest_of("what", {"pad": True, "salt": salt})


def padding_where(salt: str) -> str:
    """H("where", {"pad": true, "salt"})."""
    return digest_of("where", {"pad": True, "salt": salt})


def padding_entry(what_salt: str, where_salt: str) -> str:
    """An entry that holds no record; without its two fresh salts it looks like any other."""
    return entry_hash(padding_what(what_salt), padding_where(where_salt))


def padded_count(records: int, smallest: int = SMALLEST_TICK) -> int:
    """How many entries a tick with `records` records has: the next of 4, 16, 64, 256, 1024 …

    A tick larger than the `smallest` tells that more than so many records came in it.
    """
    size = smallest
    while size < records:
        size *= 4
    return size


def read_extra(data: bytes) -> Extra:
    """Read a receipt's `extra`, already out of its base64. Raises InvalidError."""
    return decode(data, Extra)


def entry_of_extra(extra: Extra) -> str:
    """The entry that a receipt proves."""
    return entry_hash(what_hash(extra.what), extra.where)
