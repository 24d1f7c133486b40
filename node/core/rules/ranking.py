"""Ranking and the lot among equals: who broke the tie, and by which rule.

Order by the declared method, then by the declared tie-breaks; what is still equal stands in one
group, and only a lot from a later beacon round may order it (protocol 10.9). No floats: prices are
minor units, totals decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from node.core.errors import InvalidError, RuleError
from node.core.records.canonical import digest
from node.core.rules.draw import HASH_BYTES, raw_hash
from node.core.rules.ruleset import MethodId, TieBreak


@dataclass(frozen=True, slots=True)
class Offer:
    """A valid bid as ranking sees it.

    `price` in minor units as bid; `total` points (where bids are scored) or the evaluated price in
    minor units (lowest evaluated price); `technical` points without the price. The last two only
    where quality alone is ranked: declared facts, which raise and which lower the total.
    """

    bid: str
    price: int
    total: Decimal | None = None
    technical: Decimal | None = None
    objective: Decimal | None = None
    deducted: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A bid and its rank from 1; equal bids share a rank and the next ranks are left out."""

    rank: int
    bid: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """Groups best first; the bids of one group are equal by every declared rule but the lot.

    Inside a group bids stand in ascending order of id, which means nothing.
    """

    groups: tuple[tuple[str, ...], ...]

    @property
    def rows(self) -> tuple[Ranked, ...]:
        """Every bid with its rank, best first."""
        rows: list[Ranked] = []
        for group in self.groups:
            rank = len(rows) + 1
            rows.extend(Ranked(rank, bid) for bid in group)
        return tuple(rows)

    @property
    def tied(self) -> tuple[str, ...]:
        """The bids that share the first place; empty if one bid stands alone or there is none."""
        first = self.groups[0] if self.groups else ()
        return first if len(first) > 1 else ()


def rank(method: MethodId, offers: Iterable[Offer], tie_breaks: Sequence[TieBreak] = ()) -> Ranking:
    """Rank valid bids: price or evaluated price ascending, total descending; then the tie-breaks.

    Source: the announcement under EC12 30-35 and TBR 53; jp-tsuchiura: lowest price, then lot.
    Tie-breaks: "price" lower first, "technical" and "objective" higher first, "lot" leaves the
    group to `settle`; whoever is equal by all of them shares a rank.
    Raises InvalidError if a bid stands twice, RuleError if it lacks what method or tie-break needs.
    """
    found = sorted(offers, key=lambda offer: offer.bid)
    if len({offer.bid for offer in found}) != len(found):
        raise InvalidError("a bid stands twice in the ranking")
    keyed = sorted((_key(method, offer, tie_breaks), offer.bid) for offer in found)
    grouped = groupby(keyed, key=lambda pair: pair[0])
    return Ranking(tuple(tuple(bid for _, bid in group) for _, group in grouped))


def by_lot(seed: bytes, bid_ids: Iterable[str]) -> tuple[str, ...]:
    """Equal bids in the order of H("lot", seed || raw bid id); the lowest wins (protocol 10.9).

    The seed is that of a round opened after the rest of the result stands. Raises InvalidError if
    the seed is not 32 bytes or an id no lower-case hex of 32 bytes.
    """
    if len(seed) != HASH_BYTES:
        raise InvalidError(f"a seed has {HASH_BYTES} bytes, not {len(seed)}")
    return tuple(sorted(bid_ids, key=lambda bid: digest("lot", seed + raw_hash(bid, "bid"))))


def settle(ranking: Ranking, seed: bytes) -> Ranking:
    """The same ranking with every group of equals ordered by lot, one bid a group."""
    return Ranking(tuple((bid,) for group in ranking.groups for bid in by_lot(seed, group)))


def _key(method: MethodId, offer: Offer, tie_breaks: Sequence[TieBreak]) -> tuple[Decimal, ...]:
    return (_first(method, offer), *(_next(rule, offer) for rule in tie_breaks if rule != "lot"))


def _first(method: MethodId, offer: Offer) -> Decimal:
    if method == "lowest-price":
        return Decimal(offer.price)
    if offer.total is None:
        raise RuleError(f"bid {offer.bid} has no total; {method} cannot rank it")
    return offer.total if method == "lowest-evaluated-price" else offer.total.copy_negate()


def _next(rule: TieBreak, offer: Offer) -> Decimal:
    if rule == "price":
        return Decimal(offer.price)
    points = offer.objective if rule == "objective" else offer.technical
    if points is None:
        raise RuleError(f"bid {offer.bid} has no {rule} points to break a tie")
    return points.copy_negate()
