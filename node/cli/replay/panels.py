"""The contests of a CSV of panels as cases to play, and apart from them what was published (I3).

The file is read twice. `read_panels` reads the experts' marks, the factors, and of each entry the
declared facts: elements and deductions. `read_published` gives components, total and rank as they
were published; nobody calls it before the last evidence file is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from node.core.errors import InvalidError
from node.core.records.kinds.draws import Stratum
from node.core.records.kinds.tender import Criterion, Lot, Method
from node.core.rules.ruleset import QUALITY
from node.core.rules.scoring import parse_points
from node.services.actors.tender_file import Bidder, Buyer, Outcome, Source, TenderFile

if TYPE_CHECKING:
    from node.cli.replay.table import Numbered, Row, Table

RULES = "panel"
SPECIALTY = "judging"
EXPERTS: Final = tuple(f"J{number}" for number in range(1, 10))
"""Each column of marks is one seat's sheet: `J3` that of seat 3."""
COLUMNS = ("contest", "entry", "criterion", "factor", *EXPERTS, "element_total", "deductions")
PUBLISHED = ("component_total", "final_score", "rank")
"""Read only to compare; a file without them is carried all the same."""
DAY = "2017-07-01"
"""The file tells no dates; its contests were over by then."""
MAX_MARKS = 500
"""Entries x criteria of one contest: a sheet of so many marks still fits into its record."""
MOST = Decimal("999.99")
STEP = Decimal("0.01")
BUYER = Buyer(id="contest", name="Contest office (赛事组织者)")
SOURCE = Source(
    kind="real",
    licence="CC BY 4.0",
    text="Not procurement: contests of 2016-2017 marked by panels of nine experts, names left out "
    "(repository BuzzFeedNews/figure-skating-scores; ISU protocols)",
)
LATER = Outcome(source="what was published is opened after the last evidence file is written")
ELEMENTS = Criterion(
    id="elements", maximum=str(MOST), objective=True, step=str(STEP), title="客观分 elements"
)
DEDUCTIONS = Criterion(
    deducts=True,
    id="deductions",
    maximum=str(MOST),
    objective=True,
    step=str(STEP),
    title="扣分 deductions",
)
HIGHEST = "10"

Place = tuple[str, str, str]
"""Components, total and rank, as the file spells them."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was published of one contest: each entry's place, or several if its lines differ."""

    places: Mapping[str, frozenset[Place]]


def is_panels(table: Table) -> bool:
    """Is it a file of panels, by its header?"""
    return {"contest", "entry", "criterion"} <= set(table.columns)


def read_panels(table: Table, specialty: str) -> list[TenderFile]:
    """Every contest of the file, by name; its nine experts know `specialty`.

    Raises ConfigError naming the first line that is wrong.
    """
    strata = (Stratum(seats=len(EXPERTS), specialty=specialty),)
    contests = _contests(table)
    return [_case(table, name, contests[name], strata) for name in sorted(contests)]


def read_published(table: Table) -> dict[str, Published | None]:
    """What was published of each contest; None where the file does not tell it."""
    if not set(PUBLISHED) <= set(table.columns):
        return dict.fromkeys(_contests(table))
    return {name: _published(rows) for name, rows in _contests(table).items()}


def _contests(table: Table) -> dict[str, list[Numbered]]:
    return table.groups(COLUMNS, "contest", "contest")


def _case(
    table: Table, name: str, rows: Sequence[Numbered], strata: tuple[Stratum, ...]
) -> TenderFile:
    line = rows[0][0]
    contest = Contest()
    try:
        if not name.strip("."):
            raise InvalidError("contest is no name")
        for number, row in rows:
            line = number
            contest.take(row)
        line = rows[0][0]
        contest.check_whole()
        made = contest.made(name, strata)
        return msgspec.convert(msgspec.to_builtins(made), TenderFile)
    except (InvalidError, msgspec.ValidationError) as error:
        raise table.wrong(line, str(error)) from None


@dataclass(slots=True)
class Contest:
    """One contest while its lines are read: marks by entry and criterion, facts by entry."""

    criteria: dict[str, Criterion] = field(default_factory=dict)
    facts: dict[str, tuple[str, str]] = field(default_factory=dict)
    marks: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)

    def take(self, row: Row) -> None:
        """One criterion of one entry. Raises InvalidError."""
        entry, criterion = row["entry"], _criterion(row)
        known = self.criteria.setdefault(criterion.id, criterion)
        if known.title != criterion.title:
            raise InvalidError(f"criterion {criterion.title[:40]!r} is too like another one")
        if known != criterion:
            raise InvalidError("the factor is not that of the criterion's first line")
        marks = tuple(_points(row, name, Decimal(HIGHEST)) for name in EXPERTS)
        if not any(map(Decimal, marks)):
            raise InvalidError("nobody was there: every mark is 0")
        facts = (_points(row, "element_total", MOST), _points(row, "deductions", MOST, "-"))
        if self.facts.setdefault(entry, facts) != facts:
            raise InvalidError("elements or deductions are not those of the entry's first line")
        if criterion.id in self.marks.setdefault(entry, {}):
            raise InvalidError(f"criterion {row['criterion'][:40]!r} stands twice for this entry")
        self.marks[entry][criterion.id] = marks

    def check_whole(self) -> None:
        """Every entry has every criterion, and no sheet is too long. Raises InvalidError."""
        for entry, marked in self.marks.items():
            if missing := sorted(self.criteria.keys() - marked.keys()):
                raise InvalidError(f"entry {entry[:40]} has no marks for {missing[0]}")
        if len(self.marks) * (len(self.criteria) + 2) > MAX_MARKS:
            raise InvalidError(f"more than {MAX_MARKS} marks on a sheet")

    def made(self, name: str, strata: tuple[Stratum, ...]) -> TenderFile:
        """The contest as its actors are told it."""
        return TenderFile(
            format="yuanping-tender/v1",
            tender=name,
            title=name,
            rules=RULES,
            opened_on=DAY,
            buyer=BUYER,
            source=SOURCE,
            lot=Lot(id="1", method=self._method(name)),
            strata=strata,
            bidders=tuple(Bidder(id=entry, name=entry) for entry in self.marks),
            marks={str(n): self._sheet(n - 1) for n in range(1, len(EXPERTS) + 1)},
            outcome=LATER,
        )

    def _method(self, name: str) -> Method:
        first: Literal["objective", "technical"] = (
            "objective" if name.endswith("-short") else "technical"
        )
        return Method(
            kind=QUALITY,
            criteria=(*self.criteria.values(), ELEMENTS, DEDUCTIONS),
            drop_from=3,
            scale=2,
            tie_breaks=(first,),
            zero_is_absent=True,
        )

    def _sheet(self, seat: int) -> dict[str, dict[str, str]]:
        return {
            entry: {
                **{criterion: marks[seat] for criterion, marks in marked.items()},
                ELEMENTS.id: self.facts[entry][0],
                DEDUCTIONS.id: self.facts[entry][1],
            }
            for entry, marked in self.marks.items()
        }


def _criterion(row: Row) -> Criterion:
    """What a line says of its criterion; the id is made of its title."""
    title = row["criterion"].strip()
    name = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    if name in (ELEMENTS.id, DEDUCTIONS.id) or not name[:1].isalpha():
        raise InvalidError(f"criterion {title[:40]!r} gives no id of its own")
    factor = _points(row, "factor", MOST)
    if not Decimal(factor):
        raise InvalidError("factor is 0")
    return Criterion(
        factor=factor, id=name, maximum=HIGHEST, objective=False, step=str(STEP), title=title
    )


def _points(row: Row, column: str, most: Decimal, sign: str = "") -> str:
    """A number of the file, as it is spelled; with `sign` it may have that, which is left out."""
    text = row[column].removeprefix(sign)
    try:
        points = parse_points(text)
    except InvalidError:
        raise InvalidError(f"{column} {row[column][:40]!r} is no number of points") from None
    if points > most or (Fraction(points) / Fraction(STEP)).denominator != 1:
        raise InvalidError(f"{column} {row[column][:40]!r} is above {most} or finer than {STEP}")
    return text


def _published(rows: Sequence[Numbered]) -> Published | None:
    places: dict[str, set[Place]] = {}
    for entry, place in _places(rows):
        places.setdefault(entry, set()).add(place)
    if not any(any(place) for found in places.values() for place in found):
        return None
    return Published({entry: frozenset(found) for entry, found in places.items()})


def _places(rows: Sequence[Numbered]) -> Iterator[tuple[str, Place]]:
    for _, row in rows:
        components, total, rank = (row[name].strip() for name in PUBLISHED)
        yield row["entry"], (components, total, rank)
