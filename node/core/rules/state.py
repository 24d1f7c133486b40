"""What a tender's stream says so far: the frozen state that its records fold into.

One state a stream. Nothing here decides anything: the rules stand in their own files, and
`fold.py` has the table of what may follow what. Mappings are never changed in place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from node.core.rules.change import put, replace
from node.core.rules.membership import Keyring

if TYPE_CHECKING:
    from collections.abc import Mapping

    from node.core.records.box import Box, Share
    from node.core.records.envelope import Header
    from node.core.records.kinds import Body
    from node.core.records.kinds.draws import DrawJoined, DrawPicked, DrawRequested, Stratum
    from node.core.records.kinds.session import (
        CandidatesPublished,
        CommitteeFormed,
        Finding,
        RejectionVoted,
        ResultConsolidated,
        ScoreSheet,
    )
    from node.core.records.kinds.streams import RegistryNoted, StreamOpened
    from node.core.records.kinds.tender import (
        BidPackage,
        BidsClosed,
        CommitteePlanned,
        Lot,
        TenderAnnounced,
        TenderPlanned,
    )
    from node.core.rules.ruleset import RuleSet

K = TypeVar("K")
V = TypeVar("V")


def empty() -> Mapping[Any, Any]:
    """A mapping with nothing in it, for the start of a fold."""
    return MappingProxyType({})


class Phase(StrEnum):
    """Where a tender's one lot stands; the table in `fold.py` says what each phase allows."""

    NEW = "new"
    OPENED = "opened"
    FOUNDED = "founded"
    PLANNED = "planned"
    COMPOSED = "composed"
    ANNOUNCED = "announced"
    CLOSED = "closed"
    UNLOCKED = "unlocked"
    READ = "read"
    DRAWING = "drawing"
    CALLING = "calling"
    PICKING = "picking"
    PICKED = "picked"
    FORMED = "formed"
    SEATED = "seated"
    SWORN = "sworn"
    REVIEWING = "reviewing"
    VOTING = "voting"
    SCORING = "scoring"
    REVEALING = "revealing"
    RANKING = "ranking"
    SIGNING = "signing"
    SIGNED = "signed"
    RELEASED = "released"
    PUBLICITY = "publicity"
    AWARDING = "awarding"
    DECIDED = "decided"
    AWARDED = "awarded"
    RANKED = "ranked"
    FAILED = "failed"


@dataclass(frozen=True)
class Placed:
    """A record at its place: what a fold reads. `body` is None if it is withheld from us."""

    seq: int
    entry: str
    received: int
    id: str
    header: Header
    body: Body | None


@dataclass(frozen=True)
class Bid:
    """A sealed bid: `bidder` is the id of its bid key, `received` in epoch seconds."""

    id: str
    bidder: str
    received: int
    box: Box
    seq: int


@dataclass(frozen=True)
class Release:
    """One common release of shares: by which record, when, and who has shown what so far.

    `unseen` are holders whose shares are withheld from this reader.
    """

    by: str
    received: int
    holders: tuple[str, ...]
    threshold: int
    boxes: Mapping[str, Box]
    shares: Mapping[str, tuple[Share, ...]] = field(default_factory=empty)
    done: frozenset[str] = frozenset()
    unseen: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Draw:
    """One draw: request, the pools' lists, both seeds, the calls and the picks.

    `received` is the time of the request, `called` that of the seed that made the slate.
    """

    id: str
    request: DrawRequested
    received: int
    joined: Mapping[str, DrawJoined] = field(default_factory=empty)
    seeds: Mapping[str, str] = field(default_factory=empty)
    slate: tuple[tuple[str, ...], ...] = ()
    called: int = 0
    centre_of: Mapping[str, str] = field(default_factory=empty)
    outcomes: Mapping[str, str] = field(default_factory=empty)
    picked: DrawPicked | None = None


@dataclass(frozen=True)
class Seat:
    """One seat of the committee and what its expert has done."""

    seat: str
    centre: str
    person: str
    key: str = ""
    link: str = ""
    seq: int = 0
    sworn: bool = False
    chair: str = ""


@dataclass(frozen=True)
class Sheet:
    """A boxed score sheet, and its content once opened."""

    id: str
    box: Box
    package: ScoreSheet | None = None


@dataclass(frozen=True)
class Review:
    """Findings, votes (None where withheld from this reader) and score sheets by seat."""

    findings: tuple[Finding, ...] | None = None
    votes: Mapping[str, RejectionVoted | None] = field(default_factory=empty)
    sheets: Mapping[str, Sheet] = field(default_factory=empty)
    sheets_opened: frozenset[str] = frozenset()
    last: str = ""


@dataclass(frozen=True)
class TenderState:
    """The fold of a tender's stream up to and including `entries[-1]`.

    `awaited` is where the last record of each type stands that a seed waits for (`rounds.AWAITED`).
    """

    rules: RuleSet
    phase: Phase = Phase.NEW
    stream: str = ""
    opened_as: StreamOpened | None = None
    registry: RegistryNoted | None = None
    keyring: Keyring = field(default_factory=Keyring)
    entries: tuple[str, ...] = ()
    received: int = 0
    seen: Mapping[str, int] = field(default_factory=empty)
    awaited: Mapping[str, int] = field(default_factory=empty)
    plan: TenderPlanned | None = None
    buyer: str = ""
    composed: CommitteePlanned | None = None
    announced: TenderAnnounced | None = None
    bids: Mapping[str, Bid] = field(default_factory=empty)
    closed: BidsClosed | None = None
    closed_seq: int = 0
    closed_at: int = 0
    unlocked: frozenset[str] = frozenset()
    release: Release | None = None
    opened: Mapping[str, BidPackage] = field(default_factory=empty)
    not_opened: Mapping[str, str] = field(default_factory=empty)
    draws: tuple[Draw, ...] = ()
    committee: CommitteeFormed | None = None
    seats: Mapping[str, Seat] = field(default_factory=empty)
    chair: str = ""
    review: Review = field(default_factory=Review)
    lot_seed: str = ""
    result: ResultConsolidated | None = None
    result_id: str = ""
    reports: Mapping[str, str] = field(default_factory=empty)
    session_seq: int = 0
    candidates: CandidatesPublished | None = None
    candidates_received: int = 0
    winner: str = ""
    disclosed: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()

    @property
    def keeper(self) -> str:
        """The host: keeper of the stream."""
        return self.opened_as.keeper if self.opened_as else ""

    @property
    def terms(self) -> TenderAnnounced:
        """The announcement; only asked for in phases that have one."""
        if self.announced is None:
            raise AssertionError("no phase before the announcement asks for its terms")
        return self.announced

    @property
    def lot(self) -> Lot:
        """The one lot of the tender."""
        return self.terms.lots[0]

    @property
    def strata(self) -> tuple[Stratum, ...]:
        """The committee that the lot needs; nothing for a reader from whom it is withheld."""
        planned = self.composed.committees if self.composed else ()
        return next((one.strata for one in planned if one.lot == self.lot.id), ())

    @property
    def draw(self) -> Draw:
        """The newest draw; only asked for in phases that have one."""
        return self.draws[-1]

    @property
    def in_force(self) -> Mapping[str, Bid]:
        """Bids in force by id: the last one sealed by each bid key (protocol.md section 5)."""
        last = {bid.bidder: bid for bid in sorted(self.bids.values(), key=lambda b: b.seq)}
        return {bid.id: bid for bid in last.values()}


def with_draw(state: TenderState, **changes: object) -> TenderState:
    """The state with its newest draw changed."""
    changed: Draw = replace(state.draw, **changes)  # type: ignore[arg-type]
    return replace(state, draws=(*state.draws[:-1], changed))


def with_review(state: TenderState, **changes: object) -> TenderState:
    """The state with its review changed."""
    changed: Review = replace(state.review, **changes)  # type: ignore[arg-type]
    return replace(state, review=changed)


def with_seat(state: TenderState, seat: str, **changes: object) -> TenderState:
    """The state with one seat changed."""
    changed: Seat = replace(state.seats[seat], **changes)  # type: ignore[arg-type]
    return replace(state, seats=put(state.seats, seat, changed))
