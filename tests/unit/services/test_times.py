"""Since when an entry existed: asked of our own log and of a mirror, by the first note over it."""

from __future__ import annotations

import pytest

from node.services.times import LogTimes
from tests.simulators.office import Office, open_network
from tests.simulators.people import GUEST, HOST
from tests.simulators.sources import NOON, HandClock

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_store")]


def times_of(office: Office) -> LogTimes:
    """What an office knows of all logs."""
    return LogTimes(office.store, office.log, office.members)


async def test_host_and_guest_know_the_same_time_once_they_have_the_first_note() -> None:
    clock = HandClock()
    offices, _ = open_network(clock)
    host, guest = offices[HOST], offices[GUEST]
    stream = await host.open_tender()
    entry = host.book.need(stream).state.entries[2]
    assert times_of(host).existed_by(HOST, entry) is None
    for _ in range(2):
        clock.at += 100
        await host.tick()
    assert times_of(guest).existed_by(HOST, entry) is None
    size = 0
    while (part := host.publisher.part(size)) is not None:
        size += len(part.entries)
        await guest.mirrors.take(HOST, part)
    for office in (host, guest):
        times = times_of(office)
        assert [times.existed_by(HOST, entry) for _ in range(2)] == [NOON + 100] * 2
        assert times.existed_by(GUEST, entry) is None, "it is of another log"
        assert times.existed_by(HOST, "00" * 32) is None
