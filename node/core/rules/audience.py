"""Who may see what, when: the one table that pages, Follow, evidence and verifier use.

Source: protocol.md sections 2 and 10.13; TBL art. 22 (number and names of bidders before the
opening), art. 37 (members before the award), art. 44 (process and comparison for ever).
Levels: N nothing, H header, A all. A row has five levels, one for each stage of the
tender: plan, bids open, bids closed, opening over, awarded (or failed, or ranked and no more).
"""

from __future__ import annotations

from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from node.core.errors import InvalidError
from node.core.rules.state import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Level(IntEnum):
    """How much of a record a reader may see; each level holds those below it."""

    NOTHING = 0
    PLACE = 1
    HEADER = 2
    ALL = 3


class Stage(IntEnum):
    """How far the tender's stream has come, as its milestones say."""

    PLAN = 0
    BIDS_OPEN = 1
    BIDS_CLOSED = 2
    READ = 3
    AWARDED = 4


MILESTONES: Mapping[str, Stage] = MappingProxyType(
    {
        "tender.announced/v1": Stage.BIDS_OPEN,
        "bids.closed/v1": Stage.BIDS_CLOSED,
        "opening.closed/v1": Stage.READ,
        "award.noticed/v1": Stage.AWARDED,
        "ranking.published/v1": Stage.AWARDED,
        "lot.failed/v1": Stage.AWARDED,
    }
)
STAGES: Mapping[Phase, Stage] = MappingProxyType(
    {
        Phase.NEW: Stage.PLAN,
        Phase.OPENED: Stage.PLAN,
        Phase.FOUNDED: Stage.PLAN,
        Phase.PLANNED: Stage.PLAN,
        Phase.COMPOSED: Stage.PLAN,
        Phase.ANNOUNCED: Stage.BIDS_OPEN,
        Phase.CLOSED: Stage.BIDS_CLOSED,
        Phase.UNLOCKED: Stage.BIDS_CLOSED,
        Phase.AWARDED: Stage.AWARDED,
        Phase.RANKED: Stage.AWARDED,
        Phase.FAILED: Stage.AWARDED,
    }
)
"""The stage in a phase; every other phase lies between opening and award (`Stage.READ`)."""
READERS = ("public", "bidder", "guest", "regulator", "host")
# No row has PLACE: behind a type that is not shown, anything could be hidden.
_LETTER = {"N": Level.NOTHING, "H": Level.HEADER, "A": Level.ALL}

# Rows of the tender's stream: public | bidder | guest (venue, pool, holder) | regulator | host.
_OPEN = "AAAAA AAAAA AAAAA AAAAA AAAAA"
_COMMITTEE = "HHHHA HHHHA AAAAA AAAAA AAAAA"  # that it is planned is public, its size is not
_BID = "NNNAA NNNAA NNAAA NNAAA AAAAA"  # nothing before bids.closed, not even a count
_OPENING = "NNNAA NNNAA AAAAA AAAAA AAAAA"
_OPENING_HEADER = "NNNHH NNNHH AAAAA AAAAA AAAAA"  # shares: what they opened is public, they not
_SESSION = "NNNNA NNNNA AAAAA AAAAA AAAAA"  # nobody outside may count seats before the award
_SESSION_HEADER = "NNNNH NNNNH AAAAA AAAAA AAAAA"  # never single votes or scores by seat
_PUBLICITY = "NNNAA NNNAA AAAAA AAAAA AAAAA"  # TBR art. 54: everybody may object
_SIDE = "NNNNA NNNNA AAAAA AAAAA AAAAA"
_LODGED = "NNNNA NNNNA NNAAA NNAAA AAAAA"  # a bid brought to a guest is not counted by others
_NAMES = "NNNNH NNNNH HHHHH AAAAA HHHHH"  # that names were read is public, whose is not

_TENDER_ROWS = {
    "stream.opened/v1": _OPEN,
    "registry.noted/v1": _OPEN,
    "tender.planned/v1": _OPEN,
    "committee.planned/v1": _COMMITTEE,
    "tender.announced/v1": _OPEN,
    "bid.sealed/v1": _BID,
    "bids.closed/v1": _OPENING,
    "bid.unlocked/v1": _OPENING,
    "term.expired/v1": _OPENING,
    "share.released/v1": _OPENING_HEADER,
    "bid.opened/v1": _OPENING,
    "bid.not_opened/v1": _OPENING,
    "opening.closed/v1": _OPENING,
    "lot.failed/v1": _OPENING,
    "record.refused/v1": _SESSION,
    "draw.requested/v1": _SESSION,
    "draw.joined/v1": _SESSION,
    "draw.seeded/v1": _SESSION,
    "expert.contacted/v1": _SESSION,
    "draw.picked/v1": _SESSION,
    "committee.formed/v1": _SESSION,
    "expert.seated/v1": _SESSION,
    "undertaking.signed/v1": _SESSION,
    "chair.voted/v1": _SESSION_HEADER,
    "chair.elected/v1": _SESSION,
    "review.checked/v1": _SESSION_HEADER,
    "rejection.voted/v1": _SESSION_HEADER,
    "scores.submitted/v1": _SESSION,
    "sheet.opened/v1": _SESSION_HEADER,
    "result.consolidated/v1": _SESSION,
    "report.signed/v1": _SESSION_HEADER,
    "session.closed/v1": _SESSION,
    "candidates.published/v1": _PUBLICITY,
    "award.decided/v1": _SESSION,
    "award.noticed/v1": _SESSION,
    "ranking.published/v1": _SESSION,
    "draw.disclosed/v1": _SESSION,
}
_SIDE_ROWS = {
    "stream.opened/v1": _SIDE,
    "registry.noted/v1": _SIDE,
    "record.lodged/v1": _LODGED,
    "stream.endorsed/v1": _SIDE,
    "dispute.raised/v1": _SIDE,
    "identity.unlocked/v1": _NAMES,
}
_POOL_ROWS = {
    "stream.opened/v1": _OPEN,
    "registry.noted/v1": _OPEN,
    "pool.published/v1": _OPEN,
}


def _table(rows: Mapping[str, str]) -> Mapping[tuple[str, str], tuple[Level, ...]]:
    return MappingProxyType(
        {
            (kind, reader): tuple(_LETTER[letter] for letter in levels)
            for kind, row in rows.items()
            for reader, levels in zip(READERS, row.split(), strict=True)
        }
    )


TABLE: Mapping[str, Mapping[tuple[str, str], tuple[Level, ...]]] = MappingProxyType(
    {"tender": _table(_TENDER_ROWS), "side": _table(_SIDE_ROWS), "pool": _table(_POOL_ROWS)}
)
"""Kind of stream -> (record type, class of reader) -> a level for each stage."""


def stage_of(types: Iterable[str]) -> Stage:
    """How far a tender's stream has come, from the types of its records."""
    return max((MILESTONES[kind] for kind in types if kind in MILESTONES), default=Stage.PLAN)


def stage_at(phase: Phase) -> Stage:
    """The same from the phase that the records fold into."""
    return STAGES.get(phase, Stage.READ)


def reader_class(reader: str, keeper: str) -> str:
    """The column of a reader (`public`, `bidder:<key id>`, `centre:<id>`, `regulator`).

    `keeper` is the keeper of the tender's stream: that centre reads as host, others as guests.
    Raises InvalidError for any other form.
    """
    role, colon, name = reader.partition(":")
    if reader in ("public", "regulator"):
        return reader
    if colon and role == "bidder" and name:
        return "bidder"
    if colon and role == "centre" and name:
        return "host" if name == keeper else "guest"
    raise InvalidError(f"unknown reader {reader[:80]!r}")


def level(
    stream_kind: str, record: tuple[str, str], stage: Stage, reader: tuple[str, str]
) -> Level:
    """How much of a record a reader may see.

    `record` is (type, author); `reader` is (reader, its class from `reader_class`). A bidder
    sees all of his own records once the opening is over: before, the number of his place would
    tell how many came before him, and his receipt proves all he needs. A type that the stream
    may not hold: nothing.
    """
    kind, author = record
    name, column = reader
    if column == "bidder" and author == name and stage >= Stage.READ:
        return Level.ALL
    row = TABLE[stream_kind].get((kind, column))
    return Level.NOTHING if row is None else row[stage]
