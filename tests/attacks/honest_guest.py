"""A real guest beside a host of `forgeries`: the node's own services over the host's streams.

Following, judging, endorsing, disputing and the sequencer are the node's; transport and chain are
the world's. Nothing here knows which of the host's records is forged.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from node.core.errors import NodeError
from node.core.evidence import anchor_devnet as layout
from node.core.log.cosignature import check_quorum, existed_by
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.streams import DisputeRaised, StreamEndorsed
from node.core.records.place import entry_of
from node.core.rules.registry import Change
from node.core.rules.rounds import BeaconRound
from node.core.rules.state import Placed, TenderState
from node.services import model
from node.services.bell import Bell
from node.services.draft import Intake
from node.services.endorsing import Growth, GuestChecks
from node.services.following import Following
from node.services.guest import Guest
from node.services.judging import Laws
from node.services.loops import Loops
from node.services.members import Members
from node.services.model import Book, OwnLog
from node.services.ports import (
    Batch,
    Block,
    Followed,
    News,
    PlaceRow,
    RegistryView,
    StreamRow,
    Wanted,
)
from node.services.scribe import Scribe
from node.services.sequencer import Sequencer
from node.services.timekeeping import Timekeeping
from tests.simulators.memory_store import MemoryBlobs, MemoryStore
from tests.simulators.sources import HandClock, SeededEntropy
from tests.world.logs import F
from tests.world.network import HOST
from tests.world.session import SCRIPTS, Whole

if TYPE_CHECKING:
    from node.core.evidence.extent import StoredPlace
    from node.services.desk import Desk
    from tests.world.chain import Chain

QUIET_S = 30.0


class CaughtError(Exception):
    """The world's own fold refused what its host says next."""


def until_forged(kind: type[Whole], name: str) -> tuple[Whole, Placed]:
    """A host's tender up to and including its first forged record, published; and that record."""
    forged: list[Placed] = []
    made = kind(SCRIPTS[name])

    def force(placed: Placed) -> TenderState:
        forged.append(placed)
        raise CaughtError

    with pytest.MonkeyPatch.context() as patch, suppress(CaughtError):
        patch.setattr(made, "force", force)
        made.run()
    assert forged, f"{kind.__name__} never cheated"
    made.net.tick()
    made.net.anchor_logs()
    return made, forged[0]


@dataclass(frozen=True, slots=True)
class WorldChain:
    """The world's chain as the port that services know; what they do not ask is not there."""

    chain: Chain

    def latest(self) -> Block:
        """The newest block."""
        return Block(self.chain.height, self.chain.block_hash(), self.chain.now)

    def seen(self) -> Block:
        """The same: nothing is remembered here."""
        return self.latest()

    def registry(self) -> RegistryView:
        """The registry now."""
        view = self.chain.view()
        changes = [Change(c.id, c.account, c.descriptor, c.block, 0) for c in self.chain.changes]
        return RegistryView(tuple(changes), view.height, view.hash, view.contract, view.proof)

    def rounds(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound]:
        """Those that were opened, as the beacon's slots have them."""
        return [found for key in asked if (found := self._round(*key)) is not None]

    def _round(self, round_id: str, opener: str) -> BeaconRound | None:
        slots, ids = self.chain.slots["beacon"], (bytes.fromhex(round_id), bytes.fromhex(opener))
        if layout.round_slots(*ids, 0)[0] not in slots:
            return None
        found = layout.read_round(layout.BlockFact("", 0, "", 0, slots), *ids)
        assert found is not None

        def said(slot_of: Callable[[bytes, bytes, bytes], bytes]) -> dict[str, str]:
            words = {m.hex(): slots.get(slot_of(*ids, m)) for m in found.members}
            return {who: word.hex() for who, word in words.items() if word is not None}

        times = (found.opened_at, found.commit_by, found.reveal_by)
        accounts = tuple(member.hex() for member in found.members)
        said_of = (said(layout.commit_slot), said(layout.secret_slot))
        return BeaconRound(round_id, *times, accounts, *said_of)


@dataclass(frozen=True, slots=True)
class WorldTimes:
    """The world's logs as a node that mirrors all of them has them."""

    made: Whole

    def existed_by(self, keeper: str, entry: str) -> int | None:
        """By the first checkpoint over the entry."""
        log = self.made.net.logs[keeper]
        places = (place for stream in log.streams.values() for place in stream.places)
        index = next(one.index for one in places if entry_of(one.what, one.where) == entry)
        note = next((note for size, note in log.notes if size > index), None)
        return None if note is None else existed_by(check_quorum(note, log.quorum).times, F)


@dataclass(frozen=True, slots=True)
class WorldPartner:
    """The host as a partner: its tender's stream, then silence."""

    made: Whole

    async def follow_many(
        self, wanted: AsyncIterator[Sequence[Wanted]]
    ) -> AsyncIterator[list[News]]:
        """Every place after one; the tender is past the closing of bids, so all are ours to see."""
        number = 0
        async for more in wanted:
            for one in more:
                places = self.made.net.logs[HOST].streams[one.stream].places[one.after + 1 :]
                yield [(number, [followed(place) for place in places])]
                number += 1

    async def streams(self) -> AsyncIterator[StreamRow]:
        """The tender's stream."""
        yield StreamRow(self.made.state.stream, "tender", HOST, True)
        await asyncio.Event().wait()

    async def follow_log(self, after: int) -> AsyncIterator[Any]:
        """Mirrors have tests of their own."""
        await asyncio.Event().wait()
        yield after


def followed(place: StoredPlace) -> Followed:
    """A place of the world as a partner shows it."""
    return Followed(place.seq, place.what, place.where, place.envelope, place.body)


@dataclass
class HonestGuest:
    """One member's node, on what it had said by the time its host began to cheat."""

    me: str
    made: Whole
    reports: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        net = self.made.net
        self.clock, self.entropy = HandClock(net.now), SeededEntropy(self.me)
        self.store, self.bell = MemoryStore(), Bell()
        book = Book(Laws(net.opening(HOST, "tender").network))
        self.chain, self.members = WorldChain(net.chain), Members(self.me)
        self.members.take(self.chain.registry())
        self._keep_own()
        book.load(self.store)
        self.desk = self._desk()
        checks = GuestChecks(self.desk, self.members)
        self.guest = Guest(self.me, book, self.store, self.clock, self.bell, checks)
        self.book, self.loops = book, self._loops(book)

    def _keep_own(self) -> None:
        """Our own streams as our log has them."""
        for stream, own in self.made.net.own.items():
            if own.keeper == self.me:
                of = own.opened_as.of if own.opened_as else None
                row = StreamRow(stream, own.kind, self.me, True, of)
                places = self.made.net.logs[self.me].streams[stream].places
                rows = tuple(row_of(stream, place) for place in places)
                self.store.commit(Batch(streams=(row,), places=rows))

    def _desk(self) -> Desk:
        member = self.made.net.members[self.me]
        parts = SimpleNamespace(
            me=self.me,
            chain=self.chain,
            store=self.store,
            times=WorldTimes(self.made),
            salt=lambda: self.entropy.bytes(32).hex(),
            scribe=Scribe(member.author, member.record, self.clock),
        )
        return cast("Desk", parts)

    def _loops(self, book: Book) -> Loops:
        """The node's loops; those parts that nobody calls here are left out."""
        log, none = OwnLog(f"{self.me}.example/log", Timekeeping(60)), cast(Any, None)
        blobs, sources = MemoryBlobs(), (self.clock, self.entropy)
        intake = Intake(self.me, book, log, self.store, blobs, *sources)
        sequencer = Sequencer(intake, self.bell)
        records = SimpleNamespace(
            book=book, desk=self.desk, bell=self.bell, sequencer=sequencer, founder=none
        )
        return Loops(
            records=cast(Any, records),
            members=self.members,
            publisher=none,
            cosigning=none,
            duties=none,
            beacon=none,
            keeping=none,
            report=self._report,
            tick_s=0.0,
            ruleset=self.made.net.ruleset,
            small_cell=10,
            growth=Growth(still_s=0.0),
        )

    def _report(self, what: str, error: Exception) -> None:
        self.reports.append(f"{what}: {error}")

    @property
    def stream(self) -> str:
        """The host's stream."""
        return self.made.state.stream

    async def follow(self) -> None:
        """Follow the host until it is disputed, endorsing as at every tick."""
        following = Following(
            partner_id=HOST,
            partner=cast(Any, WorldPartner(self.made)),
            held=self.guest.held,
            log_size=lambda: 0,
            take=self.guest.take,
            take_log=cast(Any, None),
            dispute=self.loops.dispute,
            report=self._report,
        )
        running = asyncio.create_task(following.run())
        try:
            async with asyncio.timeout(QUIET_S):
                while not following.broken:
                    await self._endorse()
            for _ in range(3):
                await self._endorse()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _endorse(self) -> None:
        """As at every tick: what fails is reported and tried again at the next one."""
        try:
            await self.loops.endorse()
        except NodeError as error:
            self._report("endorse", error)
        await asyncio.sleep(0.01)

    @property
    def held(self) -> int:
        """How many places of the host's stream we hold."""
        return self.guest.held(self.stream)

    def said(self) -> list[DisputeRaised | StreamEndorsed]:
        """All that we endorsed and disputed of the host's stream, in order."""
        side = self.book.side_of(self.stream, self.me)
        rows = self.store.places(side.row.id) if side else []
        bodies = [decode_body(_kind(row), row.body or b"") for row in rows]
        return [body for body in bodies if isinstance(body, DisputeRaised | StreamEndorsed)]

    def log_all(self) -> None:
        """Bring what we said now into our log in the world, where the evidence finds it."""
        side = self.book.side_of(self.stream, self.me)
        assert side is not None
        log = self.made.net.logs[self.me]
        known = len(log.streams[side.row.id].places)
        for row in self.store.places(side.row.id, known - 1):
            log.add("side", row.envelope, row.body or b"", self.made.net.now)


def _kind(row: PlaceRow) -> str:
    return open_envelope(row.envelope).header.type


def row_of(stream: str, place: StoredPlace) -> PlaceRow:
    """A place of the world as a node keeps it."""
    return replace(model.row_of(stream, followed(place)), index=place.index)
