"""From score sheets and prices to totals, by the formulas an announcement may declare.

Source: EC12 arts 30-35 and the tender document (the law fixes no formula in the bidding regime);
MF87 arts 55 and 64 where it does. Inputs are decimals without error, every step is an exact
`Fraction` and rounded half up at the declared scale exactly where the declared rule rounds: the
mean of a criterion, its weighted points, the price points. Nothing here is a float.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from node.core.errors import InvalidError, RuleError
from node.core.rules.money import half_up
from node.core.rules.ruleset import PriceFormula

Sheet = Mapping[tuple[str, str], Decimal]
"""One seat's marks: (bid, criterion) -> mark."""

_POINTS = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?")
_ZERO = Fraction(0)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Criterion:
    """A declared criterion: marks from 0 to `maximum` in `step`s, times `factor`.

    An objective one must get the same mark from every seat (MF87 art. 64 (3)); one that `deducts`
    lowers the total of a method without a price.
    """

    id: str
    maximum: Decimal
    step: Decimal
    objective: bool = False
    factor: Decimal = _ONE
    deducts: bool = False

    def __post_init__(self) -> None:
        """Raises InvalidError for numbers with which no mark could be given."""
        numbers = (self.maximum, self.step, self.factor)
        if not all(number.is_finite() and number > 0 for number in numbers):
            raise InvalidError(f"criterion {self.id}: maximum, step and factor must be positive")


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How the seats' marks become one: the mean, rounded to `scale`.

    With `drop_from` marks or more, one highest and one lowest are left out first (None: never).
    With `zero_is_absent` a mark of 0 is an expert who was not there: it is left out before that.
    """

    scale: int
    drop_from: int | None = None
    zero_is_absent: bool = False


PANEL = Aggregation(scale=2, drop_from=3, zero_is_absent=True)
"""Drop one highest and one lowest, half up to 2 decimals, zero = absent (rule of the panels)."""


@dataclass(frozen=True, slots=True)
class PriceRule:
    """A declared price formula and its numbers; the last three only for the benchmark.

    `drop` is k of benchmark = mean x (1 - k); `loss_above` and `loss_below` are the points lost
    for each 1 % above and below the benchmark.
    """

    formula: PriceFormula
    maximum: Decimal
    scale: int
    drop: Decimal | None = None
    loss_above: Decimal | None = None
    loss_below: Decimal | None = None


@dataclass(frozen=True, slots=True)
class BidScore:
    """One bid's points: by criterion, all of them (`technical`), for the price, and the sum."""

    criteria: Mapping[str, Decimal]
    technical: Decimal
    price: Decimal
    total: Decimal


def parse_points(text: str) -> Decimal:
    """The decimal of a points string (plain digits, no sign, no exponent), or InvalidError."""
    if not _POINTS.fullmatch(text):
        raise InvalidError(f"{text[:40]!r} is no number of points")
    return Decimal(text)


def check_sheet(sheet: Sheet, criteria: Sequence[Criterion], bids: Iterable[str]) -> None:
    """Accept only a complete sheet: one mark for each bid and criterion, in range and on its step.

    Source: the tender document; a mark out of range is also MF87 art. 64 (2). Raises RuleError
    naming bid and criterion, never the mark (a sheet is secret until all are in).
    """
    wanted = {(bid, criterion.id) for bid in bids for criterion in criteria}
    if wrong := sorted(wanted.symmetric_difference(sheet)):
        bid, name = wrong[0]
        fault = "is missing" if wrong[0] in wanted else "was not asked for"
        raise RuleError(f"the mark of bid {bid} for {name} {fault}")
    by_id = {criterion.id: criterion for criterion in criteria}
    for (bid, name), mark in sorted(sheet.items()):
        rule = by_id[name]
        if not mark.is_finite() or not 0 <= mark <= rule.maximum:
            raise RuleError(f"the mark of bid {bid} for {name} is out of 0 … {rule.maximum}")
        if (Fraction(mark) / Fraction(rule.step)).denominator != 1:
            raise RuleError(f"the mark of bid {bid} for {name} is no multiple of {rule.step}")


def unequal_objective(
    sheets: Sequence[Sheet], criteria: Sequence[Criterion]
) -> tuple[tuple[str, str], ...]:
    """Every (bid, criterion) whose objective marks differ between seats, sorted.

    Source: MF87 art. 64 (3), and the tender document in the bidding regime: such a sheet is to
    be corrected before the result stands. Empty means that the sheets may be summed up.
    """
    objective = {criterion.id for criterion in criteria if criterion.objective}
    cells = sorted({cell for sheet in sheets for cell in sheet if cell[1] in objective})
    return tuple(cell for cell in cells if len({sheet.get(cell) for sheet in sheets}) > 1)


def mean_of(marks: Iterable[Decimal], how: Aggregation) -> Decimal:
    """One criterion's mean over the seats, by the declared aggregation, rounded once.

    Raises RuleError if no mark is left to take the mean of.
    """
    kept = sorted(Fraction(mark) for mark in marks if mark or not how.zero_is_absent)
    if how.drop_from is not None and len(kept) >= max(how.drop_from, 3):
        kept = kept[1:-1]
    if not kept:
        raise RuleError("no mark is left: every expert was absent")
    return half_up(sum(kept, _ZERO) / len(kept), how.scale)


def weigh(points: Decimal, weight: Decimal, scale: int) -> Decimal:
    """Points times a declared weight or factor, rounded once."""
    return half_up(Fraction(points) * Fraction(weight), scale)


def share_of_best(value: Fraction, best: Fraction, maximum: Decimal, scale: int) -> Decimal:
    """Points = value / best x maximum, for quality that more is better of; rounded once.

    Raises RuleError if the best value is not positive or smaller than the value.
    """
    if best <= 0 or not 0 <= value <= best:
        raise RuleError("the best value must be positive and the greatest")
    return half_up(value / best * Fraction(maximum), scale)


def price_points(prices: Mapping[str, int], rule: PriceRule) -> dict[str, Decimal]:
    """Points for the price of every valid bid (minor units, all positive), each rounded once.

    `lowest-over-price`: lowest / price x maximum (MF87 art. 55). `benchmark-deviation`: the mean
    of all valid prices x (1 - k) is the benchmark; each 1 % above or below it, counted exactly,
    costs the declared points; never below 0. Raises RuleError for a price of zero or a formula
    that gives no points.
    """
    if any(price <= 0 for price in prices.values()):
        raise RuleError("a price of zero cannot be scored")
    if not prices:
        return {}
    if rule.formula == "lowest-over-price":
        lowest, top = min(prices.values()), Fraction(rule.maximum)
        return {bid: half_up(lowest / Fraction(p) * top, rule.scale) for bid, p in prices.items()}
    if rule.formula == "benchmark-deviation":
        benchmark = benchmark_of(prices.values(), rule)
        return {bid: _by_deviation(p, benchmark, rule) for bid, p in prices.items()}
    raise RuleError(f"{rule.formula} gives an evaluated price, not points")


def check_price_rule(rule: PriceRule) -> None:
    """Accept only a formula with all its numbers, before any bid. Raises RuleError."""
    price_points({"a": 1, "b": 2}, rule)
    if rule.maximum <= 0:
        raise RuleError("the price must be worth points")


def benchmark_of(prices: Iterable[int], rule: PriceRule) -> Fraction:
    """The benchmark price, exact: mean of the valid prices x (1 - k).

    Raises RuleError if the announcement did not declare k, or declared one outside 0 … 1.
    """
    found = tuple(prices)
    drop = _declared(rule.drop, "drop")
    if not found or drop >= 1:
        raise RuleError("a benchmark needs a valid price and a drop under 1")
    return Fraction(sum(found), len(found)) * (1 - drop)


def feature_coefficient(chosen: Sequence[Decimal], maxima: Sequence[Decimal]) -> Fraction:
    """`feature-discount`: 1 + sum of chosen shares / (1 - sum of the declared maxima), exact.

    Raises RuleError if a choice is missing, below 0 or above its maximum, or the maxima reach 1.
    """
    if len(chosen) != len(maxima):
        raise RuleError(f"{len(chosen)} features chosen; {len(maxima)} are declared")
    if any(not 0 <= one <= top for one, top in zip(chosen, maxima, strict=True)):
        raise RuleError("a feature is outside 0 and its declared maximum")
    left = 1 - sum(map(Fraction, maxima), _ZERO)
    if left <= 0:
        raise RuleError("the maxima of all features must stay under 1")
    return 1 + sum(map(Fraction, chosen), _ZERO) / left


def evaluated_price(price: int, coefficient: Fraction) -> Decimal:
    """Price by which a bid is ranked under `feature-discount`: price / coefficient.

    Minor units, rounded half up once; the contract is at the price bid.
    """
    return half_up(price / coefficient, 0)


def criterion_points(
    sheets: Sequence[Sheet], bid: str, criterion: Criterion, how: Aggregation
) -> Decimal:
    """One bid's points for one criterion: rounded mean of the seats' marks x factor, rounded.

    Raises RuleError if every expert was absent. An objective 0 is a fact, nobody's absence.
    """
    marks = (sheet[bid, criterion.id] for sheet in sheets)
    absent = how.zero_is_absent and not criterion.objective
    mean = mean_of(marks, replace(how, zero_is_absent=absent))
    return weigh(mean, criterion.factor, how.scale)


def score_bids(
    sheets: Sequence[Sheet],
    criteria: Sequence[Criterion],
    how: Aggregation,
    price: Mapping[str, Decimal],
) -> dict[str, BidScore]:
    """Every bid's score: criteria by the sheets, the price by `price` (from `price_points`).

    The sheets must have passed `check_sheet`. Raises RuleError if objective marks differ.
    """
    check_objective(sheets, criteria)
    scores = {}
    for bid, points in price.items():
        by_id = {one.id: criterion_points(sheets, bid, one, how) for one in criteria}
        technical = total_of(by_id.values())
        scores[bid] = BidScore(by_id, technical, points, total_of((technical, points)))
    return scores


def check_objective(sheets: Sequence[Sheet], criteria: Sequence[Criterion]) -> None:
    """Accept only sheets that give every objective mark alike. Raises RuleError naming one."""
    if unequal := unequal_objective(sheets, criteria):
        bid, name = unequal[0]
        raise RuleError(f"the seats differ on the objective criterion {name} of bid {bid}")


def total_of(points: Iterable[Decimal]) -> Decimal:
    """The exact sum: no decimal context rounds it; as many decimals as the finest part has."""
    parts = tuple(points)
    scale = max((-int(part.as_tuple().exponent) for part in parts), default=0)
    return half_up(sum(map(Fraction, parts), _ZERO), max(scale, 0))


def _by_deviation(price: int, benchmark: Fraction, rule: PriceRule) -> Decimal:
    percent = (price - benchmark) / benchmark * 100
    above, below = (
        _declared(rule.loss_above, "loss_above"),
        _declared(rule.loss_below, "loss_below"),
    )
    loss = percent * above if percent > 0 else -percent * below
    return half_up(max(_ZERO, Fraction(rule.maximum) - loss), rule.scale)


def _declared(number: Decimal | None, name: str) -> Fraction:
    if number is None or number < 0:
        raise RuleError(f"the announcement does not declare {name}")
    return Fraction(number)
