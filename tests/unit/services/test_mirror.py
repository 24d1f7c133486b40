"""Mirrors of partners' logs: what leads to a quorum's note is taken, two histories stop it."""

from __future__ import annotations

import json

import pytest

from node.core.errors import LogError
from node.core.log.note import parse_note
from node.services.mirror import FORK
from node.services.ports import LogPart
from tests.simulators.office import Office, open_network, open_office, other_history
from tests.simulators.people import GUEST, HOST

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_store")]


async def parts_of(host: Office) -> list[LogPart]:
    """All stretches that followers of a log get."""
    parts, size = [], 0
    while (part := host.publisher.part(size)) is not None:
        parts.append(part)
        size += len(part.entries)
    return parts


async def test_mirror_takes_the_whole_log_and_starts_again_from_its_store() -> None:
    offices, _ = open_network()
    host, guest = offices[HOST], offices[GUEST]
    await host.tick()
    await host.open_tender()
    await host.publisher.publish_tick()
    await host.tick()
    parts = await parts_of(host)
    assert [len(part.entries) for part in parts] == [4, 20]
    for part in parts:
        await guest.mirrors.take(HOST, part)
    mirror = guest.mirrors.of(HOST)
    assert mirror.tree.root() == host.log.tree.root()
    assert [n.quorum for n in guest.store.notes(host.log.origin)] == [p.note for p in parts]
    again = open_office(GUEST, guest.store)
    assert again.mirrors.size(HOST) == 24
    await again.mirrors.take(HOST, parts[1])
    assert again.mirrors.size(HOST) == 24, "what is held already is no harm"


async def test_mirror_refuses_what_does_not_lead_to_the_note() -> None:
    offices, _ = open_network()
    host, guest = offices[HOST], offices[GUEST]
    await host.tick()
    await host.tick()
    first, second = await parts_of(host)
    wrong = [
        LogPart(0, (bytes(32), *first.entries[1:]), first.note),
        LogPart(0, first.entries[:3], first.note),
        LogPart(0, (*first.entries[:3], b"short"), first.note),
        LogPart(0, tuple(reversed(first.entries)), first.note),
        LogPart(1, first.entries[1:], first.note),
        second,
        LogPart(0, first.entries, parse_note(first.note).encode().replace("zhuzhou", "zhuzhov")),
    ]
    for part in wrong:
        with pytest.raises(LogError):
            await guest.mirrors.take(HOST, part)
    own_line_only = host.store.notes(host.log.origin)[0].note
    with pytest.raises(LogError) as caught:
        await guest.mirrors.take(HOST, LogPart(0, first.entries, own_line_only))
    assert caught.value.code == "quorum"
    assert guest.store.entries(host.log.origin) == []
    await guest.mirrors.take(HOST, first)


async def test_partner_that_shows_two_histories_under_a_quorum_is_stopped_for_good() -> None:
    offices, _ = open_network()
    host, guest = offices[HOST], offices[GUEST]
    await host.tick()
    (part,) = await parts_of(host)
    await guest.mirrors.take(HOST, part)
    other = await other_history()
    with pytest.raises(LogError, match="two histories"):
        await guest.mirrors.take(HOST, other)
    with pytest.raises(LogError, match="two histories"):
        await guest.mirrors.take(HOST, part)
    proof = json.loads(guest.store.fact(FORK + host.log.origin) or "")
    assert proof == {"held": part.note, "shown": other.note}
    again = open_office(GUEST, guest.store)
    again.mirrors.load()
    assert again.mirrors.forks() == {HOST: host.log.origin}
