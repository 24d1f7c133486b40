"""A clock that is off: who says so, what is refused because of it, and what the operator reads."""

from __future__ import annotations

import pytest

from node.core.errors import UnavailableError
from node.core.records.canonical import epoch_of
from node.core.records.kinds.tender import BidsClosed
from node.core.rules.bid import bids_root
from node.core.rules.state import TenderState
from node.services.timekeeping import Timekeeping
from tests.simulators.office import Office, Wires, open_office
from tests.simulators.people import GUEST, HOST, REGULATOR, member, planned
from tests.simulators.sources import NOON, HandClock

pytestmark = pytest.mark.anyio
OFF = 600


@pytest.mark.parametrize(
    ("offsets", "offset"),
    [
        ([], 0),
        ([600], 0),
        ([-600], 0),
        ([600, 0, 0], 0),
        ([600, 600, 0], 0),
        ([600, 601], 600),
        ([-600, -601], -600),
        ([600, 599, 601], 599),
        ([-600, -599, -601], -599),
        ([600, -600], 0),
        ([59, 60, 60], 59),
    ],
)
def test_majority_says_whose_clock_is_off(offsets: list[int], offset: int) -> None:
    times = Timekeeping(60, {str(n): by for n, by in enumerate(offsets)})
    assert times.offset == offset
    assert times.is_off is (abs(offset) > 60)


def three(off: int) -> Office:
    """The host of a network of three, and partners whose clocks are right; ours may be off."""
    wires = Wires()
    for name in (GUEST, REGULATOR):
        open_office(name, clock=HandClock(NOON), wires=wires)
    return open_office(HOST, clock=HandClock(NOON + off), wires=wires)


async def set_clock(host: Office, at: int) -> None:
    """Set the host's clock; two ticks, so that its partners are heard."""
    host.clock.at = at
    await host.tick()


@pytest.mark.parametrize("off", [OFF, -OFF])
async def test_host_whose_clock_is_off_takes_nothing_into_a_tender_until_it_is_mended(
    off: int,
) -> None:
    host = three(0)
    await host.tick()
    stream = await host.open_tender()
    before = host.book.need(stream).state.received
    await set_clock(host, NOON + off)
    assert host.log.times.offset == -off
    items = [await host.bid(stream, "a"), planned(stream, "T-2")]
    assert await host.refused(*items) == ["clock", "clock"]
    assert host.book.need(stream).state.received == before
    await set_clock(host, NOON)
    assert host.log.times.offsets == {GUEST: 0, REGULATOR: 0}
    await host.take(items[0])


@pytest.mark.parametrize("off", [OFF, -OFF])
async def test_bid_is_not_judged_by_a_clock_that_was_just_set_wrong(off: int) -> None:
    """Before any partner is heard: neither late in truth and taken, nor in time and refused."""
    host = three(0)
    await host.tick()
    stream = await host.open_tender()
    deadline = deadline_of(host, stream)
    # In truth it is a moment before the deadline (or after): the wrong clock says the other.
    truth = deadline - 10 if off > 0 else deadline + 10
    host.log.quorum = None
    await vouch(host, truth)
    host.clock.at = truth + off
    assert await host.refused(await host.bid(stream, "a")) == ["quorum-missing"]
    await vouch(host, truth)
    if off > 0:
        await host.take(await host.bid(stream, "a"))
    else:
        assert await host.refused(await host.bid(stream, "a")) == ["rule"]


async def test_list_of_bids_is_not_closed_early_by_a_clock_that_is_ahead() -> None:
    host = three(0)
    await host.tick()
    stream = await host.open_tender()
    deadline = deadline_of(host, stream)
    await vouch(host, deadline - 300)
    host.clock.at += OFF
    own = member(HOST)
    leaves, root = bids_root((), "33" * 32)
    body = BidsClosed(leaves=leaves, random="33" * 32, root=root, salt=own.salt())
    closing = own.says("bids.closed/v1", body, stream)
    assert await host.refused(closing) == ["quorum-missing"]
    await vouch(host, deadline - 300)
    assert await host.refused(closing) == ["rule"]


async def test_stream_that_ran_ahead_takes_no_bid_until_the_time_has_come() -> None:
    """What slipped in before a partner was heard must not give bids a time that is not theirs."""
    host = three(0)
    await host.tick()
    host.clock.at = NOON + OFF
    stream = await host.open_tender()
    await set_clock(host, NOON)
    item = await host.bid(stream, "a")
    assert await host.refused(item) == ["clock"]
    await vouch(host, NOON + OFF - 60)
    await host.take(item)


async def test_silent_partner_says_nothing_of_our_clock_any_more() -> None:
    host = three(OFF)
    await host.tick()
    assert host.log.times.is_off
    with pytest.raises(UnavailableError, match="600 s ahead of most members"):
        host.log.times.check()
    host.cosigning.witness.cut |= {GUEST, REGULATOR}  # type: ignore[attr-defined]
    await host.tick()
    assert host.log.times.offsets == {}


def test_operator_is_told_whose_clock_is_off_by_how_much_and_what_to_do() -> None:
    zh, en = Timekeeping(60, {"a": 600, "b": 600}).told
    assert "慢 600 秒" in zh
    assert "600 s behind" in en
    assert "chronyc" in zh
    assert "chronyc" in en
    zh, en = Timekeeping(60, {"a": 0, "b": -600}).told
    assert "b（-600 秒）" in zh
    assert "b (-600 s)" in en
    assert Timekeeping(60, {"a": 60}).told[1] == "agrees with the other members'"


def deadline_of(host: Office, stream: str) -> int:
    state = host.book.need(stream).state
    assert isinstance(state, TenderState)
    return epoch_of(state.terms.deadline)


async def vouch(host: Office, at: int) -> None:
    """Everybody's clock is right, and so late; partners have just cosigned."""
    host.clock.at = at
    for desk in host.cosigning.witness.desks.values():  # type: ignore[attr-defined]
        desk.clock.at = at
    assert await host.tick() is not None
