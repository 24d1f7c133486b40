"""Printed price-and-quality examples: every figure their sources print comes out (scoring/*.json).

Facts only; each file names its source. Together they hold shares of the best, lowest over price,
weights, four roundings and the discount by features.
"""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from node.core.rules.money import parse_money
from node.core.rules.ranking import Offer, rank
from node.core.rules.scoring import (
    PriceRule,
    evaluated_price,
    feature_coefficient,
    price_points,
    share_of_best,
    total_of,
    weigh,
)

CASES = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted((Path(__file__).parent / "scoring").glob("*.json"))
}
Texts = list[str]


def lowest_over_price(prices: dict[str, int], maximum: str, scale: int) -> Texts:
    rule = PriceRule("lowest-over-price", Decimal(maximum), scale)
    return [str(points) for points in price_points(prices, rule).values()]


def of_best(values: list[int], maximum: str, scale: int) -> Texts:
    best = Fraction(max(values))
    return [str(share_of_best(Fraction(v), best, Decimal(maximum), scale)) for v in values]


def weighted(points: Texts, weight: str, scale: int) -> Texts:
    return [str(weigh(Decimal(one), Decimal(weight), scale)) for one in points]


def sums(left: Texts, right: Texts) -> Texts:
    return [str(total_of(map(Decimal, pair))) for pair in zip(left, right, strict=True)]


def ranked(case: dict[str, Any], totals: Texts) -> Texts:
    ids = [bid["id"] for bid in case["bids"]]
    offers = [Offer(one, 0, Decimal(total)) for one, total in zip(ids, totals, strict=True)]
    return [row.bid for row in rank("comprehensive-scoring", offers).rows]


def test_all_seven_are_here() -> None:
    assert len(CASES) == 7


def test_quality_and_price_80_20() -> None:
    case = CASES["felp-80-20"]
    want = case["expected"]
    quality = of_best([bid["quality_raw"] for bid in case["bids"]], "100", 2)
    price = lowest_over_price({bid["id"]: bid["price"] for bid in case["bids"]}, "100", 2)
    parts = (weighted(quality, "0.8", 2), weighted(price, "0.2", 2))
    assert (quality, price) == (want["quality"], want["price"])
    assert parts == (want["weighted_quality"], want["weighted_price"])
    assert sums(*parts) == want["total"]
    assert ranked(case, want["total"]) == want["ranking"]


def test_points_and_cost_40_60() -> None:
    case = CASES["california-model-report-40-60"]
    want = case["expected"]
    points = of_best([bid["points"] for bid in case["bids"]], "1", 4)
    costs = {bid["id"]: parse_money(bid["cost"], 2) for bid in case["bids"]}
    ratio = lowest_over_price(costs, "1", 4)
    parts = (weighted(points, "0.40", 4), weighted(ratio, "0.60", 4))
    assert (points, ratio) == (want["points_ratio"], want["cost_ratio"])
    assert parts == (want["weighted_points"], want["weighted_cost"])
    assert sums(*parts) == want["total"]
    assert ranked(case, want["total"]) == want["ranking"]


@pytest.mark.parametrize(
    ("name", "scale"),
    [("georgia-gpm-table-5.7", 1), ("impactbids-40", 0), ("egov-blog-normalised", 1)],
)
def test_lowest_over_price(name: str, scale: int) -> None:
    case = CASES[name]
    prices = {bid["id"]: bid["price"] for bid in case["bids"]}
    points = lowest_over_price(prices, str(case["maximum"]), scale)
    assert points == case["expected"]["points"]


def test_compressed_quality() -> None:
    case = CASES["japan-compressed-quality"]
    bid = case["bids"][0]
    points = share_of_best(Fraction(bid["X"]), Fraction(bid["B"]), Decimal(bid["A"]), 4)
    assert [str(points)] == case["expected"]["points"]


def test_discount_by_features() -> None:
    case = CASES["prozorro-meat-tutorial"]
    bid, maxima = case["bids"][0], [Decimal(one) for one in case["feature_maxima"]]
    coefficient = feature_coefficient([Decimal(one) for one in bid["parameters"]], maxima)
    assert coefficient == Fraction(case["expected"]["coefficient"])
    price = evaluated_price(parse_money(bid["price"], 1) * 10, coefficient)  # in hundredths
    assert [price] == [parse_money(one, 2) for one in case["expected"]["weighted_price"]]
