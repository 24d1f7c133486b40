"""Each actor by itself: what it may see, what it refuses, what it says when something is wrong."""

from __future__ import annotations

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest

from node.core.errors import ConfigError, LogError, NodeError, UnavailableError
from node.core.records.canonical import epoch_of
from node.core.records.envelope import open_envelope
from node.core.records.keys import key_id
from node.core.rules.state import Phase
from node.services.actors.bidder import LOOK_S, BidderProgram, is_listed
from node.services.actors.buyer import BLIND, deadline_of, holders_of
from node.services.actors.pen import Pen
from node.services.actors.reading import Reading
from node.services.actors.roll import Calendar
from node.services.actors.seat import Judgement, owed
from node.services.actors.tender_file import FactFound, Outcome, read_tender_file
from node.services.ports import Accepted, Followed, Submission
from node.services.ports.door import Beat, Call
from tests.conftest import ROOT
from tests.simulators import people
from tests.simulators.crashing import FusedDrawer
from tests.simulators.people import HOST
from tests.simulators.sources import SeededEntropy
from tests.simulators.stage import SimDoor
from tests.unit.actors.playing import REAL, SCORED, TENDERS, Cast, at_once, tender_file

_ = at_once


def played(until: Phase, name: str = REAL) -> Cast:
    """A tender that has come so far."""

    async def run() -> Cast:
        cast = Cast(tender_file(name))
        await cast.until(until)
        return cast

    return asyncio.run(run())


looked_at = cache(played)
"""The same, for tests that only look."""


# --- what they see --------------------------------------------------------------------------------


class Listening(SimDoor):
    """Notes as whom somebody reads, and how far the tender was."""

    seen: list[tuple[str, Phase]]

    async def follow(self, stream: str, after: int, reader: str) -> AsyncIterator[Followed | Beat]:
        """As the stage shows it."""
        self.seen.append((reader, self.stage.now_state.phase))
        async for item in super().follow(stream, after, reader):
            yield item


def test_nobody_reads_more_than_the_law_lets_him_see() -> None:
    """Buyer and experts are the public until the opening is over or they are invited."""
    seen: dict[str, list[tuple[str, Phase]]] = {}

    class Watched(Cast):
        def door(self, name: str, member: str = HOST) -> SimDoor:
            door = Listening(self.stage, member, self.drawer(name).fuse.pass_by)
            door.seen = seen.setdefault(name, [])
            return door

    async def run() -> None:
        await Watched(tender_file(REAL)).whole()

    asyncio.run(run())
    assert [reader for reader, _ in seen["buyer"]] == ["public", f"centre:{HOST}"]
    assert seen["buyer"][1][1] not in BLIND
    for bidder in tender_file(REAL).bidders:
        readers = {reader for reader, _ in seen[bidder.id]}
        assert len(readers) == 1
        assert readers.pop().startswith("bidder:")
    for centre in (HOST, people.GUEST):
        assert next(reader for reader, _ in seen[centre]) == "public"
        assert all(
            phase in (Phase.FORMED, Phase.SEATED)
            for reader, phase in seen[centre]
            if reader != "public"
        )


def test_a_bidder_sees_no_place_of_others_before_the_opening_is_over() -> None:
    cast = looked_at(Phase.CLOSED)
    assert len(cast.said("bid.sealed/v1")) == 7
    for author in (*cast.said("bid.sealed/v1"), "public"):
        headers = [open_envelope(one.envelope).header for one in cast.door("spy")._cut(-1, author)]
        bids = [header.author for header in headers if header.type == "bid.sealed/v1"]
        assert set(bids) <= {author}
        assert len(headers) == 5 + len(bids)  # opening, registry, plan, committee, announcement


# --- bidders --------------------------------------------------------------------------------------


def test_a_bidder_who_comes_too_late_makes_no_bid() -> None:
    cast = played(Phase.PLANNED)

    async def run() -> tuple[str, list[str]]:
        await asyncio.wait_for(until_announced(cast), 10)
        state = cast.state
        program = cast.bidder_program(cast.case.bidders[0])
        signer = program.keys()[1]
        pen = Pen("bidder:x", signer, cast.drawer(cast.case.bidders[0].id))
        late = epoch_of(state.terms.deadline) + 1
        return await program.step(pen, state, late), sorted(pen.drawer.files)  # type: ignore[attr-defined]

    line, files = asyncio.run(run())
    assert "too late" in line
    assert files == ["bid.key", "certificate.key"]


async def until_announced(cast: Cast) -> None:
    """The buyer alone plays on."""
    buyer = asyncio.ensure_future(cast.buyer())
    while cast.state.announced is None:
        await asyncio.sleep(0.002)
    buyer.cancel()
    await asyncio.gather(buyer, return_exceptions=True)


def test_a_host_that_gives_a_receipt_for_something_else_is_not_believed() -> None:
    async def run() -> None:
        cast = Cast(tender_file(REAL))
        await cast.until(Phase.ANNOUNCED)
        state, stage = cast.state, cast.stage
        other = stage.receipt(next(iter(stage.records)))
        stage.receipt = lambda record: other  # type: ignore[method-assign] # noqa: ARG005
        one = cast.case.bidders[0]
        cast.drawers.clear()
        program = cast.bidder_program(one)
        _, signer = program.keys()
        pen = Pen(f"bidder:{key_id(signer.public)}", signer, cast.drawer(one.id))
        await program.step(pen, state, stage.clock.now())
        await program.step(pen, cast.state, stage.clock.now())

    with pytest.raises(LogError, match="does not hold"):
        asyncio.run(run())


def test_a_bidder_whose_bid_stands_no_more_sends_it_again_and_keeps_both_receipts() -> None:
    """A host restored from a backup of before: only the bidder has the bid."""
    sent: list[str] = []

    async def run() -> tuple[BidderProgram, Pen]:
        cast = Cast(tender_file(REAL))
        await cast.until(Phase.ANNOUNCED)
        one, stage, state = cast.case.bidders[0], cast.stage, cast.state
        cast.drawers.clear()
        program, now = cast.bidder_program(one), stage.clock.now()
        signer = program.keys()[1]
        pen = Pen(f"bidder:{key_id(signer.public)}", signer, cast.drawer(one.id))
        for _ in range(3):
            await program.step(pen, state, now)
        assert program.has_receipt
        accept, receipt = stage.accept, stage.receipt
        stage.receipt = lambda record: None  # type: ignore[method-assign] # noqa: ARG005
        await program.step(pen, state, now + LOOK_S - 1)
        assert sent == []

        def again(item: Submission) -> Accepted:
            sent.append(item.opened.id)
            stage.receipt = receipt  # type: ignore[method-assign]
            return accept(item)

        stage.accept = again  # type: ignore[method-assign]
        await program.step(pen, state, now + LOOK_S)
        assert not program.has_receipt
        await program.step(pen, state, now + LOOK_S)
        return program, pen

    program, pen = asyncio.run(run())
    kept = pen.kept("bid.sealed")
    assert kept is not None
    assert sent == [kept.id]
    assert program.has_receipt
    drawer = program.means.drawer
    assert drawer.read("receipt.first") == drawer.read("receipt") != b""


def test_consent_that_is_in_no_checkpoint_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was accepted, and lost with the host's disk before any partner was shown it."""
    monkeypatch.setattr("node.services.actors.bidder.SURE_S", 0.0)
    sent: list[str] = []
    cast = played(Phase.CLOSED)

    async def run() -> None:
        one, stage, state = cast.case.bidders[0], cast.stage, cast.state
        program = cast.bidder_program(one)
        program.has_receipt = True
        signer = program.keys()[1]
        pen = Pen(f"bidder:{key_id(signer.public)}", signer, cast.drawer(one.id))
        now = epoch_of(state.terms.opening)

        def accept(item: Submission) -> Accepted:
            sent.append(item.opened.id)
            return Accepted(item.opened.id, -1, "e" * 64)

        stage.accept = accept  # type: ignore[method-assign]
        stage.receipt = lambda record: None  # type: ignore[method-assign] # noqa: ARG005
        await program.step(pen, state, now)
        await program.step(pen, state, now)
        assert len(sent) == 2
        stage.receipt = lambda record: "a receipt"  # type: ignore[method-assign] # noqa: ARG005
        await program.step(pen, state, now)
        await program.step(pen, state, now)

    asyncio.run(run())
    assert len(sent) == 2
    assert len(set(sent)) == 1


class Forgetful(SimDoor):
    """A host that lost its disk after the bids: each one's first consent meets it catching up."""

    asked: list[str]

    def _one(self, item: Submission) -> Accepted | NodeError:
        header = open_envelope(item.envelope).header
        if header.type == "bid.unlocked/v1" and header.author not in self.asked:
            self.asked.append(header.author)
            self.stage.blobs.data.clear()
            return UnavailableError("an old copy", code="catching-up")
        return super()._one(item)


def test_a_bidder_whose_host_was_restored_sends_its_box_again() -> None:
    """Nobody else has it; without it the bid could not be opened."""
    asked: list[str] = []

    class Lossy(Cast):
        def door(self, name: str, member: str = HOST) -> SimDoor:
            door = Forgetful(self.stage, member, self.drawer(name).fuse.pass_by)
            door.asked = asked
            return door

    cast = Lossy(tender_file(REAL))
    asyncio.run(cast.whole())
    assert len(set(asked)) == 7
    assert len(cast.state.opened) == 7


def test_a_receipt_of_another_members_log_is_none_of_the_hosts() -> None:
    cast = looked_at(Phase.READ)
    program = cast.bidder_program(cast.case.bidders[0])
    hosts = [
        origin
        for origin in (*program.means.trust.eras, "nobody.example/log")
        if program._is_of_host(origin, cast.state)
    ]
    assert hosts == [f"{HOST}.example/log"]
    assert len(program.means.trust.eras) > 1


def test_a_bidder_whose_bid_is_not_in_the_published_list_says_so() -> None:
    cast = looked_at(Phase.READ)
    one = cast.case.bidders[0]
    signer = cast.bidder_program(one).keys()[1]
    pen = Pen("bidder:x", signer, cast.drawer(one.id))
    assert is_listed(pen, cast.state)
    closed = cast.state.closed
    assert closed is not None
    kept = pen.kept("bid.sealed")
    assert kept is not None
    without = tuple(leaf for leaf in closed.leaves if leaf != kept.id)
    faked = msgspec.structs.replace(closed, leaves=without)
    assert not is_listed(pen, replace(cast.state, closed=faked))
    assert not is_listed(Pen("bidder:y", signer, FusedDrawer()), cast.state)


# --- buyer ----------------------------------------------------------------------------------------


def test_the_deadline_is_the_day_wanted_or_the_first_lawful_one() -> None:
    cast = looked_at(Phase.PLANNED)
    state, now = cast.state, cast.stage.clock.now()
    early = deadline_of(state, "2009-10-27", now)
    assert 14 * 86_400 <= early - now < 16 * 86_400
    late = deadline_of(state, "2030-10-27", now)
    assert late == epoch_of("2030-10-27T00:00:00Z")  # nine in the morning there


def test_too_few_members_hold_no_shares() -> None:
    state = looked_at(Phase.PLANNED).state
    assert holders_of(state, 2) == tuple(sorted((people.GUEST, people.REGULATOR)))
    with pytest.raises(ConfigError, match="3 are needed"):
        holders_of(state, 3)


# --- experts --------------------------------------------------------------------------------------


def test_a_seat_owes_one_thing_in_each_phase_and_nothing_twice() -> None:
    state = looked_at(Phase.SIGNING).state
    assert {owed(state, seat) for seat in state.seats} == {"report.signed/v1"}
    state = looked_at(Phase.SIGNED).state
    assert {owed(state, seat) for seat in state.seats} == {None}


def test_only_the_chair_puts_findings_to_the_vote() -> None:
    state = replace(looked_at(Phase.SIGNING).state, phase=Phase.REVIEWING)
    assert {seat for seat in state.seats if owed(state, seat)} == {state.chair}


def test_a_bid_without_a_price_is_a_finding_and_one_rejected_by_price_is_none() -> None:
    cast = looked_at(Phase.SIGNING)
    state = cast.state
    bids = sorted(state.opened)
    changed: dict[str, Any] = dict(state.opened)
    changed[bids[0]] = msgspec.structs.replace(changed[bids[0]], price=None)
    changed[bids[1]] = msgspec.structs.replace(changed[bids[1]], price="99999999")
    noted = FactFound(bidder=changed[bids[1]].bidder, ground="invalid", note="also")
    case = msgspec.structs.replace(cast.case, findings=(noted,))
    body = Judgement("1", case, SeededEntropy()).findings(replace(state, opened=changed))
    assert [(one.bid, one.ground) for one in body.findings] == [(bids[0], "no-price")]


def test_a_case_without_a_mark_is_a_wrong_file() -> None:
    state = looked_at(Phase.SCORING, SCORED).state
    case = msgspec.structs.replace(tender_file(SCORED), marks={})
    with pytest.raises(ConfigError, match="no mark of seat 1"):
        Judgement("1", case, SeededEntropy()).sheet(state)


def test_the_calendar_gives_the_same_answer_to_the_same_call() -> None:
    calls = [Call("ab" * 32, 0, f"{n:064x}", f"{n:064x}", "", "", 0) for n in range(400)]
    calendar = Calendar(20, 10)
    answers = [calendar.answer(call) for call in calls]
    assert answers == [calendar.answer(call) for call in calls]
    assert 50 < answers.count(False) < 110
    assert 15 < answers.count(None) < 70


# --- the stream -----------------------------------------------------------------------------------


def test_a_reader_does_not_take_a_place_that_breaks_a_rule() -> None:
    stage = looked_at(Phase.CLOSED).stage
    reading = Reading(stage.stream, people.NETWORK)
    for item in stage.places[:3]:
        reading.take(item)
    with pytest.raises(LogError):
        reading.take(stage.places[4])
    assert reading.after == 2
    stranger = msgspec.structs.replace(people.NETWORK, chain_id=1)
    other = Reading(stage.stream, stranger)
    other.take(stage.places[0])
    with pytest.raises(Exception, match="another network"):
        other.take(stage.places[1])


# --- tender files ---------------------------------------------------------------------------------


def test_the_real_tender_is_that_of_the_data(shared_data: Any) -> None:  # noqa: ANN401
    with (shared_data / "tsuchiura_2007_2011.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["tender_id"] == REAL]
    case = tender_file(REAL)
    assert [(b.id, b.name, b.price) for b in case.bidders] == [
        (row["bidder_id"], row["bidder_name"], row["bid_price_jpy"]) for row in rows
    ]
    assert (case.lot.ceiling, case.lot.minimum) == (
        rows[0]["reserve_price_jpy"],
        rows[0]["minimum_price_jpy"],
    )
    won = next(row for row in rows if row["outcome"] == "won")
    assert (case.outcome.winner, case.outcome.price) == (won["bidder_id"], won["bid_price_jpy"])
    rejected = [(row["bidder_id"], row["note"]) for row in rows if row["outcome"] == "rejected"]
    assert [(one.bidder, one.note) for one in case.findings] == rejected
    assert min(rows, key=lambda row: int(row["bid_price_jpy"]))["outcome"] == "rejected"
    assert "missing_bids" in case.source.text
    assert case.source.licence == "MIT"


def test_the_invented_tender_says_that_it_is_invented() -> None:
    case = tender_file(SCORED)
    assert case.source.kind == "invented"
    assert "Invented" in case.source.text
    assert "虚构" in case.title
    assert all("虚构" in name for name in (case.buyer.name, *(b.name for b in case.bidders)))
    assert case.outcome == Outcome(source=case.outcome.source)


@pytest.mark.parametrize(
    "change",
    [
        {"format": "yuanping-tender/v2"},
        {"unknown": 1},
        {"bidders": []},
        {"findings": [{"bidder": "nobody", "ground": "invalid", "note": "x"}]},
        {"opened_on": "27.10.2009"},
    ],
)
def test_a_wrong_tender_file_is_refused(change: dict[str, Any]) -> None:
    good = json.loads((TENDERS / f"{REAL}.json").read_bytes())
    with pytest.raises(ConfigError, match="tender file"):
        read_tender_file(json.dumps(good | change).encode())
    with pytest.raises(ConfigError):
        read_tender_file(b"no json")
    assert TENDERS.is_relative_to(ROOT)
