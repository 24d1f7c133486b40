"""Scoring by hand-reckoned cases: aggregation, formulas, sheets, objective criteria."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from node.core.errors import InvalidError, RuleError
from node.core.rules.scoring import (
    PANEL,
    Aggregation,
    Criterion,
    PriceRule,
    benchmark_of,
    check_price_rule,
    check_sheet,
    criterion_points,
    feature_coefficient,
    mean_of,
    parse_points,
    price_points,
    score_bids,
    share_of_best,
    total_of,
    unequal_objective,
)

D = Decimal
QUALITY = Criterion("quality", D(40), D("0.5"))
TERM = Criterion("term", D(10), D(1), objective=True)
CRITERIA = (QUALITY, TERM)
SHEET = {("A", "quality"): D("32.5"), ("A", "term"): D(10)} | {
    ("B", "quality"): D("28.0"),
    ("B", "term"): D(8),
}
DEVIATION = PriceRule("benchmark-deviation", D(50), 2, D("0.05"), D(1), D("0.5"))
SEVEN = Aggregation(2, drop_from=7)


def marks(*texts: str) -> list[Decimal]:
    return [D(text) for text in texts]


@pytest.mark.parametrize(
    ("found", "how", "mean"),
    [
        (marks("1", "2", "2"), Aggregation(2), "1.67"),
        (marks("1", "1.01"), Aggregation(2), "1.01"),  # 1.005 goes up, not to the even cent
        (marks("0", "10", "10", "10", "10"), Aggregation(2, drop_from=7), "8.00"),
        (marks("0", "5", "5", "5", "5", "5", "10"), Aggregation(2, drop_from=7), "5.00"),
        (marks("5", "5", "5", "5", "5", "5", "10"), Aggregation(2), "5.71"),
        (marks("9", "1"), Aggregation(2, drop_from=0), "5.00"),  # two marks: nothing to drop
        (marks("0", "7", "8", "9", "9"), PANEL, "8.50"),  # the absent one first, then 7 and a 9
        (marks("0", "0"), Aggregation(1), "0.0"),
    ],
)
def test_mean(found: list[Decimal], how: Aggregation, mean: str) -> None:
    assert str(mean_of(found, how)) == mean


def test_nobody_was_there() -> None:
    with pytest.raises(RuleError, match="absent"):
        mean_of(marks("0", "0.0"), PANEL)


def test_benchmark_is_exact_and_losses_count_by_side() -> None:
    prices = {"A": 90, "B": 100, "C": 110}
    assert benchmark_of(prices.values(), DEVIATION) == 95
    points = price_points(prices, DEVIATION)
    # A is 5/95 below: 50 - 5.263...x0.5; B 5/95 above: 50 - 5.263; C 15/95: 50 - 15.789
    assert {bid: str(p) for bid, p in points.items()} == {"A": "47.37", "B": "44.74", "C": "34.21"}


def test_points_never_fall_below_zero() -> None:
    points = price_points({"A": 1, "B": 1, "C": 1_000}, DEVIATION)
    assert str(points["C"]) == "0.00"


@pytest.mark.parametrize(
    "rule",
    [
        PriceRule("benchmark-deviation", D(50), 2, None, D(1), D(1)),
        PriceRule("benchmark-deviation", D(50), 2, D(1), D(1), D(1)),
        PriceRule("benchmark-deviation", D(50), 2, D("0.05"), None, D(1)),
        PriceRule("benchmark-deviation", D(50), 2, D("0.05"), D(1), D(-1)),
        PriceRule("feature-discount", D(50), 2),
    ],
)
def test_undeclared_numbers_give_no_points(rule: PriceRule) -> None:
    with pytest.raises(RuleError):
        price_points({"A": 100, "B": 120}, rule)


def test_a_price_of_zero_is_not_scored() -> None:
    with pytest.raises(RuleError, match="zero"):
        price_points({"A": 0, "B": 5}, PriceRule("lowest-over-price", D(30), 2))
    assert price_points({}, DEVIATION) == {}


def test_score_adds_criteria_and_price() -> None:
    other = SHEET | {("A", "quality"): D("33.0")}
    price = {"A": D("44.74"), "B": D("50.00")}
    scores = score_bids([SHEET, other], CRITERIA, Aggregation(2), price)
    assert scores["A"].criteria == {"quality": D("32.75"), "term": D("10.00")}
    assert (scores["A"].technical, scores["A"].total) == (D("42.75"), D("87.49"))
    assert scores["B"].total == D("86.00")


def test_seats_that_differ_on_an_objective_criterion_stop_the_sum() -> None:
    other = SHEET | {("B", "term"): D(7)}
    assert unequal_objective([SHEET, other], CRITERIA) == (("B", "term"),)
    assert unequal_objective([SHEET, dict(SHEET)], CRITERIA) == ()
    with pytest.raises(RuleError, match="objective criterion term of bid B"):
        score_bids([SHEET, other], CRITERIA, Aggregation(2), {"A": D(1), "B": D(1)})


BROKEN: dict[str, dict[tuple[str, str], Decimal]] = {
    "is missing": {cell: mark for cell, mark in SHEET.items() if cell != ("B", "term")},
    "was not asked for": SHEET | {("C", "term"): D(1)},
    "is out of": SHEET | {("A", "quality"): D("40.5")},
    "is out of 0": SHEET | {("A", "term"): D(-1)},
    "is no multiple": SHEET | {("A", "quality"): D("1.25")},
}


@pytest.mark.parametrize("fault", BROKEN)
def test_sheets_refused_without_telling_the_mark(fault: str) -> None:
    check_sheet(SHEET, CRITERIA, ["A", "B"])
    with pytest.raises(RuleError, match=fault) as caught:
        check_sheet(BROKEN[fault], CRITERIA, ["A", "B"])
    assert not any(text in caught.value.detail for text in ("40.5", "1.25", "-1"))


def test_not_a_number_is_out_of_range() -> None:
    with pytest.raises(RuleError, match="out of"):
        check_sheet(SHEET | {("A", "term"): D("NaN")}, CRITERIA, ["A", "B"])


@pytest.mark.parametrize(
    "text", ["", "-1", "1e5", "NaN", "01", "1.", ".5", "1.0000001", "1\n", "１"]
)
def test_points_have_one_kind_of_spelling(text: str) -> None:
    with pytest.raises(InvalidError):
        parse_points(text)


def test_points_are_read_as_written() -> None:
    assert [str(parse_points(text)) for text in ("0", "9.25", "100.000000")] == [
        "0",
        "9.25",
        "100.000000",
    ]


@pytest.mark.parametrize("numbers", [(0, 1, 1), (1, 0, 1), (1, 1, 0), ("NaN", 1, 1), (1, -1, 1)])
def test_a_criterion_without_possible_marks_is_refused(numbers: tuple[str | int, ...]) -> None:
    maximum, step, factor = map(D, numbers)
    with pytest.raises(InvalidError):
        Criterion("c", maximum, step, factor=factor)


def test_best_must_be_best() -> None:
    for value, best in ((5, 4), (0, 0), (-1, 4)):
        with pytest.raises(RuleError):
            share_of_best(Fraction(value), Fraction(best), D(10), 2)


@pytest.mark.parametrize(
    ("chosen", "maxima"),
    [(["0.1"], []), (["0.2"], ["0.1"]), (["0"], ["1"]), (["-0.1"], ["0.1"])],
)
def test_features_outside_what_was_declared(chosen: list[str], maxima: list[str]) -> None:
    with pytest.raises(RuleError):
        feature_coefficient(marks(*chosen), marks(*maxima))


def test_sum_is_exact_beyond_any_decimal_context() -> None:
    big = D(10) ** 27
    assert total_of([big, D("0.01"), D("0.02")]) == D("1000000000000000000000000000.03")
    assert total_of([]) == 0


def test_the_mean_is_rounded_before_it_is_weighed_and_both_are_rounded() -> None:
    """Marks 1, 1, 2: the mean 1.33 times 3 is 3.99, not the 4.00 of exact thirds."""
    criterion = Criterion("a", D(10), D(1), factor=D(3))
    sheets = [{("A", "a"): D(mark)} for mark in (1, 1, 2)]
    assert str(criterion_points(sheets, "A", criterion, Aggregation(2))) == "3.99"


def test_a_price_that_is_worth_nothing_is_no_formula() -> None:
    check_price_rule(PriceRule("lowest-over-price", D(30), 2))
    with pytest.raises(RuleError, match="worth points"):
        check_price_rule(PriceRule("lowest-over-price", D(0), 2))
