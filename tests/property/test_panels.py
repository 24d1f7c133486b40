"""Panels of experts: the rules and the recount give the same numbers for every sheet there is."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import assume, given
from hypothesis import strategies as st

from node.core.evidence.recount import _parts
from node.core.records.canonical import decode, encode
from node.core.records.kinds.session import RankedBid, Score, ScoreSheet
from node.core.records.kinds.tender import Criterion, Method
from node.core.rules.quality import score_quality
from node.core.rules.review import marks_of
from node.core.rules.scoring import PANEL
from node.core.rules.tender import criteria_of

BID = "ab" * 32
POINTS = st.decimals(0, 10, places=2).map(str)
MARKS = st.lists(st.one_of(st.just("0.0"), POINTS), min_size=1, max_size=11)
FACTS = st.decimals(0, 40, places=2).map(str)
FACTORS = st.decimals("0.01", 3, places=2).map(str)
METHOD = Method(
    kind="quality-only",
    criteria=(
        Criterion(id="a", maximum="10", objective=False, step="0.01", title="a"),
        Criterion(id="d", maximum="40", objective=True, step="0.01", title="d", deducts=True),
        Criterion(id="f", maximum="40", objective=True, step="0.01", title="f"),
    ),
    drop_from=3,
    scale=2,
    tie_breaks=("technical",),
    zero_is_absent=True,
)


def sheets_of(marks: list[str], fact: str, deduction: str) -> list[ScoreSheet]:
    """One sheet a mark, every one with the same facts."""
    return [
        ScoreSheet(
            key="0" * 64,
            lot="1",
            scores=tuple(
                Score(bid=BID, criterion=name, points=points)
                for name, points in (("a", mark), ("d", deduction), ("f", fact))
            ),
            stream="0" * 64,
        )
        for mark in marks
    ]


def with_factor(factor: str) -> Method:
    first, *rest = METHOD.criteria
    weighed = Criterion(
        id=first.id, maximum="10", objective=False, step="0.01", title="a", factor=factor
    )
    return Method(
        kind=METHOD.kind,
        criteria=(weighed, *rest),
        drop_from=METHOD.drop_from,
        scale=METHOD.scale,
        tie_breaks=METHOD.tie_breaks,
        zero_is_absent=True,
    )


@given(MARKS, FACTS, FACTS, FACTORS)
def test_rules_and_recount_agree(marks: list[str], fact: str, deduction: str, factor: str) -> None:
    method, sheets = with_factor(factor), sheets_of(marks, fact, deduction)
    present = [mark for mark in map(Decimal, marks) if mark]
    recounted = _parts(method, sheets, BID)
    assert (recounted is None) == (not present)
    assume(present)
    score = score_quality([marks_of(s) for s in sheets], criteria_of(method), PANEL, [BID])[BID]
    assert recounted == tuple(map(Fraction, (score.technical, score.objective, score.deducted)))
    assert Fraction(score.total) == sum(map(Fraction, (score.technical, score.objective))) - (
        Fraction(score.deducted)
    )


@given(MARKS, FACTS, FACTS)
def test_every_total_can_be_written_and_read_again(
    marks: list[str], fact: str, deduction: str
) -> None:
    assume(any(map(Decimal, marks)))
    sheets = [marks_of(sheet) for sheet in sheets_of(marks, fact, deduction)]
    score = score_quality(sheets, criteria_of(METHOD), PANEL, [BID])[BID]
    total = str(score.total)
    row = RankedBid(bid=BID, deducted=deduction, objective=fact, quality="1", rank=1, total=total)
    assert decode(encode(row), RankedBid) == row
    assert not total.startswith("-0.00")


@given(MARKS, FACTS)
def test_an_absent_expert_more_changes_nothing(marks: list[str], fact: str) -> None:
    assume(any(map(Decimal, marks)))

    def total(given: list[str]) -> Decimal:
        sheets = [marks_of(sheet) for sheet in sheets_of(given, fact, "1.00")]
        return score_quality(sheets, criteria_of(METHOD), PANEL, [BID])[BID].total

    assert total([*marks, "0.0"]) == total(marks)
