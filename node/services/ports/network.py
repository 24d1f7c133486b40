"""Other members, witnesses and experts, as use cases reach them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from node.core.errors import NodeError
from node.core.records.envelope import Envelope
from node.core.records.keys import PublicKey
from node.core.records.place import What, Where
from node.services.ports.recovery import Helper
from node.services.ports.store import Accepted, StreamRow, Submission


@dataclass(frozen=True, slots=True)
class Member:
    """A member as the registry names it now; what a connection needs beside its keys."""

    id: str
    role: str
    status: str
    account: str
    endpoint: str
    http: str
    origin: str
    witness: str
    tls: bytes
    keys: tuple[tuple[str, PublicKey], ...]
    name_zh: str
    name_en: str

    def key(self, role: str) -> PublicKey | None:
        """The member's key in a role, or None."""
        return next((key for name, key in self.keys if name == role), None)


@dataclass(frozen=True, slots=True)
class Followed:
    """One place as a keeper shows it: `what` and `where` opened, envelope and body as allowed."""

    seq: int
    what: What
    where: Where
    envelope: Envelope
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A stream to be followed: from which place on (exclusive), and as whom.

    Between nodes the certificate says who reads: `reader` is empty.
    """

    stream: str
    after: int
    reader: str = ""


News = tuple[int, Sequence[Followed]]
"""New places of one stream that is followed with others, by its number in the order of asking."""


@dataclass(frozen=True, slots=True)
class LogPart:
    """A stretch of a partner's log up to a checkpoint with its quorum."""

    start: int
    entries: tuple[bytes, ...]
    note: str


class Partner(Helper, Protocol):
    """Another member's node over mTLS; every call raises UnavailableError or what it answered."""

    async def submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        """Send records; answered each by each. Sending again gives the same answers."""
        ...

    def streams(self) -> AsyncIterator[StreamRow]:
        """The streams the partner keeps that we may know, then new ones as they appear."""
        ...

    def follow_many(self, wanted: AsyncIterator[Sequence[Wanted]]) -> AsyncIterator[list[News]]:
        """Places of all these streams as the audience table allows; goes on as they appear.

        Which streams may be added while it runs. An empty list says only that the partner lives.
        """
        ...

    def follow_log(self, after: int) -> AsyncIterator[LogPart]:
        """The partner's log from size `after` on, at each checkpoint that gets its quorum."""
        ...

    async def put_blob(self, data: bytes) -> str:
        """Store a ciphertext with the partner; its SHA-256 in hex."""
        ...

    async def shares(self, records: Sequence[str], index: int) -> list[bytes]:
        """Our sealed shares of boxes, in their order, once the releasing record stands."""
        ...

    async def disclose(self, draw: str, payload: bytes) -> None:
        """A pool gives the regulator the salts of its lists at once (protocol 6)."""
        ...

    async def disclose_snapshot(self, root: str, payload: bytes) -> None:
        """A pool gives the regulator the entries of a published snapshot, once."""
        ...

    async def close(self) -> None:
        """End the connection and everything under way on it."""
        ...


class Witness(Protocol):
    """A partner's C2SP tlog-witness endpoint over HTTP."""

    async def add_checkpoint(self, url: str, body: bytes) -> tuple[int, bytes]:
        """POST add-checkpoint; (HTTP status, body). Raises UnavailableError."""
        ...


class Notifier(Protocol):
    """How a pool reaches its experts: the console notifier of the embedded default."""

    async def call(self, draw: str, pseudonym: str, message: str) -> None:
        """Ask one expert, with time and place only, never the project."""
        ...
