"""Duties: what the rules say a member owes is exactly what whole tenders show it doing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.core.records.canonical import epoch_of
from node.core.rules.duties import duties_of
from node.core.rules.state import TenderState
from tests.world.moments import after, moment
from tests.world.network import CENTRES, HOST
from tests.world.session import SCRIPTS, world

NO_DUTY = {"stream.opened/v1", "registry.noted/v1", "record.refused/v1"}


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_every_record_of_a_member_was_its_duty_just_before(name: str) -> None:
    """Host, pools and holders say nothing but what the state before made them owe."""
    seen = set()
    for said in world(name).said:
        header = said.placed.header
        role, _, member = header.author.partition(":")
        if role not in ("centre", "regulator") or header.type in NO_DUTY:
            continue
        owed = {duty.kind for duty in duties_of(said.before, member, said.placed.received)}
        assert header.type in owed, f"place {said.placed.seq}"
        seen.add(header.type)
    assert {"bids.closed/v1"} <= seen


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_at_the_end_nobody_owes_anything(name: str) -> None:
    """A tender that is awarded or failed leaves no duty behind, whatever the time."""
    state = world(name).state
    late = state.received + 10 * 365 * 86_400
    for member in state.keyring.members:
        assert duties_of(state, member, late) == ()


def test_nothing_is_owed_before_its_time() -> None:
    """The deadline and the grace behind it: a second too early is too early."""
    said = world("jp").said
    closed = next(one for one in said if one.placed.header.type == "bids.closed/v1")
    state = closed.before
    deadline = epoch_of(state.terms.deadline)
    grace = state.rules.clock.g_seconds.value
    host = state.keeper
    assert duties_of(state, host, deadline + grace) == ()
    assert [d.kind for d in duties_of(state, host, deadline + grace + 1)] == ["bids.closed/v1"]


def owed(state: TenderState, member: str, later: int = 0) -> list[str]:
    """What a member owes in this state, so many seconds later."""
    return [f"{d.kind} {d.about}".strip() for d in duties_of(state, member, state.received + later)]


def test_a_lot_with_too_few_bids_fails_at_once_and_is_never_opened() -> None:
    state = moment("cn-few", "lot.failed").before
    assert owed(state, HOST, 10**9) == ["lot.failed/v1 too-few-bids"]


def test_each_bid_is_opened_or_not_as_its_bidder_said() -> None:
    state = moment("jp", "bid.opened").before
    before = replace(state, opened={}, not_opened={})
    wanted = [
        f"bid.{'opened' if bid in state.unlocked else 'not_opened'}/v1 {bid}"
        for bid in sorted(state.in_force)
    ]
    assert owed(before, HOST) == wanted
    assert len({one.split()[0] for one in wanted}) == 2


def test_what_a_holder_or_pool_has_done_it_owes_no_more() -> None:
    said = moment("jp", "share.released")
    holder = said.placed.header.author.partition(":")[2]
    assert [one.split()[0] for one in owed(said.before, holder)] == ["share.released/v1"]
    assert owed(after(said), holder) == []
    joined = moment("jp", "draw.joined")
    pool = joined.placed.header.author.partition(":")[2]
    assert owed(joined.before, pool)[-1].startswith("draw.joined/v1")
    assert not any("draw.joined" in one for one in owed(after(joined), pool))


def test_a_pool_calls_its_own_people_only() -> None:
    state = moment("cn", "expert.contacted").before
    called = {pool: owed(state, pool) for pool in CENTRES}
    for pool, duties in called.items():
        persons = [one.split()[1] for one in duties if one.startswith("expert.contacted")]
        assert persons == sorted(p for p, c in state.draw.centre_of.items() if c == pool)


def test_too_few_who_accepted_mean_another_draw() -> None:
    state = moment("cn", "draw.seeded", 1).before
    assert owed(state, HOST) == ["draw.seeded/v1 pick"]
    declined = dict.fromkeys(state.draw.outcomes, "declined")
    short = replace(state, draws=(replace(state.draw, outcomes=declined),))
    assert owed(short, HOST) == ["draw.requested/v1"]


def test_a_chair_is_stated_when_all_have_voted_and_a_lot_drawn_among_equals() -> None:
    assert owed(moment("cn", "chair.voted", -1).before, HOST) == []
    assert owed(moment("cn", "chair.elected").before, HOST) == ["chair.elected/v1"]
    assert owed(moment("jp-tie", "draw.seeded", -1).before, HOST) == ["draw.seeded/v1 lot"]
    assert owed(moment("jp-tie", "result.consolidated").before, HOST) == ["result.consolidated/v1"]


def test_the_hosts_steps_are_the_hosts() -> None:
    state = moment("jp", "bids.closed").before
    assert owed(state, "changsha", 10**9) == []


def test_links_are_owed_after_the_award_once() -> None:
    said = moment("cn", "draw.disclosed")
    pool = said.placed.header.author.partition(":")[2]
    assert owed(moment("cn", "award.noticed").before, pool) == []
    assert owed(said.before, pool) == [f"draw.disclosed/v1 {said.before.draw.id}"]
    assert owed(after(said), pool) == []
