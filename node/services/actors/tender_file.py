"""`yuanping-tender/v1`: a tender as the demo's actors are told it, each its own part.

One JSON file, read strictly. The buyer reads what is announced, a bidder its own line, an expert
what the committee is to find; nobody's program acts on `outcome`, which says how it ended in the
real world (or that nobody knows) and is compared with at the end only.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from node.core.errors import ConfigError
from node.core.records.keys import Suite
from node.core.records.kinds.base import CentreId, LotId, Money, Part, Points, SeatId, Slug, Text
from node.core.records.kinds.draws import Stratum
from node.core.records.kinds.tender import Lot

Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


class Source(Part, frozen=True, kw_only=True):
    """Where the figures come from, and under which licence; or that they are invented."""

    kind: Literal["real", "invented"]
    licence: Text
    text: Text


class Buyer(Part, frozen=True, kw_only=True):
    """Who buys."""

    id: CentreId
    name: Text


class Bidder(Part, frozen=True, kw_only=True):
    """Who bids, and what; `suite` is that of its one-time bid key."""

    id: LotId
    name: Text
    price: Money | None = None
    suite: Suite = "ed25519"


class FactFound(Part, frozen=True, kw_only=True):
    """A fact for the committee's vote; `against` are seats that do not see it so."""

    bidder: LotId
    ground: Slug
    note: Text
    against: tuple[SeatId, ...] = ()


class Dissent(Part, frozen=True, kw_only=True):
    """A seat that does not agree with the report, and why."""

    reason: Text
    seat: SeatId


class Outcome(Part, frozen=True, kw_only=True):
    """How it ended in the real world; no winner where the tender is invented."""

    source: Text
    price: Money | None = None
    winner: LotId | None = None


class TenderFile(Part, frozen=True, kw_only=True):
    """The whole file. `marks`: seat -> bidder -> criterion -> points."""

    bidders: Annotated[tuple[Bidder, ...], msgspec.Meta(min_length=1, max_length=1000)]
    buyer: Buyer
    format: Literal["yuanping-tender/v1"]
    lot: Lot
    strata: Annotated[tuple[Stratum, ...], msgspec.Meta(min_length=1, max_length=32)]
    opened_on: Day
    outcome: Outcome
    rules: Slug
    source: Source
    tender: LotId
    title: Text
    dissents: tuple[Dissent, ...] = ()
    findings: tuple[FactFound, ...] = ()
    marks: dict[SeatId, dict[LotId, dict[Slug, Points]]] = msgspec.field(default_factory=dict)
    threshold: Annotated[int, msgspec.Meta(ge=2, le=99)] = 2


def read_tender_file(data: bytes) -> TenderFile:
    """Read a tender file. Raises ConfigError saying what is wrong with it."""
    try:
        found = msgspec.json.decode(data, type=TenderFile)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(f"tender file: {error}") from None
    ids = [bidder.id for bidder in found.bidders]
    named = {fact.bidder for fact in found.findings}
    marked = {bidder for sheet in found.marks.values() for bidder in sheet}
    if len(set(ids)) != len(ids) or not named | marked <= set(ids):
        raise ConfigError("tender file: a bidder stands twice, or a finding names nobody")
    return found
