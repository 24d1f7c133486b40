"""Ranking: order, tie-breaks in their order, and what the lot moves."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

import pytest

from node.core.errors import InvalidError, RuleError
from node.core.rules.ranking import Offer, Ranked, Ranking, by_lot, rank, settle

A, B, C, E = (sha256(name).hexdigest() for name in (b"1", b"2", b"3", b"4"))


def scored(bid: str, price: int, total: str, technical: str) -> Offer:
    return Offer(bid, price, Decimal(total), Decimal(technical))


def test_lowest_price_and_shared_ranks() -> None:
    ranking = rank("lowest-price", [Offer(A, 9), Offer(B, 7), Offer(C, 9), Offer(E, 12)], ("lot",))
    assert ranking.groups == ((B,), tuple(sorted((A, C))), (E,))
    assert [(row.rank, row.bid) for row in ranking.rows] == [
        (1, B),
        *((2, bid) for bid in sorted((A, C))),
        (4, E),
    ]
    assert ranking.tied == ()


def test_scoring_takes_the_highest_and_evaluated_price_the_lowest() -> None:
    offers = [scored(A, 5, "90.1", "1"), scored(B, 6, "90.2", "1")]
    assert rank("comprehensive-scoring", offers).rows[0].bid == B
    assert rank("lowest-evaluated-price", offers).rows[0].bid == A


def test_tie_breaks_are_tried_in_the_declared_order() -> None:
    offers = [scored(A, 5, "90", "40"), scored(B, 6, "90.00", "60"), scored(C, 5, "90", "41")]
    by_price = rank("comprehensive-scoring", offers, ("price", "technical", "lot"))
    by_quality = rank("comprehensive-scoring", offers, ("technical", "price"))
    assert by_price.groups == ((C,), (A,), (B,))
    assert by_quality.groups == ((B,), (C,), (A,))
    assert rank("comprehensive-scoring", offers, ("lot",)).tied == tuple(sorted((A, B, C)))


def test_totals_differ_in_the_last_of_forty_digits() -> None:
    """Negating under the usual decimal context would round both to the same total."""
    one, two = "1." + "0" * 38 + "1", "1." + "0" * 38 + "2"
    offers = [scored(A, 1, one, "0"), scored(B, 1, two, "0")]
    assert rank("comprehensive-scoring", offers).groups == ((B,), (A,))


def test_lot_orders_every_group_of_equals_and_nothing_else() -> None:
    ranking = Ranking(((A, B, C), (E,)))
    orders = {settle(ranking, sha256(b"%d" % i).digest()).groups for i in range(64)}
    assert len(orders) == 6
    for groups in orders:
        assert sorted(sum(groups[:3], ())) == sorted((A, B, C))
        assert groups[3:] == ((E,),)
    seed = sha256(b"0").digest()
    assert tuple(row.bid for row in settle(ranking, seed).rows[:3]) == by_lot(seed, (C, A, B))


def test_nobody_is_left() -> None:
    nothing = rank("lowest-price", [])
    assert (nothing.groups, nothing.rows, nothing.tied) == ((), (), ())
    assert rank("lowest-price", [Offer(A, 1)]).rows == (Ranked(1, A),)


def test_what_cannot_be_ranked() -> None:
    with pytest.raises(InvalidError):
        rank("lowest-price", [Offer(A, 1), Offer(A, 2)])
    with pytest.raises(RuleError, match="no total"):
        rank("comprehensive-scoring", [Offer(A, 1)])
    with pytest.raises(RuleError, match="technical"):
        rank("lowest-evaluated-price", [Offer(A, 1, Decimal(1))], ("technical",))


def test_the_lowest_hash_of_seed_and_bid_wins_the_lot() -> None:
    seed = bytes(range(32))
    wanted = sorted(
        (A, B, C, E), key=lambda b: sha256(b"yuanping/lot/v1\n" + seed + bytes.fromhex(b)).digest()
    )
    assert by_lot(seed, (A, B, C, E)) == tuple(wanted)
