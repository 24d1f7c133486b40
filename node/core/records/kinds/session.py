"""Bodies of the committee's session and of what follows it (domain.md sections 2 and 3)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from node.core.records.box import Box
from node.core.records.canonical import Time
from node.core.records.keys import PublicKey
from node.core.records.kinds.base import (
    MAX_BIDS,
    Body,
    CentreId,
    Count,
    Hex32,
    LotId,
    Money,
    Part,
    Points,
    SeatId,
    Signed,
    Slug,
    Text,
)


class FormedSeat(Part, frozen=True, kw_only=True):
    """One seat: the drawn person and the centre in which she sits."""

    centre: CentreId
    person: Hex32
    seat: SeatId


class CommitteeFormed(Body, frozen=True, kw_only=True):
    """Seats in the order of the draw, and who holds the shares of the score sheets."""

    draw: Hex32
    holders: Annotated[tuple[CentreId, ...], msgspec.Meta(min_length=2, max_length=99)]
    seats: Annotated[tuple[FormedSeat, ...], msgspec.Meta(min_length=1, max_length=99)]
    threshold: Annotated[int, msgspec.Meta(ge=2, le=99)]


class ExpertSeated(Body, frozen=True, kw_only=True):
    """An expert takes her seat with a key of this tender; `link` commits who she is."""

    key: PublicKey
    link: Hex32
    person: Hex32


class UndertakingSigned(Body, frozen=True, kw_only=True):
    """Integrity, secrecy and no interest, promised after the bidders are known (EC12 art. 12)."""

    conflict: Literal["none"]
    text: Hex32


class ChairVoted(Body, frozen=True, kw_only=True):
    """One member's vote for the chair (EC12 art. 9)."""

    seat: SeatId


class ChairElected(Body, frozen=True, kw_only=True):
    """The chair, recomputed from the votes; equal votes: the lowest seat number."""

    seat: SeatId


class Finding(Part, frozen=True, kw_only=True):
    """Why a bid should be rejected: a ground of the rule set, its clause and what was found."""

    bid: Hex32
    clause: Text
    ground: Slug
    note: Text


class ReviewChecked(Body, frozen=True, kw_only=True):
    """All findings put to the vote, sorted by bid; empty if nothing was found."""

    findings: Annotated[tuple[Finding, ...], msgspec.Meta(max_length=MAX_BIDS)]


class FindingVote(Part, frozen=True, kw_only=True):
    """One member's vote on one finding."""

    bid: Hex32
    reject: bool


class RejectionVoted(Body, frozen=True, kw_only=True):
    """One member's votes on all findings, in their order."""

    votes: Annotated[tuple[FindingVote, ...], msgspec.Meta(max_length=MAX_BIDS)]


class ScoresSubmitted(Body, frozen=True, kw_only=True):
    """A score sheet in its box: nobody sees it before every sheet is in."""

    box: Box


class Score(Part, frozen=True, kw_only=True):
    """Points of one bid under one criterion."""

    bid: Hex32
    criterion: Slug
    points: Points


class ScoreSheet(Part, frozen=True, kw_only=True):
    """`sheet.json`: what lies in a sheet's box; scores sorted by bid, then criterion."""

    key: Hex32
    lot: LotId
    scores: Annotated[tuple[Score, ...], msgspec.Meta(max_length=MAX_BIDS)]
    stream: Hex32


class SheetOpened(Body, frozen=True, kw_only=True):
    """A score sheet opened: sheet, the box's ciphertext and the key that opens it."""

    ciphertext: Annotated[str, msgspec.Meta(max_length=131072)]
    key: Hex32
    package: ScoreSheet
    sheet: Hex32


class RankedBid(Part, frozen=True, kw_only=True):
    """One valid bid's place; `total` and `quality` only where bids are scored.

    Where quality alone is ranked there is no price, and total = `quality` (what the seats marked)
    + `objective` - `deducted` (declared facts).
    """

    bid: Hex32
    rank: Annotated[int, msgspec.Meta(ge=1, le=MAX_BIDS)]
    deducted: Points | None = None
    objective: Points | None = None
    price: Money | None = None
    quality: Points | None = None
    total: Signed | None = None


class RejectedBid(Part, frozen=True, kw_only=True):
    """One rejected bid with ground, clause and the count of votes."""

    against: Count
    bid: Hex32
    clause: Text
    ground: Slug
    votes: Count


class ResultConsolidated(Body, frozen=True, kw_only=True):
    """The result, recomputed by everybody from opened bids, votes and sheets."""

    outcome: Literal["awarded", "awarded_by_lot", "failed", "ranked"]
    ranking: Annotated[tuple[RankedBid, ...], msgspec.Meta(max_length=MAX_BIDS)]
    rejected: Annotated[tuple[RejectedBid, ...], msgspec.Meta(max_length=MAX_BIDS)]
    tied: Annotated[tuple[Hex32, ...], msgspec.Meta(max_length=MAX_BIDS)]
    winner: Hex32 | None = None


class ReportSigned(Body, frozen=True, kw_only=True):
    """One member signs the report on this result: agreed, or dissent with its reason."""

    opinion: Literal["agreed", "dissent"]
    result: Hex32
    reason: Text | None = None


class SessionClosed(Body, frozen=True, kw_only=True):
    """All members have signed: the session is over."""

    result: Hex32


class Candidate(Part, frozen=True, kw_only=True):
    """One award candidate and its rank (TBR art. 53)."""

    bid: Hex32
    rank: Annotated[int, msgspec.Meta(ge=1, le=MAX_BIDS)]


class CandidatesPublished(Body, frozen=True, kw_only=True):
    """The candidates, and until when objections may be filed (TBR art. 54)."""

    candidates: Annotated[tuple[Candidate, ...], msgspec.Meta(max_length=99)]
    objections_until: Time


class RankingPublished(Body, frozen=True, kw_only=True):
    """The end where nothing is awarded: the ranking of this result is public."""

    result: Hex32


class AwardDecided(Body, frozen=True, kw_only=True):
    """The buyer's decision: the candidate of rank 1 (TBR art. 55)."""

    bid: Hex32


class AwardNoticed(Body, frozen=True, kw_only=True):
    """The award notice: winner and price as they were opened."""

    bid: Hex32
    price: Money
