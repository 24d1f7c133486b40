"""When the demo moves its clock: over every legal period, and never past somebody's turn."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node.cli.demo.clock import PATIENCE_S, Move, next_moment
from node.core.records.canonical import epoch_of
from node.core.rules import drawing
from node.core.rules.duties import duties_of
from node.core.rules.opening import unlock_end
from node.core.rules.state import Phase, TenderState
from tests.world.run import Said
from tests.world.session import world

TENDERS = ("jp", "cn")


def before(name: str, kind: str) -> Iterator[Said]:
    """Give each record of this type with the state before it."""
    return (said for said in world(name).said if said.placed.header.type == kind)


def state_before(name: str, kind: str) -> TenderState:
    return next(before(name, kind)).before


def moved(state: TenderState, now: int, bids: int) -> int:
    move = next_moment(state, now, bids)
    assert isinstance(move, Move)
    return move.to


@pytest.mark.parametrize("name", TENDERS)
def test_bidding_ends_once_all_bids_are_in(name: str) -> None:
    state = state_before(name, "bids.closed/v1")
    deadline, bids = epoch_of(state.terms.deadline), len(state.in_force)
    grace = state.rules.clock.g_seconds.value
    assert moved(state, deadline - 86_400, bids) == deadline + grace + 1
    assert next_moment(state, deadline - 86_400, bids + 1) is None
    assert next_moment(state, deadline + grace + 1, bids) is None


@pytest.mark.parametrize("name", TENDERS)
def test_host_closes_the_bids_at_the_moment_we_move_to(name: str) -> None:
    state = state_before(name, "bids.closed/v1")
    end = moved(state, 0, len(state.in_force))
    assert [duty.kind for duty in duties_of(state, state.keeper, end)] == ["bids.closed/v1"]
    assert duties_of(state, state.keeper, end - 1) == ()


def test_opening_comes_first_then_the_window_ends_when_all_consented() -> None:
    name = "cn"
    first = state_before(name, "bid.unlocked/v1")
    opening = epoch_of(first.terms.opening)
    assert moved(first, opening - 1, 0) == opening
    assert next_moment(first, opening, 0) is None
    all_in = state_before(name, "term.expired/v1")
    assert all_in.unlocked == all_in.in_force.keys()
    assert moved(all_in, opening, 0) == unlock_end(all_in) >= epoch_of(all_in.terms.unlock_until)


def test_window_is_kept_open_for_a_bidder_who_has_not_consented() -> None:
    state = state_before("jp", "term.expired/v1")
    assert len(state.unlocked) < len(state.in_force)
    assert next_moment(state, epoch_of(state.terms.opening), 0) is None


@pytest.mark.parametrize("name", TENDERS)
def test_a_pool_that_cannot_join_is_left_out_when_the_time_to_join_is_over(name: str) -> None:
    """That of a centre which was admitted too late for this tender, for one."""
    state = list(before(name, "draw.joined/v1"))[-1].before
    assert 0 < len(state.draw.joined) < len(state.draw.request.pools)
    end = state.draw.received + state.rules.draw.join_seconds.value
    assert moved(state, state.draw.received, 0) == end
    assert next_moment(state, end, 0) is None
    assert not drawing.all_joined(state, end - 1)
    assert drawing.all_joined(state, end)
    assert duties_of(state, state.keeper, end)


def test_clock_waits_for_the_first_pool_and_not_for_a_seed() -> None:
    first = state_before("cn", "draw.joined/v1")
    assert next_moment(first, first.draw.received, 0) is None
    whole = state_before("cn", "draw.seeded/v1")
    assert next_moment(whole, whole.draw.received, 0) is None


def test_a_node_that_is_started_anew_has_time_to_join() -> None:
    assert PATIENCE_S[Phase.DRAWING] > PATIENCE_S[Phase.CALLING]


def test_silence_of_an_expert_lasts_until_the_time_to_call_is_over() -> None:
    last = list(before("cn", "expert.contacted/v1"))[-1].before
    end = last.draw.called + last.rules.draw.contact_seconds.value // 2
    assert moved(last, last.draw.received, 0) == end


def test_days_for_objections_are_skipped_as_a_whole() -> None:
    last = list(before("cn", "term.expired/v1"))[-1].before
    assert last.phase is Phase.PUBLICITY
    assert last.candidates is not None
    until = epoch_of(last.candidates.objections_until)
    assert moved(last, last.received, 0) == until
    kinds = [duty.kind for duty in duties_of(last, last.keeper, until)]
    assert kinds == ["term.expired/v1"]


@pytest.mark.parametrize("name", TENDERS)
def test_clock_stands_still_in_every_other_phase(name: str) -> None:
    moving = {Phase.ANNOUNCED, Phase.CLOSED, Phase.DRAWING, Phase.CALLING, Phase.PUBLICITY}
    seen = set()
    for said in world(name).said:
        if said.before.phase not in moving:
            seen.add(said.before.phase)
            assert next_moment(said.before, said.before.received, 0) is None
    assert len(seen) > 15
