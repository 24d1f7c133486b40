"""Check 7, result: rejections, scores, ranking, lot, candidates and award, computed once more.

Source: protocol.md 10.9; TBR art. 51-55; the announcement's formulas. Plain exact fractions, by
code that shares nothing with `rules.result`, `rules.ranking` and `rules.scoring`. A reader who
sees no votes or sheets checks the stated numbers against each other. What it proves: given bids,
votes, sheets and the lot's seed, nobody had a choice who wins.
"""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING

from node.core.evidence.links import LinkError
from node.core.evidence.redraw import check_draws
from node.core.records.kinds.session import (
    AwardDecided,
    AwardNoticed,
    CandidatesPublished,
    RankingPublished,
)
from node.core.rules.state import TenderState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from node.core.evidence.case import Case
    from node.core.records.kinds.session import ResultConsolidated, ScoreSheet
    from node.core.records.kinds.tender import Method

Key = tuple[Fraction, ...]


def check(case: Case) -> None:
    """Check 7. Raises LinkError."""
    state = case.state
    if state is None:
        raise AssertionError("check 6 comes first")
    check_draws(case, state)
    if state.result is not None:
        path = next(p.path for p in case.of_type("result.consolidated/v1"))
        _check_result(state, state.result, path)
        _check_award(case, state, state.result)


def _check_result(state: TenderState, stated: ResultConsolidated, path: str) -> None:
    out = {row.bid for row in stated.rejected}
    if not _by_price(state) <= out or not _by_vote(state) <= out or not out <= set(state.opened):
        raise LinkError("result", path, "a bid should be rejected and is not")
    votes_seen = all(vote is not None for vote in state.review.votes.values())
    if votes_seen and out != _by_price(state) | _by_vote(state):
        raise LinkError("result", path, "a bid is rejected without price or votes against it")
    keys = _keys(state, stated, set(state.opened) - out)
    ranked = _ranked(state, keys)
    if len(keys) != len(state.opened) - len(out) or ranked != [
        (row.rank, row.bid) for row in stated.ranking
    ]:
        raise LinkError("result", path, "the ranking is another one")
    if (stated.outcome, stated.tied, stated.winner) != _ending(state, keys, ranked):
        raise LinkError("result", path, "winner or tie are others")


def _ending(
    state: TenderState, keys: Mapping[str, Key], ranked: list[tuple[int, str]]
) -> tuple[str, tuple[str, ...], str | None]:
    """How it ends, among whom a lot decides, and who wins; without prices nobody does."""
    if not ranked:
        return "failed", (), None
    if state.lot.method.kind == "quality-only":
        return "ranked", (), None
    best = min(keys.values())
    tied = tuple(sorted(bid for bid, key in keys.items() if key == best))
    if len(tied) > 1:
        return "awarded_by_lot", tied, ranked[0][1]
    return "awarded", (), ranked[0][1]


def _price(state: TenderState, bid: str) -> Fraction | None:
    price = state.opened[bid].price
    return None if price is None else Fraction(price)


def _by_price(state: TenderState) -> set[str]:
    """The bids outside the announced limits."""
    lot = state.lot
    low = Fraction(lot.minimum) if lot.minimum is not None else None
    high = Fraction(lot.ceiling) if lot.ceiling is not None else None
    out = set()
    for bid in state.opened:
        price = _price(state, bid)
        if price is not None and (
            (high is not None and price > high) or (low is not None and price < low)
        ):
            out.add(bid)
    return out


def _by_vote(state: TenderState) -> set[str]:
    """The bids against which more than half of all members voted, as far as votes are shown."""
    against: dict[str, int] = {}
    for vote in state.review.votes.values():
        for one in vote.votes if vote is not None else ():
            against[one.bid] = against.get(one.bid, 0) + one.reject
    return {bid for bid, count in against.items() if 2 * count > len(state.seats)}


def _keys(state: TenderState, stated: ResultConsolidated, valid: set[str]) -> dict[str, Key]:
    """For each valid bid the numbers it is ranked by: the smaller the better."""
    prices = {bid: _price(state, bid) or Fraction(0) for bid in valid}
    method = state.lot.method
    if method.kind == "quality-only":
        return _keys_without_price(state, stated, valid)
    if method.kind != "comprehensive-scoring":
        return {bid: (price,) for bid, price in prices.items()}
    packages = [sheet.package for sheet in state.review.sheets.values()]
    sheets = [package for package in packages if package is not None]
    told = {
        row.bid: (Fraction(row.total or 0), Fraction(row.quality or 0)) for row in stated.ranking
    }
    points = _scores(method, sheets, prices) if len(sheets) == len(packages) else told
    if points != told:
        return {}
    breaks = state.rules.method(method.kind).tie_breaks
    return {
        bid: (
            -points[bid][0],
            *(prices[bid] if rule == "price" else -points[bid][1] for rule in breaks[:-1]),
        )
        for bid in points
    }


def _keys_without_price(
    state: TenderState, stated: ResultConsolidated, valid: set[str]
) -> dict[str, Key]:
    """By total, then by what the announcement names; nothing if a stated number is another one."""
    method, packages = state.lot.method, [one.package for one in state.review.sheets.values()]
    sheets = [package for package in packages if package is not None]
    told = {
        row.bid: tuple(Fraction(part or 0) for part in (row.quality, row.objective, row.deducted))
        for row in stated.ranking
    }
    seen = len(sheets) == len(packages)
    parts = {bid: _parts(method, sheets, bid) for bid in valid} if seen else told
    keys: dict[str, Key] = {}
    for row in stated.ranking:
        if parts != told or row.price is not None or row.bid not in valid:
            return {}
        marked, facts, deducted = told[row.bid]
        total = marked + facts - deducted
        if Fraction(row.total or 0) != total:
            return {}
        named = {"technical": marked, "objective": facts}
        keys[row.bid] = (-total, *(-named[rule] for rule in method.tie_breaks))
    return keys


def _parts(method: Method, sheets: list[ScoreSheet], bid: str) -> Key | None:
    """Marked, declared and deducted points; None if seats differ on a fact, or all were absent."""
    sums = {"marked": Fraction(0), "declared": Fraction(0), "deducted": Fraction(0)}
    for one in method.criteria:
        marks = sorted(
            Fraction(score.points)
            for sheet in sheets
            for score in sheet.scores
            if (score.bid, score.criterion) == (bid, one.id)
        )
        if one.objective and marks[0] != marks[-1]:
            return None
        if method.zero_is_absent and not one.objective:
            marks = [mark for mark in marks if mark > 0]
        if not marks:
            return None
        part = "deducted" if one.deducts else "declared" if one.objective else "marked"
        sums[part] += _round(_mean(marks, method) * Fraction(one.factor or 1), method.scale)
    return tuple(sums.values())


def _scores(
    method: Method, sheets: list[ScoreSheet], prices: Mapping[str, Fraction]
) -> dict[str, tuple[Fraction, Fraction]]:
    """Total and technical points of every valid bid."""
    marks: dict[tuple[str, str], list[Fraction]] = {}
    for sheet in sheets:
        for score in sheet.scores:
            marks.setdefault((score.bid, score.criterion), []).append(Fraction(score.points))
    found = {}
    for bid, price in prices.items():
        technical = Fraction(0)
        for one in method.criteria:
            mean = _mean(sorted(marks[bid, one.id]), method)
            technical += _round(mean * Fraction(one.factor or 1), method.scale)
        found[bid] = (technical + _price_points(method, price, prices.values()), technical)
    return found


def _mean(marks: list[Fraction], method: Method) -> Fraction:
    kept = marks[1:-1] if method.drop_from and len(marks) >= method.drop_from else marks
    return _round(sum(kept, Fraction(0)) / len(kept), method.scale)


def _price_points(method: Method, price: Fraction, prices: Iterable[Fraction]) -> Fraction:
    formula, known = method.price, list(prices)
    if formula is None:
        return Fraction(0)
    top = Fraction(formula.maximum)
    if formula.kind == "lowest-over-price":
        return _round(min(known) / price * top, method.scale)
    benchmark = sum(known, Fraction(0)) / len(known) * (1 - Fraction(formula.drop or 0))
    percent = (price - benchmark) / benchmark * 100
    loss = formula.loss_above if percent > 0 else formula.loss_below
    return _round(max(Fraction(0), top - abs(percent) * Fraction(loss or 0)), method.scale)


def _round(value: Fraction, scale: int) -> Fraction:
    """Half up; nothing here is negative."""
    return Fraction((value * 10**scale + Fraction(1, 2)).__floor__(), 10**scale)


def _ranked(state: TenderState, keys: Mapping[str, Key]) -> list[tuple[int, str]]:
    """Ranks from 1; equals share one unless a lot was drawn, which orders them."""
    seed = bytes.fromhex(state.lot_seed)

    def place(bid: str) -> bytes:
        raw = bytes.fromhex(bid)
        return sha256(b"yuanping/lot/v1\n" + seed + raw).digest() if seed else raw

    rows: list[tuple[int, str]] = []
    for bid in sorted(keys, key=lambda one: (keys[one], place(one))):
        same = bool(rows) and not seed and keys[rows[-1][1]] == keys[bid]
        rows.append((rows[-1][0] if same else len(rows) + 1, bid))
    return rows


def _check_award(case: Case, state: TenderState, result: ResultConsolidated) -> None:
    limit = state.rules.evaluation.candidates_max.value if result.winner else 0
    first = [(row.bid, row.rank) for row in result.ranking[:limit]]
    for place in case.host.places:
        match place.body:
            case CandidatesPublished() as published:
                good = bool(first) and [(c.bid, c.rank) for c in published.candidates] == first
            case RankingPublished() as ranking:
                good = (result.outcome, ranking.result) == ("ranked", state.result_id)
            case AwardDecided() as decided:
                good = decided.bid == result.winner
            case AwardNoticed() as notice:
                price = state.opened[notice.bid].price if notice.bid in state.opened else None
                good = (notice.bid, notice.price) == (result.winner, price)
            case _:
                continue
        if not good:
            raise LinkError("award", place.path, "not what follows from the result")
