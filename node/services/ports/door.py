"""The node as others call it: what its servers ask of it, and what programs ask at its door.

Partners come over mutual TLS and are known by their certificate (`peer`); the operator, and the
programs of buyers, bidders and experts, come through the door of mode 0600 (`peer` is None).
Times are epoch seconds UTC, digests and salts lower-case hex, signatures raw bytes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.core.errors import NodeError
from node.services.ports.network import Followed, LogPart, News, Wanted
from node.services.ports.recovery import Known, Lodged
from node.services.ports.store import Accepted, StreamRow, Submission


@dataclass(frozen=True, slots=True)
class Call:
    """A pool asks one expert whether she can come: time and place only, never the project."""

    draw: str
    stratum: int
    person: str
    pseudonym: str
    message_zh: str
    message_en: str
    at: int


@dataclass(frozen=True, slots=True)
class CallAnswer:
    """An expert's signed answer to a call."""

    draw: str
    person: str
    accepted: bool
    signature: bytes


@dataclass(frozen=True, slots=True)
class Invitation:
    """A seat that an expert was drawn for; `person_salt` opens `person` with her pseudonym."""

    stream: str
    draw: str
    seat: str
    person: str
    person_salt: str
    pseudonym: str


@dataclass(frozen=True, slots=True)
class SeatTaken:
    """`expert.seated` as its expert signed it, with what only her pool keeps.

    `link_salt` opens the link that the record commits; `signature` is that of the pool entry's
    key over the seat.
    """

    item: Submission
    link_salt: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Beat:
    """The node's own time, told after each group of places and when nothing else is."""

    now: int


class Application(Protocol):
    """What the servers ask. Every method raises NodeError for what the caller did wrong.

    `reader` is one that the caller may be (`Reader` of the audience table); who calls has been
    checked before, what he may see has not.
    """

    def now(self) -> int:
        """The node's clock."""
        ...

    async def submit(
        self, items: Sequence[Submission], peer: str | None
    ) -> list[Accepted | NodeError]:
        """Take records, each answered for itself and in order."""
        ...

    def follow(self, stream: str, after: int, reader: str) -> AsyncIterator[Followed]:
        """Places with seq > after as the audience table allows; goes on as they appear."""
        ...

    def follow_many(self, wanted: AsyncIterator[Sequence[Wanted]]) -> AsyncIterator[list[News]]:
        """The same for many streams at once; an empty list now and then while nothing happens."""
        ...

    def follow_log(self, after: int) -> AsyncIterator[LogPart]:
        """Our log from size `after` on, at each checkpoint that gets its quorum."""
        ...

    def streams(self, reader: str, peer: str | None) -> AsyncIterator[StreamRow]:
        """Streams that the reader may know, then new ones; for a peer only those we keep."""
        ...

    async def receipt(self, record: str) -> str | None:
        """The receipt of a record, or None as long as no quorum covers it."""
        ...

    async def body(self, record: str, reader: str) -> bytes:
        """The body of a record, if the audience table gives all of it to the reader now."""
        ...

    async def shares(self, records: Sequence[str], index: int, peer: str | None) -> list[bytes]:
        """The peer's own sealed shares of boxes, once the releasing record stands."""
        ...

    async def put_blob(self, data: bytes, peer: str | None) -> str:
        """Store a file; its SHA-256. Durable when it returns."""
        ...

    async def get_blob(self, sha256: str, peer: str | None) -> bytes:
        """A file by its SHA-256."""
        ...

    async def disclose(self, draw: str, payload: bytes, peer: str) -> None:
        """A pool gives us, a regulator, the salts of its lists of a draw."""
        ...

    async def disclose_snapshot(self, root: str, payload: bytes, peer: str) -> None:
        """A pool gives the regulator the entries of a published snapshot, once."""
        ...

    async def enter(self, facts: bytes, signature: bytes) -> None:
        """An expert enters our pool: the RFC 8785 bytes of EntryFacts and their signature."""
        ...

    def calls(self, pseudonyms: frozenset[str]) -> AsyncIterator[Call]:
        """Calls for these pseudonyms: those still waiting, then new ones."""
        ...

    async def answer(self, answer: CallAnswer) -> None:
        """Take an expert's answer; again is harmless."""
        ...

    def invitations(self, pseudonyms: frozenset[str]) -> AsyncIterator[Invitation]:
        """Seats drawn for these pseudonyms that are not taken yet, then new ones."""
        ...

    async def take_seat(self, taken: SeatTaken) -> Accepted:
        """Keep the link, and bring `expert.seated` to the host."""
        ...

    async def known(self, peer: str) -> Known:
        """What we know of every member's log."""
        ...

    def given_log(self, after: int, peer: str) -> AsyncIterator[LogPart]:
        """The peer's own log from size `after` on, as we mirrored it; then the end."""
        ...

    def given_places(
        self, held: Mapping[str, int], peer: str
    ) -> AsyncIterator[tuple[StreamRow, Followed]]:
        """Places of the streams that the peer keeps, beyond how many it holds; then the end."""
        ...

    def given_lodged(self, streams: Sequence[str], peer: str) -> AsyncIterator[Lodged]:
        """Records that we lodged for these streams of the peer; then the end."""
        ...


class Door(Protocol):
    """The node's door as programs of buyers, bidders and experts use it.

    Every call raises UnavailableError while the node is away (try again), or what it answered.
    """

    async def now(self) -> int:
        """The node's clock, epoch seconds."""
        ...

    async def submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        """Send records; each is answered for itself. Sending again gives the same answers."""
        ...

    def follow(self, stream: str, after: int, reader: str) -> AsyncIterator[Followed | Beat]:
        """Places with seq > after as `reader` may see them, and the node's time in between."""
        ...

    def follow_many(self, wanted: AsyncIterator[Sequence[Wanted]]) -> AsyncIterator[list[News]]:
        """The same for many streams in one call, without the time; see `Partner.follow_many`."""
        ...

    def streams(self, reader: str) -> AsyncIterator[StreamRow]:
        """The streams that `reader` may know, then new ones."""
        ...

    async def receipt(self, record: str) -> str | None:
        """The receipt of a record (C2SP tlog-proof), or None if it is not ready."""
        ...

    async def body(self, record: str, reader: str) -> bytes:
        """The body of a record that was followed without one, once the reader may have it."""
        ...

    async def put_blob(self, data: bytes) -> str:
        """Store a ciphertext; its SHA-256 in hex."""
        ...

    async def get_blob(self, sha256: str) -> bytes:
        """A file by its SHA-256."""
        ...

    async def enter(self, facts: bytes, signature: bytes) -> None:
        """An expert enters the pool of this centre."""
        ...

    def calls(self, pseudonyms: frozenset[str]) -> AsyncIterator[Call]:
        """Calls for these pseudonyms: those still waiting, then new ones."""
        ...

    async def answer(self, answer: CallAnswer) -> None:
        """Answer a call; again is harmless."""
        ...

    def invitations(self, pseudonyms: frozenset[str]) -> AsyncIterator[Invitation]:
        """Seats drawn for these pseudonyms that are not taken yet, then new ones."""
        ...

    async def take_seat(self, taken: SeatTaken) -> Accepted:
        """Take a seat: its record goes to the host, its link stays in the pool."""
        ...
