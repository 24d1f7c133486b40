"""The sequencer: places, answers that repeat, refusals that stay, time and quorum."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from hashlib import sha256
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.core.errors import LimitError, NodeError, UnavailableError
from node.core.records.canonical import b64encode, time_of
from node.core.records.envelope import SignatureLine
from node.core.records.kinds import decode_body
from node.core.records.kinds.streams import Network, RecordLodged, TermExpired
from node.core.records.place import FIRST_PREV, entry_of
from node.services import sequencer
from node.services.guest import Guest
from node.services.ports import (
    NEWEST_CLOCK,
    Accepted,
    Batch,
    Followed,
    Store,
    StreamRow,
    Submission,
    Task,
)
from node.services.sequencer import MAX_ITEMS
from tests.simulators.office import Office, code_of, open_office, quorum_made
from tests.simulators.people import (
    GUEST,
    HOST,
    announced,
    buyer,
    composed,
    founding,
    id_of,
    member,
    planned,
    sealed_bid,
)
from tests.simulators.sources import NOON

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_store")]


def vouched(me: str = HOST, store: Store | None = None) -> Office:
    """A node whose log partners have just cosigned."""
    office = open_office(me, store)
    office.log.quorum = quorum_made(office.log.origin, office.clock.at)
    return office


async def test_places_follow_each_other_and_hash_what_they_say() -> None:
    office = vouched()
    stream = await office.open_tender()
    rows = office.store.places(stream)
    assert [row.seq for row in rows] == [0, 1, 2, 3, 4]
    assert [row.where.prev for row in rows] == [FIRST_PREV, *(row.entry for row in rows[:4])]
    assert all(row.entry == entry_of(row.what, row.where) for row in rows)
    assert {row.what.received for row in rows} == {time_of(NOON)}
    salts = [salt for row in rows for salt in (row.what.salt, row.where.salt)]
    assert len(set(salts)) == 10
    state = office.book.need(stream).state
    assert state.entries == tuple(row.entry for row in rows)
    assert office.book.need(stream).row.tender == "T-1"
    assert office.store.streams()[0].tender == "T-1"
    assert office.store.fact(NEWEST_CLOCK) == str(NOON)


async def test_same_record_again_gets_the_same_answer_and_no_second_place() -> None:
    office = vouched()
    stream = await office.open_tender()
    item = await office.bid(stream, "a")
    first = await office.take(item)
    together = await office.take(item, item)
    assert together == [*first, *first]
    other = await office.bid(stream, "b")
    twice = await office.take(other, other)
    assert twice[0] == twice[1]
    assert [row.seq for row in office.store.places(stream)] == [0, 1, 2, 3, 4, 5, 6]


async def test_second_signature_of_the_same_header_is_the_same_record() -> None:
    office = vouched()
    stream = await office.open_tender()
    item = await office.bid(stream, "a")
    first = await office.take(item)
    other = replace_signature(item, b"\x01" * 64)
    assert id_of(other) == id_of(item)
    assert await office.take(other) == first
    stored = office.store.find(id_of(item))
    assert stored is not None
    assert stored.envelope == item.envelope


def replace_signature(item: Submission, signature: bytes) -> Submission:
    """The same header under other signature bytes."""
    line = SignatureLine(b64encode(signature))
    envelope = type(item.envelope)(item.envelope.payload, item.envelope.payload_type, (line,))
    return replace(item, envelope=envelope)


async def test_founding_pair_stands_together_or_not_at_all() -> None:
    office = vouched()
    first, second = founding(HOST)
    assert await office.refused(first) == ["form"]
    assert await office.refused(second) == ["not-found"]
    assert office.store.streams() == []
    broken = replace_signature(second, b"\x02" * 64)
    assert await office.refused(first, broken) == ["signature", "signature"]
    assert office.store.streams() == []
    both = await office.take(first, second)
    assert [one.seq for one in both] == [0, 1]
    assert await office.take(first, second) == both


async def test_only_own_streams_are_opened_here_and_one_side_stream_a_tender() -> None:
    office = vouched()
    assert await office.refused(*founding(GUEST)) == ["forbidden", "forbidden"]
    host_stream = sha256(b"a host's stream").hexdigest()
    await office.take(*founding(HOST, "side", host_stream))
    again = founding(HOST, "side", host_stream, salt="33" * 32)
    assert await office.refused(*again) == ["rule", "rule"]
    side = office.book.side_of(host_stream, HOST)
    assert side is not None
    assert side.row.of == host_stream


@pytest.mark.parametrize(
    "changes",
    [
        {"ruleset": "00" * 32},
        {"kind": "centre"},
        {"kinds": ("no.kind/v1",)},
        {"network": Network(chain_id=1, registry="aa" * 20)},
    ],
)
async def test_stream_that_needs_what_we_lack_is_refused(changes: dict[str, object]) -> None:
    office = vouched()
    assert await office.refused(*founding(HOST, **changes)) == ["rule", "rule"]  # type: ignore[arg-type]


async def test_record_for_a_stream_kept_elsewhere_is_not_found() -> None:
    office = vouched()
    assert await office.refused(planned("11" * 32)) == ["not-found"]


async def test_record_for_a_stream_that_we_only_follow_is_not_taken_here() -> None:
    host, office = vouched(), vouched(GUEST)
    stream = await host.open_tender()
    rows = host.store.places(stream)
    shown = [Followed(r.seq, r.what, r.where, r.envelope, r.body) for r in rows]
    checks = SimpleNamespace(check=lambda *_: None, check_members=lambda _: None)
    guest = Guest(GUEST, office.book, office.store, office.clock, office.bell, cast("Any", checks))
    await guest.take(StreamRow(stream, "tender", HOST, own=False), shown)
    item = await office.bid(stream, "a")
    assert await office.refused(item) == ["not-found"]
    assert office.store.places(stream) == rows


async def test_records_of_one_call_build_on_each_other_and_are_answered_each() -> None:
    office = vouched()
    pair = founding(HOST)
    stream = id_of(pair[0])
    early = member(HOST).says("term.expired/v1", expired(), stream)
    plan = [planned(stream), composed(stream), announced(stream)]
    answers = await office.sequencer.accept([*pair, early, *plan])
    assert [isinstance(one, Accepted) for one in answers] == [True, True, False, True, True, True]
    assert code_of(answers[2]) == "rule"


def expired() -> TermExpired:
    """The end of the unlock window."""
    return TermExpired(term="unlock", salt=member(HOST).salt())


async def test_callers_at_once_are_one_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    office = vouched()
    stream = await office.open_tender()
    items = [await office.bid(stream, name) for name in "abcdefgh"]
    batches: list[Batch] = []
    commit = office.store.commit

    def counted(batch: Batch) -> None:
        batches.append(batch)
        commit(batch)

    monkeypatch.setattr(office.store, "commit", counted)
    answers = await asyncio.gather(*(office.take(item) for item in items))
    assert sorted(answer[0].seq for answer in answers) == list(range(5, 13))
    assert [answer[0].record for answer in answers] == list(map(id_of, items)), "each its own"
    assert 1 <= len(batches) <= 2


async def test_one_refused_record_of_our_own_is_raised_though_others_stand() -> None:
    office = vouched()
    stream = await office.open_tender()
    with pytest.raises(NodeError):
        await office.sequencer.accept_all([await office.bid(stream, "a"), planned(stream, "T-2")])


async def test_too_much_that_waits_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "MAX_WAITING", 2)
    office = vouched()
    stream = await office.open_tender()
    items = [await office.bid(stream, name) for name in "abcd"]
    calls = (office.sequencer.accept([item]) for item in items)
    answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [isinstance(answer, UnavailableError) for answer in answers] == [False] * 3 + [True]


async def test_received_never_decreases_in_a_stream() -> None:
    office = vouched()
    stream = await office.open_tender()
    office.clock.at = NOON - 50
    office.log.quorum = quorum_made(office.log.origin, office.clock.at)
    await office.take(await office.bid(stream, "a"))
    assert office.store.places(stream)[-1].what.received == time_of(NOON)
    assert office.store.fact(NEWEST_CLOCK) == str(NOON)


async def test_box_is_accepted_only_whole() -> None:
    office = vouched()
    stream = await office.open_tender()
    item, made = sealed_bid(stream, "a")
    assert await office.refused(item) == ["not-found"]
    office.blobs.put(made.ciphertext)
    assert await office.refused(replace(item, sealed=item.sealed[:1])) == ["form"]
    assert await office.refused(replace(item, sealed=(b"x", b"y"))) == ["form"]
    assert await office.refused(replace(planned(stream, "T-9"), sealed=item.sealed)) == ["form"]
    await office.take(item)
    record = id_of(item)
    assert (office.store.sealed(record, 1), office.store.sealed(record, 2)) == item.sealed
    assert office.store.sealed(record, 3) is None


async def test_body_must_be_the_one_the_header_names() -> None:
    office = vouched()
    stream = await office.open_tender()
    item = await office.bid(stream, "a")
    other = await office.bid(stream, "b")
    assert await office.refused(replace(item, body=other.body)) == ["form"]


async def test_lodged_record_that_no_rule_allows_is_refused_once_and_for_good() -> None:
    office = vouched()
    stream = await office.open_tender()
    guest = member(GUEST)
    lodged = guest.says(
        "record.lodged/v1", RecordLodged(records=("22" * 32,), salt=guest.salt()), stream
    )
    assert await office.refused(lodged) == ["rule"]
    record = id_of(lodged)
    assert office.store.refusals().get(record) == ("rule", "protocol 9")
    (task,) = office.store.tasks("refuse")
    assert task == Task(
        "refuse", record, {"stream": stream, "code": "rule", "article": "protocol 9"}, NOON
    )
    office.store.done("refuse", [record])
    assert await office.refused(lodged) == ["rule"]
    assert office.store.tasks("refuse") == []
    again = vouched(store=office.store)
    assert again.book.refused == {record: ("rule", "protocol 9")}
    assert await again.refused(lodged) == ["rule"], "a restart forgets no refusal"
    assert again.store.tasks("refuse") == []


async def test_nobody_can_have_anothers_record_refused_by_a_forged_signature() -> None:
    office = vouched()
    stream = await office.open_tender()
    guest = member(GUEST)
    record = guest.says(
        "record.lodged/v1", RecordLodged(records=("22" * 32,), salt=guest.salt()), stream
    )
    assert await office.refused(replace_signature(record, b"\x03" * 64)) == ["signature"]
    assert office.store.refusals().get(id_of(record)) is None


async def test_refused_bid_leaves_no_trace() -> None:
    office = vouched()
    stream = await office.open_tender()
    office.clock.at = NOON + 20 * 86400
    office.log.quorum = quorum_made(office.log.origin, office.clock.at)
    item = await office.bid(stream, "late")
    assert await office.refused(item) == ["rule"]
    assert office.store.refusals().get(id_of(item)) is None
    assert office.store.tasks() == []


@pytest.mark.parametrize(
    ("age", "accepted"), [(30, True), (31, False), (-30, True), (-31, False), (None, False)]
)
async def test_bid_needs_a_quorum_not_older_than_half_of_g(
    age: int | None, *, accepted: bool
) -> None:
    office = vouched()
    stream = await office.open_tender()
    office.log.quorum = None if age is None else quorum_made(office.log.origin, NOON - age)
    item = await office.bid(stream, "a")
    (answer,) = await office.sequencer.accept([item])
    assert isinstance(answer, Accepted) is accepted
    if not accepted:
        assert code_of(answer) == "quorum-missing"
        office.log.quorum = quorum_made(office.log.origin, NOON)
        await office.take(item)


async def test_tasks_and_facts_come_with_their_records_or_not_at_all() -> None:
    office = vouched()
    stream = await office.open_tender()
    task = Task("submit", "x", {"a": "b"}, NOON)
    bad = planned(stream, "T-2")
    await office.sequencer.accept([bad], tasks=[task], facts={"secret": "1"})
    assert office.store.tasks("submit") == []
    assert office.store.fact("secret") is None
    good = await office.bid(stream, "a")
    await office.sequencer.accept([good], tasks=[task], facts={"secret": "1"})
    assert office.store.tasks("submit") == [task]
    assert office.store.fact("secret") == "1"
    await office.sequencer.accept([good], facts={"secret": "2"})
    assert office.store.fact("secret") == "1", "the first one stands, with its record"
    await office.sequencer.accept([], facts={"alone": "1"})
    assert office.store.fact("alone") == "1"


@pytest.mark.parametrize("facts", [{}, {"alone": "1"}])
async def test_tasks_and_facts_that_could_not_be_stored_raise(
    facts: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    office = vouched()

    def fails(_batch: Batch) -> None:
        raise UnavailableError("the disk is gone", code="store")

    monkeypatch.setattr(office.store, "commit", fails)
    tasks = () if facts else (Task("submit", "x", {"a": "b"}, NOON),)
    with pytest.raises(UnavailableError):
        await office.sequencer.accept([], tasks=tasks, facts=facts)


async def test_reloaded_book_is_the_book_that_was() -> None:
    office = vouched()
    stream = await office.open_tender()
    await office.take(await office.bid(stream, "a"))
    again = open_office(store=office.store, blobs=office.blobs)
    assert again.book.need(stream) == office.book.need(stream)
    assert again.book.find(id_of(sealed_bid(stream, "a")[0])) == office.book.find(
        id_of(sealed_bid(stream, "a")[0])
    )


async def test_halted_node_accepts_nothing() -> None:
    office = vouched()
    stream = await office.open_tender()
    office.log.halted = "behind"
    assert await office.refused(await office.bid(stream, "a")) == ["catching-up"]


async def test_limits_and_close() -> None:
    office = vouched()
    stream = await office.open_tender()
    item = await office.bid(stream, "a")
    with pytest.raises(LimitError):
        await office.sequencer.accept([item] * (MAX_ITEMS + 1))
    await office.sequencer.close()
    with pytest.raises(UnavailableError):
        await office.sequencer.accept([item])


async def test_caller_that_goes_away_does_not_lose_the_record() -> None:
    office = vouched()
    stream = await office.open_tender()
    item = await office.bid(stream, "a")
    call = asyncio.create_task(office.sequencer.accept([item]))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert (await office.take(item))[0].seq == 5


async def test_buyer_signs_with_the_key_it_brought() -> None:
    office = vouched()
    pair = founding(HOST)
    stream = id_of(pair[0])
    await office.take(*pair)
    await office.take(planned(stream), composed(stream))
    stranger = replace(buyer(), signer=member(GUEST).signer)
    body = announced(stream).body
    item = stranger.says("tender.announced/v1", decode_body("tender.announced/v1", body), stream)
    assert await office.refused(item) == ["signature"]
