"""One node's services on a store of the test's choice, without network."""

from __future__ import annotations

from dataclasses import dataclass

from node.core.errors import NodeError
from node.services.bell import Bell
from node.services.draft import Answer, Intake
from node.services.judging import Laws
from node.services.model import Book, OwnLog
from node.services.ports import Accepted, Blobs, Store, Submission
from node.services.sequencer import Sequencer
from tests.simulators.memory_store import MemoryBlobs, MemoryStore
from tests.simulators.people import HOST, NETWORK, announced, founding, id_of, log_vkey, planned
from tests.simulators.sources import HandClock, SeededEntropy


@dataclass
class Office:
    """A node's sequencer with everything it needs."""

    me: str
    store: Store
    blobs: Blobs
    clock: HandClock
    log: OwnLog
    book: Book
    bell: Bell
    sequencer: Sequencer

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

    async def open_tender(self) -> str:
        """Found a tender's stream and bring it to the announcement."""
        pair = founding(self.me)
        stream = id_of(pair[0])
        await self.take(*pair)
        await self.take(planned(stream), announced(stream))
        return stream


def code_of(answer: Answer) -> str:
    """An error's code; fails on an acceptance."""
    assert isinstance(answer, NodeError), answer
    return answer.code


def open_office(
    me: str = HOST,
    store: Store | None = None,
    blobs: Blobs | None = None,
    clock: HandClock | None = None,
) -> Office:
    """A node that has just started on this store; its log has a fresh quorum."""
    store, blobs, clock = store or MemoryStore(), blobs or MemoryBlobs(), clock or HandClock()
    log = OwnLog(log_vkey(me).name, quorum_at=clock.at)
    book, bell = Book(Laws(NETWORK)), Bell()
    book.load(store)
    intake = Intake(me, book, log, store, blobs, clock, SeededEntropy(f"{me} node"))
    return Office(me, store, blobs, clock, log, book, bell, Sequencer(intake, bell))
