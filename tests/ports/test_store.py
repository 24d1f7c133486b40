"""One suite for `ports.Store`: the simulator and the real adapter."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import pytest

from node.adapters.sql.store import SqlStore
from node.core.errors import UnavailableError
from node.core.records.canonical import time_of
from node.core.records.place import FIRST_PREV, What, Where, entry_of
from node.services.ports import (
    NEWEST_CLOCK,
    Batch,
    LogNote,
    PlaceRow,
    Store,
    StreamRow,
    Task,
)
from tests.simulators.memory_store import MemoryStore
from tests.simulators.people import GUEST, HOST, planned
from tests.simulators.sources import NOON

ORIGIN, OTHER = "zhuzhou.example/log", "xiangtan.example/log"


@dataclass
class Kept:
    """A store, and how to close it and open it again."""

    store: Store
    reopen: Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    if request.param == "memory":
        memory = MemoryStore()
        yield Kept(memory, lambda: memory)
        return
    url = f"sqlite:///{tmp_path}/data/node.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").create()
    opened: list[SqlStore] = []

    def reopen() -> Store:
        for store in opened:
            store.close()
        opened.append(SqlStore(url))
        return opened[-1]

    yield Kept(reopen(), reopen)
    for store in opened:
        store.close()


def hexed(name: str) -> str:
    return sha256(name.encode()).hexdigest()


def stream(name: str = "a", keeper: str = HOST, *, own: bool = True) -> StreamRow:
    return StreamRow(hexed(name), "tender", keeper, own)


def place(row: StreamRow, seq: int, prev: str = FIRST_PREV, body: bytes | None = b"{}") -> PlaceRow:
    what = What(
        hexed(f"{row.id} record {seq}"),
        time_of(NOON + seq),
        hexed(f"salt {row.id} {seq}"),
        hexed("sig"),
        row.id,
    )
    where = Where(prev, hexed("where salt"), seq)
    envelope = planned(row.id, f"T-{seq}").envelope
    return PlaceRow(row.id, seq, what.id, what, where, entry_of(what, where), envelope, body)


def chain(row: StreamRow, count: int) -> tuple[PlaceRow, ...]:
    places: list[PlaceRow] = []
    for seq in range(count):
        places.append(place(row, seq, places[-1].entry if places else FIRST_PREV))
    return tuple(places)


def note(origin: str, size: int, quorum: str | None = None) -> LogNote:
    return LogNote(origin, size, hexed(f"root {size}"), NOON, f"note of {size}", quorum)


def raw(*entries: str) -> list[bytes]:
    return [bytes.fromhex(entry) for entry in entries]


def test_streams_and_places_come_back_as_they_went_in(kept: Kept) -> None:
    first, second = stream("a"), replace(stream("b"), kind="side", of=hexed("a"))
    places = (*chain(first, 3), place(second, 0, body=None))
    kept.store.commit(Batch(streams=(first, second), places=places))
    store = kept.reopen()
    assert store.streams() == [first, second]
    assert store.places(first.id) == list(places[:3])
    assert store.places(first.id, 1) == [places[2]]
    assert store.places(first.id, 2) == []
    assert store.places(second.id) == [places[3]]
    assert store.places(hexed("none")) == []
    assert store.find(places[1].record) == places[1]
    assert store.find(hexed("none")) is None


def test_stream_that_is_committed_again_learns_its_tender_and_keeps_its_rank(kept: Kept) -> None:
    first, second = stream("a"), stream("b")
    kept.store.commit(Batch(streams=(first, second)))
    named = replace(first, tender="T-1")
    kept.store.commit(Batch(streams=(named,)))
    assert kept.reopen().streams() == [named, second]


def test_batch_is_all_or_nothing(kept: Kept) -> None:
    row = stream()
    places = chain(row, 2)
    kept.store.commit(Batch(streams=(row,), places=places))
    bad = Batch(
        streams=(stream("b"),),
        places=(place(row, 2, places[1].entry), places[1]),
        sealed={places[0].record: (b"s",)},
        tasks=(Task("submit", "k", {}, NOON),),
        refusals={hexed("r"): ("rule", "art. 1")},
        facts={"f": "1"},
        now=NOON,
    )
    with pytest.raises(UnavailableError) as caught:
        kept.store.commit(bad)
    assert caught.value.code == "store"
    store = kept.reopen()
    assert store.streams() == [row]
    assert store.places(row.id) == list(places)
    assert store.sealed(places[0].record, 1) is None
    assert store.tasks() == []
    assert store.refusals().get(hexed("r")) is None
    assert store.facts("") == {}


def test_one_record_or_one_place_never_stands_twice(kept: Kept) -> None:
    row, other = stream("a"), stream("b")
    first = place(row, 0)
    kept.store.commit(Batch(streams=(row, other), places=(first,)))
    same_place = place(row, 0, body=b"[]")
    same_record = replace(place(other, 0), record=first.record)
    for twice in (replace(same_place, record=hexed("x")), same_record):
        with pytest.raises(UnavailableError):
            kept.store.commit(Batch(places=(twice,)))
    assert kept.store.places(row.id) == [first]


def test_what_stands_beside_the_streams(kept: Kept) -> None:
    record = hexed("box")
    tasks = (Task("submit", "1", {"a": "é"}, NOON), Task("bids", "2", {}, NOON + 1))
    kept.store.commit(
        Batch(
            sealed={record: (b"one", b"two")},
            tasks=tasks,
            refusals={record: ("rule", "TBL 34")},
            facts={"beacon/1": "x", "beacon/2": "y", "beacon%": "z"},
            now=NOON,
        )
    )
    kept.store.commit(
        Batch(
            tasks=(Task("submit", "1", {"a": "other"}, NOON + 9),),
            refusals={record: ("state", "TBL 1")},
            facts={"beacon/1": "new"},
            now=NOON - 5,
        )
    )
    store = kept.reopen()
    assert [store.sealed(record, n) for n in (0, 1, 2, 3)] == [None, b"one", b"two", None]
    assert store.tasks() == list(tasks), "a task that waits stays as it is"
    assert store.tasks("bids") == [tasks[1]]
    assert store.refusals().get(record) == ("rule", "TBL 34"), "the first refusal stands"
    assert store.fact("beacon/1") == "new"
    assert store.facts("beacon/") == {"beacon/1": "new", "beacon/2": "y"}
    assert store.facts("beacon%") == {"beacon%": "z"}
    assert store.fact(NEWEST_CLOCK) == str(NOON), "the newest time never goes back"
    store.put_fact("beacon/1", "newest")
    store.put_fact("fresh", "1")
    store.done("submit", ["1", "gone"])
    store.done("bids", ["1"])
    store = kept.reopen()
    assert (store.fact("beacon/1"), store.fact("fresh")) == ("newest", "1")
    assert store.tasks() == [tasks[1]]


def test_facts_are_found_by_the_beginning_of_their_key_in_the_order_of_its_bytes(
    kept: Kept,
) -> None:
    keys = ["a", "a/", "a/B", "a/_", "a/b", f"a/{'x' * 300}", "a/\u00e9", "a/中", "a/\U0001f600"]
    others = ["A/b", "a0", "b", "\u00e0/"]
    for key in (*others, *reversed(keys)):
        kept.store.put_fact(key, "中")
    assert list(kept.reopen().facts("a/")) == keys[1:]
    assert set(kept.store.facts("")) == {*keys, *others}


def test_tick_gives_own_places_their_index_and_no_others(kept: Kept) -> None:
    own, other = stream("a"), stream("b", GUEST, own=False)
    mine, theirs = chain(own, 2), chain(other, 1)
    kept.store.commit(Batch(streams=(own, other), places=(*mine, *theirs)))
    assert kept.store.unpublished() == [place.entry for place in mine]
    tick = raw(theirs[0].entry, mine[1].entry, hexed("pad"), mine[0].entry)
    kept.store.publish(0, tick, note(ORIGIN, 4))
    store = kept.reopen()
    assert store.unpublished() == []
    assert [p.index for p in store.places(own.id)] == [3, 1]
    assert [p.index for p in store.places(other.id)] == [None]
    assert store.entries(ORIGIN) == tick
    assert store.entries(ORIGIN, 1, 3) == tick[1:3]
    assert store.entries(ORIGIN, 3) == tick[3:]
    assert store.entries(OTHER) == []


def test_log_grows_only_at_its_end(kept: Kept) -> None:
    kept.store.publish(0, [bytes([n]) * 32 for n in range(4)], note(ORIGIN, 4))
    for start, count, size in ((0, 4, 4), (3, 1, 4), (5, 1, 6), (4, 1, 4), (4, 2, 7)):
        with pytest.raises(UnavailableError):
            kept.store.publish(start, [bytes(32)] * count, note(ORIGIN, size))
    kept.store.publish(4, [bytes(32)], note(ORIGIN, 5))
    store = kept.reopen()
    assert len(store.entries(ORIGIN)) == 5
    assert [n.size for n in store.notes(ORIGIN, quorum=False)] == [4, 5]
    store.publish(5, [bytes([2]) * 32], note(ORIGIN, 6))
    assert [store.leaf(ORIGIN, f"{n:02x}" * 32) for n in (0, 2, 3, 9)] == [0, 2, 3, None]
    assert store.leaf(OTHER, "02" * 32) is None


def test_mirrored_entries_prove_only_places_of_their_own_keeper(kept: Kept) -> None:
    theirs, third = stream("b", GUEST, own=False), stream("c", "liling", own=False)
    places, foreign = chain(theirs, 2), chain(third, 2)
    # One place was followed before the log was mirrored, the other comes after it.
    kept.store.commit(Batch(streams=(theirs, third), places=(places[0], foreign[0])))
    entries = raw(places[1].entry, foreign[0].entry, places[0].entry, foreign[1].entry)
    kept.store.mirror(GUEST, 0, entries, note(OTHER, 4, "quorum"))
    kept.store.commit(Batch(places=(places[1], foreign[1])))
    store = kept.reopen()
    assert [p.index for p in store.places(theirs.id)] == [2, 0]
    assert [p.index for p in store.places(third.id)] == [None, None]
    assert store.entries(OTHER) == entries
    assert store.logs() == {OTHER: GUEST}


def test_notes_by_size_with_and_without_quorum(kept: Kept) -> None:
    store = kept.store
    assert store.newest(ORIGIN) is None
    for size in (4, 8, 12):
        store.publish(size - 4, [bytes([size]) * 32] * 4, note(ORIGIN, size))
    store.set_quorum(ORIGIN, 8, "first")
    store.set_quorum(ORIGIN, 8, "second")
    store.set_quorum(ORIGIN, 99, "none")
    store = kept.reopen()
    with_quorum = note(ORIGIN, 8, "first")
    assert store.notes(ORIGIN) == [with_quorum]
    assert store.notes(ORIGIN, 8) == []
    assert store.notes(ORIGIN, 7, quorum=False, limit=1) == [with_quorum]
    assert [n.size for n in store.notes(ORIGIN, 4, quorum=False)] == [8, 12]
    assert store.newest(ORIGIN) == with_quorum
    assert store.newest(ORIGIN, quorum=False) == note(ORIGIN, 12)
    assert store.notes(OTHER) == []


def test_what_was_cosigned_is_compared_and_set(kept: Kept) -> None:
    store = kept.store
    assert store.witnessed(ORIGIN) is None
    assert not store.set_witnessed(ORIGIN, 3, 5, hexed("r5"))
    assert store.set_witnessed(ORIGIN, 0, 4, hexed("r4"))
    assert not store.set_witnessed(ORIGIN, 0, 9, hexed("r9"))
    assert store.set_witnessed(ORIGIN, 4, 4, hexed("r4"))
    assert store.set_witnessed(ORIGIN, 4, 8, hexed("r8"))
    assert kept.reopen().witnessed(ORIGIN) == (8, hexed("r8"))
    assert store.witnessed(OTHER) is None


def test_threads_compare_and_set_one_after_the_other(kept: Kept) -> None:
    won: list[int] = []

    def race(size: int) -> None:
        if kept.store.set_witnessed(ORIGIN, 0, size, hexed(str(size))):
            won.append(size)

    threads = [threading.Thread(target=race, args=(size,)) for size in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert kept.store.witnessed(ORIGIN) == (won[0], hexed(str(won[0])))


def test_notes_that_evidence_needs(kept: Kept) -> None:
    store = kept.store
    assert store.covering(ORIGIN, [0, 3], 4) == []
    for size in range(4, 32, 4):
        store.publish(size - 4, [bytes([size]) * 32] * 4, note(ORIGIN, size))
        if size != 12:
            store.set_quorum(ORIGIN, size, f"quorum {size}")
    sizes = [n.size for n in store.covering(ORIGIN, [1, 9, 11], 20)]
    assert sizes == [4, 16, 20, 28], "first over 1, over 9 and 11, the anchored one, the newest"
    assert [n.size for n in store.covering(ORIGIN, [], 0)] == [28]
    assert [n.size for n in store.covering(ORIGIN, [40], 0)] == [28]


def test_places_that_no_quorum_holds_yet(kept: Kept) -> None:
    own, other = stream("a"), stream("b", GUEST, own=False)
    mine, theirs = chain(own, 2), chain(other, 1)
    kept.store.commit(Batch(streams=(own, other), places=(*mine, *theirs)))
    assert kept.store.uncovered(ORIGIN, 0) == 2
    kept.store.publish(0, raw(mine[0].entry, mine[1].entry), note(ORIGIN, 2))
    assert [kept.store.uncovered(ORIGIN, size) for size in (0, 1, 2)] == [2, 1, 0]
