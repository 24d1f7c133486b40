"""891 real tenders decided by the rules alone must end as the city ended them.

Only the rule's inputs are read first (limits, prices, findings of fact as interfaces.md I3 defines
them); the city's answer is opened after everything is decided.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from node.core.rules.ranking import Offer, Ranking, by_lot, rank
from node.core.rules.rejection import Limits, computed_ground
from node.core.rules.ruleset import builtin_digest, builtin_rulesets

Row = Mapping[str, str]
Tenders = Mapping[str, list[Row]]
RULES = builtin_rulesets()[builtin_digest("jp-tsuchiura")]


@pytest.fixture(scope="module")
def tenders(shared_data: Path) -> Tenders:
    path = shared_data / "tsuchiura_2007_2011.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of real data")
    found: dict[str, list[Row]] = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found[row["tender_id"]].append(row)
    return found


def bid_id(row: Row) -> str:
    """A stand-in for the bid's record id."""
    return sha256(f"{row['tender_id']} {row['bidder_id']}".encode()).hexdigest()


def yen(text: str) -> int | None:
    return int(text) if text else None


def price_rejects(row: Row) -> bool:
    limits = Limits(yen(row["reserve_price_jpy"]), yen(row["minimum_price_jpy"]))
    return computed_ground(yen(row["bid_price_jpy"]), limits) is not None


def is_finding(row: Row) -> bool:
    return row["outcome"] == "rejected" and not price_rejects(row)


def has_no_price(row: Row) -> bool:
    return not row["bid_price_jpy"]


def decide(rows: Iterable[Row], found: Callable[[Row], bool]) -> Ranking:
    """Computed grounds, then findings of fact, then the ranking."""
    left = [row for row in rows if not price_rejects(row) and not found(row)]
    offers = [Offer(bid_id(row), int(row["bid_price_jpy"])) for row in left]
    return rank("lowest-price", offers, RULES.method("lowest-price").tie_breaks)


def agrees(rows: Iterable[Row], ranking: Ranking) -> bool:
    """Interfaces I3: the same winner, or both by lot and the city's winner among the tied."""
    (won,) = (row for row in rows if row["outcome"].startswith("won"))
    if won["outcome"] == "won_by_lot":
        return bid_id(won) in ranking.tied
    return ranking.groups[:1] == ((bid_id(won),),)


def test_the_file_is_the_one_we_speak_of(tenders: Tenders) -> None:
    rows = [row for found in tenders.values() for row in found]
    rejected = [row for row in rows if row["outcome"] == "rejected"]
    assert (len(tenders), len(rows), len(rejected)) == (891, 3802, 138)
    assert sum(map(is_finding, rows)) == 29
    assert sum(map(has_no_price, rows)) == 21
    assert all(is_finding(row) for row in rows if has_no_price(row))


def test_every_tender_ends_as_the_city_ended_it(tenders: Tenders) -> None:
    decided = {name: decide(rows, is_finding) for name, rows in tenders.items()}
    by_lots = [ranking for ranking in decided.values() if ranking.tied]
    assert [name for name, rows in tenders.items() if not agrees(rows, decided[name])] == []
    assert len(by_lots) == 4
    for ranking in by_lots:
        winners = {by_lot(sha256(b"%d" % i).digest(), ranking.tied)[0] for i in range(64)}
        assert winners == set(ranking.tied)  # every one of the tied can win the lot


def test_price_alone_decides_883_and_findings_the_other_8(tenders: Tenders) -> None:
    alone = {name: decide(rows, has_no_price) for name, rows in tenders.items()}
    other = [name for name, rows in tenders.items() if not agrees(rows, alone[name])]
    assert len(tenders) - len(other) == 883
    assert all(any(map(is_finding, tenders[name])) for name in other)


def test_the_test_can_fail(tenders: Tenders) -> None:
    """Swapping the answers of winner and one loser makes every such tender disagree."""
    swap = {"won": "lost", "lost": "won"}
    for rows in list(tenders.values())[:100]:
        lost = next((row for row in rows if row["outcome"] == "lost"), None)
        won = next((row for row in rows if row["outcome"] == "won"), None)
        if lost is None or won is None:
            continue
        swapped = [
            {**row, "outcome": swap[row["outcome"]]} if row in (lost, won) else row for row in rows
        ]
        assert not agrees(swapped, decide(swapped, is_finding))
