"""Duties: what the rules say a member owes is exactly what whole tenders show it doing."""

from __future__ import annotations

import pytest

from node.core.records.canonical import epoch_of
from node.core.rules.duties import duties_of
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
