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
from node.core.records.kinds.session import AwardDecided, FindingVote, ResultConsolidated
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


def after(change: Callable[[TenderState], TenderState]) -> str:
    """What check 7 says if the rules had come to another state."""
    case = folded("jp")
    if case.state is None:
        raise AssertionError("check 6 gives the state")
    case.state = change(case.state)
    return judged(case)


def stating(change: Callable[[ResultConsolidated], ResultConsolidated]) -> str:
    """What check 7 says of another stated result."""
    return after(lambda state: replace(state, result=change(result_of(state))))


def result_of(state: TenderState) -> ResultConsolidated:
    """The result, which stands."""
    if state.result is None:
        raise AssertionError("the tender has a result")
    return state.result


def saying(kind: type[Body], **changes: object) -> str:
    """What check 7 says if the last record of this type had said something else."""
    case = folded("jp")
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
