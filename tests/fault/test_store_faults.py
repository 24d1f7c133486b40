"""The fault table of the sequencer and the publisher: every write fails once, in every way.

Each run plays the same small tender. At one write the store fails: before it happened, after it
had happened, or the process dies there and a new one starts on what is on the disk. Then the
senders send again what they have no answer for. Nothing acknowledged may be lost, nothing may
stand twice, and memory, rows and log must be one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import msgspec
import pytest

from node.core.errors import NodeError, UnavailableError
from node.services.ports import Accepted, PlaceRow, Store, StreamRow, Submission, Task
from tests.simulators.faults import HOWS, How, Killed, faulty
from tests.simulators.fsck import check_store
from tests.simulators.memory_store import MemoryBlobs, MemoryStore
from tests.simulators.office import Office, Wires, open_office
from tests.simulators.people import (
    GUEST,
    HOST,
    REGULATOR,
    announced,
    composed,
    founding,
    id_of,
    log_vkey,
    planned,
    sealed_bid,
)
from tests.simulators.sources import NOON, HandClock

pytestmark = pytest.mark.anyio


@dataclass
class Play:
    """The tender, a host that may die, and what its senders were told."""

    disk: Store
    store: Store
    clock: HandClock = field(default_factory=HandClock)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    wires: Wires = field(default_factory=Wires)
    told: dict[str, Accepted] = field(default_factory=dict)
    host: Office = field(init=False)

    def start(self) -> None:
        """Partners, and the host on the store that will fail."""
        for name in (GUEST, REGULATOR):
            open_office(name, clock=self.clock, wires=self.wires)
        with contextlib.suppress(Killed, NodeError):
            self.host = open_office(HOST, self.store, self.blobs, self.clock, self.wires)
            return
        self.restart()

    def restart(self) -> None:
        """A new process on what is on the disk; it does not fail any more."""
        self.host = open_office(HOST, self.disk, self.blobs, self.clock, self.wires)

    async def send(self, items: Sequence[Submission], task: Task | None = None) -> None:
        """Send until every record is answered with its place."""
        for _ in range(4):
            try:
                answers = await self.host.sequencer.accept(items, tasks=[task] if task else [])
            except Killed:
                self.restart()
                continue
            for item, answer in zip(items, answers, strict=True):
                if isinstance(answer, Accepted):
                    assert self.told.setdefault(id_of(item), answer) == answer
            if all(isinstance(answer, Accepted) for answer in answers):
                return
        raise AssertionError(f"never accepted: {answers}")

    async def tick(self) -> None:
        """Publish and collect until a checkpoint has its quorum."""
        for _ in range(4):
            try:
                if await self.host.tick() is not None:
                    return
            except Killed:
                self.restart()
            except NodeError as error:
                if error.code != "store":
                    raise
        raise AssertionError("no quorum")

    async def run(self) -> None:
        """The whole tender."""
        self.start()
        await self.tick()
        pair = founding(HOST)
        stream = id_of(pair[0])
        await self.send(pair)
        await self.send([planned(stream), composed(stream), announced(stream)])
        await self.tick()
        for name in ("a", "b"):
            item, made = sealed_bid(stream, name)
            self.blobs.put(made.ciphertext)
            await self.send([item], Task("submit", name, {}, NOON))
        await self.tick()

    async def check(self) -> None:
        """Nothing lost, nothing twice, all one; and a new start finds the same."""
        await self.tick()
        for record, answer in self.told.items():
            row = self.disk.find(record)
            assert row is not None
            assert (row.seq, row.entry) == (answer.seq, answer.entry)
            assert row.index is not None
            assert self.host.receipts.receipt(record) is not None
        assert len(self.told) == 7
        assert sum(len(self.disk.places(row.id)) for row in self.disk.streams()) == 7
        assert [task.key for task in self.disk.tasks("submit")] == ["a", "b"]
        check_store(self.disk, log_vkey(HOST))
        again = open_office(HOST, self.disk, self.blobs, self.clock, Wires())
        assert again.book.streams() == self.host.book.streams()
        assert again.log.tree.root() == self.host.log.tree.root()
        assert again.log.quorum == self.host.log.quorum


async def writes_of_a_good_run(disk: Store) -> int:
    """How many writes the play makes when nothing fails."""
    store, counted = faulty(disk, 0, "lost")
    play = Play(disk, store)
    await play.run()
    await play.check()
    return counted.writes


@pytest.mark.parametrize("how", HOWS)
async def test_every_write_may_fail_once_in_every_way(
    how: How, empty_store: Callable[[], Store]
) -> None:
    writes = await writes_of_a_good_run(empty_store())
    assert writes >= 12
    for at in range(1, writes + 1):
        disk = empty_store()
        store, counted = faulty(disk, at, how)
        play = Play(disk, store)
        await play.run()
        await play.check()
        assert counted.writes >= at, "the fault was met"


async def test_answer_is_not_given_before_the_commit(
    empty_store: Callable[[], Store],
) -> None:
    disk = empty_store()
    store, _ = faulty(disk, 2, "lost")
    host = open_office(HOST, store)
    answers = await host.sequencer.accept(founding(HOST))
    assert [getattr(answer, "code", None) for answer in answers] == ["store", "store"]
    assert disk.streams() == []
    assert host.book.streams() == []


async def test_commit_that_failed_but_stands_is_answered_by_what_stands(
    empty_store: Callable[[], Store],
) -> None:
    disk = empty_store()
    store, _ = faulty(disk, 2, "kept")
    host = open_office(HOST, store)
    answers = await host.sequencer.accept(founding(HOST))
    assert [isinstance(answer, Accepted) for answer in answers] == [True, True]
    assert len(host.book.streams()) == 1


async def test_failure_that_nobody_foresaw_leaves_the_same_doubt(
    empty_store: Callable[[], Store],
) -> None:
    disk = empty_store()
    store, counted = faulty(disk, 2, "killed-after")
    host = open_office(HOST, store)
    with pytest.raises(Killed):
        await host.sequencer.accept(founding(HOST))
    assert await host.take(*founding(HOST)) == [
        Accepted(row.record, row.seq, row.entry)
        for row in disk.places(host.book.streams()[0].row.id)
    ]
    assert counted.writes == 2, "what stands is read, not written again"


async def test_store_that_cannot_be_read_back_leaves_the_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The commit stands although it failed, and the first try to read it back fails too."""
    disk = MemoryStore()
    store, counted = faulty(disk, 2, "kept")
    host = open_office(HOST, store)

    def silent() -> list[StreamRow]:
        raise UnavailableError("the disk failed", code="store")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "streams", silent)
        for _ in range(2):
            assert await host.refused(*founding(HOST)) == ["store", "store"]
    assert [answer.seq for answer in await host.take(*founding(HOST))] == [0, 1]
    assert counted.writes == 2, "what stands is read, not written again"


CHANGES: dict[str, Callable[[PlaceRow, PlaceRow], list[PlaceRow]]] = {
    "a later time": lambda row, _: [
        replace(row, what=msgspec.structs.replace(row.what, received="2030-01-01T00:00:00Z"))
    ],
    "no place": lambda _, __: [],
    "another body": lambda row, other: [replace(row, body=other.body)],
    "no body": lambda row, _: [replace(row, body=None)],
    "another envelope": lambda row, other: [replace(row, envelope=other.envelope)],
    "another entry": lambda row, other: [replace(row, entry=other.entry)],
    "another id": lambda row, other: [replace(row, record=other.record)],
    "another order": lambda row, other: [replace(row, where=other.where)],
    "twice": lambda row, _: [row, row],
}


@pytest.mark.parametrize("change", CHANGES)
async def test_row_that_somebody_else_changed_stops_the_start(change: str) -> None:
    disk = MemoryStore()
    host = open_office(HOST, disk)
    await host.open_tender()
    good = list(disk._places)
    open_office(HOST, disk)
    disk._places = [*good[:2], *CHANGES[change](good[2], good[3]), *good[3:]]
    with pytest.raises(NodeError) as caught:
        open_office(HOST, disk)
    assert caught.value.code == "store"
