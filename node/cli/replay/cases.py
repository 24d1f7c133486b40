"""The tenders of a CSV as cases to play, and apart from them what the city decided (interfaces I3).

The file is read twice. `read_cases` gives limits, bids and findings of fact; of `outcome` it looks
at `rejected` alone, and takes as a finding only what the price does not explain. `read_answers`
gives the city's answer; nobody calls it before the last evidence file is written.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from node.core.errors import ConfigError
from node.core.records.kinds.draws import Stratum
from node.core.records.kinds.tender import Lot, Method
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
STRATA = (Stratum(seats=5, specialty=SPECIALTY),)
BUYER = Buyer(id="tsuchiura", name="Tsuchiura City (土浦市)")
SOURCE = Source(
    kind="real",
    licence="MIT",
    text="Tsuchiura City, Japan, sealed bids for public works 2007-2011; replication data of "
    "Chassang, Kawai, Nakabayashi and Ortner (repository sylvaingchassang/missing_bids)",
)
LATER = Outcome(source="the city's answer is opened after the last evidence file is written")
COLUMNS: tuple[str, ...] = (
    "tender_id",
    "opened_on",
    "title",
    "reserve_price_jpy",
    "minimum_price_jpy",
)
COLUMNS += ("bidder_id", "bidder_name", "bid_price_jpy")
GROUNDS = (("eligib", "ineligible"), ("exam", "unqualified"), ("disqual", "disqualified"))
"""What a note says -> the rule set's ground; `invalid` where it says none of these."""
AWARDED = {"won": "awarded", "won_by_lot": "awarded_by_lot"}

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """How the city decided; no winner where it awarded nothing."""

    outcome: str
    winner: str | None


def read_cases(path: Path) -> list[TenderFile]:
    """Every tender of the file, by date. Raises ConfigError naming the first line that is wrong."""
    cases = [_case(path, name, rows) for name, rows in _tenders(path).items()]
    return sorted(cases, key=lambda case: (case.opened_on, case.tender))


def read_answers(path: Path) -> dict[str, Answer | None]:
    """The city's answer to each tender; None where the file has no `outcome`."""
    return {name: _answer([row for _, row in rows]) for name, rows in _tenders(path).items()}


def _tenders(path: Path) -> dict[str, list[tuple[int, Row]]]:
    found: dict[str, list[tuple[int, Row]]] = {}
    for number, row in _rows(path):
        found.setdefault(row["tender_id"], []).append((number, row))
    if not found:
        raise ConfigError(f"{path} holds no tender", code="unreadable")
    return found


def _rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Line number and row."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"{path} has no column {missing[0]}", code="unreadable")
            for row in reader:
                if None in row or None in row.values():
                    detail = f"{path}, line {reader.line_num}: not as many values as columns"
                    raise ConfigError(detail, code="unreadable")
                yield reader.line_num, row
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}", code="unreadable") from None


def _case(path: Path, name: str, rows: Sequence[tuple[int, Row]]) -> TenderFile:
    try:
        return msgspec.convert(
            msgspec.to_builtins(_made(name, [row for _, row in rows])), TenderFile
        )
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"{path}, line {rows[0][0]}: {error}", code="unreadable") from None


def _made(name: str, rows: Sequence[Row]) -> TenderFile:
    first = rows[0]
    ceiling, minimum = first["reserve_price_jpy"] or None, first["minimum_price_jpy"] or None
    if len({row["bidder_id"] for row in rows}) != len(rows):
        raise ValueError("a bidder stands twice")
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
        strata=STRATA,
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
    if not all("outcome" in row for row in rows):
        return None
    won = [row for row in rows if row["outcome"] in AWARDED]
    if not won:
        return Answer("failed", None)
    return Answer(AWARDED[won[0]["outcome"]], won[0]["bidder_id"])
