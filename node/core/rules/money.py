"""Money as whole minor units, and the one rounding of this project: half up, once.

Money travels as a decimal string with exactly the digits that the announcement's scale fixes
(`1234.50` at scale 2, `14820000` at scale 0), so that one amount has one spelling. Inside it is
an integer of minor units (fen, yen). Ratios are `Fraction`: nothing is rounded before the end.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from node.core.errors import InvalidError

MAX_SCALE = 6
_MONEY = re.compile(r"(0|[1-9][0-9]{0,17})(?:\.([0-9]{1,6}))?")


def parse_money(text: str, scale: int) -> int:
    """Minor units of a money string written at exactly this scale.

    Raises InvalidError for any other spelling: sign, exponent, leading zero, missing digits.
    """
    found = _MONEY.fullmatch(text)
    if found is None or len(found[2] or "") != scale:
        raise InvalidError(f"{text[:40]!r} is no amount with {scale} decimals")
    return int(found[1] + (found[2] or ""))


def format_money(minor: int, scale: int) -> str:
    """The money string of minor units at this scale; the inverse of `parse_money`.

    Raises InvalidError for a negative amount, one that is too large to be parsed again, or a
    scale outside 0 … 6.
    """
    if not 0 <= scale <= MAX_SCALE or not 0 <= minor < 10 ** (18 + scale):
        raise InvalidError(f"{minor} minor units at scale {scale} is no amount")
    if scale == 0:
        return str(minor)
    digits = f"{minor:0{scale + 1}d}"
    return f"{digits[:-scale]}.{digits[-scale:]}"


def half_up(value: Fraction, scale: int) -> Decimal:
    """Round an exact value half up to `scale` decimals; a negative half goes away from zero.

    Exact for any size: no decimal context takes part. Zero has no sign.
    """
    scaled = abs(value) * 10**scale
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    sign = 1 if value < 0 and units else 0
    return Decimal((sign, tuple(int(digit) for digit in str(units)), -scale))


def to_minor(value: Fraction, scale: int) -> int:
    """An exact amount of money in minor units, rounded half up once."""
    return int(half_up(value * 10**scale, 0))
