"""Whatever is changed in a store, fsck names the part and the place; an honest store is clean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from node.core.log.merkle import Tree, leaf_hash
from node.core.records.canonical import encode
from node.core.records.kinds.draws import DrawJoined, DrawList, PoolPublished, Snapshot
from node.core.records.kinds.streams import RecordLodged, StreamEndorsed
from node.services.differing import Difference
from node.services.fsck import Finding, Fsck, heads_of
from node.services.judging import Laws
from node.services.lodging import encode_payload, lodged_key
from node.services.members import Members
from node.services.owed import Owed
from node.services.ports import NEWEST_CLOCK, Batch, Chain, Submission
from node.services.publisher import PADDING
from node.services.roster import key_of
from node.services.standing import DONE, MARK, Loss, facts_of, losses_of
from tests.simulators.memory_store import MemoryBlobs, MemoryStore
from tests.simulators.office import Office, open_network
from tests.simulators.people import GUEST, HOST, NETWORK, founding, member

pytestmark = pytest.mark.anyio
PARTS = ["rows", "streams", "logs", "leaves", "quorums", "witnessed", "indexes", "boxes", "facts"]
PARTS += ["endorsements", "anchors"]


class Anchored:
    """A chain that holds one checkpoint, of one account or of every; of tenders nothing."""

    def __init__(self, size: int, root: str, account: str = "") -> None:
        self.size, self.root, self.account = size, root, account

    def anchored(self, accounts: Sequence[str]) -> list[tuple[int, str, int]]:
        """The checkpoint."""
        found = (self.size, self.root, 0)
        return [found if self.account in ("", one) else (0, "", 0) for one in accounts]

    def tender(self, _stream: str, _keeper: str) -> object:
        """Nothing is written."""
        return SimpleNamespace(
            bids_at=0, bids_root="", bids_head="", result_at=0, result="", result_head=""
        )


async def kept() -> Office:
    """A host's node with a tender, a bid in a box, a mirrored log, and checkpoints with quorum."""
    offices, _ = open_network()
    host, guest = offices[HOST], offices[GUEST]
    await host.tick()
    stream = await host.open_tender()
    await host.take(await host.bid(stream, "a"))
    await host.tick()
    await guest.tick()
    part = guest.publisher.part(0)
    assert part is not None
    await host.mirrors.take(GUEST, part)
    return host


def check(office: Office, chain: Anchored | None = None) -> dict[str, Finding]:
    """All findings by part."""
    fsck = Fsck(
        me=office.me,
        origin=office.log.origin,
        store=office.store,
        blobs=office.blobs,
        laws=Laws(NETWORK),
        members=office.members,
        chain=cast("Chain | None", chain),
        told=lambda *_: None,
        heads=heads_of(cast("Chain", chain), office.members) if chain else {},
    )
    found = list(fsck.run())
    assert [one.part for one in found] == PARTS
    return {one.part: one for one in found}


async def test_box_that_is_named_as_lost_is_told_and_comes_back_from_its_maker() -> None:
    host = await kept()
    store, blobs = cast("MemoryStore", host.store), cast("MemoryBlobs", host.blobs)
    stream = next(row.id for row in store.streams() if row.kind == "tender")
    row = store.places(stream)[-1]
    shares = tuple(s for (record, _), s in sorted(store._sealed.items()) if record == row.record)
    bid = Submission(row.envelope, row.body or b"", shares)
    sealed, data = dict(store._sealed), dict(blobs.data)
    store._sealed.clear()
    blobs.data.clear()
    assert check(host)["boxes"].status == "failed"
    loss = Loss("box", bid.opened.id, "密封件", "its box")
    store.commit(Batch(facts=facts_of([loss])))
    found = check(host)["boxes"]
    assert (found.status, found.checked) == ("ok", 0)
    assert "1 lost" in found.detail
    assert await host.refused(bid) == ["not-found"], "the ciphertext comes first"
    blobs.data.update(data)
    bare = Submission(bid.envelope, bid.body)
    await host.take(bare)
    assert losses_of(store) == [loss], "without shares nothing is mended"
    await host.take(bid)
    assert store._sealed == sealed
    assert losses_of(store) == []
    other = Submission(bid.envelope, bid.body, tuple(bytes(112) for _ in bid.sealed))
    await host.take(other)
    assert store._sealed == sealed, "what is there stays"
    assert check(host)["boxes"].checked == 1


async def test_honest_store_is_clean_and_what_cannot_be_compared_is_told() -> None:
    found = check(await kept())
    assert {name: one.status for name, one in found.items()} == {
        **dict.fromkeys(PARTS, "ok"),
        "anchors": "not_run",
    }
    assert (found["streams"].checked, found["indexes"].checked) == (6, 6)
    assert (found["boxes"].checked, found["quorums"].checked) == (1, 3)


def body_changed(store: MemoryStore, _: MemoryBlobs) -> None:
    place = store._places[3]
    store._places[3] = replace(place, body=(place.body or b"").replace(b"salt", b"sa1t"))


def place_lost(store: MemoryStore, _: MemoryBlobs) -> None:
    del store._places[3]


def time_changed(store: MemoryStore, _: MemoryBlobs) -> None:
    what = msgspec.structs.replace(store._places[5].what, received="2030-01-01T00:00:00Z")
    store._places[5] = replace(store._places[5], what=what)


def entry_changed(store: MemoryStore, _: MemoryBlobs) -> None:
    log = next(log for log in store._entries.values() if len(log) > 8)
    log[6] = bytes(32)


def root_changed(store: MemoryStore, _: MemoryBlobs) -> None:
    key = max(store._notes, key=lambda one: one[1])
    store._notes[key] = replace(store._notes[key], root="00" * 32)


def quorum_forged(store: MemoryStore, _: MemoryBlobs) -> None:
    key = max(store._notes, key=lambda one: one[1])
    store._notes[key] = replace(store._notes[key], quorum=store._notes[key].note)


def index_changed(store: MemoryStore, _: MemoryBlobs) -> None:
    index = store._places[1].index
    store._places[1] = replace(store._places[1], index=(index or 0) + 1)


def last_place_lost(store: MemoryStore, _: MemoryBlobs) -> None:
    del store._places[-1]


def stream_and_its_places_lost(store: MemoryStore, blobs: MemoryBlobs) -> None:
    stream_row_lost(store, blobs)
    store._places = [place for place in store._places if place.stream in store._streams]


def stream_row_lost(store: MemoryStore, _: MemoryBlobs) -> None:
    del store._streams[next(row.id for row in store._streams.values() if row.kind == "tender")]


def tender_renamed(store: MemoryStore, _: MemoryBlobs) -> None:
    row = next(row for row in store._streams.values() if row.kind == "tender")
    store._streams[row.id] = replace(row, tender="another")


def facts_lost(store: MemoryStore, _: MemoryBlobs) -> None:
    store._facts.clear()


def clock_lost(store: MemoryStore, _: MemoryBlobs) -> None:
    store._facts[NEWEST_CLOCK] = "0"


def witnessed_lost(store: MemoryStore, _: MemoryBlobs) -> None:
    store._witnessed.clear()


def witnessed_lowered(store: MemoryStore, _: MemoryBlobs) -> None:
    ((origin, (size, _root)),) = store._witnessed.items()
    store._witnessed[origin] = (size - 1, mirrored_root(store, origin, size - 1))


def witnessed_root_changed(store: MemoryStore, _: MemoryBlobs) -> None:
    ((origin, (size, _root)),) = store._witnessed.items()
    store._witnessed[origin] = (size, "00" * 32)


def mirrored_root(store: MemoryStore, origin: str, size: int) -> str:
    return Tree(leaf_hash(entry) for entry in store._entries[origin]).root(size).hex()


def mirrored_time_changed(store: MemoryStore, _: MemoryBlobs) -> None:
    key = next(key for key in store._notes if key[0] in store._keepers.values())
    store._notes[key] = replace(store._notes[key], at=store._notes[key].at + 1)


def share_cut_off(store: MemoryStore, _: MemoryBlobs) -> None:
    last = max(store._sealed)
    store._sealed[last] = store._sealed[last][:-1]


def index_lost(store: MemoryStore, _: MemoryBlobs) -> None:
    store._places[1] = replace(store._places[1], index=None)


def ciphertext_lost(_: MemoryStore, blobs: MemoryBlobs) -> None:
    blobs.data.clear()


def share_lost(store: MemoryStore, _: MemoryBlobs) -> None:
    del store._sealed[max(store._sealed)]


@pytest.mark.parametrize(
    ("harm", "part", "where"),
    [
        (body_changed, "streams", "place 3"),
        (place_lost, "streams", "place 3"),
        (time_changed, "streams", "place 5"),
        (entry_changed, "logs", "size"),
        (root_changed, "logs", "size"),
        (quorum_forged, "quorums", "size"),
        (index_changed, "indexes", "place 1"),
        (index_lost, "indexes", "place 1"),
        (ciphertext_lost, "boxes", "place 5"),
        (share_lost, "boxes", "place 5"),
        (share_cut_off, "boxes", "place 5"),
        (last_place_lost, "leaves", "leaf"),
        (stream_and_its_places_lost, "leaves", "leaf"),
        (stream_row_lost, "leaves", "leaf"),
        (stream_row_lost, "rows", ""),
        (tender_renamed, "streams", "stream"),
        (facts_lost, "leaves", "fact log/padding"),
        (clock_lost, "facts", "fact clock/newest"),
        (witnessed_lost, "witnessed", "size"),
        (witnessed_lowered, "witnessed", "size"),
        (witnessed_root_changed, "witnessed", "size"),
        (mirrored_time_changed, "logs", "size"),
    ],
)
async def test_every_harm_is_named(
    harm: Callable[[MemoryStore, MemoryBlobs], None], part: str, where: str
) -> None:
    office = await kept()
    harm(cast(Any, office.store), cast(Any, office.blobs))
    found = check(office)
    assert found[part].status == "failed"
    assert where in found[part].where


@pytest.mark.parametrize("harm", [witnessed_lost, witnessed_lowered, witnessed_root_changed])
async def test_witnessed_view_that_went_back_is_named_while_the_chain_is_silent(
    harm: Callable[[MemoryStore, MemoryBlobs], None],
) -> None:
    office = await kept()
    office.members = cast("Members", None)
    assert check(office)["witnessed"].status == "ok"
    harm(cast(Any, office.store), cast(Any, office.blobs))
    assert check(office)["witnessed"].status == "failed"


async def test_chain_that_holds_another_root_or_more_of_our_log_is_named() -> None:
    office = await kept()
    size, root = office.log.tree.size, office.log.tree.root().hex()
    own = Anchored(size, root, office.members.by_id[HOST].account)
    assert check(office, own)["anchors"].status == "ok"
    other = check(office, Anchored(size, "ab" * 32))["anchors"]
    assert (other.status, "another root" in other.detail) == ("failed", True)
    more = Anchored(size + 64, "ab" * 32)
    ahead = check(office, more)["anchors"]
    assert (ahead.status, "more of our log" in ahead.detail) == ("failed", True)


async def guested() -> tuple[Office, Submission]:
    """A guest beside a tender that it does not hold, which it endorsed; it lodged a bid for it."""
    offices, _ = open_network()
    host, guest, person = offices[HOST], offices[GUEST], member(GUEST)
    await host.tick()
    await guest.tick()
    tender = await host.open_tender()
    bid = await host.bid(tender, "a")
    pair = founding(GUEST, "side", of=tender)
    side = pair[0].opened.id
    lodged = RecordLodged(records=(bid.opened.id,), salt=person.salt())
    entry = host.store.places(tender)[1].entry
    endorsed = StreamEndorsed(disputes=0, entry=entry, salt=person.salt(), seq=1)
    said = (("record.lodged/v1", lodged), ("stream.endorsed/v1", endorsed))
    await guest.take(*pair, *(person.says(kind, body, side) for kind, body in said))
    await guest.tick()
    return guest, bid


def lodged_fact(record: str, item: Submission) -> dict[str, str]:
    envelope, body = encode(item.envelope).decode(), item.body.decode()
    sealed = ",".join(share.hex() for share in item.sealed)
    payload = {"host": HOST, "envelope": envelope, "body": body, "sealed": sealed}
    return {lodged_key(record): encode_payload(payload)}


async def test_lodged_record_whose_copy_is_gone_or_another_is_named() -> None:
    guest, bid = await guested()
    record = bid.opened.id
    assert check(guest)["facts"].where == f"fact {lodged_key(record)}"
    other = next(iter(founding(GUEST)))
    guest.store.commit(Batch(facts=lodged_fact(record, other)))
    assert "another record" in check(guest)["facts"].detail
    guest.store.commit(Batch(facts=lodged_fact(record, bid)))
    found = check(guest)["facts"]
    assert (found.status, found.checked) == ("ok", 2)


async def test_endorsed_place_that_is_not_here_is_named() -> None:
    guest, _ = await guested()
    found = check(guest)["endorsements"]
    assert (found.status, found.detail) == (
        "failed",
        "it endorses place 1, and only 0 places are here",
    )


async def test_facts_and_endorsements_are_not_held_against_a_store_from_a_backup() -> None:
    guest, _ = await guested()
    guest.store.put_fact(MARK, DONE)
    found = check(guest)
    assert (found["facts"].status, found["endorsements"].status) == ("ok", "ok")


async def test_snapshot_of_the_pool_that_is_gone_is_named() -> None:
    guest, bid = await guested()
    guest.store.commit(Batch(facts=lodged_fact(bid.opened.id, bid)))
    pair = founding(GUEST, "pool")
    salt = member(GUEST).salt()
    body = PoolPublished(cells=(), epoch=1, root="11" * 32, salt=salt, size=1)
    await guest.take(*pair, member(GUEST).says("pool.published/v1", body, pair[0].opened.id))
    assert "snapshot 1 of this pool" in check(guest)["facts"].detail


async def test_leaf_that_was_named_as_lost_is_told_and_no_difference() -> None:
    host = await kept()
    last_place_lost(cast("MemoryStore", host.store), cast("MemoryBlobs", host.blobs))
    leaf = check(host)["leaves"]
    index = int(leaf.where.rpartition(" ")[2])
    entry = host.store.entries(host.log.origin)[index].hex()
    host.store.commit(Batch(facts=facts_of([Loss("place", entry, "一项", "a leaf")])))
    found = check(host)["leaves"]
    assert (found.status, found.detail) == ("ok", "1 lost, by name: yuanping node losses")


async def test_padding_from_before_its_secret_was_lost_is_no_difference() -> None:
    host = await kept()
    host.store.put_fact(PADDING, "ab" * 32)
    assert check(host)["leaves"].where == f"fact {PADDING}"
    host.store.commit(Batch(facts=facts_of([Loss("secret", "padding", "密钥", "the secret")])))
    assert check(host)["leaves"].status == "ok"
    await host.publisher.reload()
    await host.tick()
    assert check(host)["leaves"].status == "ok"
    await host.open_tender(2)
    await host.tick()
    last_place_lost(cast("MemoryStore", host.store), cast("MemoryBlobs", host.blobs))
    assert check(host)["leaves"].status == "failed", "what came after it is told apart again"


async def test_list_of_a_draw_that_we_joined_and_that_is_gone_is_named() -> None:
    host = await kept()
    stream = next(row.id for row in host.store.streams() if row.kind == "tender")
    state = host.book.need(stream).state
    draw, root = "22" * 32, "33" * 32
    snapshot = Snapshot(epoch=1, root=root, seq=2, stream=stream)
    lists = (DrawList(persons=(root,), stratum=0),)
    body = DrawJoined(draw=draw, excluded=root, lists=lists, salt=root, snapshot=snapshot)
    said = member(HOST).says("draw.joined/v1", body, stream)
    rows = [replace(host.store.places(stream)[-1], envelope=said.envelope, body=said.body)]
    owed = Owed(HOST, host.log.origin, host.store, {stream: rows}, {stream: state})
    with pytest.raises(Difference) as named:
        list(owed.facts())
    keys = [key_of(draw, what) for what in ("joined", "persons")]
    assert named.value.where == f"fact {keys[0]}"[:85]
    host.store.commit(Batch(facts=dict.fromkeys(keys, "{}")))
    assert sum(owed.facts()) == 2
