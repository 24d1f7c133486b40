"""Keccak-256 as Ethereum uses it: where a contract's mappings and arrays keep their values.

Written by hand, since hashlib knows only the padding that NIST chose later (0x06; this is 0x01)
and the core takes no library for a hundred lines. Nothing secret is hashed here. Many short
messages are hashed at once: Python's integers have any width, so a lane holds 64 bits of each
message, side by side, and twenty messages cost little more than one (about 0.2 ms).
Source: Keccak reference, version 3.0; FIPS 202 sections 3.2 and 4 for the permutation and sponge.
"""

from __future__ import annotations

from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE_BYTES: Final = 136
LANE_BYTES: Final = 8
LANE_BITS: Final = 64
_RATE_LANES: Final = RATE_BYTES // LANE_BYTES
WIDTH: Final = 64
"""So many messages are hashed at once; wider integers would gain little more."""
MAX_KNOWN: Final = 4096
_KNOWN: Final[dict[bytes, bytes]] = {}
"""Digests computed lately: the same few slots are asked for in every note."""


def keccak256(data: bytes) -> bytes:
    """Give the 32-byte Keccak-256 digest, rate 1088, padding 10*1 with domain byte 0x01."""
    return _KNOWN.get(data) or keccak256_each([data])[0]


def keccak256_each(messages: Sequence[bytes]) -> list[bytes]:
    """The digests of messages that fill equally many blocks, in order, at once, and remembered.

    Raises ValueError if they do not: up to 135 bytes fill one block.
    """
    if len({len(message) // RATE_BYTES for message in messages}) > 1:
        raise ValueError("messages hashed at once fill equally many blocks")
    found = {message: _KNOWN.get(message, b"") for message in messages}
    fresh = [message for message, known in found.items() if not known]
    for start in range(0, len(fresh), WIDTH):
        part = fresh[start : start + WIDTH]
        found.update(zip(part, _hash(part), strict=True))
    if len(_KNOWN) > MAX_KNOWN:
        _KNOWN.clear()
    _KNOWN.update(found)
    return [found[message] for message in messages]


def _hash(messages: Sequence[bytes]) -> list[bytes]:
    padded = [_padded(message) for message in messages]
    state = [0] * 25
    for start in range(0, len(padded[0]), LANE_BYTES):
        lane = start // LANE_BYTES % _RATE_LANES
        joined = b"".join(message[start : start + LANE_BYTES] for message in padded)
        state[lane] ^= int.from_bytes(joined, "little")
        if lane == _RATE_LANES - 1:
            state = _permute(state, len(messages))
    size = LANE_BYTES * len(messages)
    lanes = [lane.to_bytes(size, "little") for lane in state[:4]]
    return [
        b"".join(lane[at : at + LANE_BYTES] for lane in lanes) for at in range(0, size, LANE_BYTES)
    ]


def _padded(message: bytes) -> bytes:
    padding = bytearray(RATE_BYTES - len(message) % RATE_BYTES)
    padding[0] ^= 0x01
    padding[-1] ^= 0x80
    return message + padding


def _permute(a: list[int], width: int) -> list[int]:
    """Keccak-f[1600]: 24 rounds over lanes a[x + 5 y] of `width` states (FIPS 202, 3.3)."""
    ones, moves, constants = _tables(width)
    high = ones * ((1 << LANE_BITS) - 2)
    for constant in constants:
        # theta
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        turned = [one << 1 & high | one >> LANE_BITS - 1 & ones for one in c]
        d = [c[x - 1] ^ turned[x - 4] for x in range(5)]
        # rho and pi
        b = [
            (lane := a[source] ^ d[x]) << left & upper | lane >> right & lower
            for source, x, left, upper, right, lower in moves
        ]
        # chi
        a = [b[i] ^ (~b[j] & b[k]) for i, j, k in ROWS]
        # iota
        a[0] ^= constant
    return a


@lru_cache(maxsize=WIDTH)
def _tables(width: int) -> tuple[int, tuple[tuple[int, ...], ...], tuple[int, ...]]:
    """A 1 in each of `width` lanes; the moves by target, with masks that part lanes; constants."""
    ones = sum(1 << LANE_BITS * n for n in range(width))
    moves = []
    for source, _, turn in sorted(MOVES, key=itemgetter(1)):
        lower = (1 << turn) - 1
        upper = (1 << LANE_BITS) - 1 - lower
        rest = LANE_BITS - turn
        moves.append((source, source % 5, turn, ones * upper, rest, ones * lower))
    return ones, tuple(moves), tuple(constant * ones for constant in ROUND_CONSTANTS)


def _round_constants() -> tuple[int, ...]:
    """The 24 constants, from the register that defines them (FIPS 202, algorithms 5 and 6)."""
    constants, register = [], 1
    for _ in range(24):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << ((1 << j) - 1)
            register = (register << 1) ^ (0x171 if register & 0x80 else 0)
        constants.append(constant)
    return tuple(constants)


def _moves() -> tuple[tuple[int, int, int], ...]:
    """Source, target and rotation of each lane (FIPS 202, algorithms 2 and 3)."""
    moves, x, y = [(0, 0, 0)], 1, 0
    for t in range(24):
        moves.append((x + 5 * y, y + 5 * ((2 * x + 3 * y) % 5), (t + 1) * (t + 2) // 2 % 64))
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(moves)


ROUND_CONSTANTS: Final = _round_constants()
MOVES: Final = _moves()
ROWS: Final = tuple((i, i - i % 5 + (i + 1) % 5, i - i % 5 + (i + 2) % 5) for i in range(25))
"""Each lane with the next two of its row."""
