"""What the node's HTTP routes may ask: one Protocol, and the frozen answers they show.

Nothing here decides who may see what: evidence is cut by the audience table, a tender's notice by
`node.services.notice`. Answers hold no secret and nothing that may not be counted yet. Digests are
lower-case hex, times `YYYY-MM-DDTHH:MM:SSZ`, money decimal strings (interfaces I0). Members are
added, never renamed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    from node.core.log.tiles import Tile

PAGE: Final = 100
"""`Reads.tenders` gives at most so many at once."""

PublicPhase = Literal[
    "preparing",
    "planned",
    "bidding",
    "opening",
    "evaluation",
    "publicity",
    "awarded",
    "ranked",
    "failed",
]
"""Where a tender stands, in words that tell nothing of seats, votes or who took part."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in both languages."""

    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class ChainInfo:
    """The node's view of the chain; `oldest_waiting_anchor_s` in seconds, None if none waits."""

    kind: str
    height: int
    oldest_waiting_anchor_s: int | None


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """Who this node is (interfaces I7)."""

    id: str
    role: Literal["centre", "regulator"]
    name: Name
    version: str
    clock: Literal["system", "test"]
    log_origin: str
    log_vkey: str
    witness_vkey: str
    chain: ChainInfo


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must be known before the node is ready, and what is wrong if it is not."""

    name: Literal["database", "log", "clock", "chain", "partners", "member"]
    ok: bool
    detail_zh: str
    detail_en: str


@dataclass(frozen=True, slots=True)
class PartnerInfo:
    """Another member as registry and connection show it; `checkpoint_size` None: none seen yet."""

    id: str
    role: Literal["centre", "regulator"]
    name: Name
    status: Literal["active", "suspended"]
    connected: bool
    checkpoint_size: int | None
    tls_sha256: str


@dataclass(frozen=True, slots=True)
class LotInfo:
    """A lot as announced; price limits at the announcement's scale, None where there is none."""

    id: str
    method: str
    ceiling: str | None
    minimum: str | None


@dataclass(frozen=True, slots=True)
class Announcement:
    """What was fixed before the first bid."""

    currency: str
    scale: int
    deadline: str
    opening: str
    unlock_until: str
    holders: tuple[str, ...]
    threshold: int
    lots: tuple[LotInfo, ...]


@dataclass(frozen=True, slots=True)
class CandidateInfo:
    """One published candidate: bid, bidder as named in the opened bid, price if it has one."""

    rank: int
    bid: str
    bidder: str
    name: str
    price: str | None


@dataclass(frozen=True, slots=True)
class Candidates:
    """The published candidates, and until when objections may be filed."""

    objections_until: str
    ranking: tuple[CandidateInfo, ...]


@dataclass(frozen=True, slots=True)
class RankedInfo:
    """One place of a ranking without an award: bid, bidder as named in the opened bid, points."""

    rank: int
    bid: str
    bidder: str
    name: str
    total: str | None


@dataclass(frozen=True, slots=True)
class TenderInfo:
    """What everybody may know of a tender now; None where it is not public or not there yet.

    `id` is the tender's own name, `stream` the id of its stream, `host` the keeper of that.
    """

    id: str
    stream: str
    host: str
    title: str
    buyer: str
    origin: str
    ruleset: str
    phase: PublicPhase
    announcement: Announcement | None
    candidates: Candidates | None
    winner: CandidateInfo | None
    ranking: tuple[RankedInfo, ...] | None = None


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """The answer to add-checkpoint exactly as C2SP tlog-witness words it."""

    status: int
    body: bytes
    content_type: str


class Reads(Protocol):
    """What HTTP reads. No method blocks the event loop; long work runs in threads.

    Every method may raise UnavailableError; what else it raises stands with it.
    """

    def now(self) -> int:
        """Give the node's time: epoch seconds, UTC."""
        ...

    async def node(self) -> NodeInfo:
        """Say who this node is."""
        ...

    async def ready(self) -> list[Check]:
        """Check database, log, clock, chain view, partners, once each; a failure is an answer."""
        ...

    async def partners(self) -> list[PartnerInfo]:
        """Give all other members, by id."""
        ...

    async def tenders(self, after: str | None) -> list[TenderInfo]:
        """Give the tenders with id > `after` by id, at most PAGE, planned ones and later only."""
        ...

    async def tender(self, tender: str) -> TenderInfo:
        """Give one tender by its id or its stream's id. Raises MissingError."""
        ...

    async def evidence(self, tender: str, reader: str) -> bytes:
        """Give the evidence file cut for `reader`; who asks was checked before.

        Raises MissingError, StateError (`too-early`) before there is anything to prove,
        ForbiddenError for a bidder without a bid in this tender.
        """
        ...

    async def entitled(self, reader: str, key: str, message: bytes, signature: bytes) -> bool:
        """Tell whether `key` (a key id) may read as `reader` now and signed `message`.

        `centre:<id>` and `regulator`: a record key in force of an active member of that id or
        role; `bidder:<key id>`: that bid key itself, as a sealed bid named it. Never raises for
        a wrong signature; `signed_read.is_signed_by` does the arithmetic.
        """
        ...

    async def trust(self) -> dict[str, Any]:
        """Give trust.json of this node's network (interfaces I5)."""
        ...

    async def checkpoint(self) -> str | None:
        """Give the newest published checkpoint's note, or None before the first."""
        ...

    async def tile(self, tile: Tile) -> bytes | None:
        """Give a tile or bundle of a published checkpoint, or None.

        Nothing is shown that no published checkpoint covers.
        """
        ...

    async def add_checkpoint(self, body: bytes) -> WitnessAnswer:
        """Judge a checkpoint, store it durably, cosign it (C2SP tlog-witness)."""
        ...
