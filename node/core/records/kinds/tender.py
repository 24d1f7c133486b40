"""Bodies of a tender from its plan to the end of the opening (protocol.md section 5)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from node.core.records.box import Box
from node.core.records.canonical import END, Time
from node.core.records.keys import PublicKey, Suite
from node.core.records.kinds.base import (
    MAX_BIDS,
    Body,
    CentreId,
    Count,
    Hex32,
    HexBytes,
    LotId,
    Money,
    Part,
    Points,
    Slug,
    Text,
)
from node.core.records.kinds.draws import Stratum


class TenderPlanned(Body, frozen=True, kw_only=True):
    """The buyer introduces itself with its key and says what it means to buy.

    `origin` says where the tender comes from: a real one names its source, an invented one
    says that it is invented.
    """

    buyer: PublicKey
    buyer_name: Text
    origin: Text
    tender: LotId
    title: Text


class LotCommittee(Part, frozen=True, kw_only=True):
    """The committee that a lot needs: its strata, in filling order."""

    lot: LotId
    strata: Annotated[tuple[Stratum, ...], msgspec.Meta(min_length=1, max_length=32)]


class CommitteePlanned(Body, frozen=True, kw_only=True):
    """Which committee each lot needs: fixed before the first bid, shown to nobody outside.

    Whoever wants to reach the experts learns from it how many there are and of which specialties;
    so the public sees its header until the award, and the announcement does not repeat it.
    """

    committees: Annotated[tuple[LotCommittee, ...], msgspec.Meta(min_length=1, max_length=100)]


class Criterion(Part, frozen=True, kw_only=True):
    """One scored criterion, declared before any bid: points from 0 to `maximum` in `step`s.

    An objective one is a fact of the bid that every seat gives alike; one that `deducts` is such
    a fact that lowers the total (`quality-only`).
    """

    id: Slug
    maximum: Points
    objective: bool
    step: Points
    title: Text
    deducts: bool = False
    factor: Points | None = None


class PriceFormula(Part, frozen=True, kw_only=True):
    """How a price becomes points: a closed list of formulas with their declared numbers."""

    kind: Literal["lowest-over-price", "benchmark-deviation"]
    maximum: Points
    drop: Points | None = None
    loss_above: Points | None = None
    loss_below: Points | None = None


class Method(Part, frozen=True, kw_only=True):
    """How the lot is evaluated; all but `kind` belong to the methods that give points.

    A criterion's points are the mean of the seats' marks, rounded half up to `scale`; with
    `drop_from` seats or more one highest and one lowest mark are left out first, and before that,
    with `zero_is_absent`, every mark of 0. `tie_breaks` stands where the rule set leaves them to
    the announcement.
    """

    kind: Literal["lowest-price", "lowest-evaluated-price", "comprehensive-scoring", "quality-only"]
    criteria: Annotated[tuple[Criterion, ...], msgspec.Meta(max_length=100)] = ()
    drop_from: Annotated[int, msgspec.Meta(ge=3, le=99)] | None = None
    price: PriceFormula | None = None
    scale: Annotated[int, msgspec.Meta(ge=0, le=6)] = 0
    tie_breaks: Annotated[
        tuple[Literal["objective", "technical"], ...], msgspec.Meta(max_length=2)
    ] = ()
    zero_is_absent: bool = False


class Lot(Part, frozen=True, kw_only=True):
    """One lot: its price limits and method. Its committee is planned apart, unseen."""

    id: LotId
    method: Method
    ceiling: Money | None = None
    minimum: Money | None = None


class TenderAnnounced(Body, frozen=True, kw_only=True):
    """All that is fixed before the first bid: lots, times, who holds the shares of bids."""

    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}" + END)]
    deadline: Time
    holders: Annotated[tuple[CentreId, ...], msgspec.Meta(min_length=2, max_length=99)]
    lots: Annotated[tuple[Lot, ...], msgspec.Meta(min_length=1, max_length=100)]
    opening: Time
    scale: Annotated[int, msgspec.Meta(ge=0, le=6)]
    threshold: Annotated[int, msgspec.Meta(ge=2, le=99)]
    unlock_until: Time


class BidSealed(Body, frozen=True, kw_only=True):
    """A bid in its box, signed by a one-time bid key that only its bidder holds."""

    box: Box
    key: PublicKey


class Document(Part, frozen=True, kw_only=True):
    """A document of a bid, by digest and size in bytes."""

    name: Text
    sha256: Hex32
    size: Count


class Certificate(Part, frozen=True, kw_only=True):
    """The bidder's long-lived key signs H("bid-key", {"key","stream"}): whose bid key it is."""

    key: HexBytes
    sig: HexBytes
    suite: Suite


class BidPackage(Part, frozen=True, kw_only=True):
    """`bid.json`: what lies in a bid's box. No price where the bidder gave none."""

    bidder: LotId
    certificate: Certificate
    key: Hex32
    lot: LotId
    name: Text
    stream: Hex32
    documents: Annotated[tuple[Document, ...], msgspec.Meta(max_length=1000)] = ()
    price: Money | None = None


class BidsClosed(Body, frozen=True, kw_only=True):
    """The deadline is past: the leaves (ids of bids in force and one random value) and root."""

    leaves: Annotated[tuple[Hex32, ...], msgspec.Meta(min_length=1, max_length=MAX_BIDS)]
    random: Hex32
    root: Hex32


class BidUnlocked(Body, frozen=True, kw_only=True):
    """The bidder's consent, inside the window, to the opening of this bid."""

    bid: Hex32


class BidOpened(Body, frozen=True, kw_only=True):
    """A bid read out: package, the box's ciphertext and the key that opens it."""

    bid: Hex32
    ciphertext: Annotated[str, msgspec.Meta(max_length=131072)]
    key: Hex32
    package: BidPackage


class BidNotOpened(Body, frozen=True, kw_only=True):
    """A bid that stays closed, and whose fault that is (EB20 art. 31).

    A faulty box is shown with its ciphertext, so that everybody can see that it fails.
    """

    bid: Hex32
    ground: Literal["not-unlocked", "box-faulty", "share-missing"]
    ciphertext: Annotated[str, msgspec.Meta(max_length=131072)] | None = None


class OpeningClosed(Body, frozen=True, kw_only=True):
    """Every bid in force was opened or said not to be; the counts are recomputed."""

    not_opened: Count
    opened: Count


class LotFailed(Body, frozen=True, kw_only=True):
    """The lot ends without award: too few bids, or none that may win."""

    ground: Literal["too-few-bids", "no-valid-bid"]
