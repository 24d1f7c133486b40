"""Ticks, cosignatures, tiles and receipts of our own log, with partners that really judge."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from node.core.errors import UnavailableError
from node.core.log.checkpoint import open_checkpoint
from node.core.log.cosignature import check_quorum
from node.core.log.merkle import leaf_hash, root_of
from node.core.log.proof import parse_proof
from node.core.log.tiles import ENTRIES, Tile, parse_bundle, parse_tile
from node.core.records.place import entry_bytes, entry_of_extra, padding_entry, read_extra
from node.services.members import Members
from node.services.publisher import PADDING
from node.services.remaking import padding
from tests.simulators.memory_store import MemoryStore
from tests.simulators.office import Wires, open_network, open_office
from tests.simulators.people import GUEST, HOST, REGULATOR, id_of, log_vkey
from tests.simulators.sources import NOON, HandClock

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_store")]


async def test_tick_holds_the_entries_ascending_among_padding() -> None:
    office = open_office()
    stream = await office.open_tender()
    note = await office.publisher.publish_tick()
    entries = office.store.entries(office.log.origin)
    assert len(entries) == note.size == 16
    assert entries == sorted(entries)
    rows = office.store.places(stream)
    assert {row.entry for row in rows} < {entry.hex() for entry in entries}
    assert all(entries[row.index or 0].hex() == row.entry for row in rows)
    assert office.store.unpublished() == []
    _, head = open_checkpoint(note.note, log_vkey(HOST))
    assert (head.size, head.root) == (16, root_of([leaf_hash(entry) for entry in entries]))
    assert office.log.tree.root() == head.root


async def test_tick_of_six_is_padded_to_sixteen_and_padding_can_be_opened() -> None:
    office = open_network()[0][HOST]
    await office.tick()
    stream = await office.open_tender()
    await office.take(await office.bid(stream, "a"))
    await office.publisher.publish_tick()
    entries = office.store.entries(office.log.origin)
    places = {entry_bytes(row.entry) for row in office.store.places(stream)}
    secret = bytes.fromhex(office.store.fact(PADDING) or "")
    filling = {padding(secret, 4, number) for number in range(10)}
    assert len(secret) == 32
    assert set(entries[4:]) == places | filling
    assert len(entries) == 4 + 16


async def test_secret_of_the_padding_is_made_once_and_stays() -> None:
    store, secret = MemoryStore(), bytes(range(32))
    store.put_fact(PADDING, secret.hex())
    office = open_office(HOST, store)
    await office.publisher.publish_tick()
    assert set(office.store.entries(office.log.origin)) == {padding(secret, 0, n) for n in range(4)}
    assert store.fact(PADDING) == secret.hex()


async def test_idle_tick_has_four_entries_or_one_without_padding() -> None:
    office = open_office()
    assert (await office.publisher.publish_tick()).size == 4
    assert (await office.publisher.publish_tick()).size == 8
    office.publisher.pad = False
    assert (await office.publisher.publish_tick()).size == 9
    assert len(set(office.store.entries(office.log.origin))) == 9


async def test_log_with_a_larger_smallest_tick_grows_the_same_with_and_without_bids() -> None:
    office = open_network()[0][HOST]
    office.publisher.smallest = 16
    await office.tick()
    stream = await office.open_tender()
    sizes = [office.log.tree.size]
    for count in (0, 1, 9, 16):
        await office.take(*[await office.bid(stream, f"{count} {one}") for one in range(count)])
        sizes.append((await office.publisher.publish_tick()).size)
    assert sizes == [16, 32, 48, 64, 80]


async def test_quorum_is_collected_and_served_in_its_one_form() -> None:
    offices, wires = open_network()
    host = offices[HOST]
    assert host.publisher.checkpoint() is None
    note = await host.tick()
    assert note is not None
    served = host.publisher.checkpoint()
    assert served == note.quorum == host.store.notes(host.log.origin)[0].quorum
    checked = check_quorum(served or "", host.members.quorum(HOST))
    assert checked.times == (NOON, NOON)
    assert host.log.quorum_at == NOON
    assert sorted(wires.asked) == sorted([GUEST, REGULATOR])
    assert await host.cosigning.collect() is None, "it has its quorum already"


async def test_witness_that_knows_another_size_is_asked_again_from_there() -> None:
    offices, wires = open_network()
    host = offices[HOST]
    await host.tick()
    again = open_office(HOST, host.store, host.blobs, host.clock, wires)
    wires.asked.clear()
    assert await again.tick() is not None
    assert sorted(wires.asked) == sorted([GUEST, GUEST, REGULATOR, REGULATOR])
    wires.asked.clear()
    assert await again.tick() is not None
    assert sorted(wires.asked) == sorted([GUEST, REGULATOR]), "the size is remembered"


async def test_without_its_partners_a_log_has_no_quorum_and_says_who_is_silent() -> None:
    offices, wires = open_network()
    host = offices[HOST]
    wires.cut.add(REGULATOR)
    assert await host.tick() is None
    assert host.publisher.checkpoint() is None
    assert host.cosigning.silent == {REGULATOR: "hunan does not answer"}
    wires.cut.clear()
    assert await host.cosigning.collect() is not None
    assert host.cosigning.silent == {}


@pytest.mark.parametrize(("off", "counts"), [(60, True), (-60, True), (61, False), (-61, False)])
async def test_cosignature_far_from_our_clock_is_dropped(off: int, *, counts: bool) -> None:
    wires = Wires()
    host = open_office(HOST, wires=wires)
    open_office(GUEST, clock=HandClock(NOON + off), wires=wires)
    open_office(REGULATOR, wires=wires)
    assert (await host.tick() is not None) is counts
    assert (GUEST in host.cosigning.silent) is not counts


async def test_node_restored_from_an_old_copy_halts() -> None:
    offices, wires = open_network()
    host = offices[HOST]
    await host.tick()
    await host.tick()
    restored = open_office(HOST, MemoryStore(), clock=host.clock, wires=wires)
    assert await restored.tick() is None
    assert restored.log.halted
    with pytest.raises(UnavailableError) as caught:
        await restored.publisher.publish_tick()
    assert caught.value.code == "catching-up"
    size = len(host.store.entries(host.log.origin))
    assert offices[GUEST].store.witnessed(host.log.origin) == (size, host.log.tree.root().hex())


async def test_so_many_partners_as_may_lie_do_not_halt_a_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offices, wires = open_network()
    host = offices[HOST]
    await host.tick()
    await host.tick()
    monkeypatch.setattr(Members, "faulty", lambda _: 1)
    wires.cut.add(REGULATOR)
    restored = open_office(HOST, MemoryStore(), clock=host.clock, wires=wires)
    assert await restored.tick() is None
    assert not restored.log.halted, "one of them may be the one that lies"
    wires.cut.clear()
    assert await restored.cosigning.collect() is None
    assert restored.log.halted


async def test_partner_that_answers_with_the_line_of_another_does_not_count() -> None:
    offices, wires = open_network()
    host = offices[HOST]
    wires.desks[GUEST] = wires.desks[REGULATOR]
    assert await host.tick() is None
    assert host.cosigning.silent == {GUEST: "its answer has no cosignature of its own"}


async def test_witness_knows_no_log_of_a_suspended_member() -> None:
    offices, _ = open_network()
    host, guest = offices[HOST], offices[GUEST]
    guest.members.by_id = {name: one for name, one in guest.members.by_id.items() if name != HOST}
    assert await host.tick() is None
    assert host.cosigning.silent == {GUEST: "it answered 404"}


async def test_tiles_lead_to_the_checkpoint_served() -> None:
    offices, _ = open_network()
    host = offices[HOST]
    await host.tick()
    await host.publisher.publish_tick()
    hashes = host.publisher.tile(Tile(0, 0, 4))
    bundle = host.publisher.tile(Tile(ENTRIES, 0, 4))
    assert hashes is not None
    assert bundle is not None
    leaves = [leaf_hash(entry) for entry in parse_bundle(bundle, 4)]
    assert parse_tile(hashes, 4) == tuple(leaves)
    assert host.log.quorum is not None
    assert root_of(leaves).hex() == host.log.quorum.root
    assert host.publisher.tile(Tile(0, 0, 8)) is None, "no checkpoint served covers it yet"
    assert host.publisher.tile(Tile(ENTRIES, 0, 8)) is None


async def test_receipt_proves_the_place_and_hides_the_others() -> None:
    offices, _ = open_network()
    host = offices[HOST]
    await host.tick()
    stream = await host.open_tender()
    item = await host.bid(stream, "a")
    await host.take(item)
    record = id_of(item)
    assert host.receipts.receipt(record) is None
    await host.publisher.publish_tick()
    assert host.receipts.receipt(record) is None, "no quorum covers it"
    await host.cosigning.collect()
    text = host.receipts.receipt(record)
    assert text is not None
    proof = parse_proof(text)
    assert proof.extra is not None
    extra = read_extra(proof.extra)
    assert (extra.what.id, extra.what.stream) == (record, stream)
    assert set(json.loads(proof.extra)) == {"what", "where"}
    head = proof.check(leaf_hash(entry_bytes(entry_of_extra(extra))))
    assert check_quorum(proof.checkpoint, host.members.quorum(HOST)).checkpoint == head
    first = text
    await host.tick()
    assert host.receipts.receipt(record) == first, "the first quorum that covers it"
    assert host.receipts.receipt("00" * 32) is None


async def test_log_that_was_changed_on_disk_does_not_start() -> None:
    store = MemoryStore()
    office = open_office(HOST, store)
    await office.publisher.publish_tick()
    store._entries[office.log.origin][1] = bytes(32)
    with pytest.raises(UnavailableError, match="not the one we signed"):
        open_office(HOST, store)


def test_padding_opens_with_two_salts_of_its_own() -> None:
    """Computed by hand, as `log.accounted` is to open it."""
    secret, place = bytes(range(32)), (4).to_bytes(8, "big") + (1).to_bytes(4, "big")
    salts = [
        sha256(b"yuanping/padding/v1\n" + secret + place + half).hexdigest()
        for half in (b"what", b"where")
    ]
    assert salts[0] != salts[1]
    assert padding(secret, 4, 1) == entry_bytes(padding_entry(salts[0], salts[1]))
