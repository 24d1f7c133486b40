"""The result and the report: ranked, tied, won, and signed by every member.

Source: TBR art. 53 (candidates, signatures, dissent), EC12 art. 42-43, MF87 art. 55-57; a lot
among equals by protocol.md 10.9. Everybody recomputes the result from opened bids, votes and
sheets; a reader who may not see votes or sheets checks that the stated result is consistent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from node.core.errors import RuleError
from node.core.records.kinds.session import RankedBid, RejectedBid
from node.core.rules import ranking
from node.core.rules.change import put, replace
from node.core.rules.quality import quality_score
from node.core.rules.rejection import decided
from node.core.rules.review import (
    Rejected,
    computed_rejections,
    may_be_scored,
    price_of,
    qualities_of,
    rejections,
    scores_of,
)
from node.core.rules.scoring import parse_points
from node.core.rules.seating import seat_of
from node.core.rules.state import Phase
from node.core.rules.tender import is_priced, is_scored, tie_breaks_of

if TYPE_CHECKING:
    from node.core.records.kinds.session import ReportSigned, ResultConsolidated, SessionClosed
    from node.core.rules.quality import QualityScore
    from node.core.rules.state import Placed, TenderState


Outcome = Literal["awarded", "awarded_by_lot", "failed", "ranked"]


@dataclass(frozen=True, slots=True)
class Result:
    """What the rules give: the same members as `result.consolidated` has."""

    outcome: Outcome
    ranking: tuple[RankedBid, ...]
    rejected: tuple[RejectedBid, ...]
    tied: tuple[str, ...]
    winner: str | None


def offers_of(state: TenderState, out: Mapping[str, Rejected]) -> list[ranking.Offer] | None:
    """The valid bids as ranking sees them; None if this reader may not see the sheets."""
    if not is_priced(state.lot.method):
        return _offers_by_quality(state, [bid for bid in state.opened if bid not in out])
    prices = {bid: price_of(state, bid) for bid in state.opened if bid not in out}
    valid = {bid: price for bid, price in prices.items() if price is not None}
    if not is_scored(state.lot.method):
        # Without declared adjustments the evaluated price is the price itself.
        return [ranking.Offer(bid, price, total=Decimal(price)) for bid, price in valid.items()]
    scores = scores_of(state, valid)
    if scores is None:
        return None
    return [
        ranking.Offer(bid, price, scores[bid].total, scores[bid].technical)
        for bid, price in valid.items()
    ]


def _offers_by_quality(state: TenderState, valid: Sequence[str]) -> list[ranking.Offer] | None:
    scores = qualities_of(state, valid)
    return None if scores is None else [_by_quality(bid, score) for bid, score in scores.items()]


def _by_quality(bid: str, score: QualityScore) -> ranking.Offer:
    return ranking.Offer(bid, 0, score.total, score.technical, score.objective, score.deducted)


def tie_of(state: TenderState) -> tuple[str, ...]:
    """The bids among which a lot must decide before there is a result.

    There are none where the sheets give no result (seats differ on a fact, all were absent):
    `result_of` says why, and whoever only asks what is to do next is not stopped by one sheet.
    """
    try:
        ranked = _ranking_of(state)
    except RuleError:
        return ()
    return () if ranked is None else _tied(state, ranked)


def may_need_lot(state: TenderState) -> bool:
    """Must a lot be drawn, or can this reader not see whether it must?"""
    ranked = _ranking_of(state)
    return ranked is None or bool(_tied(state, ranked))


def _tied(state: TenderState, ranked: ranking.Ranking) -> tuple[str, ...]:
    """Who shares the first place, where a lot decides it; else equals share their rank."""
    return ranked.tied if "lot" in tie_breaks_of(state.rules, state.lot.method) else ()


def _ranking_of(state: TenderState) -> ranking.Ranking | None:
    out = rejections(state)
    offers = None if out is None else offers_of(state, out)
    return None if offers is None else _ranked(state, offers)


def _ranked(state: TenderState, offers: Sequence[ranking.Offer]) -> ranking.Ranking:
    method = state.lot.method
    return ranking.rank(method.kind, offers, tie_breaks_of(state.rules, method))


def result_of(state: TenderState) -> Result | None:
    """The result by the rules; None if this reader may not see all that it follows from.

    Raises RuleError if a lot must be drawn first.
    """
    out = rejections(state)
    offers = None if out is None else offers_of(state, out)
    if out is None or offers is None:
        return None
    ranked = _ranked(state, offers)
    tied = _tied(state, ranked)
    if tied and not state.lot_seed:
        raise RuleError("equal bids: a lot must be drawn first", article="protocol 10.9")
    if state.lot_seed:
        ranked = ranking.settle(ranked, bytes.fromhex(state.lot_seed))
    by_bid = {offer.bid: offer for offer in offers}
    rows = tuple(_row(state, row, by_bid[row.bid]) for row in ranked.rows)
    outcome, winner = _outcome(state, [row.bid for row in rows], tied)
    return Result(outcome, rows, _rejected_rows(out), tied, winner)


def _outcome(
    state: TenderState, ranked: Sequence[str], tied: Sequence[str]
) -> tuple[Outcome, str | None]:
    """How it ends, and who wins: nobody where too few are left, or where nothing is awarded."""
    if len(ranked) < max(1, _least_valid(state)):
        return "failed", None
    if not is_priced(state.lot.method):
        return "ranked", None
    return "awarded_by_lot" if tied else "awarded", ranked[0]


def _least_valid(state: TenderState) -> int:
    """Fewer valid bids than this fail the lot; where the committee may go on, one is enough."""
    bids = state.rules.bids
    return bids.minimum_valid.value if bids.too_few_valid == "must-fail" else 1


def _row(state: TenderState, row: ranking.Ranked, offer: ranking.Offer) -> RankedBid:
    """One line of the ranking: the numbers that its place follows from."""
    method = state.lot.method
    price = state.opened[row.bid].price if is_priced(method) else None
    if not is_scored(method):
        return RankedBid(bid=row.bid, price=price, rank=row.rank)
    quality, total = str(offer.technical), str(offer.total)
    if is_priced(method):
        return RankedBid(bid=row.bid, price=price, rank=row.rank, quality=quality, total=total)
    return RankedBid(
        bid=row.bid,
        deducted=str(offer.deducted),
        objective=str(offer.objective),
        quality=quality,
        rank=row.rank,
        total=total,
    )


def _rejected_rows(out: Mapping[str, Rejected]) -> tuple[RejectedBid, ...]:
    return tuple(
        RejectedBid(bid=bid, ground=r.ground, clause=r.clause, votes=r.votes, against=r.against)
        for bid, r in sorted(out.items())
    )


def result_consolidated(
    state: TenderState, placed: Placed, body: ResultConsolidated
) -> TenderState:
    """Take the host's result if it is the one that the rules give."""
    if state.phase is Phase.SCORING and (may_be_scored(state) or body.ranking):
        raise RuleError("score sheets are still awaited")
    stated = Result(body.outcome, body.ranking, body.rejected, body.tied, body.winner)
    computed = result_of(state)
    if computed is None:
        _check_consistent(state, stated)
    elif stated != computed:
        raise RuleError("this is not the result that the rules give")
    return replace(state, phase=Phase.SIGNING, result=body, result_id=placed.id)


def _check_consistent(state: TenderState, stated: Result) -> None:
    """What a reader without votes and sheets can still judge."""
    out = {row.bid: row for row in stated.rejected}
    _check_rejected(state, out)
    rows = stated.ranking
    if sorted([*out, *(row.bid for row in rows)]) != sorted(state.opened):
        raise RuleError("every opened bid is ranked or rejected, once")
    priced = is_priced(state.lot.method)
    if any(row.price != (state.opened[row.bid].price if priced else None) for row in rows):
        raise RuleError("a ranked price is not the opened one")
    ranked = _ranked(state, [_stated_offer(state, row) for row in rows])
    tied = _tied(state, ranked)
    if state.lot_seed:
        ranked = ranking.settle(ranked, bytes.fromhex(state.lot_seed))
    if [(r.rank, r.bid) for r in ranked.rows] != [(r.rank, r.bid) for r in rows]:
        raise RuleError("the ranking is not in the order of its own numbers")
    ending = _outcome(state, [row.bid for row in rows], tied)
    if stated.tied != tied or (stated.outcome, stated.winner) != ending:
        raise RuleError("winner or tie are not those of the ranking")


def _check_rejected(state: TenderState, out: Mapping[str, RejectedBid]) -> None:
    """By price exactly those that their price rejects; by finding only with a majority."""
    computed = {
        bid: RejectedBid(bid=bid, ground=r.ground, clause=r.clause, votes=0, against=0)
        for bid, r in computed_rejections(state).items()
    }
    by_price = {b: r for b, r in out.items() if state.rules.ground(r.ground).kind == "computed"}
    if by_price != computed:
        raise RuleError("not exactly the bids that their price rejects")
    members = len(state.seats)
    for row in out.values():
        clause = state.rules.article(state.rules.ground(row.ground).article).cite
        known = row.bid in computed or decided(row.votes, row.against, members)
        if not known or row.clause != clause:
            raise RuleError("a rejection lacks its clause or its majority")


def _stated_offer(state: TenderState, row: RankedBid) -> ranking.Offer:
    if not is_priced(state.lot.method):
        return _stated_quality(row)
    if row.objective is not None or row.deducted is not None:
        raise RuleError("a bid with a price has no points of facts")
    price = price_of(state, row.bid) or 0
    if not is_scored(state.lot.method):
        return ranking.Offer(row.bid, price, total=Decimal(price))
    if row.total is None or row.quality is None:
        raise RuleError("a scored bid has its points")
    return ranking.Offer(row.bid, price, parse_points(row.total), parse_points(row.quality))


def _stated_quality(row: RankedBid) -> ranking.Offer:
    if row.quality is None or row.objective is None or row.deducted is None:
        raise RuleError("a scored bid has its points")
    parts = (parse_points(part) for part in (row.quality, row.objective, row.deducted))
    offer = _by_quality(row.bid, quality_score(*parts))
    if row.total != str(offer.total):
        raise RuleError("a total is not the sum of its parts")
    return offer


def report_signed(state: TenderState, placed: Placed, body: ReportSigned | None) -> TenderState:
    """One member signs: agreed, or dissent with its reason (TBR art. 53)."""
    seat = seat_of(state, placed).seat
    if seat in state.reports:
        raise RuleError("this seat has signed")
    if body is not None:
        if body.result != state.result_id:
            raise RuleError("the report is on another result")
        if (body.opinion == "dissent") != (body.reason is not None):
            raise RuleError("dissent, and only dissent, gives its reason")
    opinion = "unseen" if body is None else body.opinion
    signed = replace(state, reports=put(state.reports, seat, opinion))
    everyone = len(signed.reports) == len(state.seats)
    return replace(signed, phase=Phase.SIGNED) if everyone else signed


def session_closed(state: TenderState, placed: Placed, body: SessionClosed) -> TenderState:
    """End the session on the result that all have signed."""
    if body.result != state.result_id:
        raise RuleError("the session ends on another result")
    return replace(state, phase=Phase.RELEASED, session_seq=placed.seq)
