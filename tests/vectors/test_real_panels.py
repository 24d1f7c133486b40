"""58 real contests of nine experts: every published panel score, total and rank comes out.

The rule (README of the data): drop one highest and one lowest of those present, half up to two
decimals, times factor, rounded again; final = elements + components - deductions.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from node.core.rules.money import half_up
from node.core.rules.ranking import Offer, rank
from node.core.rules.scoring import (
    PANEL,
    Criterion,
    criterion_points,
    mean_of,
    parse_points,
    total_of,
)

Row = Mapping[str, str]
Contests = Mapping[str, Mapping[str, list[Row]]]
JUDGES = tuple(f"J{i}" for i in range(1, 10))


@pytest.fixture(scope="module")
def contests(shared_data: Path) -> Contests:
    path = shared_data / "panels.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of real data")
    found: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["contest"]][row["entry"]].append(row)
    return found


def points_of(row: Row) -> Decimal:
    """One criterion of one entry through the same call that scores bids."""
    name, entry = row["criterion"], row["entry"]
    sheets = [{(entry, name): parse_points(row[judge])} for judge in JUDGES]
    criterion = Criterion(name, Decimal(10), Decimal("0.25"), factor=Decimal(row["factor"]))
    return criterion_points(sheets, entry, criterion, PANEL)


def offer_of(contest: str, rows: list[Row]) -> Offer:
    components = total_of(points_of(row) for row in rows)
    elements = parse_points(rows[0]["element_total"])
    deductions = abs(Decimal(rows[0]["deductions"]))
    total = half_up(Fraction(total_of((elements, components))) - Fraction(deductions), 2)
    technical = elements if contest.endswith("-short") else components
    return Offer(rows[0]["entry"], 0, total, technical)


def test_all_panel_scores(contests: Contests) -> None:
    rows = [row for entries in contests.values() for found in entries.values() for row in found]
    assert len(rows) == 3065
    for row in rows:
        marks = [parse_points(row[judge]) for judge in JUDGES]
        assert mean_of(marks, PANEL) == Decimal(row["panel_score"]), row


def test_all_613_totals_and_58_rankings(contests: Contests) -> None:
    entries = 0
    for contest, by_entry in contests.items():
        offers = [offer_of(contest, rows) for rows in by_entry.values()]
        for offer in offers:
            rows = by_entry[offer.bid]
            assert offer.total == Decimal(rows[0]["final_score"])
        ranking = rank("comprehensive-scoring", offers, ("technical",))
        published = {name: int(rows[0]["rank"]) for name, rows in by_entry.items()}
        assert {row.bid: row.rank for row in ranking.rows} == published
        entries += len(offers)
    assert (len(contests), entries) == (58, 613)
