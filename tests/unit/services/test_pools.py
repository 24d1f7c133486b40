"""A pool at work: who may enter, what it says once, how calls end, who may sit, what it opens."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import msgspec
import pytest

from node.adapters.notify import ConsoleNotifier
from node.core.errors import ForbiddenError, NodeError, StateError
from node.core.records.canonical import decode, encode, epoch_of
from node.core.records.envelope import open_envelope
from node.core.records.kinds.draws import ExpertContacted
from node.core.rules.contact import evidence_digest
from node.core.rules.draw import person
from node.core.rules.drawing import link_of
from node.core.rules.listing import (
    Asked,
    Exclusion,
    PoolDisclosure,
    SnapshotDisclosure,
    asked_of,
    check_disclosure,
    check_snapshot,
)
from node.core.rules.pool import EntryFacts, entry_message
from node.core.rules.state import Phase
from node.services.actors.roll import Calendar, answer_to
from node.services.oversight import GOOD, Oversight, tell_regulators
from node.services.pools import PoolService
from node.services.ports import Submission
from node.services.ports.door import Call, CallAnswer, SeatTaken
from node.services.roster import Contacted, key_of
from node.services.seats import disclosed
from tests.simulators.memory_store import MemoryStore
from tests.simulators.people import GUEST, HOST, REGULATOR
from tests.simulators.sources import HandClock, SeededEntropy
from tests.unit.actors.playing import REAL, Cast, at_once, tender_file

_ = at_once
replace = msgspec.structs.replace


def played(until: Phase) -> Cast:
    """A tender that has come so far, in which the guest's pool has a part; all accept at once."""

    async def run() -> Cast:
        cast_ = Cast(tender_file(REAL), calendar=Calendar(0, 0))
        await cast_.until(until)
        return cast_

    return with_guest(lambda: asyncio.run(run()))


def with_guest(play: Callable[[], Cast]) -> Cast:
    """The first of these plays in whose draw somebody of the guest's pool is left.

    Who is drawn hangs on signatures that are never the same twice (ES256).
    """
    while True:
        state = (cast_ := play()).state
        slate = state.draw.slate if state.draws else ()
        centres = {state.draw.centre_of[person] for part in slate for person in part}
        centres = {seat.centre for seat in state.seats.values()} or centres
        if GUEST in centres or not centres:
            return cast_


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Something is refused with this code."""
    with pytest.raises(NodeError) as caught:
        yield
    assert caught.value.code == code


# --- roster ---------------------------------------------------------------------------------------


def pool_of(now: int = 1_780_000_000) -> tuple[PoolService, MemoryStore]:
    store = MemoryStore()
    return PoolService(GUEST, store, HandClock(now), SeededEntropy("pool")), store


def one_expert() -> tuple[EntryFacts, Callable[[EntryFacts], bytes]]:
    """An expert's facts, and her hand."""
    roll = Cast(tender_file(REAL)).experts_program(GUEST).experts.roll
    expert = roll.experts[0]
    return expert.facts, lambda facts: expert.signer.sign(entry_message(facts))


def test_an_entry_is_kept_once_with_one_salt() -> None:
    pool, _ = pool_of()
    facts, sign = one_expert()
    entry = pool.enter(encode(facts), sign(facts))
    assert pool.enter(encode(facts), sign(facts)) == entry
    assert pool.roster.entries() == [entry]


def test_nobody_enters_for_another_or_changes_an_entry_or_comes_from_the_future() -> None:
    pool, _ = pool_of()
    facts, sign = one_expert()
    with refused("signature"):
        pool.enter(encode(facts), bytes(64))
    other = replace(facts, pseudonym="00" * 32)
    with refused("rule"):
        pool.enter(encode(other), sign(other))
    with refused("form"):
        pool.enter(encode(facts) + b" ", sign(facts))
    later = replace(facts, since="2999-01-01T00:00:00Z")
    with refused("rule"):
        pool.enter(encode(later), sign(later))
    pool.enter(encode(facts), sign(facts))
    moved = replace(facts, region="altay")
    with refused("rule"):
        pool.enter(encode(moved), sign(moved))


def test_a_snapshot_is_published_when_the_roster_changed_and_only_then() -> None:
    pool, store = pool_of()
    assert pool.publish_snapshot(10) is None
    facts, sign = one_expert()
    pool.enter(encode(facts), sign(facts))
    made = pool.publish_snapshot(10)
    assert made is not None
    body, found = made
    assert (body.epoch, body.size, body.cells) == (1, 1, ())
    assert pool.publish_snapshot(10) is not None  # nothing was committed yet
    for key, value in found.items():
        store.put_fact(key, value)
    assert pool.publish_snapshot(10) is None
    assert pool.publish_snapshot(10, said=1) is None
    after_a_loss = pool.publish_snapshot(10, said=2)
    assert after_a_loss is not None
    assert (after_a_loss[0].epoch, after_a_loss[0].root) == (3, body.root)
    assert list(after_a_loss[1]) == ["pool/epoch/3"]
    assert pool.roster.snapshot(1, body.root) == pool.roster.entries()
    with refused("rule"):
        pool.roster.snapshot(1, "00" * 32)
    with refused("not-found"):
        pool.roster.snapshot(2, body.root)


def test_only_a_snapshot_cosigned_before_the_deadline_counts() -> None:
    stage = played(Phase.READ).stage
    pool, times = stage.pools[GUEST], stage.desks[GUEST].times
    deadline = epoch_of(stage.now_state.terms.deadline)
    snapshot = pool.snapshot_before(deadline, times.existed_by)
    assert (snapshot.epoch, snapshot.seq) == (1, 2)
    for late in (lambda *_: None, lambda *_: deadline):
        with refused("state"):
            pool.snapshot_before(deadline, late)


# --- lists ----------------------------------------------------------------------------------------


def test_a_list_is_the_same_when_it_is_made_again() -> None:
    stage = played(Phase.CALLING).stage
    state, pool = stage.now_state, stage.pools[GUEST]
    asked, joined = asked_of(state, state.draw), state.draw.joined[GUEST]
    assert pool.join(asked, state.stream, joined.snapshot) == (joined, {})
    assert len(joined.lists[0].persons) >= 30
    named = pool.roster.persons(state.draw.id)
    assert all(one.person == person(state.draw.id, one.pseudonym, one.salt) for one in named)
    assert len({one.salt for one in named}) == len(named)


def test_a_recused_expert_is_left_out_and_the_regulator_is_told_why() -> None:
    stage = played(Phase.READ).stage
    state, pool = stage.now_state, stage.pools[GUEST]
    pseudonym = pool.roster.entries()[0].facts.pseudonym
    pool.recuse(state.stream, Exclusion(ground="relative", pseudonym=pseudonym))
    with refused("not-found"):
        pool.recuse(state.stream, Exclusion(ground="relative", pseudonym="00" * 32))
    deadline, times = epoch_of(state.terms.deadline), stage.desks[GUEST].times
    snapshot = pool.snapshot_before(deadline, times.existed_by)
    asked = Asked("ab" * 32, ("sewerage",), deadline, 30, "ours")
    body, facts = pool.join(asked, state.stream, snapshot)
    for key, value in facts.items():
        stage.stores[GUEST].put_fact(key, value)
    assert pseudonym not in {one.pseudonym for one in pool.roster.persons(asked.draw)}
    told = decode(pool.disclosure(asked.draw), PoolDisclosure)
    assert [one.pseudonym for one in told.excluded] == [pseudonym]
    published = stage.snapshots[snapshot.stream]
    entries = decode(pool.snapshot_disclosure(snapshot), SnapshotDisclosure)
    check_snapshot(entries, published)
    by_pseudonym = {one.facts.pseudonym: one for one in entries.entries}
    check_disclosure(told, asked, body, by_pseudonym)
    with refused("not-found"):
        pool.disclosure("cd" * 32)


# --- calls ----------------------------------------------------------------------------------------


def called(cast_: Cast) -> tuple[Call, CallAnswer]:
    """One waiting call of the guest's pool, and its expert's true answer."""
    calling = cast_.stage.desks[GUEST].calling
    call = min(calling.waiting.values(), key=lambda one: one.person)
    experts = cast_.experts_program(GUEST).experts
    return call, answer_to(call, experts.expert(call.pseudonym), accepted=True)


def test_a_call_says_time_and_place_and_waits_for_half_of_the_term() -> None:
    cast_ = ringing()
    stage, state = cast_.stage, cast_.state
    call, _ = called(cast_)
    assert stage.called
    secrets = (state.stream, state.draw.id, call.pseudonym, cast_.case.tender, cast_.case.title)
    for line in (call.message_zh, call.message_en, *stage.called):
        assert not any(secret in line for secret in secrets)
    calling, term = stage.desks[GUEST].calling, state.rules.draw.contact_seconds.value
    stage.clock.at = state.draw.called + term // 2 - 1
    assert asyncio.run(calling.contacted(state, call.person)) is None
    stage.clock.at += 1
    said = asyncio.run(calling.contacted(state, call.person))
    assert said is not None
    body, facts = said
    assert body.outcome == "unreachable"
    kept = decode(facts[key_of(state.draw.id, "contacted", call.person)].encode(), Contacted)
    assert evidence_digest(kept.evidence) == body.evidence
    assert kept.evidence.sig is None
    for key, value in facts.items():
        stage.stores[GUEST].put_fact(key, value)
    stage.clock.at += term
    assert asyncio.run(calling.contacted(state, call.person)) == (body, {})


def ringing() -> Cast:
    """The guest has just called all of its slate, and nobody has answered yet."""
    cast_ = played(Phase.CALLING)
    state, calling = cast_.state, cast_.stage.desks[GUEST].calling
    for one in state.draw.slate[0]:
        if state.draw.centre_of[one] == GUEST:
            assert asyncio.run(calling.contacted(state, one)) is None
    assert calling.waiting
    return cast_


def test_after_the_whole_term_nothing_more_is_said_of_a_call() -> None:
    cast_ = ringing()
    state, stage = cast_.state, cast_.stage
    call, answer = called(cast_)
    calling = stage.desks[GUEST].calling
    asyncio.run(calling.answer(answer))
    stage.clock.at = state.draw.called + state.rules.draw.contact_seconds.value
    assert asyncio.run(calling.contacted(state, call.person)) is None


def test_an_answer_is_the_called_experts_own_and_is_given_once() -> None:
    cast_ = ringing()
    state, calling = cast_.state, cast_.stage.desks[GUEST].calling
    call, answer = called(cast_)

    async def say(given: CallAnswer) -> None:
        await calling.answer(given)

    for wrong, code in (
        (CallAnswer(call.draw, call.person, False, answer.signature), "signature"),
        (CallAnswer(call.draw, "00" * 32, True, answer.signature), "not-found"),
        (CallAnswer("00" * 32, call.person, True, answer.signature), "not-found"),
    ):
        with refused(code):
            asyncio.run(say(wrong))
    asyncio.run(say(answer))
    asyncio.run(say(answer))
    assert (call.draw, call.person) not in calling.waiting
    experts = cast_.experts_program(GUEST).experts
    with refused("state"):
        asyncio.run(say(answer_to(call, experts.expert(call.pseudonym), accepted=False)))
    said = asyncio.run(calling.contacted(state, call.person))
    assert said is not None
    assert said[0].outcome == "accepted"
    assert isinstance(said[0], ExpertContacted)


def test_an_expert_who_was_listed_but_not_called_cannot_answer_ahead() -> None:
    cast_ = ringing()
    state, pool = cast_.state, cast_.stage.pools[GUEST]
    waiting = {call.person for call in cast_.stage.desks[GUEST].calling.waiting.values()}
    named = next(o for o in pool.roster.persons(state.draw.id) if o.person not in waiting)
    experts = cast_.experts_program(GUEST).experts
    ahead = Call(state.draw.id, 0, named.person, named.pseudonym, "", "", 0)
    with refused("not-found"):
        asyncio.run(
            cast_.stage.desks[GUEST].calling.answer(
                answer_to(ahead, experts.expert(named.pseudonym), accepted=True)
            )
        )


def test_too_late_an_answer_counts_no_more() -> None:
    cast_ = ringing()
    state, stage = cast_.state, cast_.stage
    call, answer = called(cast_)
    calling = stage.desks[GUEST].calling
    stage.clock.at = state.draw.called + state.rules.draw.contact_seconds.value // 2
    said = asyncio.run(calling.contacted(state, call.person))
    assert said is not None
    for key, value in said[1].items():
        stage.stores[GUEST].put_fact(key, value)
    with refused("state"):
        asyncio.run(calling.answer(answer))


def test_after_a_restart_nobody_is_called_twice_and_calls_are_shown_again() -> None:
    cast_ = ringing()
    state, stage = cast_.state, cast_.stage
    desk, lines = stage.desks[GUEST], len(stage.called)
    before = dict(desk.calling.waiting)
    desk.calling.waiting.clear()
    for draw, one in before:
        assert draw == state.draw.id
        assert asyncio.run(desk.calling.contacted(state, one)) is None
    assert desk.calling.waiting == before
    assert len(stage.called) == lines


def test_the_console_shows_the_message_alone() -> None:
    lines: list[str] = []
    asyncio.run(ConsoleNotifier(lines.append).call("draw", "pseudonym", "come at nine"))
    assert lines == ["come at nine"]


# --- seats and links ------------------------------------------------------------------------------


def test_links_open_to_the_entries_that_were_drawn() -> None:
    cast_ = played(Phase.AWARDED)
    state = cast_.state
    seats = [seat for seat in state.seats.values() if seat.centre == GUEST]
    body = disclosed(cast_.stage.pools[GUEST], state)
    assert [one.person for one in body.persons] == sorted(seat.person for seat in seats)
    for one in body.persons:
        seat = next(seat for seat in seats if seat.person == one.person)
        assert link_of(one.link_salt, one.sig) == seat.link


def taken_seat() -> tuple[Cast, str, SeatTaken]:
    """A committee just formed, and how one of the guest's experts takes her seat."""
    cast_ = played(Phase.FORMED)
    state = cast_.state
    seat = next(seat for seat in state.seats.values() if seat.centre == GUEST)
    return cast_, seat.seat, taken_by(cast_, seat.seat, None)


def taken_by(cast_: Cast, seat: str, pseudonym: str | None) -> SeatTaken:
    """How the invited expert, or another one, takes a seat of the guest."""
    state, program = cast_.state, cast_.experts_program(GUEST)
    found = cast_.stage.seats[GUEST]._invite(state, state.seats[seat])
    found = dataclasses.replace(found, pseudonym=pseudonym or found.pseudonym)
    return program._made(found, state, cast_.stage.clock.now()).taken


def test_a_seat_is_taken_by_the_drawn_expert_alone() -> None:
    cast_, seat, taken = taken_seat()
    seats = cast_.stage.seats[GUEST]
    state, facts = seats.admit(taken)
    assert state is cast_.state
    assert list(facts) == [
        key_of(
            state.draw.id,
            "link",
            f"{state.seats[seat].person}/{open_envelope(taken.item.envelope).header.key}",
        )
    ]
    with refused("signature"):
        seats.admit(SeatTaken(taken.item, taken.link_salt, bytes(64)))
    with refused("rule"):
        seats.admit(SeatTaken(taken.item, "00" * 32, taken.signature))
    with pytest.raises(ForbiddenError):
        cast_.stage.seats[HOST].admit(taken)
    forged = Submission(taken.item.envelope, b"{}")
    with refused("form"):
        seats.admit(SeatTaken(forged, taken.link_salt, taken.signature))


def test_another_listed_expert_cannot_take_the_seat_with_her_own_key() -> None:
    cast_, seat, _ = taken_seat()
    stage = cast_.stage
    drawn = stage.pools[GUEST].roster.person(cast_.state.draw.id, cast_.state.seats[seat].person)
    entries = stage.pools[GUEST].roster.entries()
    other = next(e.facts.pseudonym for e in entries if e.facts.pseudonym != drawn.pseudonym)
    with refused("signature"):
        stage.seats[GUEST].admit(taken_by(cast_, seat, other))


# --- the regulator --------------------------------------------------------------------------------


class Told:
    """A regulator's node as a pool reaches it; away at first."""

    def __init__(self, oversight: Oversight) -> None:
        self.oversight, self.away, self.calls = oversight, True, 0

    async def disclose_snapshot(self, root: str, payload: bytes) -> None:
        """Take it, or be away."""
        self.calls += 1
        if self.away:
            raise StateError("away")
        self.oversight.take_snapshot(root, payload, GUEST)

    async def disclose(self, draw: str, payload: bytes) -> None:
        """Take it, or be away."""
        self.calls += 1
        if self.away:
            raise StateError("away")
        self.oversight.take(draw, payload, GUEST)


def test_the_regulator_is_told_once_it_is_there_and_judges_every_list() -> None:
    cast_ = played(Phase.CALLING)
    stage = cast_.stage
    state, store = cast_.state, stage.stores[REGULATOR]
    oversight = Oversight(store, stage.tenders, lambda stream, _seq: stage.snapshots.get(stream))
    regulator = Told(oversight)
    partners = cast(Any, {REGULATOR: regulator})

    def tell() -> int:
        return asyncio.run(tell_regulators(stage.pools[GUEST], stage.tenders, partners))

    assert tell() == 0
    assert oversight.judge() == {}
    regulator.away = False
    assert [tell(), tell()] == [1, 0]
    assert regulator.calls == 3  # once in vain, then the snapshot and the draw
    assert oversight.judge() == {(state.draw.id, GUEST): GOOD}
    payload = stage.pools[GUEST].disclosure(state.draw.id)
    for draw, peer in ((state.draw.id, HOST), ("00" * 32, GUEST)):
        with pytest.raises(ForbiddenError):
            oversight.take(draw, payload, peer)
    with refused("form"):
        oversight.take(state.draw.id, payload + b" ", GUEST)


def test_a_tender_that_is_over_is_looked_at_until_all_is_told_and_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("node.services.oversight.is_settled", lambda _state: True)
    cast_ = played(Phase.CALLING)
    stage = cast_.stage
    state, pool = cast_.state, stage.pools[GUEST]
    oversight = Oversight(
        stage.stores[REGULATOR], stage.tenders, lambda stream, _seq: stage.snapshots.get(stream)
    )
    regulator = Told(oversight)
    for partners in ({}, {REGULATOR: regulator}):
        asyncio.run(tell_regulators(pool, stage.tenders, cast(Any, partners)))
        assert pool.told_all == set()
    assert oversight.judge() == {}
    regulator.away = False
    for told in (1, 0):
        partners = cast(Any, {REGULATOR: regulator})
        assert asyncio.run(tell_regulators(pool, stage.tenders, partners)) == told
    assert pool.told_all == {state.stream}
    draw, host = state.draw, stage.pools[HOST]
    assert oversight.judge() == {(draw.id, GUEST): GOOD}
    assert oversight.over == set()
    snapshot = draw.joined[HOST].snapshot
    oversight.take_snapshot(snapshot.root, host.snapshot_disclosure(snapshot), HOST)
    oversight.take(draw.id, host.disclosure(draw.id), HOST)
    assert oversight.judge() == {(draw.id, GUEST): GOOD, (draw.id, HOST): GOOD}
    assert (oversight.over, oversight.judge()) == ({state.stream}, {})


def test_a_verdict_against_a_pool_stands_whatever_it_tells_later() -> None:
    cast_ = played(Phase.CALLING)
    stage = cast_.stage
    state, store = cast_.state, MemoryStore()
    payload = stage.pools[GUEST].disclosure(state.draw.id)
    told = decode(payload, PoolDisclosure)
    short = encode(replace(told, persons=told.persons[1:]))
    oversight = Oversight(store, stage.tenders, lambda stream, _seq: stage.snapshots.get(stream))
    snapshot = state.draw.joined[GUEST].snapshot
    entries = stage.pools[GUEST].snapshot_disclosure(snapshot)
    with pytest.raises(ForbiddenError):
        oversight.take_snapshot(snapshot.root, entries, HOST)
    oversight.take_snapshot(snapshot.root, entries, GUEST)
    oversight.take(state.draw.id, short, GUEST)
    oversight.take(state.draw.id, payload, GUEST)
    verdict = oversight.judge()[state.draw.id, GUEST]
    assert "left out" in verdict
    assert oversight.judge()[state.draw.id, GUEST] == verdict
