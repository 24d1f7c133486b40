"""A ranking by quality alone, forged: marks, order, facts. Rules and recount both see it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec import structs

from node.core.evidence import recount
from node.core.evidence.verify import verify
from node.core.records.kinds.session import ResultConsolidated, SheetOpened
from node.core.rules import result
from node.core.rules.state import with_review
from tests.attacks import forgeries
from tests.attacks.forgeries import Stating, alone, evidence_of, forged
from tests.attacks.test_forgeries import check_refused_at, found
from tests.attacks.test_planted_bugs import nothing
from tests.world.session import Whole, world


class OtherOrder(Stating):
    """E02 and E03, whose totals are equal, in each other's places."""

    def result_body(self) -> ResultConsolidated:
        honest = super().result_body()
        first, second, third, *rest = honest.ranking
        turned = (structs.replace(third, rank=2), structs.replace(second, rank=3))
        return structs.replace(honest, ranking=(first, *turned, *rest))


class BetterMarks(Stating):
    """The last two on one rank are parted: one has half a point more than its marks give."""

    def result_body(self) -> ResultConsolidated:
        honest = super().result_body()
        *rest, fourth, fifth = honest.ranking
        better = structs.replace(fourth, quality="13.08", total="33.08")
        return structs.replace(honest, ranking=(*rest, better, structs.replace(fifth, rank=5)))


class NoDeduction(Stating):
    """What is to be deducted is left out."""

    def result_body(self) -> ResultConsolidated:
        honest = super().result_body()
        first, *rest = honest.ranking
        spared = structs.replace(first, deducted="0.00", total="55.98")
        return structs.replace(honest, ranking=(spared, *rest))


class DifferingFact(Stating):
    """Seat 3 gives E02 other elements; the host states what the eight others give."""

    def values(self, number: int, seat: int) -> dict[str, str]:
        honest = super().values(number, seat)
        return honest | ({"elements": "35.00"} if (number, seat) == (2, 3) else {})

    def result_body(self) -> ResultConsolidated:
        differing, eight = self.state, dict(self.state.review.sheets)
        eight.pop("3")
        self.state = with_review(differing, sheets=eight)
        body = super().result_body()
        self.state = differing
        return body


class Traded(forgeries.SwappedSheet):
    """The host trades two entries' marks while it opens a sheet."""

    def opened_sheet(self, sheet: str) -> SheetOpened:
        honest = Whole.opened_sheet(self, sheet)
        scores = list(honest.package.scores)
        one = next(n for n, score in enumerate(scores) if score.criterion == "skill")
        other = next(
            n
            for n, score in enumerate(scores)
            if score.criterion == "skill" and score.points != scores[one].points
        )
        scores[one], scores[other] = (
            structs.replace(scores[one], points=scores[other].points),
            structs.replace(scores[other], points=scores[one].points),
        )
        package = structs.replace(honest.package, scores=tuple(scores))
        return structs.replace(honest, package=package)


FALSE_RESULTS = [OtherOrder, BetterMarks, NoDeduction, DifferingFact]


@pytest.mark.parametrize(
    ("kind", "where"),
    [*((kind, "result.consolidated/v1") for kind in FALSE_RESULTS), (Traded, "sheet.opened/v1")],
)
def test_rules_refuse_it_though_everybody_signed_along(kind: type[Whole], where: str) -> None:
    check_refused_at(forged(kind, "panel"), where)


@pytest.mark.parametrize("kind", FALSE_RESULTS)
def test_recount_finds_it_where_the_rules_are_blind(
    kind: type[Whole], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = forged(kind, "panel")
    data, trust = evidence_of(made), made.net.trust()
    monkeypatch.setattr(result, "result_of", nothing)
    monkeypatch.setattr(result, "_check_consistent", nothing)
    assert found(verify(data, trust)) == (1, 7, "result")
    monkeypatch.setattr(recount, "_check_result", nothing)
    assert found(verify(data, trust)) == (0, 0, "")


@pytest.mark.parametrize("kind", [OtherOrder, BetterMarks, NoDeduction])
def test_host_alone_is_given_away_by_its_partners(kind: type[Whole]) -> None:
    made = forged(kind, "panel")
    verdict = verify(alone(made, world("panel")), made.net.trust())
    assert found(verdict) == (1, 3, "endorsement-differs")


def test_the_forgeries_differ_from_the_honest_contest_in_one_thing_only() -> None:
    """The honest one, made by the same class of host, is proven."""
    make: Callable[[], Whole] = Stating(world("panel").script).run
    made = make()
    assert found(verify(evidence_of(made), made.net.trust())) == (0, 0, "")
