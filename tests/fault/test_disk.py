"""Every durable writer on a real disk that fills up, gets room again, turns read-only, is mended.

What was acknowledged is there after each; nothing that was refused stands half; the error says
what to do; after room is made the same open writer goes on, without a restart.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from chain.errors import JournalRefused
from chain.journal import Genesis, Journal, Step
from node.adapters.blobs import FileBlobs
from node.adapters.drawer import FileDrawer
from node.adapters.sql.store import SqlStore
from node.adapters.sqlite_drawer import SqliteDrawer
from node.core.errors import NodeError
from node.services.ports import Accepted, Batch, LogNote, Store
from tests.simulators.fsck import check_store
from tests.simulators.office import Office, Wires, open_office
from tests.simulators.people import GUEST, HOST, REGULATOR, log_vkey
from tests.simulators.sources import NOON
from tests.small_disk import SmallDisk, small_disk

ORIGIN = "zhuzhou.example/log"
BLOCK = 40_000
"""Bytes of one write: what is left of a full disk's last page does not hold it."""
FULL, READ_ONLY = "disk-full", "disk-read-only"


@dataclass(frozen=True)
class Writer:
    """How a durable writer is opened, and how a numbered block is written, found and let go of."""

    open: Callable[[Path], Any]
    write: Callable[[Any, int], object]
    has: Callable[[Any, int], bool]
    close: Callable[[Any], None]


@functools.cache
def block(n: int) -> bytes:
    """The same bytes for a number, that no disk compresses."""
    return b"".join(sha256(f"{n} {i}".encode()).digest() for i in range(BLOCK // 32))


def note(n: int, size: int) -> LogNote:
    return LogNote(ORIGIN, size, "00" * 32, NOON, f"note {n} {block(n).hex()}")


def entries(n: int) -> list[bytes]:
    whole = block(n)
    return [whole[i : i + 32] for i in range(0, BLOCK, 32)]


def sql(write: Callable[[SqlStore, int], object], has: Callable[[SqlStore, int], bool]) -> Writer:
    return Writer(lambda folder: SqlStore(f"sqlite:///{folder}/node.db"), write, has, close_sql)


def close_sql(store: SqlStore) -> None:
    store.close()


def next_leaf(store: Store) -> int:
    return len(store.entries(ORIGIN))


def has_entries(store: SqlStore, n: int) -> bool:
    found, wanted = store.entries(ORIGIN), entries(n)
    return any(found[i : i + len(wanted)] == wanted for i in range(0, len(found), len(wanted)))


def publish(store: SqlStore, n: int) -> None:
    start = next_leaf(store)
    store.publish(start, entries(n), note(n, start + len(entries(n))))


def mirror(store: SqlStore, n: int) -> None:
    start = next_leaf(store)
    store.mirror(GUEST, start, entries(n), note(n, start + len(entries(n))))


def journal(folder: Path) -> Journal:
    made = Journal(folder / "journal")
    made.begin(Genesis(20260, NOON, "test"))
    return made


def has_step(made: Journal, n: int) -> bool:
    return any(step == Step(NOON + n, (block(n).hex(),)) for step in made.steps())


WRITERS: dict[str, Writer] = {
    "records": sql(
        lambda store, n: store.commit(Batch(facts={f"batch {n}": block(n).hex()}, now=NOON + n)),
        lambda store, n: store.fact(f"batch {n}") == block(n).hex(),
    ),
    "log": sql(publish, has_entries),
    "mirror": sql(mirror, has_entries),
    "fact": sql(
        lambda store, n: store.put_fact(f"fact {n}", block(n).hex()),
        lambda store, n: store.fact(f"fact {n}") == block(n).hex(),
    ),
    "cosigned": sql(
        lambda store, n: store.set_witnessed(f"{n} {block(n).hex()}", 0, 4, "00" * 32),
        lambda store, n: store.witnessed(f"{n} {block(n).hex()}") == (4, "00" * 32),
    ),
    "file": Writer(
        lambda folder: FileBlobs(folder / "blobs"),
        lambda blobs, n: blobs.put(block(n)),
        lambda blobs, n: blobs.get(sha256(block(n)).hexdigest()) == block(n),
        lambda _: None,
    ),
    "actor": Writer(
        lambda folder: FileDrawer(folder / "actor"),
        lambda drawer, n: drawer.write(f"records/{n}.json", block(n)),
        lambda drawer, n: drawer.read(f"records/{n}.json") == block(n),
        lambda _: None,
    ),
    "crowd": Writer(
        lambda folder: SqliteDrawer(folder / "crowd"),
        lambda drawer, n: drawer.write(f"records/{n}.json", block(n)),
        lambda drawer, n: drawer.read(f"records/{n}.json") == block(n),
        lambda drawer: drawer.close(),
    ),
    "chain": Writer(
        journal,
        lambda made, n: made.append(Step(NOON + n, (block(n).hex(),))),
        has_step,
        lambda made: made.close(),
    ),
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """A disk of sixteen megabytes."""
    with small_disk(tmp_path / "disk", tmp_path / "image", 16) as made:
        yield made


@dataclass
class Book:
    """What one writer acknowledged, and what it refused last."""

    writer: Writer
    open: Any
    acknowledged: set[int]
    next: int = 0

    def write(self) -> None:
        """One block more. Raises what the writer says."""
        self.next += 1
        self.writer.write(self.open, self.next)
        self.acknowledged.add(self.next)

    def write_on(self) -> None:
        """Write as much as may fit into what a writer had reserved before."""
        for _ in range(400):
            self.write()

    def refused(self, code: str) -> None:
        """Write until the disk refuses, which must be soon and in clear words."""
        with pytest.raises((NodeError, JournalRefused)) as caught:
            self.write_on()
        if isinstance(caught.value, NodeError):
            assert caught.value.code == code
            assert caught.value.advice
        else:
            said = {FULL: "No space left", READ_ONLY: "Read-only file system"}
            assert said[code] in str(caught.value)

    def check(self) -> None:
        """Everything acknowledged is there, whole."""
        for n in self.acknowledged:
            assert self.writer.has(self.open, n), f"block {n} was acknowledged and is lost"

    def reopen(self, folder: Path) -> None:
        """A new start."""
        self.open = self.writer.open(folder)


@pytest.mark.parametrize("name", WRITERS)
def test_full_then_room_then_read_only_then_mended(disk: SmallDisk, name: str) -> None:
    writer = WRITERS[name]
    book = Book(writer, writer.open(disk.folder), set())
    book.write()
    disk.fill()
    book.refused(FULL)
    book.refused(FULL)
    book.check()
    disk.make_room()
    book.write()
    book.check()
    disk.fail()
    book.refused(READ_ONLY)
    book.check()
    writer.close(book.open)
    disk.mend()
    book.reopen(disk.folder)
    book.check()
    book.write()
    book.check()
    check_sound(book)
    writer.close(book.open)


def check_sound(book: Book) -> None:
    """The database's own check, and no rest of what was refused."""
    if isinstance(book.open, SqlStore):
        with book.open._database.read() as db:
            assert db.execute(text("PRAGMA integrity_check")).scalar() == "ok"
    elif isinstance(book.open, Journal):
        for line in book.open._lines():
            json.loads(line)
    elif isinstance(book.open, FileBlobs):
        assert list(book.open._folder.glob("*.part")) == []


@pytest.mark.anyio
async def test_node_whose_disk_fills_up_refuses_clearly_and_goes_on_with_room(
    disk: SmallDisk,
) -> None:
    """The sequencer and the publisher over the real store: nothing acknowledged is lost."""
    wires = Wires()
    for name in (GUEST, REGULATOR):
        open_office(name, wires=wires)
    store = SqlStore(f"sqlite:///{disk.folder}/node.db")
    host = open_office(HOST, store, FileBlobs(disk.folder / "blobs"), wires=wires)
    await host.tick()
    stream = await host.open_tender()
    await host.tick()
    items = [await host.bid(stream, f"bidder {number}") for number in range(60)]
    disk.fill()
    stands: dict[int, Accepted] = {}
    refused = []
    for number, item in enumerate(items):
        (answer,) = await host.sequencer.accept([item])
        if isinstance(answer, Accepted):
            stands[number] = answer
        else:
            refused.append(answer.code)
    assert set(refused) == {FULL}, "it was full, and said so"
    with pytest.raises(NodeError, match="the disk is full") as caught:
        await ticks(host)
    assert caught.value.code == FULL
    assert host.publisher.failed is caught.value
    disk.make_room()
    assert await host.tick() is not None
    assert host.publisher.failed is None
    for number, item in enumerate(items):
        (answer,) = await host.take(item)
        assert stands.setdefault(number, answer) == answer, "the answer is the same for ever"
    await host.tick()
    assert [row.seq for row in store.places(stream)] == list(range(5 + len(items)))
    check_store(store, log_vkey(HOST))
    assert store.unpublished() == []
    store.close()


async def ticks(host: Office) -> None:
    """As many as may fit into what the database had reserved before."""
    for _ in range(40):
        await host.publisher.publish_tick()
