"""Attempts to learn how many bid, or how many will judge, before the time for it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from node.core.errors import NodeError, RuleError
from node.core.records.kinds.draws import DrawRequested, Stratum
from node.core.records.kinds.tender import CommitteePlanned, LotCommittee
from node.core.rules import audience
from node.core.rules.audience import Level, Stage
from node.core.rules.fold import apply
from node.core.rules.state import Placed, TenderState
from tests.world.run import Said
from tests.world.session import world

SIZES = (Stratum(seats=5, specialty="works"),)


def moment(kind: str, name: str = "jp") -> Said:
    """The first record of a kind in a whole tender, with the state before it."""
    return next(said for said in world(name).said if said.placed.header.type == kind)


def planned(lot: str, *strata: Stratum) -> CommitteePlanned:
    """A plan for one lot's committee."""
    return CommitteePlanned(committees=(LotCommittee(lot=lot, strata=strata),), salt="00" * 32)


def said_instead(said: Said, **changes: object) -> TenderState | NodeError:
    """What the fold says if the body was another one."""
    placed: Placed = replace(said.placed, **changes)  # type: ignore[arg-type]
    try:
        return apply(said.before, placed)
    except NodeError as error:
        return error


@pytest.mark.parametrize("reader", ["public", "bidder"])
def test_outsiders_read_the_size_of_the_committee_in_the_plan(reader: str) -> None:
    plan = ("committee.planned/v1", "buyer:water")
    for stage in Stage:
        level = audience.level("tender", plan, stage, ("somebody", reader))
        assert level is (Level.ALL if stage is Stage.AWARDED else Level.HEADER)


def test_an_outsider_folds_the_announcement_without_the_size() -> None:
    blind = said_instead(moment("committee.planned/v1"), body=None)
    assert isinstance(blind, TenderState)
    assert blind.composed is None
    announced = moment("tender.announced/v1")
    state = said_instead(replace(announced, before=blind))
    assert isinstance(state, TenderState)
    assert state.strata == ()


@pytest.mark.parametrize("seats", [1, 3, 4, 6])
def test_a_buyer_plans_an_unlawful_committee(seats: int) -> None:
    """Too few, or an even number: refused before anybody has bid, not after the opening."""
    wrong = planned("1", Stratum(seats=seats, specialty="works"))
    error = said_instead(moment("committee.planned/v1", "cn"), body=wrong)
    assert isinstance(error, RuleError)
    assert error.article.startswith(("TBL", "招标投标法"))


def test_a_committee_planned_for_another_lot_is_no_plan() -> None:
    other = said_instead(moment("committee.planned/v1"), body=planned("2", *SIZES))
    assert isinstance(other, TenderState)
    announced = moment("tender.announced/v1")
    error = said_instead(replace(announced, before=other))
    assert isinstance(error, RuleError)
    assert "another lot" in error.detail


def test_a_host_changes_the_committee_once_the_prices_are_known() -> None:
    request = moment("draw.requested/v1")
    body = request.placed.body
    assert isinstance(body, DrawRequested)
    more = structs.replace(body, strata=(Stratum(seats=7, specialty="works"),))
    error = said_instead(request, body=more)
    assert isinstance(error, RuleError)
    assert "planned" in error.detail


@pytest.mark.parametrize("reader", ["public", "bidder", "guest", "regulator"])
def test_a_partner_counts_bids_that_were_brought_to_another_partners_door(reader: str) -> None:
    """A bid lodged at a guest is `record.lodged` there; only its host may see that it came."""
    lodged = ("record.lodged/v1", "centre:changsha")
    seen = [audience.level("side", lodged, stage, ("somebody", reader)) for stage in Stage]
    assert seen[Stage.BIDS_OPEN] is Level.NOTHING
    host = audience.level("side", lodged, Stage.BIDS_OPEN, ("centre:zhuzhou", "host"))
    assert host is Level.ALL
