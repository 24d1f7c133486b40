"""Keccak-256 as Ethereum uses it: where a contract's mappings and arrays keep their values.

Written by hand, since hashlib knows only the padding that NIST chose later (0x06; this is 0x01)
and the core takes no library for a hundred lines. Nothing secret is hashed here; about 0.2 ms.
Source: Keccak reference, version 3.0; FIPS 202 sections 3.2 and 4 for the permutation and sponge.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

RATE_BYTES: Final = 136
LANE_BYTES: Final = 8
_LANE: Final = (1 << 64) - 1


@lru_cache(maxsize=4096)
def keccak256(data: bytes) -> bytes:
    """Give the 32-byte Keccak-256 digest, rate 1088, padding 10*1 with domain byte 0x01."""
    padded = bytearray(data) + bytes(RATE_BYTES - len(data) % RATE_BYTES)
    padded[len(data)] ^= 0x01
    padded[-1] ^= 0x80
    state = [0] * 25
    for start in range(0, len(padded), RATE_BYTES):
        for lane in range(RATE_BYTES // LANE_BYTES):
            at = start + lane * LANE_BYTES
            state[lane] ^= int.from_bytes(padded[at : at + LANE_BYTES], "little")
        state = _permute(state)
    return b"".join(lane.to_bytes(LANE_BYTES, "little") for lane in state[:4])


def _permute(a: list[int]) -> list[int]:
    """Keccak-f[1600]: 24 rounds over lanes a[x + 5 y] (FIPS 202, 3.3)."""
    for constant in ROUND_CONSTANTS:
        # theta
        c = [a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20] for x in range(5)]
        d = [c[x - 1] ^ ((c[x - 4] << 1 | c[x - 4] >> 63) & _LANE) for x in range(5)]
        # rho and pi
        b = [0] * 25
        for source, target, turn in MOVES:
            lane = a[source] ^ d[source % 5]
            b[target] = (lane << turn | lane >> (64 - turn)) & _LANE
        # chi
        a = [b[i] ^ (~b[j] & b[k]) for i, j, k in ROWS]
        # iota
        a[0] ^= constant
    return a


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
