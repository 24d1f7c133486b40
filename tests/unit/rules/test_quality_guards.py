"""Ranking by quality alone: what may be announced, what a result must say, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from msgspec import structs

from node.core.errors import RuleError
from node.core.records.canonical import decode, encode
from node.core.records.kinds.session import RankedBid, RankingPublished, ResultConsolidated
from node.core.records.kinds.tender import Criterion
from node.core.rules import scoring
from node.core.rules.audience import Level, Stage, level
from node.core.rules.duties import duties_of
from node.core.rules.quality import quality_score
from node.core.rules.result import Result, may_need_lot, result_of, tie_of
from node.core.rules.review import marks_of
from node.core.rules.state import Phase, TenderState, with_review
from node.core.rules.tender import criteria_of
from node.services.actors.buyer import owed_in
from tests.world.moments import after, again, body, moment, refusal, unseen
from tests.world.network import HOST
from tests.world.run import Said
from tests.world.scripts import PANEL_METHOD
from tests.world.session import world

OTHER = "ab" * 32
Case = tuple[Callable[[], Said], str]


def terms(**members: Any) -> Said:  # noqa: ANN401 - members of a lot
    """The announcement of another lot."""
    said = moment("panel", "tender.announced")
    lot = said.placed.body.lots[0]  # type: ignore[union-attr]
    return body(said, lots=(structs.replace(lot, **members),))


def method(**members: Any) -> Said:  # noqa: ANN401 - members of a method
    """The announcement of another method."""
    return terms(method=structs.replace(PANEL_METHOD, **members))


def criterion(number: int, **members: Any) -> Said:  # noqa: ANN401 - members of a criterion
    """The announcement of another criterion."""
    found = list(PANEL_METHOD.criteria)
    found[number] = structs.replace(found[number], **members)
    return method(criteria=tuple(found))


def cn_method(**members: Any) -> Said:  # noqa: ANN401 - members of a method
    """The announcement of another method where bids have prices."""
    said = moment("cn", "tender.announced")
    lot = said.placed.body.lots[0]  # type: ignore[union-attr]
    return body(said, lots=(structs.replace(lot, method=structs.replace(lot.method, **members)),))


DEDUCTS = Criterion(id="x", maximum="1", objective=True, step="1", title="x", deducts=True)
ANNOUNCED: dict[str, Case] = {
    "a ceiling": (lambda: terms(ceiling="100"), "has no limits of them"),
    "a minimum": (lambda: terms(minimum="100"), "has no limits of them"),
    "no criteria": (lambda: method(criteria=()), "belong to scoring"),
    "no tie-break": (lambda: method(tie_breaks=()), "where the rule set asks for them"),
    "a tie-break twice": (
        lambda: method(tie_breaks=("technical", "technical")),
        "where the rule set asks for them",
    ),
    "a deduction that is a matter of opinion": (
        lambda: criterion(0, objective=False),
        "a fact that every seat gives alike",
    ),
    "zero is a mark": (lambda: method(zero_is_absent=False), "summed up as the rule set says"),
    "nothing is dropped": (lambda: method(drop_from=None), "summed up as the rule set says"),
    "another scale": (lambda: method(scale=3), "summed up as the rule set says"),
    "an announced tie-break where the law fixes them": (
        lambda: cn_method(tie_breaks=("technical",)),
        "where the rule set asks for them",
    ),
    "absence where the law does not know it": (
        lambda: cn_method(zero_is_absent=True),
        "belong to quality alone",
    ),
    "deductions beside a price": (
        lambda: cn_method(criteria=(DEDUCTS,)),
        "belong to quality alone",
    ),
    "quality alone in procurement": (
        lambda: cn_method(kind="quality-only", price=None),
        "does not allow method",
    ),
}


@pytest.mark.parametrize("name", ANNOUNCED)
def test_announcement(name: str) -> None:
    make, words = ANNOUNCED[name]
    assert words in refusal(make())


def test_a_tie_break_that_the_rule_set_does_not_know() -> None:
    said = method(tie_breaks=("technical",))
    rule = structs.replace(said.before.rules.method("quality-only"), tie_breaks=("objective",))
    rules = said.before.rules
    less = structs.replace(rules.evaluation, methods={"quality-only": rule})
    told = refusal(
        replace(said, before=replace(said.before, rules=structs.replace(rules, evaluation=less)))
    )
    assert "does not know this tie-break" in told


def test_both_tie_breaks_may_be_announced_in_either_order() -> None:
    for order in (("objective", "technical"), ("technical", "objective"), ("technical",)):
        assert after(method(tie_breaks=order)).phase is Phase.ANNOUNCED


def test_a_bid_without_a_price_needs_no_finding_and_no_bid_is_rejected_for_it() -> None:
    said = moment("panel", "review.checked")
    assert all(package.price is None for package in said.before.opened.values())
    assert len(said.placed.body.findings) == 1  # type: ignore[union-attr]
    assert after(body(said, findings=())).phase is Phase.VOTING


# --- the result ---------------------------------------------------------------------------------


def stated() -> ResultConsolidated:
    """The honest result."""
    found = moment("panel", "result.consolidated").placed.body
    assert isinstance(found, ResultConsolidated)
    return found


def by_name() -> dict[str, RankedBid]:
    """Its rows by bidder."""
    opened = world("panel").state.opened
    return {opened[row.bid].bidder: row for row in stated().ranking}


def test_ranking_of_the_panel_by_hand() -> None:
    """E01: 9.25 x 0.8 = 7.40, one expert absent; E02 and E03 tie, facts decide; E04 = E05."""
    rows = {
        name: (row.rank, row.quality, row.objective, row.deducted, row.total, row.price)
        for name, row in by_name().items()
    }
    assert rows == {
        "E01": (1, "15.98", "40.00", "1.00", "54.98", None),
        "E03": (2, "14.58", "31.00", "0.00", "45.58", None),
        "E02": (3, "15.58", "30.00", "0.00", "45.58", None),
        "E04": (4, "12.58", "20.00", "0.00", "32.58", None),
        "E05": (4, "12.58", "20.00", "0.00", "32.58", None),
    }
    assert (stated().outcome, stated().winner, stated().tied) == ("ranked", None, ())


def ranked_by(*order: str) -> Result:
    """The result under other announced tie-breaks."""
    state = moment("panel", "result.consolidated").before
    announced = structs.replace(
        state.terms, lots=(structs.replace(
            state.lot, method=structs.replace(PANEL_METHOD, tie_breaks=order)),)
    )  # fmt: skip
    found = result_of(replace(state, announced=announced))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("order", "second"),
    [(("objective",), "E03"), (("technical",), "E02"), (("technical", "objective"), "E02")],
)
def test_equal_totals_are_parted_by_what_is_announced(order: tuple[str, ...], second: str) -> None:
    rows = ranked_by(*order).ranking
    assert [row.rank for row in rows] == [1, 2, 3, 4, 4]
    assert world("panel").state.opened[rows[1].bid].bidder == second


def test_no_lot_is_drawn_even_for_the_first_place() -> None:
    """E04 and E05 alone share the first place: that is the result."""
    state = moment("panel", "result.consolidated").before
    kept = {bid: one for bid, one in state.opened.items() if one.bidder in ("E04", "E05")}
    alone = with_review(replace(state, opened=kept), findings=(), votes={})
    assert (tie_of(alone), may_need_lot(alone)) == ((), False)
    found = result_of(alone)
    assert found is not None
    assert (found.outcome, found.tied, [row.rank for row in found.ranking]) == (
        "ranked",
        (),
        [1, 1],
    )
    assert [duty.kind for duty in duties_of(alone, HOST, alone.received)] == [
        "result.consolidated/v1"
    ]


def test_nobody_left_is_a_failure_not_an_empty_ranking() -> None:
    state = moment("panel", "result.consolidated").before
    found = result_of(with_review(replace(state, opened={}), findings=(), votes={}))
    assert found is not None
    assert (found.outcome, found.ranking) == ("failed", ())


def result(**members: Any) -> Said:  # noqa: ANN401 - members of a result
    """The result, otherwise."""
    return body(moment("panel", "result.consolidated"), **members)


def blind(**members: Any) -> Said:  # noqa: ANN401 - members of a result
    """The result as a reader folds it who sees neither votes nor sheets."""
    return body(unseen("panel", "result.consolidated"), **members)


def row(number: int, **members: Any) -> Any:  # noqa: ANN401 - rows
    """The ranking, one row otherwise."""
    rows = list(stated().ranking)
    rows[number] = structs.replace(rows[number], **members)
    return tuple(rows)


def turned() -> Any:  # noqa: ANN401 - rows
    """E02 and E03 in each other's places: their totals are equal."""
    first, second, third, *rest = stated().ranking
    return (first, structs.replace(third, rank=2), structs.replace(second, rank=3), *rest)


def apart() -> Any:  # noqa: ANN401 - rows
    """E04 and E05 not on one rank."""
    return row(4, rank=5)


FALSE: dict[str, tuple[dict[str, Any], str]] = {
    "a winner": ({"winner": OTHER}, "winner or tie"),
    "a tie for a lot": ({"tied": (OTHER,)}, "winner or tie"),
    "an award": ({"outcome": "awarded"}, "winner or tie"),
    "a failure": ({"outcome": "failed"}, "winner or tie"),
    "equal totals in the other order": ({"ranking": turned()}, "order of its own numbers"),
    "equals on two ranks": ({"ranking": apart()}, "order of its own numbers"),
    "a total that is not the sum": ({"ranking": row(0, total="55.98")}, "sum of its parts"),
    "a deduction that raises": ({"ranking": row(0, total="56.98")}, "sum of its parts"),
    "a total in another spelling": ({"ranking": row(0, total="54.980")}, "sum of its parts"),
    "no total": ({"ranking": row(0, total=None)}, "sum of its parts"),
    "no facts": ({"ranking": row(0, objective=None)}, "has its points"),
    "no deductions": ({"ranking": row(0, deducted=None)}, "has its points"),
    "no marks": ({"ranking": row(0, quality=None)}, "has its points"),
    "a price": ({"ranking": row(0, price="1")}, "not the opened one"),
}


@pytest.mark.parametrize("name", FALSE)
def test_false_result_is_refused_by_who_sees_all_and_by_who_does_not(name: str) -> None:
    members, words = FALSE[name]
    assert "not the result" in refusal(result(**members))
    assert words in refusal(blind(**members))


def test_who_sees_no_votes_and_sheets_accepts_the_honest_result() -> None:
    assert after(blind()).phase is Phase.SIGNING


def test_points_of_facts_do_not_stand_beside_a_price() -> None:
    said = unseen("cn", "result.consolidated")
    first, *rest = said.placed.body.ranking  # type: ignore[union-attr]
    for part in ("objective", "deducted"):
        told = refusal(body(said, ranking=(structs.replace(first, **{part: "1"}), *rest)))
        assert "no points of facts" in told


def sheets_with(**marks: str) -> TenderState:
    """The state before the result, seat 3 having given E02 other marks."""
    state = moment("panel", "result.consolidated").before
    bid = next(bid for bid, one in state.opened.items() if one.bidder == "E02")
    sheet = state.review.sheets["3"]
    assert sheet.package is not None
    scores = tuple(
        structs.replace(one, points=marks[one.criterion])
        if one.bid == bid and one.criterion in marks
        else one
        for one in sheet.package.scores
    )
    package = structs.replace(sheet.package, scores=scores)
    sheets = {**state.review.sheets, "3": replace(sheet, package=package)}
    return with_review(state, sheets=sheets)


@pytest.mark.parametrize("fact", ["elements", "deductions"])
def test_seats_that_differ_on_a_declared_fact_give_no_result(fact: str) -> None:
    state = sheets_with(**{fact: "1.00"})
    with pytest.raises(RuleError, match=f"differ on the objective criterion {fact}"):
        result_of(state)
    kinds = [duty.kind for duty in duties_of(state, HOST, state.received)]
    assert kinds == ["result.consolidated/v1"], (
        "the host of many tenders is stopped in this one only"
    )


def test_total_may_fall_below_zero_and_is_written_so() -> None:
    found = quality_score(Decimal("1.50"), Decimal("0.00"), Decimal("2.00"))
    assert str(found.total) == "-0.50"
    written = RankedBid(bid=OTHER, deducted="2.00", objective="0.00", quality="1.50", rank=1,
                        total=str(found.total))  # fmt: skip
    assert decode(encode(written), RankedBid) == written


def test_absent_expert_is_left_out_before_the_others_are_trimmed() -> None:
    """Nine marks, one of them 0: of the eight left the highest and the lowest, 8.00, go."""
    state = moment("panel", "result.consolidated").before
    sheets = [marks_of(s.package) for s in state.review.sheets.values() if s.package is not None]
    bid = next(bid for bid, one in state.opened.items() if one.bidder == "E01")
    skill = next(one for one in criteria_of(state.lot.method) if one.id == "skill")
    assert sorted(str(sheet[bid, "skill"]) for sheet in sheets).count("0.0") == 1
    assert str(scoring.criterion_points(sheets, bid, skill, scoring.PANEL)) == "7.40"


def test_a_fact_of_zero_is_nobodys_absence() -> None:
    fact = scoring.Criterion(
        "deductions", Decimal(9), Decimal("0.01"), objective=True, deducts=True
    )
    sheets = [{("b", "deductions"): Decimal("0.00")} for _ in range(9)]
    assert str(scoring.criterion_points(sheets, "b", fact, scoring.PANEL)) == "0.00"
    opinion = replace(fact, objective=False)
    with pytest.raises(RuleError, match="every expert was absent"):
        scoring.criterion_points(sheets, "b", opinion, scoring.PANEL)


# --- the end --------------------------------------------------------------------------------------


def published(**members: Any) -> Said:  # noqa: ANN401 - members
    """The ranking is published."""
    return body(moment("panel", "ranking.published"), **members)


def test_ranking_is_published_and_that_is_the_end() -> None:
    said = published()
    assert isinstance(said.placed.body, RankingPublished)
    assert owed_in(said.before) == "ranking.published/v1"
    assert duties_of(said.before, HOST, said.before.received) == ()
    ended = after(said)
    assert (ended.phase, ended.winner, owed_in(ended)) == (Phase.RANKED, "", None)
    pools = {seat.centre for seat in ended.seats.values()}
    for pool in pools:
        assert [duty.kind for duty in duties_of(ended, pool, ended.received)] == [
            "draw.disclosed/v1"
        ]


def test_another_result_is_not_published() -> None:
    assert "only a result that ranks" in refusal(published(result=OTHER))


def test_a_result_with_a_winner_is_not_published_as_a_ranking() -> None:
    said = again(published(), moment("jp", "candidates.published").before)
    rules = replace(
        said.before, rules=published().before.rules, result_id=published().before.result_id
    )
    assert "only a result that ranks" in refusal(replace(said, before=rules))


def test_a_ranked_lot_does_not_fail() -> None:
    failed = again(moment("jp-none", "lot.failed"), published().before)
    assert "the result is no failure" in refusal(failed)


@pytest.mark.parametrize("kind", ["candidates.published", "award.decided", "award.noticed"])
def test_nothing_is_awarded(kind: str) -> None:
    assert "does not stand in such a tender" in refusal(
        again(moment("cn", kind), published().before)
    )


def test_public_sees_the_ranking_at_the_end_and_never_a_sheet() -> None:
    def shown(kind: str, stage: Stage) -> Level:
        return level("tender", (kind, "centre:a"), stage, ("public", "public"))

    assert shown("ranking.published/v1", Stage.READ) is Level.NOTHING
    for kind in ("ranking.published/v1", "result.consolidated/v1"):
        assert shown(kind, Stage.AWARDED) is Level.ALL
    for kind in ("sheet.opened/v1", "rejection.voted/v1", "report.signed/v1"):
        assert shown(kind, Stage.AWARDED) is Level.HEADER
