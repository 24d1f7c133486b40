"""Shamir's sharing of a 32-byte secret: any t of n shares give it, fewer tell nothing.

Source: protocol.md 5 and 10.7; A. Shamir, "How to share a secret" (1979). Arithmetic modulo
the prime p = 2^256 - 189; share number x = 1 … n, its value y is 32 bytes big-endian.
Python's integers are not constant-time: shares are made and joined only on the machine that may
know the secret anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from node.core.errors import InvalidError

PRIME: Final = 2**256 - 189
MAX_SHARES: Final = 255

Draw = Callable[[int], bytes]
"""Gives that many fresh random bytes; an adapter's entropy, or a test's."""


def is_element(value: bytes) -> bool:
    """Whether 32 bytes, big-endian, are a number below p."""
    return len(value) == 32 and int.from_bytes(value, "big") < PRIME


def draw_element(draw: Draw) -> bytes:
    """32 random bytes below p, uniform: drawn again in the 1 case of 2^248 that they are not."""
    while not is_element(value := draw(32)):
        continue
    return value


def split(secret: bytes, t: int, n: int, draw: Draw) -> list[bytes]:
    """The n shares (of x = 1 … n, in order) of which any t give `secret`, 1 <= t <= n <= 255.

    Raises InvalidError if the numbers are out of range or the secret is not below p.
    """
    if not 1 <= t <= n <= MAX_SHARES:
        raise InvalidError(f"cannot share {t} of {n}: need 1 <= t <= n <= {MAX_SHARES}")
    coefficients = [_element(secret), *(_element(draw_element(draw)) for _ in range(t - 1))]
    return [_value_at(coefficients, x).to_bytes(32, "big") for x in range(1, n + 1)]


def combine(shares: Mapping[int, bytes], t: int) -> bytes:
    """The secret of shares by number; `t` or more, all of one sharing.

    More than t shares must lie on the one polynomial that the t lowest numbers fix: otherwise
    different holders would get different secrets. Raises InvalidError for that, for fewer than
    t, and for numbers or values out of range.
    """
    if not 1 <= t <= len(shares):
        raise InvalidError(f"{len(shares)} shares; {t} are needed")
    points = [(_number(x), _element(shares[x])) for x in sorted(shares)]
    basis, others = points[:t], points[t:]
    if any(_interpolate(basis, x) != y for x, y in others):
        raise InvalidError(f"the shares are not of one sharing with threshold {t}")
    return _interpolate(basis, 0).to_bytes(32, "big")


def _element(value: bytes) -> int:
    if not is_element(value):
        raise InvalidError("a secret or share is 32 bytes, big-endian, below 2^256 - 189")
    return int.from_bytes(value, "big")


def _number(x: int) -> int:
    if not 1 <= x <= MAX_SHARES:
        raise InvalidError(f"share number {x} is not 1 to {MAX_SHARES}")
    return x


def _value_at(coefficients: list[int], x: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % PRIME
    return value


def _interpolate(points: list[tuple[int, int]], at: int) -> int:
    """Lagrange: the value at `at` of the least polynomial through `points`."""
    total = 0
    for x, y in points:
        above, below = 1, 1
        for other, _ in points:
            if other != x:
                above = above * (at - other) % PRIME
                below = below * (x - other) % PRIME
        total += y * above * pow(below, -1, PRIME)
    return total % PRIME
