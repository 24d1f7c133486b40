"""Nodes' services on stores of the test's choice; partners reach each other by function calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from node.core.errors import NodeError, UnavailableError
from node.services.bell import Bell
from node.services.cosigning import PATH, Cosigning
from node.services.draft import Answer, Intake
from node.services.judging import Laws
from node.services.members import Members
from node.services.mirror import Mirrors
from node.services.model import Book, OwnLog
from node.services.ports import Accepted, Blobs, LogNote, LogPart, Store, Submission
from node.services.publisher import Publisher
from node.services.receipts import Receipts
from node.services.sequencer import Sequencer
from node.services.timekeeping import Timekeeping
from node.services.witness import WitnessDesk
from tests.simulators.memory_store import MemoryBlobs, MemoryStore
from tests.simulators.people import (
    HOST,
    NETWORK,
    ROLES,
    announced,
    composed,
    founding,
    id_of,
    log_signer,
    log_vkey,
    members,
    planned,
    sealed_bid,
    witness_signer,
)
from tests.simulators.sources import HandClock, SeededEntropy

GRACE_S = 60


@dataclass
class Wires:
    """The witness port of all: a request goes straight to the desk whose address it names.

    `cut` are members that do not answer.
    """

    desks: dict[str, WitnessDesk] = field(default_factory=dict)
    cut: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)

    async def add_checkpoint(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Hand the request over."""
        name = next(n for n in ROLES if url == f"http://{n}.example{PATH}")
        self.asked.append(name)
        if name in self.cut or name not in self.desks:
            raise UnavailableError(f"{name} does not answer")
        answer = await self.desks[name].add_checkpoint(body)
        return answer.status, answer.body


@dataclass
class Office:
    """A node's services with everything they need."""

    me: str
    store: Store
    blobs: Blobs
    clock: HandClock
    log: OwnLog
    book: Book
    bell: Bell
    members: Members
    sequencer: Sequencer
    publisher: Publisher
    cosigning: Cosigning
    witness: WitnessDesk
    mirrors: Mirrors
    receipts: Receipts

    async def take(self, *items: Submission) -> list[Accepted]:
        """Accept records that must be accepted."""
        answers = await self.sequencer.accept(items)
        for answer in answers:
            if isinstance(answer, NodeError):
                raise answer
        return [answer for answer in answers if isinstance(answer, Accepted)]

    async def refused(self, *items: Submission) -> list[str]:
        """The codes of records that must all be refused."""
        return [code_of(answer) for answer in await self.sequencer.accept(items)]

    async def open_tender(self, number: int = 0) -> str:
        """Found a tender's stream and bring it to the announcement; each number is another one."""
        changes = {"salt": f"{number:064x}"} if number else {}
        pair = founding(self.me, **changes)
        stream = id_of(pair[0])
        await self.take(*pair)
        await self.take(planned(stream), composed(stream), announced(stream))
        return stream

    async def bid(self, stream: str, name: str) -> Submission:
        """A bid whose ciphertext has arrived."""
        item, made = sealed_bid(stream, name)
        self.blobs.put(made.ciphertext)
        return item

    async def tick(self) -> LogNote | None:
        """Publish, and collect cosignatures."""
        await self.publisher.publish_tick()
        return await self.cosigning.collect()


def code_of(answer: Answer) -> str:
    """An error's code; fails on an acceptance."""
    assert isinstance(answer, NodeError), answer
    return answer.code


def quorum_made(origin: str, at: int) -> LogNote:
    """A checkpoint that partners cosigned at a time."""
    return LogNote(origin, 4, "00" * 32, at, "a note", "a quorum")


new_store: Callable[[], Store] = MemoryStore
"""Makes the store of an office that brings none; a suite may put a real one in its place."""


def open_office(
    me: str = HOST,
    store: Store | None = None,
    blobs: Blobs | None = None,
    clock: HandClock | None = None,
    wires: Wires | None = None,
) -> Office:
    """A node that has just started on this store."""
    store, blobs, clock = store or new_store(), blobs or MemoryBlobs(), clock or HandClock()
    wires, log, bell = wires or Wires(), OwnLog(log_vkey(me).name, Timekeeping(GRACE_S)), Bell()
    entropy, view, book = SeededEntropy(f"{me} node"), members(me), Book(Laws(NETWORK))
    publisher = Publisher(log, log_signer(me), store, clock, entropy, bell)
    witness = WitnessDesk(witness_signer(me), store, clock, view, log.check)
    wires.desks[me] = witness
    book.load(store)
    publisher.load()
    return Office(
        me=me,
        store=store,
        blobs=blobs,
        clock=clock,
        log=log,
        book=book,
        bell=bell,
        members=view,
        sequencer=Sequencer(Intake(me, book, log, store, blobs, clock, entropy), bell),
        publisher=publisher,
        cosigning=Cosigning(publisher, view, wires, clock),
        witness=witness,
        mirrors=Mirrors(store, view),
        receipts=Receipts(book, log, store),
    )


def open_network(clock: HandClock | None = None) -> tuple[Mapping[str, Office], Wires]:
    """All members' nodes, joined by their witnesses."""
    wires, clock = Wires(), clock or HandClock()
    return {name: open_office(name, clock=clock, wires=wires) for name in ROLES}, wires


async def other_history() -> LogPart:
    """The host with its real keys and a quorum of liars: other entries under the same size."""
    liars = Wires()
    twin = open_office(HOST, wires=liars)
    for name in ROLES:
        if name != HOST:
            open_office(name, wires=liars)
    await twin.take(*founding(HOST))
    await twin.tick()
    part = twin.publisher.part(0)
    assert part is not None
    return part
