"""What use cases need from outside: the ports that adapters implement.

No framework stands here. Everything blocking (`Store`, `Blobs`, `Chain`) is called on threads;
everything asynchronous is a network partner. Times are epoch seconds UTC, digests lower-case hex.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from node.core.errors import NodeError
from node.core.records.envelope import Envelope
from node.core.records.keys import PublicKey, Signer
from node.core.records.place import What, Where

NEWEST_CLOCK = "clock/newest"
"""Key of the fact that holds the newest time the node stored, epoch seconds."""


class Clock(Protocol):
    """One source of time. It never goes below the newest time the node stored."""

    def now(self) -> int:
        """Epoch seconds, UTC. Raises NodeError (`clock`) if no time can be had."""
        ...


class Entropy(Protocol):
    """One source of chance."""

    def bytes(self, count: int) -> bytes:
        """Fresh random bytes from the operating system."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """A member's private keys, each used in one role only. Never printed, never logged."""

    record: Signer
    log: Signer
    witness: Signer
    box: bytes = field(repr=False)
    chain: bytes = field(repr=False)
    tls_key: Path = field(repr=False)
    tls_cert: Path = field(repr=False)


@dataclass(frozen=True, slots=True)
class Submission:
    """A record on its way into a stream: envelope, body, and for a box its sealed shares.

    The ciphertext of a box lies in `Blobs` before the record is submitted.
    """

    envelope: Envelope
    body: bytes
    sealed: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """Durable: the record's id and place. Its receipt follows at the tick's quorum."""

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

    def refusal(self, record: str) -> tuple[str, str] | None:
        """(code, article) if this record was refused for good."""
        ...

    def sealed(self, record: str, index: int) -> bytes | None:
        """One sealed share of a box (index from 1)."""
        ...

    def unpublished(self) -> list[PlaceRow]:
        """Own places that no published tick holds yet, oldest first."""
        ...

    def publish(self, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        """Append a tick: 32-byte entries from index `start`, and its checkpoint; set indexes."""
        ...

    def mirror(self, keeper: str, start: int, entries: Sequence[bytes], note: LogNote) -> None:
        """The same for the log of a partner, `keeper`: entries and a note with its quorum.

        Only places of the keeper's own streams get indexes.
        """
        ...

    def entries(self, origin: str, start: int = 0, end: int | None = None) -> list[bytes]:
        """The 32-byte entries [start, end) of an own or mirrored log."""
        ...

    def set_quorum(self, origin: str, size: int, note: str) -> None:
        """Store a checkpoint's note with its quorum of cosignatures."""
        ...

    def notes(
        self, origin: str, after: int = 0, *, quorum: bool = True, limit: int | None = None
    ) -> list[LogNote]:
        """Stored checkpoints with size > after, ascending; only those with a quorum if asked."""
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

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Block:
    """A block: number, hash (hex), time (epoch seconds)."""

    number: int
    hash: str
    time: int


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """One change of the registry contract; `descriptor` is the RFC 8785 JSON that stands there."""

    id: str
    account: str
    descriptor: bytes
    block: int


@dataclass(frozen=True, slots=True)
class RegistryView:
    """All changes up to block `height`, whose hash is `hash`; `proof` proves the head there."""

    changes: tuple[RegistryChange, ...]
    height: int
    hash: str
    contract: str
    proof: str


@dataclass(frozen=True, slots=True)
class BeaconRound:
    """A beacon round as the chain has it; times are epoch seconds, accounts and values hex."""

    round: str
    opened_at: int
    commit_by: int
    reveal_by: int
    members: tuple[str, ...]
    commits: Mapping[str, str]
    secrets: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TenderSlots:
    """The three slots of a tender on the chain; zero or 64 zeros where not written yet."""

    keeper: str
    deadline: int
    bids_at: int
    bids_root: str
    bids_head: str
    result_at: int
    result: str
    result_head: str


class Chain(Protocol):
    """The permissioned chain as one member's account sees it. Blocking; writers are idempotent.

    Every method raises UnavailableError (`chain`) if the chain does not answer, and
    NodeError if it refuses.
    """

    account: str

    def latest(self) -> Block:
        """The newest block."""
        ...

    def registry(self) -> RegistryView:
        """The registry at the newest block, with its proof."""
        ...

    def tender(self, stream: str) -> TenderSlots:
        """The three slots of a tender."""
        ...

    def set_deadline(self, stream: str, time: int) -> None:
        """Write the deadline slot."""
        ...

    def close_bids(self, stream: str, root: str, head: str) -> None:
        """Write the bids slot, once."""
        ...

    def set_result(self, stream: str, result: str, head: str) -> None:
        """Write the result slot, once."""
        ...

    def anchored(self, account: str) -> tuple[int, str, int]:
        """(size, root hex, block time) of an account's newest anchored checkpoint, or zeros."""
        ...

    def anchor(self, size: int, root: str) -> None:
        """Anchor a checkpoint of our own log; a smaller size than stands is left out."""
        ...

    def open_round(self, round_id: str, members: Sequence[str], reveal_seconds: int) -> None:
        """Open a beacon round."""
        ...

    def round(self, round_id: str, opener: str) -> BeaconRound | None:
        """A round, or None if nobody opened it."""
        ...

    def rounds_for_us(self) -> list[tuple[str, str]]:
        """(round id, opener account) of open rounds that name our account and wait for us."""
        ...

    def commit(self, round_id: str, opener: str, commitment: str) -> None:
        """Commit to our secret."""
        ...

    def reveal(self, round_id: str, opener: str, secret: str) -> None:
        """Reveal our secret."""
        ...

    def prove_tender(self, stream: str, accounts: Sequence[str]) -> str:
        """The operator's note over a tender's slots and these accounts' checkpoint slots."""
        ...

    def prove_rounds(self, rounds: Sequence[tuple[str, str, tuple[str, ...]]]) -> str:
        """The operator's note over the slots of (round id, opener, members)."""
        ...


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
class LogPart:
    """A stretch of a partner's log up to a checkpoint with its quorum."""

    start: int
    entries: tuple[bytes, ...]
    note: str


class Partner(Protocol):
    """Another member's node over mTLS; every call raises UnavailableError or what it answered."""

    async def submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        """Send records; answered each by each. Sending again gives the same answers."""
        ...

    def streams(self) -> AsyncIterator[StreamRow]:
        """The streams the partner keeps that we may know, then new ones as they appear."""
        ...

    def follow(self, stream: str, after: int) -> AsyncIterator[Followed]:
        """Places with seq > after as the audience table allows; goes on as they appear."""
        ...

    def follow_log(self, after: int) -> AsyncIterator[LogPart]:
        """The partner's log from size `after` on, at each checkpoint that gets its quorum."""
        ...

    async def put_blob(self, data: bytes) -> str:
        """Store a ciphertext with the partner; its SHA-256 in hex."""
        ...

    async def share(self, record: str, index: int) -> bytes:
        """Our sealed share of a box, once the releasing record stands."""
        ...

    async def disclose(self, draw: str, payload: bytes) -> None:
        """A pool gives the regulator the salts of its lists at once (protocol 6)."""
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
