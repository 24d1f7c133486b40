"""Money: one spelling an amount, and half up."""

from __future__ import annotations

from fractions import Fraction

import pytest

from node.core.errors import InvalidError
from node.core.rules.money import format_money, half_up, parse_money, to_minor


@pytest.mark.parametrize(
    ("text", "scale", "minor"),
    [("0", 0, 0), ("14820000", 0, 14_820_000), ("0.05", 2, 5), ("1234.50", 2, 123_450)],
)
def test_amounts(text: str, scale: int, minor: int) -> None:
    assert parse_money(text, scale) == minor
    assert format_money(minor, scale) == text


@pytest.mark.parametrize(
    ("text", "scale"),
    [
        ("1234.5", 2),
        ("1234", 2),
        ("1234.500", 2),
        ("1.0", 0),
        ("-1", 0),
        ("+1", 0),
        ("01", 0),
        ("", 0),
        ("1e5", 0),
        ("NaN", 0),
        ("1 000", 0),
        ("1,000", 0),
        ("1\n", 0),
        ("１", 0),
        ("1１", 0),
        (".50", 2),
        ("1000000000000000000", 0),
    ],
)
def test_other_spellings_are_refused(text: str, scale: int) -> None:
    with pytest.raises(InvalidError):
        parse_money(text, scale)


@pytest.mark.parametrize(("minor", "scale"), [(-1, 0), (10**20, 2), (1, 7), (1, -1)])
def test_what_cannot_be_read_again_is_not_written(minor: int, scale: int) -> None:
    with pytest.raises(InvalidError):
        format_money(minor, scale)


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        (Fraction(1, 8), 2, "0.13"),
        (Fraction(-1, 8), 2, "-0.13"),
        (Fraction(1, 200), 2, "0.01"),
        (Fraction(-1, 1000), 2, "0.00"),  # no sign on zero
        (Fraction(5, 2), 0, "3"),
        (Fraction(63990, 100), 0, "640"),  # Zhuzhou's fee: 213 300 x 0.3 % = 639.90
        (Fraction(2, 3), 4, "0.6667"),
    ],
)
def test_half_up(value: Fraction, scale: int, text: str) -> None:
    assert str(half_up(value, scale)) == text


def test_minor_units_round_once() -> None:
    """Twice rounded, 0.445 would become 0.45 and then 0.5."""
    assert to_minor(Fraction(445, 1000), 1) == 4
