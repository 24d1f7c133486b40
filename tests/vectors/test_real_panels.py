"""58 real contests of nine experts: every published panel score, total and rank comes out.

The contests are read as a replay reads them; marks go through the calls that score bids, and
through the recount, which shares no code with them. What was published is opened at the end.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from msgspec import structs

from node.cli.replay.cases import read_answers, read_cases
from node.cli.replay.panels import EXPERTS, Published
from node.cli.replay.prove import is_as_published
from node.cli.replay.table import Table, read_table
from node.core.evidence.recount import _parts
from node.core.records.kinds.session import Score, ScoreSheet
from node.core.rules.quality import QualityScore, score_quality
from node.core.rules.ranking import Offer, rank
from node.core.rules.review import marks_of
from node.core.rules.ruleset import builtin_digest, builtin_rulesets
from node.core.rules.scoring import (
    PANEL,
    Aggregation,
    mean_of,
    parse_points,
)
from node.core.rules.tender import criteria_of, tie_breaks_of
from node.services.actors.tender_file import TenderFile

RULES = builtin_rulesets()[builtin_digest("panel")]


@pytest.fixture(scope="module")
def table(shared_data: Path) -> Table:
    path = shared_data / "panels.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of real data")
    return read_table(path)


@pytest.fixture(scope="module")
def cases(table: Table) -> list[TenderFile]:
    return read_cases(table)


@pytest.fixture(scope="module")
def published(table: Table) -> dict[str, Published]:
    found = read_answers(table)
    return {name: one for name, one in found.items() if isinstance(one, Published)}


def sheets_of(case: TenderFile) -> list[ScoreSheet]:
    """The nine sheets; an entry's name stands for its bid."""
    return [
        ScoreSheet(
            key="0" * 64,
            lot="1",
            scores=tuple(
                Score(bid=entry, criterion=name, points=points)
                for entry, marked in case.marks[str(seat)].items()
                for name, points in marked.items()
            ),
            stream="0" * 64,
        )
        for seat in range(1, len(EXPERTS) + 1)
    ]


def scores_of(case: TenderFile) -> dict[str, QualityScore]:
    method, entries = case.lot.method, [one.id for one in case.bidders]
    how = Aggregation(method.scale, method.drop_from, method.zero_is_absent)
    assert how == PANEL
    sheets = [marks_of(sheet) for sheet in sheets_of(case)]
    return score_quality(sheets, criteria_of(method), how, entries)


def ranking_of(case: TenderFile) -> Iterator[dict[str, object]]:
    """The ranking as a line of the replay tells it."""
    scores, method = scores_of(case), case.lot.method
    offers = [Offer(e, 0, s.total, s.technical, s.objective) for e, s in scores.items()]
    for row in rank(method.kind, offers, tie_breaks_of(RULES, method)).rows:
        components, total = str(scores[row.bid].technical), str(scores[row.bid].total)
        yield {"bidder": row.bid, "components": components, "total": total, "rank": row.rank}


def test_all_panel_scores(table: Table) -> None:
    with table.path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3065
    for row in rows:
        marks = [parse_points(row[judge]) for judge in EXPERTS]
        assert mean_of(marks, PANEL) == Decimal(row["panel_score"]), row


def test_all_613_totals_and_58_rankings(
    cases: list[TenderFile], published: dict[str, Published]
) -> None:
    assert (len(cases), sum(len(case.bidders) for case in cases)) == (58, 613)
    for case in cases:
        assert is_as_published(list(ranking_of(case)), published[case.tender]), case.tender


def test_recount_gives_the_same_numbers(cases: list[TenderFile]) -> None:
    for case in cases:
        scores, sheets = scores_of(case), sheets_of(case)
        for entry, score in scores.items():
            found = (score.technical, score.objective, score.deducted)
            assert _parts(case.lot.method, sheets, entry) == tuple(map(Fraction, found))


def test_a_mark_a_fact_or_a_deduction_more_moves_the_agreement(
    cases: list[TenderFile], published: dict[str, Published]
) -> None:
    """The test can fail: one number of one entry of each contest is changed on all sheets."""
    for number, case in enumerate(cases):
        name = ("elements", "deductions", case.lot.method.criteria[0].id)[number % 3]
        entry = case.bidders[0].id
        marks = {
            seat: sheet | {entry: sheet[entry] | {name: _more(sheet[entry][name])}}
            for seat, sheet in case.marks.items()
        }
        changed = structs.replace(case, marks=marks)
        assert not is_as_published(list(ranking_of(changed)), published[case.tender])


def _more(points: str) -> str:
    return str(Decimal(points) / 2 if Decimal(points) > 5 else Decimal(points) + 1)
