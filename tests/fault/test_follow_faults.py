"""A follower whose commit fails goes on from what stands, whether it was written or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest

from node.core.errors import LogError, RuleError, UnavailableError
from node.core.rules.state import Placed, TenderState
from node.services.guest import Guest
from node.services.ports import Batch, Followed, Store, StreamRow
from tests.simulators.faults import How, faulty
from tests.simulators.memory_store import MemoryStore
from tests.simulators.office import open_office
from tests.simulators.people import GUEST, HOST, founding

pytestmark = pytest.mark.anyio


class NoChecks:
    """A guest that compares nothing beyond the fold."""

    def check_members(self, _: Placed) -> None:
        """All members are believed."""

    def check(self, *_: object) -> None:
        """Nothing is disputed."""


def guest_on(store: Store) -> Guest:
    """A follower on a store, its book read from there."""
    office = open_office(GUEST, store)
    checks = cast("Any", NoChecks())
    return Guest(GUEST, office.book, store, office.clock, office.bell, checks)


@pytest.mark.parametrize("at", [2, 3])
@pytest.mark.parametrize("how", ["lost", "kept"])
async def test_follower_goes_on_after_a_commit_in_doubt(
    at: int, how: How, empty_store: Callable[[], Store]
) -> None:
    host = open_office(HOST)
    rows = host.store.places(await host.open_tender())
    shown = [Followed(r.seq, r.what, r.where, r.envelope, r.body) for r in rows]
    row = StreamRow(rows[0].stream, "tender", HOST, own=False)
    disk = empty_store()
    guest = guest_on(faulty(disk, at, how)[0])
    failures = 0
    while (held := guest.held(row.id)) < len(shown):
        try:
            await guest.take(row, shown[held : held + 2])
        except UnavailableError:
            failures += 1
            assert failures == 1, "the same commit failed again and again"
    assert failures == 1
    assert [place.record for place in disk.places(row.id)] == [r.record for r in rows]
    assert guest_on(disk).book.streams() == guest.book.streams()


class Suspicious(NoChecks):
    """A guest that disputes one place of one stream."""

    def __init__(self, stream: str, seq: int) -> None:
        self.stream, self.seq = stream, seq

    def check(self, *moment: object) -> None:
        """Raise for that place."""
        state, _, placed = cast("tuple[TenderState, object, Placed]", moment)
        if (state.stream, placed.seq) == (self.stream, self.seq):
            raise RuleError("wrong", article="ours")


async def test_wrong_place_of_one_stream_harms_no_other_that_waits_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host = open_office(HOST)
    streams = [await host.open_tender(number) for number in range(3)]
    office = open_office(GUEST)
    checks = cast("Any", Suspicious(streams[1], 3))
    guest = Guest(GUEST, office.book, office.store, office.clock, office.bell, checks)
    commits: list[int] = []
    commit = office.store.commit

    def counted(batch: Batch) -> None:
        commits.append(len(batch.places))
        commit(batch)

    monkeypatch.setattr(office.store, "commit", counted)

    async def follow(stream: str) -> None:
        rows = host.store.places(stream)
        shown = [Followed(r.seq, r.what, r.where, r.envelope, r.body) for r in rows]
        await guest.take(StreamRow(stream, "tender", HOST, own=False), shown)

    found = await asyncio.gather(*map(follow, streams), return_exceptions=True)
    assert [type(one) for one in found] == [type(None), RuleError, type(None)]
    assert [guest.held(stream) for stream in streams] == [5, 3, 5]
    assert sum(commits) == 13
    assert len(commits) <= 2, "what waits together is committed together"


async def test_places_that_are_shown_again_are_left_out_and_another_entry_is_not() -> None:
    host = open_office(HOST)
    rows = host.store.places(await host.open_tender())
    shown = [Followed(r.seq, r.what, r.where, r.envelope, r.body) for r in rows]
    row = StreamRow(rows[0].stream, "tender", HOST, own=False)
    guest = guest_on(MemoryStore())
    await guest.take(row, shown[:4])
    await guest.take(row, shown[1:])
    assert guest.held(row.id) == 5
    other = msgspec.structs.replace(shown[2].what, salt="00" * 32)
    with pytest.raises(LogError, match="two entries"):
        await guest.take(row, [replace(shown[2], what=other)])
    assert guest.held(row.id) == 5


async def test_reading_our_own_streams_again_leaves_those_that_we_follow_as_they_are() -> None:
    host = open_office(HOST)
    rows = host.store.places(await host.open_tender())
    shown = [Followed(r.seq, r.what, r.where, r.envelope, r.body) for r in rows]
    office = open_office(GUEST)
    checks = cast("Any", NoChecks())
    guest = Guest(GUEST, office.book, office.store, office.clock, office.bell, checks)
    await guest.take(StreamRow(rows[0].stream, "tender", HOST, own=False), shown)
    await office.take(*founding(GUEST, "side", rows[0].stream))
    before = office.book.streams()
    assert [stream.row.own for stream in before] == [False, True]
    office.book.load(office.store, own_only=True)
    assert office.book.streams() == before
    assert office.book.find(rows[0].record) == (rows[0].stream, 0)
    assert [one.row.id for one in office.book.active()] == [rows[0].stream]
    side = office.book.side_of(rows[0].stream, GUEST)
    assert side is not None
    assert side.row.own


async def test_partner_that_shows_the_stream_of_another_is_refused() -> None:
    host = open_office(HOST)
    rows = host.store.places(await host.open_tender())
    shown = [Followed(r.seq, r.what, r.where, r.envelope, r.body) for r in rows]
    store = MemoryStore()
    guest = guest_on(store)
    with pytest.raises(RuleError, match="the streams that it keeps"):
        await guest.take(StreamRow(rows[0].stream, "tender", GUEST, own=False), shown)
    assert guest.held(rows[0].stream) == 0
    assert not store.places(rows[0].stream)
