"""A network in memory one of whose members loses its store, and comes back on an old copy."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

from node.core.errors import UnavailableError
from node.core.rules.state import TenderState
from node.services.catching_up import CatchingUp
from node.services.helping import Helping
from node.services.ports import (
    Batch,
    Followed,
    Known,
    KnownLog,
    Lodged,
    LogPart,
    PlaceRow,
    Store,
    StreamRow,
)
from node.services.shown import Shown
from node.services.standing import MARK, Loss, Mark
from tests.simulators.memory_store import MemoryBlobs, MemoryStore
from tests.simulators.office import Office, Wires, open_network, open_office
from tests.simulators.people import HOST, ROLES


@dataclass
class SimHelper:
    """A partner's RecoveryService without a wire."""

    office: Office
    peer: str
    cut: bool = False
    lies: Callable[[KnownLog], KnownLog] = lambda known: known
    forge: Callable[[Followed], Followed] = lambda place: place
    spoil: Callable[[LogPart], LogPart] = lambda part: part
    asked: list[str] = field(default_factory=list)

    @property
    def helping(self) -> Helping:
        o = self.office
        return Helping(o.store, o.blobs, o.members, o.publisher)

    def _check(self) -> None:
        if self.cut:
            raise UnavailableError(f"{self.office.me} does not answer")

    async def known(self) -> Known:
        self._check()
        found = await self.helping.known()
        return replace(found, logs=tuple(map(self.lies, found.logs)))

    async def given_log(self, after: int) -> AsyncIterator[LogPart]:
        self._check()
        self.asked.append("log")
        async for part in self.helping.log(after, self.peer):
            yield self.spoil(part)

    async def given_places(
        self, held: Mapping[str, int]
    ) -> AsyncIterator[tuple[StreamRow, list[Followed]]]:
        self._check()
        self.asked.append("places")
        async for row, place in self.helping.places(held, self.peer):
            yield row, [self.forge(place)]

    async def given_lodged(self, streams: Sequence[str]) -> AsyncIterator[Lodged]:
        self._check()
        async for one in self.helping.lodged(streams, self.peer):
            yield one


@dataclass
class SimChain:
    """What the chain holds of our log."""

    claim: tuple[int, str, int] = (0, "", 0)
    silent: bool = False

    def anchored(self, accounts: Sequence[str]) -> list[tuple[int, str, int]]:
        assert all(accounts)
        if self.silent:
            raise UnavailableError("the chain does not answer", code="chain")
        return [self.claim for _ in accounts]


@dataclass
class Restored:
    """The member that came back."""

    office: Office
    helpers: dict[str, SimHelper]
    chain: SimChain
    reports: list[str] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)
    done: list[int] = field(default_factory=list)
    catching_up: CatchingUp = field(init=False)

    def __post_init__(self) -> None:
        office = self.office

        async def off(call: Callable[..., Any], *args: object, **kwargs: object) -> Any:  # noqa: ANN401
            return await asyncio.to_thread(call, *args, **kwargs)

        def active(*, own: bool | None = None) -> list[TenderState]:
            found = office.book.active(own=own)
            return [one.state for one in found if isinstance(one.state, TenderState)]

        desk = SimpleNamespace(
            store=office.store,
            blobs=office.blobs,
            chain=self.chain,
            clock=office.clock,
            partners=self.helpers,
            off=off,
        )
        records = SimpleNamespace(
            desk=desk,
            log=office.log,
            book=office.book,
            publisher=office.publisher,
            sequencer=office.sequencer,
            bell=office.bell,
            active=active,
        )
        self.catching_up = CatchingUp(
            cast("Any", records),
            office.members,
            lambda what, error: self.reports.append(f"{what}: {error}"),
            self.losses.append,
            self.done.append,
        )

    async def turn(self) -> str:
        """One turn of the loop; why it must wait, or nothing."""
        try:
            await self.catching_up.once()
        except UnavailableError as error:
            return f"{error.code}: {error}"
        return ""


@dataclass
class World:
    """All members at work."""

    offices: Mapping[str, Office]
    wires: Wires

    @classmethod
    def make(cls, stores: Mapping[str, Store] | None = None) -> World:
        """A network that is open."""
        offices, wires = open_network()
        for name, store in (stores or {}).items():
            offices = {
                **offices,
                name: open_office(name, store, clock=offices[name].clock, wires=wires),
            }
        return cls(offices, wires)

    @property
    def host(self) -> Office:
        return self.offices[HOST]

    async def tick(self, *, mirrored: bool = True) -> None:
        """A tick of the host, its quorum, and what partners get of it."""
        assert await self.host.tick() is not None
        await self.show(mirrored=mirrored)

    async def show(self, *, mirrored: bool = True) -> None:
        """Partners take what they may see of the host's streams, and its log."""
        for name, role in ROLES.items():
            if name != HOST:
                self._follow(
                    self.offices[name], "regulator" if role == "regulator" else f"centre:{name}"
                )
                while mirrored and (part := self._part(name)) is not None:
                    await self.offices[name].mirrors.take(HOST, part)

    def _part(self, name: str) -> LogPart | None:
        return self.host.publisher.part(self.offices[name].mirrors.size(HOST))

    def _follow(self, guest: Office, reader: str) -> None:
        host = self.host
        shown = Shown(host.book, host.store, host.bell, cast("Any", None))
        for stream in host.book.streams(own=True):
            row = StreamRow(
                stream.row.id, stream.row.kind, HOST, False, stream.row.of, stream.row.tender
            )
            held = len(guest.store.places(row.id))
            places = list(shown.cut(stream, host.store.places(row.id, held - 1), reader))
            guest.store.commit(Batch(streams=(row,), places=tuple(_rows(row.id, places))))

    def old_copy(self) -> MemoryStore:
        """A backup of the host's store as it is now."""
        return copy.deepcopy(cast("MemoryStore", self.host.store))

    def restored(
        self, store: Store, *, marked: bool = True, blobs: MemoryBlobs | None = None
    ) -> Restored:
        """The host again, on an old copy."""
        log = self.host.log
        if marked:
            size = len(store.entries(log.origin))
            store.put_fact(MARK, Mark("restored", self.host.clock.now(), size).text())
        files = blobs or self.host.blobs
        office = open_office(HOST, store, files, self.host.clock, self.wires)
        partners = {n: SimHelper(o, HOST) for n, o in self.offices.items() if n != HOST}
        made = Restored(office, partners, SimChain())
        made.catching_up.begin()
        return made


def _rows(stream: str, places: Iterable[Followed]) -> Iterable[PlaceRow]:
    from node.services.model import row_of

    return (row_of(stream, place) for place in places)
