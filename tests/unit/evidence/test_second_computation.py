"""Check 7 alone: what it says where the rules would have let something else pass.

It shares no code with them, so it is asked here about states that no rule would give.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from node.core.evidence import folding, recount
from node.core.evidence.bundle import read_evidence
from node.core.evidence.case import Case
from node.core.evidence.links import LinkError
from node.core.records.kinds.draws import DrawSeeded
from node.core.records.kinds.session import (
    AwardDecided,
    FindingVote,
    RankingPublished,
    ResultConsolidated,
)
from node.core.rules.state import TenderState, with_draw, with_review
from tests.world.session import SCRIPTS, evidence, world

if TYPE_CHECKING:
    from node.core.records.kinds import Body


def folded(name: str) -> Case:
    """The regulator's file, after check 6."""
    data = evidence(name, "regulator")
    case = Case(read_evidence(data), world(name).net.trust(), "regulator")
    folding.check(case)
    return case


def judged(case: Case) -> str:
    """The code of the link that check 7 finds broken, or nothing."""
    try:
        recount.check(case)
    except LinkError as error:
        return error.link
    return ""


def after(change: Callable[[TenderState], TenderState], name: str = "jp") -> str:
    """What check 7 says if the rules had come to another state."""
    case = folded(name)
    if case.state is None:
        raise AssertionError("check 6 gives the state")
    case.state = change(case.state)
    return judged(case)


def stating(change: Callable[[ResultConsolidated], ResultConsolidated], name: str = "jp") -> str:
    """What check 7 says of another stated result."""
    return after(lambda state: replace(state, result=change(result_of(state))), name)


def result_of(state: TenderState) -> ResultConsolidated:
    """The result, which stands."""
    if state.result is None:
        raise AssertionError("the tender has a result")
    return state.result


def saying(kind: type[Body], name: str = "jp", **changes: object) -> str:
    """What check 7 says if the last record of this type had said something else."""
    case = folded(name)
    host = case.host
    last = max(p.seq for p in host.places if isinstance(p.body, kind))
    body = structs.replace(host.places[last].body, **changes)  # type: ignore[type-var]
    places = (*host.places[:last], replace(host.places[last], body=body), *host.places[last + 1 :])
    streams = (replace(host, places=places), *case.evidence.streams[1:])
    case.evidence = replace(case.evidence, streams=streams)
    return judged(case)


@pytest.mark.parametrize("name", SCRIPTS)
def test_true_result_is_computed_the_same(name: str) -> None:
    """Scores of the one with half up at every step, limits, votes, lots and seats."""
    assert judged(folded(name)) == ""


def test_ranking_in_another_order() -> None:
    def turned(result: ResultConsolidated) -> ResultConsolidated:
        first, second, *rest = result.ranking
        swapped = (structs.replace(first, bid=second.bid), structs.replace(second, bid=first.bid))
        return structs.replace(result, ranking=(*swapped, *rest))

    assert stating(turned) == "result"


def test_winner_who_is_not_the_first() -> None:
    second = result_of(world("jp").state).ranking[1].bid
    assert stating(lambda result: structs.replace(result, winner=second)) == "result"


@pytest.mark.parametrize(("against", "code"), [(2, ""), (3, "result")])
def test_bid_is_rejected_by_more_than_half_of_five_only(against: int, code: str) -> None:
    def voted(state: TenderState) -> TenderState:
        bid = result_of(state).ranking[1].bid
        votes = dict(state.review.votes)
        for seat in sorted(votes)[:against]:
            vote = votes[seat]
            if vote is None:
                raise AssertionError("the regulator sees votes")
            one = FindingVote(bid=bid, reject=True)
            votes[seat] = structs.replace(vote, votes=(*vote.votes, one))
        return with_review(state, votes=votes)

    assert after(voted) == code


def unlike(**members: object) -> str:
    """What check 7 says of a ranking without prices whose first row is another one."""

    def changed(result: ResultConsolidated) -> ResultConsolidated:
        first, *rest = result.ranking
        return structs.replace(result, ranking=(structs.replace(first, **members), *rest))

    return stating(changed, "panel")


@pytest.mark.parametrize(
    "members",
    [
        {"quality": "16.98", "total": "55.98"},
        {"objective": "41.00", "total": "55.98"},
        {"deducted": "0.00", "total": "55.98"},
        {"total": "55.98"},
        {"price": "1"},
        {"rank": 2},
    ],
    ids=["marks", "facts", "deduction", "sum", "price", "rank"],
)
def test_ranking_without_prices_with_another_number(members: dict[str, object]) -> None:
    assert unlike() == ""
    assert unlike(**members) == "result"


@pytest.mark.parametrize(
    ("name", "members"),
    [
        ("panel", {"outcome": "awarded"}),
        ("panel", {"winner": "ab" * 32}),
        ("panel", {"tied": ("ab" * 32,)}),
        ("jp", {"outcome": "ranked"}),
        ("jp-tie", {"outcome": "awarded"}),
        ("jp-none", {"outcome": "ranked"}),
    ],
)
def test_another_ending_than_the_numbers_give(name: str, members: dict[str, object]) -> None:
    assert stating(lambda result: structs.replace(result, **members), name) == "result"


def test_ranking_that_leaves_a_valid_bid_out() -> None:
    """Also where nobody shows the sheets: every valid bid must stand in it."""

    def shorter(state: TenderState) -> TenderState:
        unseen = {seat: replace(sheet, package=None) for seat, sheet in state.review.sheets.items()}
        result = structs.replace(result_of(state), ranking=result_of(state).ranking[:-1])
        return with_review(replace(state, result=result), sheets=unseen)

    assert after(shorter, "panel") == "result"
    assert after(shorter, "cn") == "result"


def test_numbers_alone_are_judged_where_the_sheets_are_unseen() -> None:
    def unseen(state: TenderState) -> TenderState:
        sheets = {seat: replace(sheet, package=None) for seat, sheet in state.review.sheets.items()}
        return with_review(state, sheets=sheets)

    def turned(state: TenderState) -> TenderState:
        first, second, third, *rest = result_of(state).ranking
        rows = (first, structs.replace(third, rank=2), structs.replace(second, rank=3), *rest)
        return unseen(replace(state, result=structs.replace(result_of(state), ranking=rows)))

    assert after(unseen, "panel") == ""
    assert after(turned, "panel") == "result"


@pytest.mark.parametrize("fact", ["elements", "deductions"])
def test_seats_that_differ_on_a_declared_fact(fact: str) -> None:
    def differing(state: TenderState) -> TenderState:
        sheet = state.review.sheets["3"]
        if sheet.package is None:
            raise AssertionError("the regulator sees sheets")
        scores = tuple(
            structs.replace(one, points="0.50") if one.criterion == fact else one
            for one in sheet.package.scores
        )
        package = structs.replace(sheet.package, scores=scores)
        return with_review(
            state, sheets={**state.review.sheets, "3": replace(sheet, package=package)}
        )

    assert after(differing, "panel") == "result"


def test_ranking_published_of_another_result() -> None:
    assert saying(RankingPublished, "panel", result="ab" * 32) == "award"
    assert saying(RankingPublished, "panel") == ""


def test_award_to_another_than_the_winner() -> None:
    second = result_of(world("jp").state).ranking[1].bid
    assert saying(AwardDecided, bid=second) == "award"


def test_slate_in_another_order() -> None:
    def turned(state: TenderState) -> TenderState:
        slate = (state.draw.slate[0][::-1], *state.draw.slate[1:])
        return with_draw(state, slate=slate)

    assert after(turned) == "draw"


def test_two_experts_in_each_others_seats() -> None:
    def turned(state: TenderState) -> TenderState:
        if state.committee is None:
            raise AssertionError("the tender has a committee")
        first, second, *rest = state.committee.seats
        seats = (
            structs.replace(first, person=second.person, centre=second.centre),
            structs.replace(second, person=first.person, centre=first.centre),
            *rest,
        )
        return replace(state, committee=structs.replace(state.committee, seats=seats))

    assert after(turned) == "draw"


def test_seed_that_is_not_that_of_its_secrets() -> None:
    assert saying(DrawSeeded, seed="ab" * 32) == "draw"
