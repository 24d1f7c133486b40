"""What followers are shown: from memory what is new, from the store what is not, together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from node.core.errors import LimitError
from node.services import watching
from node.services.bell import STREAMS
from node.services.ports import News, PlaceRow, Wanted
from node.services.recent import ROW_BYTES, Recent
from node.services.shown import Shown
from tests.simulators.office import Office, open_office, quorum_made
from tests.simulators.people import HOST

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_store")]
ME = f"centre:{HOST}"


def shown(office: Office, reads: list[str]) -> Shown:
    """The way out of an office's node; `reads` tells which streams were read from the store."""

    async def off(_read: object, stream: str, after: int) -> list[PlaceRow]:
        reads.append(stream)
        return office.store.places(stream, after)

    return Shown(office.book, office.store, office.bell, off)


async def asking(*batches: Sequence[Wanted]) -> AsyncIterator[Sequence[Wanted]]:
    """Ask for these, then go on listening."""
    for batch in batches:
        yield batch
    await asyncio.Event().wait()


async def take(source: AsyncIterator[list[News]], count: int) -> dict[int, list[int]]:
    """Seqs by number of stream, once so many places have come."""
    found: dict[int, list[int]] = {}
    async with asyncio.timeout(5):
        async for message in source:
            for number, places in message:
                found.setdefault(number, []).extend(place.seq for place in places)
            if sum(map(len, found.values())) >= count:
                return found
    raise AssertionError("a follower goes on for ever")


async def test_many_streams_come_in_one_call_and_go_on_where_they_stood() -> None:
    office = open_office()
    reads: list[str] = []
    first, second = await office.open_tender(), await office.open_tender(1)
    follow = shown(office, reads).follow_many(
        asking([Wanted(first, 1, ME), Wanted(second, -1, ME)]), 60
    )
    assert await take(follow, 8) == {0: [2, 3, 4], 1: [0, 1, 2, 3, 4]}
    assert reads == [], "what was just committed is in memory"


async def test_what_is_not_in_memory_comes_from_the_store() -> None:
    office = open_office()
    reads: list[str] = []
    stream = await office.open_tender()
    again = open_office(store=office.store)
    follow = shown(again, reads).follow_many(asking([Wanted(stream, -1, ME)]), 60)
    assert await take(follow, 5) == {0: [0, 1, 2, 3, 4]}
    assert reads == [stream]


async def test_stream_that_is_not_known_yet_is_shown_once_it_is() -> None:
    office = open_office()
    reads: list[str] = []
    other = open_office(store=office.store)
    stream = await other.open_tender()
    follow = shown(office, reads).follow_many(asking([Wanted(stream, -1, ME)]), 0.05)
    waiting = asyncio.create_task(take(follow, 5))
    await asyncio.sleep(0.02)
    office.book.load(office.store)
    office.bell.ring(STREAMS, stream)
    assert await waiting == {0: [0, 1, 2, 3, 4]}


async def test_stranger_is_not_shown_a_bid_before_its_time_whatever_rings() -> None:
    office = open_office()
    office.log.quorum = quorum_made(office.log.origin, office.clock.at)
    reads: list[str] = []
    stream = await office.open_tender()
    await office.take(await office.bid(stream, "a"))
    wanted = [Wanted(stream, -1, "public"), Wanted(stream, -1, ME)]
    follow = shown(office, reads).follow_many(asking(wanted), 0.02)
    assert await take(follow, 11) == {0: [0, 1, 2, 3, 4], 1: [0, 1, 2, 3, 4, 5]}
    office.bell.ring(stream)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await take(follow, 1)


async def test_one_call_follows_so_many_streams_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watching, "MOST", 2)
    office = open_office()
    reads: list[str] = []
    wanted = [Wanted("ab" * 32, -1, ME)] * 3
    with pytest.raises(LimitError):
        await take(shown(office, reads).follow_many(asking(wanted), 60), 1)


async def test_recent_rows_are_whole_or_not_there() -> None:
    office = open_office()
    stream = await office.open_tender()
    rows = office.store.places(stream)
    recent = Recent()
    recent.add(stream, rows[1:3])
    assert recent.after(stream, 0) == rows[1:3]
    assert recent.after(stream, 1) == [rows[2]]
    assert recent.after(stream, 2) == []
    assert recent.after(stream, -1) is None, "place 0 is not here"
    recent.add(stream, [rows[4]])
    assert recent.after(stream, 2) is None, "a gap: place 3 is not here"
    assert recent.after(stream, 3) == [rows[4]]


async def test_recent_rows_go_where_nothing_changed_for_longest() -> None:
    office = open_office()
    stream = await office.open_tender()
    rows = office.store.places(stream)
    recent = Recent(most=2 * ROW_BYTES)
    recent.add("old", rows[:1])
    recent.add("new", rows[:1])
    assert recent.after("old", -1) is None
    assert recent.after("new", -1) == rows[:1]
