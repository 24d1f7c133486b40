"""Scores where there is no price: what the seats marked, and facts that raise or lower the total.

Source: the rule set `panel` and the announcement; sheets and criteria are those of `scoring`. Every
rounding is done there, at each criterion; the sums here are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from node.core.rules.scoring import (
    Aggregation,
    Criterion,
    Sheet,
    check_objective,
    criterion_points,
    total_of,
)


@dataclass(frozen=True, slots=True)
class QualityScore:
    """One bid's points where there is no price; total = technical + objective - deducted.

    `technical` is what the seats marked, the other two are declared facts, all alike on every
    sheet. Deductions may bring the total below zero.
    """

    technical: Decimal
    objective: Decimal
    deducted: Decimal
    total: Decimal


def score_quality(
    sheets: Sequence[Sheet],
    criteria: Sequence[Criterion],
    how: Aggregation,
    bids: Iterable[str],
) -> dict[str, QualityScore]:
    """Every bid's score where there is no price, by the sheets alone.

    The sheets must have passed `check_sheet`. Raises RuleError if objective marks differ or every
    expert was absent.
    """
    check_objective(sheets, criteria)
    scores = {}
    for bid in bids:
        points = [(one, criterion_points(sheets, bid, one, how)) for one in criteria]
        technical = total_of(found for one, found in points if not one.objective)
        facts = total_of(found for one, found in points if one.objective and not one.deducts)
        scores[bid] = quality_score(
            technical, facts, total_of(found for one, found in points if one.deducts)
        )
    return scores


def quality_score(technical: Decimal, objective: Decimal, deducted: Decimal) -> QualityScore:
    """The score of these three sums: what is deducted lowers the total."""
    total = total_of((technical, objective, deducted.copy_negate()))
    return QualityScore(technical, objective, deducted, total)
