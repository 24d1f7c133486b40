"""Review, sheets, result, award: each guard refuses what it is there for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from node.core.errors import NodeError
from node.core.records.box import Box
from node.core.records.canonical import epoch_of, time_of
from node.core.records.kinds.session import (
    Candidate,
    Finding,
    RejectionVoted,
    ReportSigned,
    ResultConsolidated,
    ScoreSheet,
)
from node.core.rules.award import is_settled
from node.core.rules.opening import release_of
from node.core.rules.result import result_of
from node.core.rules.review import check_scores, rejections
from node.core.rules.state import Phase, TenderState
from tests.world.moments import after, again, before, body, header, moment, place, refusal, unseen
from tests.world.network import HOST
from tests.world.run import Said
from tests.world.session import world

OTHER = "ab" * 32
Case = tuple[Callable[[], Said], str]


def checked(tender: str = "jp", **members: Any) -> Said:  # noqa: ANN401 - members
    """The findings are put to the vote."""
    return body(moment(tender, "review.checked"), **members)


def finding(**members: Any) -> Finding:  # noqa: ANN401 - members
    """The one finding, otherwise."""
    found: Finding = checked().placed.body.findings[0]  # type: ignore[union-attr]
    return structs.replace(found, **members)


def bid_of(bidder: str, tender: str = "jp") -> str:
    """A bidder's bid in force."""
    return next(s.record for s in world(tender).sealed if s.bidder.id == bidder)


def voted(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members
    """One member's votes."""
    return body(moment("jp", "rejection.voted", number), **members)


def submitted(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members
    """One member's sheet in its box."""
    return body(moment("cn", "scores.submitted", number), **members)


def box(**members: Any) -> Box:  # noqa: ANN401 - members
    """The box of the first sheet, otherwise."""
    found: Box = submitted().placed.body.box  # type: ignore[union-attr]
    return structs.replace(found, **members)


def opened(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members
    """A sheet is opened."""
    return body(moment("cn", "sheet.opened", number), **members)


def without_price(said: Said, bid: str) -> Said:
    """The same where an opened bid names no price."""
    packages = dict(said.before.opened)
    packages[bid] = structs.replace(packages[bid], price=None)
    return before(said, opened=packages)


def unreleased(said: Said) -> Said:
    """The same before the last holder has spoken."""
    release = release_of(said.before)
    some = frozenset(release.holders[:-1])
    return place(
        before(said, release=replace(release, done=some), received=0), received=release.received
    )


REVIEW: dict[str, Case] = {
    "findings by another seat than the chair": (
        lambda: header(checked("cn"), author="expert:1"),
        "only the chair",
    ),
    "a finding on a bid that stayed closed": (
        lambda: checked(findings=(finding(bid=bid_of("B105")),)),
        "of opened bids",
    ),
    "two findings on one bid": (
        lambda: checked(findings=(finding(), finding())),
        "one finding a bid",
    ),
    "findings unsorted": (
        lambda: checked(
            findings=tuple(
                finding(bid=bid) for bid in sorted((bid_of("B104"), bid_of("B101")), reverse=True)
            )
        ),
        "sorted",
    ),
    "another clause": (lambda: checked(findings=(finding(clause="x"),)), "the clause of"),
    "a price put to the vote": (
        lambda: checked(findings=(finding(ground="above-ceiling"),)),
        "nobody votes on it",
    ),
    "a finding on a bid that its price rejects": (
        lambda: checked(findings=(finding(bid=bid_of("B103")),)),
        "the price rejects this bid already",
    ),
    "a bid without a price is passed over": (
        lambda: without_price(checked(), bid_of("B101")),
        "without a price needs a finding",
    ),
    "a member votes twice": (lambda: again(voted(), after(voted())), "this seat has voted"),
    "no vote on a finding": (lambda: voted(votes=()), "on every finding"),
    "votes on another bid": (
        lambda: voted(
            votes=(structs.replace(votes()[0], bid=OTHER),),
        ),
        "on every finding",
    ),
    "two sheets of one seat": (
        lambda: again(submitted(), after(submitted())),
        "this seat's sheet is in",
    ),
    "a sheet for other holders": (
        lambda: submitted(box=box(holders=("changsha", "hunan", HOST))),
        "not for the holders",
    ),
    "a sheet with another threshold": (lambda: submitted(box=box(t=3)), "not for the holders"),
    "a sheet before the shares are there": (
        lambda: unreleased(opened()),
        "not all holders have released",
    ),
    "a sheet twice": (lambda: again(opened(), after(opened())), "waits to be opened"),
    "no such sheet": (lambda: opened(sheet=OTHER), "waits to be opened"),
    "another key of a sheet": (lambda: opened(key=OTHER), "not what the box holds"),
}


def votes() -> Any:  # noqa: ANN401 - votes
    """The first member's votes."""
    return voted().placed.body.votes  # type: ignore[union-attr]


@pytest.mark.parametrize("name", REVIEW)
def test_review(name: str) -> None:
    make, words = REVIEW[name]
    assert words in refusal(make())


def test_a_bid_without_a_price_goes_on_with_its_finding() -> None:
    bids = sorted((bid_of("B104"), bid_of("B101")))
    found = tuple(finding(bid=bid, ground="disqualified") for bid in bids)
    assert after(without_price(checked(findings=found), bid_of("B101"))).phase is Phase.VOTING


def test_every_seat_votes_submits_and_is_opened_before_it_goes_on() -> None:
    assert after(voted(-2)).phase is Phase.VOTING
    assert after(voted(-1)).phase is Phase.RANKING
    assert after(submitted(-2)).phase is Phase.SCORING
    assert after(submitted(-1)).phase is Phase.REVEALING
    assert after(opened(-2)).phase is Phase.REVEALING
    assert after(opened(-1)).phase is Phase.RANKING


def test_more_than_half_of_all_members_reject() -> None:
    """Two of five for it are too few, three are enough; who is against does not reject."""
    state = voted(-1).before
    for number in range(6):
        ballots = {
            str(seat): RejectionVoted(
                salt=OTHER, votes=(structs.replace(votes()[0], reject=seat <= number),)
            )
            for seat in range(1, 6)
        }
        review = replace(state.review, votes=ballots)
        out = rejections(replace(state, review=review))
        assert out is not None
        assert (bid_of("B104") in out) == (number >= 3)
        if number >= 3:
            rejected = out[bid_of("B104")]
            assert (rejected.votes, rejected.against) == (number, 5 - number)


def test_where_all_bids_are_rejected_nobody_scores() -> None:
    said = moment("cn", "rejection.voted", -1)
    dear = {
        bid: structs.replace(package, price="9000000.00")
        for bid, package in said.before.opened.items()
    }
    assert after(before(said, opened=dear)).phase is Phase.RANKING
    assert after(said).phase is Phase.SCORING


# --- sheets -------------------------------------------------------------------------------------


def sheet(**members: Any) -> ScoreSheet:  # noqa: ANN401 - members
    """The first sheet, otherwise."""
    found: ScoreSheet = opened().placed.body.package  # type: ignore[union-attr]
    return structs.replace(found, **members)


def scored_rejected() -> ScoreSheet:
    """A sheet with marks for the bid that its price rejects."""
    bid, scores = bid_of("H04", "cn"), sheet().scores
    more = tuple(structs.replace(s, bid=bid) for s in scores[:3])
    return sheet(scores=tuple(sorted((*scores, *more), key=lambda s: (s.bid, s.criterion))))


SHEETS: dict[str, tuple[Callable[[], ScoreSheet], str]] = {
    "of another seat": (lambda: sheet(key=OTHER), "another seat"),
    "of another tender": (lambda: sheet(stream=OTHER), "another seat"),
    "of another lot": (lambda: sheet(lot="2"), "another seat"),
    "unsorted": (lambda: sheet(scores=sheet().scores[::-1]), "sorted"),
    "with a mark twice": (lambda: sheet(scores=(sheet().scores[0], *sheet().scores)), "once each"),
    "with a mark missing": (lambda: sheet(scores=sheet().scores[1:]), "is missing"),
    "with a bid that is rejected": (scored_rejected, "was not asked for"),
    "with a mark out of range": (
        lambda: sheet(
            scores=(structs.replace(sheet().scores[0], points="40.5"), *sheet().scores[1:])
        ),
        "is out of",
    ),
}


@pytest.mark.parametrize("name", SHEETS)
def test_sheet(name: str) -> None:
    make, words = SHEETS[name]
    state, key = opened().before, sheet().key
    check_scores(state, sheet(), key)
    with pytest.raises(NodeError, match=words):
        check_scores(state, make(), key)


def test_an_opened_sheet_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seat boxed it as it is: only the check of its content refuses it."""
    wrong = sheet(scores=sheet().scores[1:])
    monkeypatch.setattr("node.core.rules.review.check_opened", lambda *_: None)
    assert "is missing" in refusal(opened(package=wrong))


# --- result and report --------------------------------------------------------------------------


def result(tender: str = "jp", **members: Any) -> Said:  # noqa: ANN401 - members
    """The result."""
    return body(moment(tender, "result.consolidated"), **members)


def stated(tender: str = "jp") -> ResultConsolidated:
    """What it says."""
    found = result(tender).placed.body
    assert isinstance(found, ResultConsolidated)
    return found


def swapped(tender: str) -> dict[str, Any]:
    """Second before first, and the winner with it."""
    first, second, *rest = stated(tender).ranking
    ranking = (structs.replace(second, rank=1), structs.replace(first, rank=2), *rest)
    return {"ranking": ranking, "winner": second.bid}


def rejected(tender: str = "jp", **members: Any) -> Any:  # noqa: ANN401 - rows
    """The rejections, the one that was voted otherwise."""
    return tuple(
        structs.replace(row, **members) if row.votes else row for row in stated(tender).rejected
    )


def report(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members
    """One member signs."""
    return body(moment("cn", "report.signed", number), **members)


RESULT: dict[str, Case] = {
    "another winner": (lambda: result(**swapped("jp")), "not the result"),
    "a rejection less": (lambda: result(rejected=stated().rejected[1:]), "not the result"),
    "another count of votes": (lambda: result(rejected=rejected(votes=5)), "not the result"),
    "another price": (
        lambda: result(
            ranking=(structs.replace(stated().ranking[0], price="1"), *stated().ranking[1:])
        ),
        "not the result",
    ),
    "a lot that was not": (lambda: result(outcome="awarded_by_lot"), "not the result"),
    "a tie that was not": (lambda: result(tied=(bid_of("B101"),)), "not the result"),
    "a tie without a lot": (
        lambda: before(result("jp-tie"), lot_seed=""),
        "a lot must be drawn first",
    ),
    "the loser of the lot": (lambda: result("jp-tie", **swapped("jp-tie")), "not the result"),
    "the result while sheets are awaited": (
        lambda: again(result("cn"), moment("cn", "scores.submitted").before),
        "still awaited",
    ),
    "an empty result while sheets are awaited": (
        lambda: body(again(result("cn"), moment("cn", "scores.submitted").before), ranking=()),
        "still awaited",
    ),
    "a report twice": (lambda: again(report(), after(report())), "has signed"),
    "a report on another result": (lambda: report(result=OTHER), "another result"),
    "dissent without a reason": (
        lambda: report(opinion="dissent", reason=None),
        "gives its reason",
    ),
    "a reason without dissent": (lambda: report(reason="x"), "gives its reason"),
    "the session ends on another result": (
        lambda: body(moment("jp", "session.closed"), result=OTHER),
        "another result",
    ),
}


@pytest.mark.parametrize("name", RESULT)
def test_result(name: str) -> None:
    make, words = RESULT[name]
    assert words in refusal(make())


def test_the_report_is_signed_when_everybody_has() -> None:
    assert after(report(-2)).phase is Phase.SIGNING
    assert after(report(-1)).phase is Phase.SIGNED
    assert isinstance(report().placed.body, ReportSigned)


def with_valid(state: TenderState, wanted: int, too_few: str) -> TenderState:
    """The state under rules that want so many valid bids."""
    rules = state.rules
    bids = structs.replace(
        rules.bids,
        minimum_valid=structs.replace(rules.bids.minimum_valid, value=wanted),
        too_few_valid=too_few,
    )
    return replace(state, rules=structs.replace(rules, bids=bids))


def test_too_few_valid_bids_fail_where_they_must_and_only_there() -> None:
    state = result("cn").before
    for wanted, too_few, outcome in (
        (3, "must-fail", "awarded"),
        (4, "must-fail", "failed"),
        (4, "may-fail", "awarded"),
    ):
        found = result_of(with_valid(state, wanted, too_few))
        assert found is not None
        assert found.outcome == outcome, (wanted, too_few)
    nobody = result_of(result("jp-none").before)
    assert nobody is not None
    assert (nobody.outcome, nobody.winner) == ("failed", None)
    lot = result_of(result("jp-tie").before)
    assert lot is not None
    assert lot.outcome == "awarded_by_lot"


# --- what a reader without votes and sheets can still judge ---------------------------------------


def blind(tender: str = "jp", **members: Any) -> Said:  # noqa: ANN401 - members
    """The result as such a reader folds it."""
    return body(unseen(tender, "result.consolidated"), **members)


def ranked_as(row: int, tender: str = "jp", **members: Any) -> Any:  # noqa: ANN401 - rows
    """The ranking, one row otherwise."""
    rows = list(stated(tender).ranking)
    rows[row] = structs.replace(rows[row], **members)
    return tuple(rows)


BLIND: dict[str, Case] = {
    "a bid is lost": (
        lambda: blind("cn", ranking=stated("cn").ranking[:-1]),
        "ranked or rejected, once",
    ),
    "a bid is ranked and rejected": (
        lambda: blind(ranking=(*stated().ranking, stated().ranking[0])),
        "ranked or rejected, once",
    ),
    "another price": (lambda: blind("cn", ranking=ranked_as(0, "cn", price="1.00")), "opened one"),
    "another order": (
        lambda: blind("cn", ranking=stated("cn").ranking[::-1]),
        "the order of its own numbers",
    ),
    "another order by price": (lambda: blind(**swapped("jp")), "the order of its own numbers"),
    "points are missing": (lambda: blind("cn", ranking=ranked_as(0, "cn", total=None)), "points"),
    "another winner": (
        lambda: blind(winner=stated().ranking[1].bid),
        "winner or tie",
    ),
    "no winner": (lambda: blind(winner=None, outcome="failed"), "winner or tie"),
    "a tie that is hidden": (lambda: blind("jp-tie", tied=()), "winner or tie"),
    "half of the votes": (
        lambda: blind(rejected=rejected(votes=2, against=3)),
        "its clause or its majority",
    ),
    "another clause": (lambda: blind(rejected=rejected(clause="x")), "its clause"),
    "a dear bid is let in": (
        lambda: blind(
            rejected=tuple(r for r in stated().rejected if r.bid != bid_of("B103")),
        ),
        "their price rejects",
    ),
    "a good bid is too dear": (
        lambda: blind(
            ranking=stated().ranking[1:],
            rejected=tuple(
                sorted(
                    (
                        *stated().rejected,
                        structs.replace(
                            next(r for r in stated().rejected if not r.votes),
                            bid=stated().ranking[0].bid,
                        ),
                    ),
                    key=lambda r: r.bid,
                )
            ),
        ),
        "their price rejects",
    ),
}


@pytest.mark.parametrize("name", BLIND)
def test_blind(name: str) -> None:
    make, words = BLIND[name]
    assert words in refusal(make())


@pytest.mark.parametrize("tender", ["jp", "jp-tie", "jp-none", "cn"])
def test_who_sees_no_votes_accepts_the_honest_result(tender: str) -> None:
    assert after(blind(tender)).phase is Phase.SIGNING


# --- award --------------------------------------------------------------------------------------


def published(**members: Any) -> Said:  # noqa: ANN401 - members
    """The candidates."""
    return body(moment("cn", "candidates.published"), **members)


def until(said: Said) -> int:
    """Until when objections may be filed."""
    return epoch_of(said.placed.body.objections_until)  # type: ignore[union-attr]


def objected() -> Said:
    """The end of the days for objections."""
    return moment("cn", "term.expired", -1)


def notice(**members: Any) -> Said:  # noqa: ANN401 - members
    """The notice of award."""
    return body(moment("cn", "award.noticed"), **members)


def second(tender: str = "cn") -> str:
    """The bid of rank 2."""
    return stated(tender).ranking[1].bid


def second_notice() -> Said:
    """A notice for rank 2, at its own price."""
    price = stated("cn").ranking[1].price
    return notice(bid=second(), price=price)


AWARD: dict[str, Case] = {
    "no candidates": (lambda: published(candidates=()), "not the candidates"),
    "other candidates": (
        lambda: published(candidates=candidates()[::-1]),
        "not the candidates",
    ),
    "a candidate too few": (lambda: published(candidates=candidates()[:1]), "not the candidates"),
    "publicity a second short": (
        lambda: published(objections_until=time_of(until(published()) - 1)),
        "days for objections",
    ),
    "objections end a second early": (
        lambda: place(before(objected(), received=0), received=until(published()) - 1),
        "may still be filed",
    ),
    "the award to rank 2": (
        lambda: body(moment("cn", "award.decided"), bid=second()),
        "rank 1 wins",
    ),
    "the notice at another price": (lambda: notice(price="1.00"), "not those decided"),
    "the notice for rank 2": (second_notice, "not those decided"),
}


def candidates() -> Any:  # noqa: ANN401 - candidates
    """The candidates themselves."""
    return published().placed.body.candidates  # type: ignore[union-attr]


@pytest.mark.parametrize("name", AWARD)
def test_award(name: str) -> None:
    make, words = AWARD[name]
    assert words in refusal(make())


def test_candidates_are_the_first_of_the_ranking_as_many_as_the_rule_set_allows() -> None:
    rules = published().before.rules
    limit = structs.replace(rules.evaluation.candidates_max, value=2)
    two = structs.replace(rules, evaluation=structs.replace(rules.evaluation, candidates_max=limit))
    first = tuple(Candidate(bid=r.bid, rank=r.rank) for r in stated("cn").ranking[:2])
    assert after(before(published(candidates=first), rules=two)).phase is Phase.PUBLICITY
    assert "not the candidates" in refusal(before(published(), rules=two))


def test_publicity_counts_from_the_day_it_is_published() -> None:
    """A day later the same end is a day too early."""
    said = published()
    later = place(said, received=said.placed.received + 86_400)
    assert "days for objections" in refusal(later)
    assert after(place(objected(), received=until(said))).phase is Phase.AWARDING
    assert after(moment("jp", "candidates.published")).phase is Phase.AWARDING


def test_settled_when_every_seated_pool_has_opened_its_links() -> None:
    last = moment("cn", "draw.disclosed", -1)
    assert not is_settled(last.before)
    assert is_settled(after(last))
    assert is_settled(world("jp-none").state)
    assert not is_settled(notice().before)
