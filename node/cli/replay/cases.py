"""The tenders of a CSV as cases to play, and apart from them what the city decided (interfaces I3).

The file is read twice. `read_cases` gives limits, bids and findings of fact; of `outcome` it looks
at `rejected` alone, and takes as a finding only what the price does not explain. `read_answers`
gives the city's answer; nobody calls it before the last evidence file is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from node.cli.replay import panels
from node.cli.replay.panels import Published, is_panels
from node.cli.replay.table import Numbered, Row, Table
from node.core.errors import InvalidError
from node.core.records.kinds.draws import Stratum
from node.core.records.kinds.tender import Lot, Method
from node.core.rules.calendar import parse_day
from node.core.rules.rejection import Limits, computed_ground
from node.services.actors.tender_file import (
    Bidder,
    Buyer,
    FactFound,
    Outcome,
    Source,
    TenderFile,
)

RULES = "jp-tsuchiura"
SPECIALTY = "works"
SEATS = 5
BUYER = Buyer(id="tsuchiura", name="Tsuchiura City (土浦市)")
SOURCE = Source(
    kind="real",
    licence="MIT",
    text="Tsuchiura City, Japan, sealed bids for public works 2007-2011; replication data of "
    "Chassang, Kawai, Nakabayashi and Ortner (repository sylvaingchassang/missing_bids)",
)
LATER = Outcome(source="the city's answer is opened after the last evidence file is written")
OF_TENDER: tuple[str, ...] = ("opened_on", "title", "reserve_price_jpy", "minimum_price_jpy")
OF_BID: tuple[str, ...] = ("bidder_id", "bidder_name", "bid_price_jpy")
COLUMNS = ("tender_id", *OF_TENDER, *OF_BID)
GROUNDS = (("eligib", "ineligible"), ("exam", "unqualified"), ("disqual", "disqualified"))
"""What a note says -> the rule set's ground; `invalid` where it says none of these."""
AWARDED = {"won": "awarded", "won_by_lot": "awarded_by_lot"}
OUTCOMES = frozenset({*AWARDED, "lost", "rejected", ""})
YEN = re.compile(r"[1-9][0-9]{0,14}", re.ASCII)

Strata = tuple[Stratum, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """How the city decided; no winner where it awarded nothing."""

    outcome: str
    winner: str | None


def specialty_of(table: Table) -> str:
    """What the experts must know who judge the cases of this file."""
    return panels.SPECIALTY if is_panels(table) else SPECIALTY


def read_cases(table: Table, specialty: str | None = None) -> list[TenderFile]:
    """Every tender of the file, by date; its committee knows `specialty`.

    A file of panels gives its contests. Raises ConfigError naming the first line that is wrong.
    """
    specialty = specialty or specialty_of(table)
    if is_panels(table):
        return panels.read_panels(table, specialty)
    strata = (Stratum(seats=SEATS, specialty=specialty),)
    cases = [_case(table, rows, strata) for rows in _tenders(table).values()]
    return sorted(cases, key=lambda case: (case.opened_on, case.tender))


def read_answers(table: Table) -> Mapping[str, Answer | Published | None]:
    """The city's answer to each tender, or what was published of each contest.

    None where the file does not tell it.
    """
    if is_panels(table):
        return panels.read_published(table)
    return {name: _answer([row for _, row in rows]) for name, rows in _tenders(table).items()}


def _tenders(table: Table) -> dict[str, list[Numbered]]:
    return table.groups(COLUMNS, "tender_id", "tender")


def _case(table: Table, rows: Sequence[Numbered], strata: Strata) -> TenderFile:
    line, first = rows[0]
    ids: set[str] = set()
    try:
        for number, row in rows:
            line = number
            _check_row(row, first, ids)
        line = rows[0][0]
        made = _made([row for _, row in rows], strata)
        return msgspec.convert(msgspec.to_builtins(made), TenderFile)
    except (InvalidError, msgspec.ValidationError) as error:
        raise table.wrong(line, str(error)) from None


def _check_row(row: Row, first: Row, ids: set[str]) -> None:
    """One bid's line, beside the tender's first. Of `outcome` only that it is a known word."""
    parse_day(row["opened_on"])
    if not row["tender_id"].strip("."):
        raise InvalidError("tender_id is no name")
    for name in ("reserve_price_jpy", "minimum_price_jpy", "bid_price_jpy"):
        if row[name] and not YEN.fullmatch(row[name]):
            raise InvalidError(f"{name} {row[name][:40]!r} is no whole number of yen")
    differs = [name for name in OF_TENDER if row[name] != first[name]]
    if differs:
        raise InvalidError(f"{differs[0]} is not that of the tender's first line")
    if row["bidder_id"] in ids:
        raise InvalidError(f"bidder {row['bidder_id'][:40]} stands twice in this tender")
    if row.get("outcome", "") not in OUTCOMES:
        raise InvalidError("outcome is none of won, won_by_lot, lost, rejected")
    ids.add(row["bidder_id"])


def _made(rows: Sequence[Row], strata: Strata) -> TenderFile:
    first = rows[0]
    name = first["tender_id"]
    ceiling, minimum = first["reserve_price_jpy"] or None, first["minimum_price_jpy"] or None
    limits = Limits(_yen(ceiling), _yen(minimum))
    return TenderFile(
        format="yuanping-tender/v1",
        tender=name,
        title=first["title"].strip() or name,
        rules=RULES,
        opened_on=first["opened_on"],
        buyer=BUYER,
        source=SOURCE,
        lot=Lot(id="1", method=Method(kind="lowest-price"), ceiling=ceiling, minimum=minimum),
        strata=strata,
        bidders=tuple(_bidder(row) for row in rows),
        findings=tuple(fact for row in rows for fact in _findings(row, limits)),
        outcome=LATER,
    )


def _bidder(row: Row) -> Bidder:
    name = row["bidder_name"].strip() or row["bidder_id"]
    return Bidder(id=row["bidder_id"], name=name, price=row["bid_price_jpy"] or None)


def _findings(row: Row, limits: Limits) -> Iterator[FactFound]:
    """A rejected bid whose price alone does not reject it is the committee's finding of fact."""
    if row.get("outcome") != "rejected" or computed_ground(_yen(row["bid_price_jpy"]), limits):
        return
    note = row.get("note", "").strip()
    ground = next((ground for word, ground in GROUNDS if word in note.lower()), "invalid")
    yield FactFound(bidder=row["bidder_id"], ground=ground, note=note or "rejected")


def _yen(text: str | None) -> int | None:
    return int(text) if text else None


def _answer(rows: Sequence[Row]) -> Answer | None:
    if not any(row.get("outcome") for row in rows):
        return None
    won = [row for row in rows if row["outcome"] in AWARDED]
    if not won:
        return Answer("failed", None)
    return Answer(AWARDED[won[0]["outcome"]], won[0]["bidder_id"])
