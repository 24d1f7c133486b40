"""A node on an old copy of its store signs no second history and gets back what others hold."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.adapters.sql.copying import Target, snapshot
from node.adapters.sql.store import SqlStore
from node.core.errors import UnavailableError
from node.core.log.note import parse_note
from node.core.log.witness import add_checkpoint
from node.core.records.envelope import open_envelope
from node.services.application import Records
from node.services.catching_up import START_S
from node.services.lodging import encode_payload, lodged_key
from node.services.model import OwnLog
from node.services.ports import Followed, KnownLog, LogPart, Submission
from node.services.publisher import PADDING
from node.services.standing import MARK, Mark, losses_of, mark_of
from tests.simulators.memory_store import MemoryBlobs, MemoryStore
from tests.simulators.office import Office, open_office, other_history, quorum_made
from tests.simulators.people import GUEST, HOST, REGULATOR, founding, id_of
from tests.simulators.restoring import Restored, SimChain, SimHelper, World

pytestmark = pytest.mark.anyio


async def grown() -> tuple[World, MemoryStore, str]:
    """A network, an old copy of the host, and the tender that came after it."""
    world = World.make()
    await world.host.open_tender()
    await world.tick()
    await world.tick()
    old = world.old_copy()
    stream = await world.host.open_tender(1)
    await world.tick()
    return world, old, stream


async def writes(office: Office) -> list[str]:
    """What a node that may not write says to all who would have it sign: codes."""
    codes = await office.refused(*founding(HOST, salt="7" * 64))
    for sign in (office.publisher.publish_tick(), office.witness.add_checkpoint(b"old 0")):
        try:
            await sign
        except UnavailableError as error:
            codes.append(error.code)
    return codes


async def second_history(world: World, old: MemoryStore) -> bool:
    """Whether the host on its old copy signs another root at a size that it has signed."""
    restored = world.restored(old).office
    size = len(old.entries(restored.log.origin))
    try:
        await restored.take(*founding(HOST, salt="7" * 64))
        note = await restored.publisher.publish_tick()
    except UnavailableError:
        return False
    assert note.size > size
    return note.root != world.host.log.tree.root(note.size).hex()


async def test_restored_node_signs_no_second_history() -> None:
    world, old, _ = await grown()
    assert not await second_history(world, old)


async def test_without_the_gate_it_would(monkeypatch: pytest.MonkeyPatch) -> None:
    world, old, _ = await grown()
    monkeypatch.setattr(OwnLog, "check", lambda _: None)
    assert await second_history(world, old)


async def test_restored_node_writes_nothing_until_partners_answer_then_has_all_back() -> None:
    world, old, stream = await grown()
    restored = world.restored(old)
    for helper in restored.helpers.values():
        helper.cut = True
    told = await restored.turn()
    assert told.startswith("catching-up: ")
    assert f": {REGULATOR}, {GUEST}. Check" in told
    assert await writes(restored.office) == ["catching-up"] * 4
    assert restored.office.log.halted_zh
    for helper in restored.helpers.values():
        helper.cut = False
    assert await restored.turn() == ""
    await is_whole(world, restored, stream)
    assert restored.losses == []


async def is_whole(world: World, restored: Restored, stream: str) -> None:
    """All is back: log, streams, indexes, notes; and it works on, with everybody's cosignature."""
    office, host = restored.office, world.host
    assert restored.done == [host.log.tree.size]
    assert office.log.tree.root() == host.log.tree.root()
    assert office.store.places(stream) == host.store.places(stream)
    assert mark_of(office.store) is None
    mirrored = world.offices[GUEST].store.notes(host.log.origin)
    assert [n.quorum for n in office.store.notes(host.log.origin)] == [n.quorum for n in mirrored]
    assert office.store.fact("tender/T-1") is not None
    assert await office.tick() is not None
    assert office.cosigning.silent == {}
    assert office.receipts.receipt(office.store.places(stream)[-1].record) is not None
    again = world.restored(office.store, marked=False)
    assert await again.turn() == ""
    assert again.office.log.halted == "", "nothing is left to catch up"


@pytest.mark.parametrize("claimed", ["partners", "chain"])
async def test_disk_that_was_rolled_back_without_the_command_is_noticed(claimed: str) -> None:
    world, old, stream = await grown()
    restored = world.restored(old, marked=False)
    assert await writes(restored.office) == ["catching-up"] * 4, "it looks around first"
    if claimed == "chain":
        for helper in restored.helpers.values():
            helper.cut = True
        tree = world.host.log.tree
        restored.chain.claim = (tree.size, tree.root().hex(), 1)
        assert "silent" in await restored.turn()
        mark = mark_of(restored.office.store)
        assert mark is not None
        assert mark.how == "noticed"
        for helper in restored.helpers.values():
            helper.cut = False
    assert await restored.turn() == ""
    await is_whole(world, restored, stream)


async def test_empty_store_of_a_node_that_had_a_log_is_noticed_and_its_secret_is_named() -> None:
    world, _, stream = await grown()
    restored = world.restored(MemoryStore(), marked=False)
    assert restored.office.log.halted == "", "as for a new member: nothing here says otherwise"
    assert await restored.office.tick() is None, "its first checkpoint gets no cosignature"
    tree = world.host.log.tree
    store = MemoryStore()
    store.put_fact(PADDING, "9" * 64)  # chance gives another one, the simulators' would be the same
    wiped = world.restored(store, marked=False)
    wiped.chain.claim = (tree.size, tree.root().hex(), 1)
    wiped.catching_up.begin()
    assert await writes(wiped.office) == ["catching-up"] * 4
    assert await wiped.turn() == ""
    assert wiped.office.log.tree.root() == tree.root()
    assert wiped.office.store.places(stream) == world.host.store.places(stream)
    assert [loss.kind for loss in wiped.losses] == ["secret"]


async def test_node_that_lost_nothing_goes_on_at_once_or_after_a_while_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, _, _ = await grown()
    store = world.old_copy()
    restored = world.restored(store, marked=False)
    assert await restored.turn() == ""
    assert restored.office.log.halted == ""
    assert restored.done == []
    alone = world.restored(store, marked=False)
    for helper in alone.helpers.values():
        helper.cut = True
    assert await alone.turn() == ""
    assert alone.office.log.halted
    assert START_S > 0
    monkeypatch.setattr("node.services.catching_up.START_S", 0.0)
    assert await alone.turn() == ""
    assert alone.office.log.halted == ""


async def test_running_node_that_a_witness_tells_of_more_stops_and_catches_up() -> None:
    world, old, stream = await grown()
    restored = world.restored(old, marked=False)
    restored.office.log.halt("", "")
    assert await restored.office.cosigning.collect() is None or True
    restored.office.publisher.log.quorum = None
    restored.office.cosigning._is_ahead(restored.office.members.by_id[GUEST])
    assert await writes(restored.office) == ["catching-up"] * 4
    assert await restored.turn() == ""
    await is_whole(world, restored, stream)


@pytest.mark.parametrize("ticks", [1, 3])
@pytest.mark.parametrize("records", [False, True])
async def test_tick_that_was_cosigned_and_never_mirrored_is_made_again(
    ticks: int, *, records: bool
) -> None:
    world, old, stream = await grown()
    for number in range(ticks):
        if records:
            world.host.clock.at += 1
            stream = await world.host.open_tender(2 + number)
            await world.show(mirrored=False)
        await world.host.publisher.publish_tick()
    assert await world.host.cosigning.collect() is not None
    late = await world.host.open_tender(9)  # shown, and not published before the disk was lost
    await world.show(mirrored=False)
    restored = world.restored(old)
    assert await restored.turn() == ""
    await is_whole(world, restored, stream)
    assert restored.office.store.places(late)[-1].index is not None
    assert restored.losses == []


async def test_tick_that_nobody_can_give_keeps_a_node_reading() -> None:
    """A bid had been shown to nobody; all witnesses cosigned its tick, no mirror had it yet."""
    world, old, stream = await grown()
    await world.host.take(await vouched_bid(world, stream))
    await world.host.tick()
    restored = world.restored(old)
    assert "restore a newer backup" in await restored.turn()
    assert await writes(restored.office) == ["catching-up"] * 4
    assert mark_of(restored.office.store) is not None


async def vouched_bid(world: World, stream: str) -> Submission:
    host = world.host
    assert host.log.quorum is not None
    return await host.bid(stream, "a")


async def test_bid_that_nobody_was_shown_is_named_by_its_leaf_and_may_be_sent_again() -> None:
    world, old, stream = await grown()
    bid = await vouched_bid(world, stream)
    (accepted,) = await world.host.take(bid)
    await world.tick()
    restored = world.restored(old, blobs=MemoryBlobs())
    assert await restored.turn() == ""
    index = world.host.store.places(stream)[-1].index
    (loss,) = restored.losses
    assert (loss.kind, loss.name) == ("place", accepted.entry)
    assert f"leaf {index} " in loss.detail
    assert losses_of(restored.office.store) == [loss]
    office = restored.office
    await office.tick()
    assert bid.sealed
    office.blobs.put(
        world.host.blobs.get(json.loads(bid.body)["box"]["ciphertext"]["sha256"]) or b""
    )
    (again,) = await office.take(bid)
    assert again.record == accepted.record


async def test_bid_that_a_guest_had_lodged_comes_back_with_its_box(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, old, stream = await grown()
    bid = await vouched_bid(world, stream)
    await world.host.take(bid)
    await world.tick()
    guest = world.offices[GUEST]
    lodge(guest, bid)
    name = name_of(bid)
    guest.blobs.put(world.host.blobs.get(name) or b"")
    restored = world.restored(old, blobs=MemoryBlobs())
    restored.office.log.quorum = world.host.log.quorum
    side = SimpleNamespace(state=SimpleNamespace(lodged={id_of(bid): 2}))
    monkeypatch.setattr(restored.office.book, "side_of", lambda *_: side)
    assert await restored.turn() == ""
    assert restored.office.book.answer(id_of(bid)) is not None
    assert restored.office.blobs.get(name) is not None
    assert restored.office.store.sealed(id_of(bid), 1) == bid.sealed[0]


def name_of(bid: Submission) -> str:
    """Its ciphertext's name."""
    return str(json.loads(bid.body)["box"]["ciphertext"]["sha256"])


def lodge(guest: Office, item: Submission) -> None:
    """What a guest keeps of a record that it brought to the host."""
    from node.core.records.canonical import encode

    payload = {
        "host": HOST,
        "envelope": encode(item.envelope).decode(),
        "body": item.body.decode(),
        "sealed": ",".join(one.hex() for one in item.sealed),
    }
    guest.store.put_fact(lodged_key(id_of(item)), encode_payload(payload))


async def test_shares_of_a_partner_that_never_lodged_the_bid_are_not_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Shares are signed by nobody: with others' in their place the bidder would be blamed."""
    monkeypatch.setattr("node.services.gathering.LOOKS", 1)
    monkeypatch.setattr("node.services.gathering.LOOK_S", 0.0)
    world, old, stream = await grown()
    bid = await vouched_bid(world, stream)
    await world.host.take(bid)
    await world.tick()
    false = Submission(bid.envelope, bid.body, tuple(bytes(112) for _ in bid.sealed))
    lodge(world.offices[GUEST], false)
    restored = world.restored(old, blobs=MemoryBlobs())
    restored.office.log.quorum = world.host.log.quorum
    assert await restored.turn() == ""
    assert restored.office.book.answer(id_of(bid)) is None
    assert restored.office.store.sealed(id_of(bid), 1) is None
    assert any("it has not logged that" in line for line in restored.reports)


async def test_place_that_a_partner_made_up_is_not_taken() -> None:
    """A real record at a place of his own making, which no log holds."""
    world, old, stream = await grown()

    def forge(place: Followed) -> Followed:
        return replace(place, where=replace_salt(place.where))

    restored = world.restored(old)
    restored.helpers[REGULATOR].forge = forge  # who is heard first
    assert await restored.turn() == ""
    await is_whole(world, restored, stream)


def replace_salt(where: Any) -> Any:  # noqa: ANN401 - a msgspec struct
    import msgspec

    return msgspec.structs.replace(where, salt="0" * 64)


async def test_entries_that_do_not_lead_to_our_signature_are_not_taken() -> None:
    world, old, stream = await grown()
    other = await other_history()
    spoils = [
        lambda part: LogPart(part.start, (bytes(32), *part.entries[1:]), part.note),
        lambda part: LogPart(part.start, part.entries[:-1], part.note),
        lambda part: LogPart(part.start, part.entries, parse_note(part.note).encode() + "x"),
        lambda _: other,
    ]
    for spoil in spoils:
        restored = world.restored(copy_of(old))
        restored.helpers[REGULATOR].spoil = spoil  # who is asked first
        assert await restored.turn() == ""
        assert any(line.startswith(f"our log from {REGULATOR}") for line in restored.reports)
        await is_whole(world, restored, stream)
        world, old, stream = await grown()


def copy_of(store: MemoryStore) -> MemoryStore:
    import copy

    return copy.deepcopy(store)


async def test_partner_that_claims_what_nobody_can_prove_is_told() -> None:
    """With three members nobody may lie (f = 0): one claim keeps us reading, and says whose."""
    world, old, _ = await grown()
    restored = world.restored(old)
    origin = restored.office.log.origin

    def lie(known: KnownLog) -> KnownLog:
        return replace(known, size=9999, root="1" * 64) if known.origin == origin else known

    restored.helpers[GUEST].lies = lie
    told = await restored.turn()
    assert f"{GUEST}: 9999" in told
    assert await writes(restored.office) == ["catching-up"] * 4


async def test_partner_that_is_on_an_old_copy_itself_does_not_count_as_an_answer() -> None:
    """It may have forgotten what it cosigned; what it does know counts."""
    world, old, stream = await grown()
    for name in (GUEST, REGULATOR):
        world.offices[name].store.put_fact(MARK, Mark("restored", 0, 0).text())
    restored = world.restored(old)
    assert "1 partners must answer, 0 did" in await restored.turn()
    world.offices[GUEST].store.put_fact(MARK, "")
    assert await restored.turn() == ""
    await is_whole(world, restored, stream)


async def test_who_cannot_catch_up_does_not_ask_without_end() -> None:
    world, old, stream = await grown()
    await world.host.take(await vouched_bid(world, stream))
    await world.host.tick()
    restored = world.restored(old)
    told, asked = await restored.turn(), list(restored.helpers[GUEST].asked)
    assert await restored.turn() == told
    assert restored.helpers[GUEST].asked == asked != []


async def test_where_partners_hold_another_history_the_operator_is_told() -> None:
    world, old, _ = await grown()
    restored = world.restored(old)
    restored.chain.claim = (4, "9" * 64, 1)
    assert "tell the regulator" in await restored.turn()
    assert await writes(restored.office) == ["catching-up"] * 4


async def test_witness_of_a_restored_node_goes_never_back() -> None:
    """The guest is restored; what it had cosigned of the host since the backup binds it still."""
    world = World.make()
    guest = world.offices[GUEST]
    await guest.tick()
    await world.host.tick()
    before = world.host.publisher.newest
    assert before is not None
    store = copy_of(guest.store)  # type: ignore[arg-type]
    await world.tick()
    await world.host.publisher.publish_tick()
    newest = world.host.publisher.newest
    assert newest is not None
    assert await world.host.cosigning.collect() is not None
    store.put_fact(MARK, Mark("restored", 0, 0).text())
    again = restored_guest(world, store)
    assert again.office.store.witnessed(world.host.log.origin) == (before.size, before.root)
    assert await again.turn() == ""
    assert again.office.store.witnessed(world.host.log.origin) == (newest.size, newest.root)
    tree = world.host.log.tree
    proof = tree.consistency(before.size, before.size)
    stale = add_checkpoint(before.size, proof, parse_note(before.note)).encode()
    assert (await again.office.witness.add_checkpoint(stale)).status == 409


def restored_guest(world: World, store: MemoryStore) -> Restored:
    """The guest again, on an old copy; its partners help it."""
    office = open_office(GUEST, store, clock=world.host.clock, wires=world.wires)
    partners = {n: SimHelper(o, GUEST) for n, o in world.offices.items() if n != GUEST}
    made = Restored(office, partners, SimChain())
    made.catching_up.begin()
    return made


async def test_crash_at_any_step_is_gone_through_again() -> None:
    """Killed at each write of the way back; every start goes on and ends whole."""
    for step in range(1, 4):
        world, old, stream = await grown()
        await world.host.publisher.publish_tick()
        assert await world.host.cosigning.collect() is not None
        store, count = Dying(old, step), 0
        while True:
            restored = world.restored(store, marked=count == 0)
            try:
                assert await restored.turn() == ""
            except Killed:
                count += 1
                assert await writes_or_open(restored), "killed before it was open"
                continue
            break
        assert count == 1
        await is_whole(world, restored, stream)


async def writes_or_open(restored: Restored) -> bool:
    return bool(restored.office.log.halted) or mark_of(restored.office.store) is not None


class Killed(Exception):  # noqa: N818 - not an error of the program
    pass


class Dying:
    """A store whose owner is killed at its n-th write of what matters here."""

    def __init__(self, store: MemoryStore, step: int) -> None:
        self._store, self._left = store, step

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any method
        found = getattr(self._store, name)
        if name not in ("regain", "set_witnessed", "commit"):
            return found

        def call(*words: object, **more: object) -> object:
            self._left -= 1
            if self._left == 0:
                raise Killed
            return found(*words, **more)

        return call


async def test_restored_from_a_backup_on_either_engine(database_url: str, tmp_path: Path) -> None:
    """The same over a real backup: `snapshot`, `Target`, and a store of the engine."""
    store = SqlStore(database_url)
    world = World.make({HOST: store})
    await world.host.open_tender()
    await world.tick()
    size = world.host.log.tree.size
    copy = tmp_path / "copy.db"
    snapshot(database_url, copy, lambda *_: None)
    stream = await world.host.open_tender(1)
    await world.tick()
    await world.host.publisher.publish_tick()
    assert await world.host.cosigning.collect() is not None
    url = f"sqlite:///{tmp_path}/again/node.db"
    target = Target(url)
    target.take(copy, {MARK: Mark("restored", 0, size).text()}, lambda *_: None)
    target.close()
    again = SqlStore(url)
    restored = world.restored(again, marked=False)
    assert await restored.turn() == ""
    assert open_envelope(again.places(stream)[0].envelope).header.type == "stream.opened/v1"
    assert again.fact(PADDING) == store.fact(PADDING)
    await is_whole(world, restored, stream)
    again.close()
    store.close()


async def test_only_at_our_own_door_may_the_shares_of_a_lost_box_be_brought_again() -> None:
    office = open_office(HOST)
    office.log.quorum = quorum_made(office.log.origin, office.clock.at)
    stream = await office.open_tender()
    bid = await office.bid(stream, "a")
    records = cast("Records", SimpleNamespace(book=office.book))
    assert Records._as_from(records, bid, GUEST).sealed == bid.sealed, "a new one from anybody"
    await office.take(bid)
    assert Records._as_from(records, bid, GUEST).sealed == ()
    assert Records._as_from(records, bid, None).sealed == bid.sealed
