"""What a node keeps: records, places, log, tasks and facts in its database, boxes in blobs.

Everything here is blocking and is called on threads.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol

from node.core.records.envelope import Envelope, Opened, open_envelope
from node.core.records.place import What, Where

if TYPE_CHECKING:
    from node.services.ports.recovery import Stretch

UNTOLD: Final = -1
"""The `seq` of an answer to somebody who may not count places."""
NEWEST_CLOCK: Final = "clock/newest"
"""Key of the fact that holds the newest time the node stored, epoch seconds."""


@dataclass(frozen=True)
class Submission:
    """A record on its way into a stream: envelope, body, and for a box its sealed shares.

    The ciphertext of a box lies in `Blobs` before the record is submitted.
    """

    envelope: Envelope
    body: bytes
    sealed: tuple[bytes, ...] = ()

    @cached_property
    def opened(self) -> Opened:
        """The envelope, opened once for all who ask. Raises as `open_envelope` does."""
        return open_envelope(self.envelope)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Durable: the record's id and place. Its receipt follows at the tick's quorum.

    `seq` is UNTOLD to a bidder: it would tell him how many came before.
    """

    record: str
    seq: int
    entry: str


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A stream this node keeps (`own`) or follows; `of` = the host's stream of a side stream."""

    id: str
    kind: str
    keeper: str
    own: bool
    of: str | None = None
    tender: str | None = None


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """One place with all this node has of it. `index` is its leaf's, None until published.

    `body` is None where it was withheld from us.
    """

    stream: str
    seq: int
    record: str
    what: What
    where: Where
    entry: str
    envelope: Envelope
    body: bytes | None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A durable piece of outside work that is tried until it is done: an outbox row.

    `kind` is `submit` (key: host id + record id) or a chain act (`deadline`, `bids`, `result`,
    `checkpoint`, `round`, `commit`, `reveal`), or `refuse` (key: record id), which asks the host
    to log `record.refused`; `since` is when it was put there.
    """

    kind: str
    key: str
    payload: Mapping[str, str]
    since: int


@dataclass(frozen=True, slots=True)
class Batch:
    """What one accept commits in one transaction: all of it, or nothing.

    `now` is kept as the fact `NEWEST_CLOCK`, which never goes back.
    """

    streams: tuple[StreamRow, ...] = ()
    places: tuple[PlaceRow, ...] = ()
    sealed: Mapping[str, tuple[bytes, ...]] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ()
    refusals: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    now: int = 0


@dataclass(frozen=True, slots=True)
class LogNote:
    """A checkpoint of one log as stored: own line only (`note`), and with its quorum once had."""

    origin: str
    size: int
    root: str
    at: int
    note: str
    quorum: str | None = None


class Store(Protocol):
    """The node's database: streams, places, log, outbox, facts. Blocking; one writer thread.

    Every method is one transaction; when it returns, what it wrote is on disk (fsync).
    """

    def commit(self, batch: Batch) -> None:
        """Write streams, records, places, sealed shares, tasks, refusals and facts at once."""
        ...

    def streams(self) -> list[StreamRow]:
        """All streams, in the order they were first stored."""
        ...

    def places(self, stream: str, after: int = -1) -> list[PlaceRow]:
        """Places of a stream with seq > after, in order."""
        ...

    def find(self, record: str) -> PlaceRow | None:
        """The place of a record in any stream, or None."""
        ...

    def refusals(self) -> dict[str, tuple[str, str]]:
        """Record -> (code, article) of all that were refused for good."""
        ...

    def sealed(self, record: str, index: int) -> bytes | None:
        """One sealed share of a box (index from 1)."""
        ...

    def unpublished(self) -> list[str]:
        """Entries of own places that no published tick holds yet, oldest first."""
        ...

    def uncovered(self, origin: str, size: int) -> int:
        """How many own places have no index below `size` in our log, `origin`, yet."""
        ...

    def publish(self, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        """Append a tick: 32-byte entries from index `start`, and its checkpoint; set indexes."""
        ...

    def mirror(self, keeper: str, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        """The same for the log of a partner, `keeper`: entries and a note with its quorum.

        Only places of the keeper's own streams get indexes.
        """
        ...

    def regain(self, origin: str, batch: Batch, stretches: Sequence[Stretch]) -> None:
        """Take back what partners gave of our own streams and of our own log, `origin`.

        Streams, places, sealed shares and facts of the batch, the stretches in order, and the
        index of every own place that the log holds.
        """
        ...

    def loose(self, origin: str) -> list[str]:
        """Rows that belong to no other as they must, a few of each kind, named for an operator.

        `origin` is our own log: entries of a log that is neither it nor mirrored are loose, too.
        """
        ...

    def logs(self) -> dict[str, str]:
        """Origin -> keeper of the partners' logs that are mirrored here."""
        ...

    def entries(self, origin: str, start: int = 0, end: int | None = None) -> list[bytes]:
        """The 32-byte entries [start, end) of an own or mirrored log."""
        ...

    def leaf(self, origin: str, entry: str) -> int | None:
        """The first index of an entry (hex) in an own or mirrored log, or None."""
        ...

    def set_quorum(self, origin: str, size: int, note: str) -> None:
        """Store a checkpoint's note with its quorum of cosignatures."""
        ...

    def drop_quorum(self, origin: str, size: int) -> None:
        """Forget the quorum form of a checkpoint's note: its witnesses no longer suffice."""
        ...

    def notes(
        self, origin: str, after: int = 0, *, quorum: bool = True, limit: int | None = None
    ) -> list[LogNote]:
        """Stored checkpoints with size > after, ascending; only those with a quorum if asked."""
        ...

    def covering(self, origin: str, leaves: Sequence[int], size: int) -> list[LogNote]:
        """Quorum notes, ascending: the first over each leaf, that of `size`, and the newest."""
        ...

    def newest(self, origin: str, *, quorum: bool = True) -> LogNote | None:
        """The stored checkpoint of the largest size, of those with a quorum if asked."""
        ...

    def witnessed(self, origin: str) -> tuple[int, str] | None:
        """(size, root hex) last cosigned for a log."""
        ...

    def set_witnessed(self, origin: str, old: int, size: int, root: str) -> bool:
        """Persist what we are about to cosign; False if not `old` stands (compare-and-set)."""
        ...

    def tasks(self, kind: str | None = None) -> list[Task]:
        """Open tasks, oldest first."""
        ...

    def done(self, kind: str, keys: Iterable[str]) -> None:
        """Remove finished tasks."""
        ...

    def put_fact(self, key: str, value: str) -> None:
        """Remember one small private fact (a beacon secret, a salt, newest clock) durably."""
        ...

    def fact(self, key: str) -> str | None:
        """The fact, or None."""
        ...

    def facts(self, prefix: str) -> dict[str, str]:
        """All facts whose key begins so."""
        ...


class Blobs(Protocol):
    """Ciphertexts and documents by SHA-256. Durable when `put` returns."""

    def put(self, data: bytes) -> str:
        """Store; returns the SHA-256 in hex. Raises LimitError above the size limit."""
        ...

    def size(self, sha256: str) -> int | None:
        """How many bytes are stored under this name, or None; they are not read."""
        ...

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None."""
        ...
