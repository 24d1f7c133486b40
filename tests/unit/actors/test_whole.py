"""Whole tenders by the actors' own programs: the real one and the scored one, with kills."""

from __future__ import annotations

import asyncio
import random

import pytest

from node.core.rules.state import Phase
from node.services.actors.roll import Calendar
from tests.simulators.crashing import Fuse
from tests.simulators.stage import CENTRES
from tests.unit.actors.playing import REAL, SCORED, Cast, at_once, contest, tender_file

_ = at_once
MOMENTS = 26


def test_the_real_tender_ends_as_the_city_decided() -> None:
    case = tender_file(REAL)

    async def run() -> Cast:
        cast = Cast(case)
        ended = await cast.whole()
        assert ended[1:-2] == [True] * len(case.bidders)
        return cast

    cast = asyncio.run(run())
    state = cast.state
    assert state.phase is Phase.AWARDED
    assert state.opened[state.winner].bidder == case.outcome.winner == "B283"
    assert state.opened[state.winner].price == case.outcome.price
    assert state.result is not None
    assert [state.opened[row.bid].bidder for row in state.result.rejected] == ["B232"]
    assert state.result.rejected[0].votes == 5
    assert {author for author in cast.said("bid.sealed/v1")} == {
        f"bidder:{key}" for key in cast.receipts
    }
    assert state.disclosed == {seat.centre for seat in state.seats.values()}
    assert cast.stage.called
    assert all("project" not in line for line in cast.stage.called)


def test_the_scored_tender_has_sheets_that_differ_and_one_dissent() -> None:
    async def run() -> Cast:
        cast = Cast(tender_file(SCORED))
        await cast.whole()
        return cast

    state = asyncio.run(run()).state
    assert state.phase is Phase.AWARDED
    assert state.opened[state.winner].bidder == "S2"
    assert sorted(state.reports.values()) == ["agreed"] * 4 + ["dissent"]
    assert state.reports["4"] == "dissent"
    packages = [sheet.package for sheet in state.review.sheets.values()]
    marks = [{(s.bid, s.criterion): s.points for s in p.scores} for p in packages if p is not None]
    assert len(marks) == 5
    objective = {c.id for c in state.lot.method.criteria if c.objective}
    assert objective
    for cell in marks[0]:
        assert (len({sheet[cell] for sheet in marks}) == 1) == (cell[1] in objective)


def test_nine_experts_rank_a_contest_that_nobody_wins() -> None:
    """Each seat gives its own column; the organiser publishes the ranking and awards nothing."""
    case = contest()

    async def run() -> Cast:
        cast = Cast(case)
        ended = await cast.whole()
        assert ended[1:-2] == [True] * len(case.bidders)
        return cast

    cast = asyncio.run(run())
    state = cast.state
    assert (state.phase, state.winner, len(state.seats)) == (Phase.RANKED, "", 9)
    assert state.result is not None
    ranked = [(state.opened[row.bid].bidder, row.rank, row.total) for row in state.result.ranking]
    assert ranked == [("B", 1, "38.00"), ("A", 2, "38.00"), ("C", 3, "24.17")]
    for seat, sheet in state.review.sheets.items():
        assert sheet.package is not None
        given = {(state.opened[s.bid].bidder, s.criterion): s.points for s in sheet.package.scores}
        assert given["C", "skill"] == case.marks[seat]["C"]["skill"]
    assert cast.said("ranking.published/v1") == [f"buyer:{case.buyer.id}"]
    assert cast.said("award.decided/v1") == []
    assert state.disclosed == {seat.centre for seat in state.seats.values()}


def check_said_once(cast: Cast) -> None:
    """Everybody's word stands, once, and what opens it later is in its pool."""
    state = cast.state
    assert state.phase is Phase.AWARDED
    for kind in ("bid.sealed/v1", "bid.unlocked/v1", "rejection.voted/v1", "report.signed/v1"):
        authors = cast.said(kind)
        assert len(authors) == len(set(authors)), kind
    for kind in ("tender.planned/v1", "tender.announced/v1", "award.noticed/v1"):
        assert cast.said(kind) == [f"buyer:{cast.case.buyer.id}"]
    assert len(cast.receipts) == len(cast.case.bidders)
    assert state.disclosed == {seat.centre for seat in state.seats.values()}
    for centre in CENTRES:
        persons = cast.stage.pools[centre].roster.persons(state.draw.id)
        listed = {p for one in state.draw.joined[centre].lists for p in one.persons}
        assert {one.person for one in persons} == listed


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_every_actor_is_killed_once_at_this_moment(moment: int) -> None:
    """Before and after each durable write and each call; entries into the pool count as one.

    A program with more moments than there are tests is killed every `MOMENTS` of them.
    """
    fuses: dict[str, Fuse] = {}

    def fuse_of(name: str) -> Fuse:
        return fuses.setdefault(name, OneMoment(moment))

    async def run() -> Cast:
        cast = Cast(tender_file(REAL), fuse_of=fuse_of)
        ended = await cast.whole()
        assert ended[1:-2] == [True] * len(cast.case.bidders)
        return cast

    check_said_once(asyncio.run(run()))
    kills = [kill for fuse in fuses.values() for kill in fuse.kills]
    assert len(kills) >= len(CENTRES)


class OneMoment(Fuse):
    """Blows at one moment and every `MOMENTS` later; the many entries into a pool count as one."""

    def __init__(self, at: int) -> None:
        super().__init__(lambda moment: moment % MOMENTS == at)
        self.entries = 0

    def pass_by(self, what: str) -> None:
        """Count the first entry only."""
        self.entries += what == "enter"
        if what != "enter" or self.entries == 1 or self.dead:
            super().pass_by(what)


@pytest.mark.parametrize("seed", range(2))
def test_everybody_is_killed_again_and_again_and_says_nothing_twice(seed: int) -> None:
    """Some experts decline, some never answer: after half of the term they are unreachable."""
    fuses: list[Fuse] = []

    def fuse_of(name: str) -> Fuse:
        chance = random.Random(f"{seed} {name}")
        fuse = Fuse(lambda _moment: chance.random() < 0.06)
        fuses.append(fuse)
        return fuse

    async def run() -> Cast:
        cast = Cast(tender_file(REAL), calendar=Calendar(15, 15), fuse_of=fuse_of)
        await cast.whole()
        return cast

    cast = asyncio.run(run())
    check_said_once(cast)
    assert sum(len(fuse.kills) for fuse in fuses) > 10
