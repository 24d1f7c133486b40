"""After the session: candidates, the days for objections, decision and notice; or the ranking.

Source: TBR art. 53-55 (candidates, publicity, rank 1 wins); where the rule set has no days for
objections the award may follow at once. Where nothing is awarded the ranking itself is published,
and that is the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import RuleError
from node.core.records.canonical import epoch_of
from node.core.records.kinds.session import Candidate
from node.core.rules.calendar import period_end
from node.core.rules.change import replace
from node.core.rules.state import Phase

if TYPE_CHECKING:
    from node.core.records.kinds.session import (
        AwardDecided,
        AwardNoticed,
        CandidatesPublished,
        RankingPublished,
    )
    from node.core.records.kinds.streams import TermExpired
    from node.core.rules.state import Placed, TenderState

OVER = frozenset({Phase.AWARDED, Phase.RANKED, Phase.FAILED})


def is_settled(state: TenderState) -> bool:
    """Has the tender ended, and has every seated pool opened the links of its seats?"""
    if state.phase not in OVER:
        return False
    seated = {seat.centre for seat in state.seats.values()}
    return state.phase is Phase.FAILED or seated <= state.disclosed


def candidates_of(state: TenderState) -> tuple[Candidate, ...]:
    """The first of the ranking, as many as the rule set allows."""
    rows = state.result.ranking if state.result and state.result.winner else ()
    return tuple(
        Candidate(bid=row.bid, rank=row.rank)
        for row in rows[: state.rules.evaluation.candidates_max.value]
    )


def objections_until(state: TenderState, received: int) -> int:
    """Until when objections may be filed against candidates published now; epoch seconds."""
    days = state.rules.clock.objection_days.value
    return period_end(received, days, state.rules.utc_offset_minutes)


def candidates_published(
    state: TenderState, placed: Placed, body: CandidatesPublished
) -> TenderState:
    """Publish the candidates of the result, with days enough to object."""
    if not body.candidates or body.candidates != candidates_of(state):
        raise RuleError("these are not the candidates of the result")
    days = state.rules.clock.objection_days
    if days.value and epoch_of(body.objections_until) < objections_until(state, placed.received):
        raise state.rules.refusal(days.article, f"fewer than {days.value} days for objections")
    phase = Phase.PUBLICITY if days.value else Phase.AWARDING
    return replace(state, phase=phase, candidates=body, candidates_received=placed.received)


def objection_expired(state: TenderState, placed: Placed, body: TermExpired) -> TenderState:
    """The days for objections are over."""
    candidates = state.candidates
    if candidates is None or placed.received < epoch_of(candidates.objections_until):
        raise RuleError("objections may still be filed")
    return replace(state, phase=Phase.AWARDING)


def award_decided(state: TenderState, placed: Placed, body: AwardDecided) -> TenderState:
    """The buyer awards to the candidate of rank 1."""
    if state.result is None or body.bid != state.result.winner:
        raise RuleError("the candidate of rank 1 wins")
    return replace(state, phase=Phase.DECIDED, winner=body.bid)


def award_noticed(state: TenderState, placed: Placed, body: AwardNoticed) -> TenderState:
    """The award notice, with the price as it was opened."""
    if (body.bid, body.price) != (state.winner, state.opened[state.winner].price):
        raise RuleError("winner or price are not those decided")
    return replace(state, phase=Phase.AWARDED)


def ranking_published(state: TenderState, placed: Placed, body: RankingPublished) -> TenderState:
    """End a lot without an award: its ranking is public from here on."""
    if state.result is None or state.result.outcome != "ranked" or body.result != state.result_id:
        raise RuleError("only a result that ranks and awards nothing is published so")
    return replace(state, phase=Phase.RANKED)
