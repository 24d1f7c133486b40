"""The review: findings put to the vote, votes, and score sheets in boxes until all are in.

Source: TBL art. 40, TBR art. 49-51 (only criteria of the tender documents; grounds of rejection),
protocol.md section 5 (sheets are boxes). Grounds that the price explains are computed, never
voted on; every seat votes even where nothing was found, so that silence means nothing.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from node.core.errors import RuleError
from node.core.records.box import BoxContext
from node.core.records.canonical import encode
from node.core.rules import quality, scoring
from node.core.rules.bid import check_box
from node.core.rules.change import put, replace
from node.core.rules.money import parse_money
from node.core.rules.opening import Proof, check_opened, is_released
from node.core.rules.rejection import check_finding, computed_ground, decided
from node.core.rules.seating import seat_of
from node.core.rules.state import Phase, Release, Sheet, with_review
from node.core.rules.tender import criteria_of, is_priced, is_scored, limits_of, price_rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from node.core.records.kinds.session import (
        Finding,
        RejectionVoted,
        ReviewChecked,
        ScoreSheet,
        ScoresSubmitted,
        SheetOpened,
    )
    from node.core.rules.state import Placed, TenderState

SHEETS = "protocol 5"


@dataclass(frozen=True, slots=True)
class Rejected:
    """Why a bid is out: ground, clause and the count of votes (none where it is computed)."""

    ground: str
    clause: str
    votes: int = 0
    against: int = 0


def price_of(state: TenderState, bid: str) -> int | None:
    """An opened bid's price in minor units, or None if it names none."""
    price = state.opened[bid].price
    return None if price is None else parse_money(price, state.terms.scale)


def lacks_price(state: TenderState, bid: str) -> bool:
    """Does an opened bid name no price where the method needs one?"""
    return is_priced(state.lot.method) and price_of(state, bid) is None


def computed_rejections(state: TenderState) -> dict[str, Rejected]:
    """The bids that their price rejects."""
    limits = limits_of(state.lot, state.terms.scale)
    found = {}
    for bid in state.opened:
        ground = computed_ground(price_of(state, bid), limits)
        if ground is not None:
            article = state.rules.article(state.rules.ground(ground).article)
            found[bid] = Rejected(ground, article.cite)
    return found


def review_checked(state: TenderState, placed: Placed, body: ReviewChecked | None) -> TenderState:
    """The chair puts the findings to the vote: facts only, one a bid, sorted by bid."""
    if seat_of(state, placed).seat != state.chair:
        raise RuleError("only the chair puts findings to the vote")
    if body is not None:
        _check_findings(state, body)
    findings = None if body is None else body.findings
    return replace(with_review(state, findings=findings), phase=Phase.VOTING)


def _check_findings(state: TenderState, body: ReviewChecked) -> None:
    bids = [finding.bid for finding in body.findings]
    if bids != sorted(set(bids)) or not set(bids) <= state.opened.keys():
        raise RuleError("one finding a bid, of opened bids, sorted")
    computed = computed_rejections(state)
    for finding in body.findings:
        ground = check_finding(finding.ground, state.rules)
        article = state.rules.article(ground.article)
        if finding.clause != article.cite:
            raise RuleError(f"the clause of {finding.ground} is {article.cite}")
        if finding.bid in computed:
            raise RuleError("the price rejects this bid already")
    noted = {finding.bid for finding in body.findings}
    for bid in state.opened:
        if lacks_price(state, bid) and bid not in noted:
            raise RuleError("a bid without a price needs a finding")


def rejection_voted(state: TenderState, placed: Placed, body: RejectionVoted | None) -> TenderState:
    """One member's votes on all findings, once."""
    seat = seat_of(state, placed).seat
    if seat in state.review.votes:
        raise RuleError("this seat has voted")
    findings = state.review.findings
    if None not in (body, findings) and not _matches(body, findings):
        raise RuleError("a member votes on every finding, in order")
    votes = put(state.review.votes, seat, body)
    voted = with_review(state, votes=votes, last=placed.id)
    if len(votes) < len(state.seats):
        return voted
    scored = is_scored(state.lot.method) and has_valid(voted)
    return replace(voted, phase=Phase.SCORING if scored else Phase.RANKING)


def _matches(body: RejectionVoted | None, findings: tuple[Finding, ...] | None) -> bool:
    votes = body.votes if body else ()
    return [vote.bid for vote in votes] == [finding.bid for finding in findings or ()]


def has_valid(state: TenderState) -> bool:
    """Is a bid left to be scored? Where votes are unseen, the records that follow show it."""
    rejected = rejections(state)
    return rejected is None or bool(set(state.opened) - set(rejected))


def may_be_scored(state: TenderState) -> bool:
    """Can a sheet still come? Not for a reader who sees no votes, once the result stands."""
    return rejections(state) is not None or bool(state.review.sheets)


def rejections(state: TenderState) -> dict[str, Rejected] | None:
    """All rejected bids with their grounds; None if this reader may not see the votes."""
    if any(vote is None for vote in state.review.votes.values()):
        return None
    found = computed_rejections(state)
    for position, finding in enumerate(state.review.findings or ()):
        ballots = Counter(
            vote.votes[position].reject for vote in state.review.votes.values() if vote is not None
        )
        if decided(ballots[True], ballots[False], len(state.seats)):
            found[finding.bid] = Rejected(
                finding.ground, finding.clause, ballots[True], ballots[False]
            )
    return found


def scores_submitted(state: TenderState, placed: Placed, body: ScoresSubmitted) -> TenderState:
    """One member's sheet in its box; the last one releases all of them."""
    seat = seat_of(state, placed).seat
    if state.committee is None or seat in state.review.sheets:
        raise RuleError("this seat's sheet is in", article=SHEETS)
    check_box(body.box, state.committee)
    sheets = put(state.review.sheets, seat, Sheet(placed.id, body.box))
    submitted = with_review(state, sheets=sheets, last=placed.id)
    if len(sheets) < len(state.seats):
        return submitted
    boxes = {sheet.id: sheet.box for sheet in sheets.values()}
    formed = state.committee
    release = Release(placed.id, placed.received, formed.holders, formed.threshold, boxes)
    return replace(submitted, phase=Phase.REVEALING, release=release)


def sheet_context(state: TenderState, key: str) -> BoxContext:
    """The context a sheet's box is bound to: the seat's key."""
    return BoxContext(key=key, lot=state.lot.id, purpose="sheet", stream=state.stream)


def sheet_opened(state: TenderState, placed: Placed, body: SheetOpened | None) -> TenderState:
    """Open one sheet after the common release: complete, in range, as it lay in its box."""
    if not is_released(state, placed.received):
        raise RuleError("not all holders have released their shares yet", article=SHEETS)
    review = state.review
    if body is None:
        opened = review.sheets_opened | {f"unseen-{len(review.sheets_opened)}"}
        return _after_sheet(with_review(state, sheets_opened=opened, last=placed.id))
    seat = next((s for s, sheet in review.sheets.items() if sheet.id == body.sheet), None)
    if seat is None or body.sheet in review.sheets_opened:
        raise RuleError("no sheet that waits to be opened", article=SHEETS)
    key = state.seats[seat].key
    sheet = review.sheets[seat]
    proof = Proof(body.ciphertext, body.key)
    check_opened(
        state, (sheet.id, sheet.box), proof, encode(body.package), sheet_context(state, key)
    )
    check_scores(state, body.package, key)
    sheets = put(review.sheets, seat, replace(sheet, package=body.package))
    opened = review.sheets_opened | {body.sheet}
    return _after_sheet(with_review(state, sheets=sheets, sheets_opened=opened, last=placed.id))


def _after_sheet(state: TenderState) -> TenderState:
    complete = len(state.review.sheets_opened) == len(state.seats)
    return replace(state, phase=Phase.RANKING) if complete else state


def check_scores(state: TenderState, package: ScoreSheet, key: str) -> None:
    """Accept only a complete sheet of this seat, stream and lot, every mark in range."""
    if (package.stream, package.lot, package.key) != (state.stream, state.lot.id, key):
        raise RuleError("the sheet was made for another seat", article=SHEETS)
    cells = [(score.bid, score.criterion) for score in package.scores]
    if cells != sorted(set(cells)):
        raise RuleError("scores stand sorted by bid, then criterion, once each", article=SHEETS)
    rejected = rejections(state) or {}
    scoring.check_sheet(
        marks_of(package), criteria_of(state.lot.method), set(state.opened) - set(rejected)
    )


def marks_of(package: ScoreSheet) -> dict[tuple[str, str], Decimal]:
    """A sheet as the arithmetic reads it: (bid, criterion) -> mark."""
    return {(s.bid, s.criterion): scoring.parse_points(s.points) for s in package.scores}


def scores_of(state: TenderState, valid: Mapping[str, int]) -> dict[str, scoring.BidScore] | None:
    """Every valid bid's score; `valid` has their prices. None if the sheets are unseen."""
    sheets = _sheets_of(state)
    if sheets is None:
        return None
    criteria, how = _criteria_of(state)
    return scoring.score_bids(sheets, criteria, how, price_points_of(state, valid))


def qualities_of(
    state: TenderState, valid: Iterable[str]
) -> dict[str, quality.QualityScore] | None:
    """Every valid bid's score where there is no price. None if the sheets are unseen."""
    sheets = _sheets_of(state)
    return None if sheets is None else quality.score_quality(sheets, *_criteria_of(state), valid)


def _sheets_of(state: TenderState) -> list[dict[tuple[str, str], Decimal]] | None:
    packages = [sheet.package for sheet in state.review.sheets.values()]
    sheets = [marks_of(package) for package in packages if package is not None]
    return sheets if len(sheets) == len(packages) else None


def _criteria_of(state: TenderState) -> tuple[tuple[scoring.Criterion, ...], scoring.Aggregation]:
    method = state.lot.method
    how = scoring.Aggregation(method.scale, method.drop_from, method.zero_is_absent)
    return criteria_of(method), how


def price_points_of(state: TenderState, valid: Mapping[str, int]) -> dict[str, Decimal]:
    """Points for the price of every valid bid, by the declared formula."""
    return scoring.price_points(valid, price_rule(state.lot.method))
