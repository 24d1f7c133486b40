"""What must hold of every draw. It cannot see bias: tests/unit/rules/test_draw_chance.py does."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from node.core.rules.draw import Stratum, order_picks, rank_slate, rank_slates, slate_size
from node.core.rules.pool import cells_of
from tests.unit.rules.test_pool import entry

HASHES = st.binary(min_size=32, max_size=32)
PERSONS = st.lists(HASHES.map(bytes.hex), unique=True, max_size=30)
DRAW = "ab" * 32


def split(persons: list[str], pools: int) -> dict[str, list[str]]:
    return {f"pool-{i}": persons[i::pools] for i in range(pools)}


@given(PERSONS, st.data(), HASHES, st.integers(0, 12), st.integers(1, 4))
def test_slate_ignores_order_and_pools_and_one_more_recusal_changes_nobody_else(
    persons: list[str], data: st.DataObject, seed: bytes, size: int, pools: int
) -> None:
    stratum = Stratum(data.draw(st.integers(0, 9)), 1)
    slate = [x.person for x in rank_slate(seed, DRAW, stratum, split(persons, pools), size)]
    shuffled = data.draw(st.permutations(persons))
    again = rank_slate(seed, DRAW, stratum, split(shuffled, 1), size)
    assert slate == [x.person for x in again]
    assert len(set(slate)) == len(slate) == min(size, len(persons))
    if unlucky := sorted(set(persons) - set(slate)):
        left = [one for one in persons if one != unlucky[0]]
        assert slate == [x.person for x in rank_slate(seed, DRAW, stratum, {"p": left}, size)]


@given(PERSONS, HASHES, st.lists(st.integers(1, 4), min_size=1, max_size=4))
def test_nobody_is_slated_for_two_strata(persons: list[str], seed: bytes, seats: list[int]) -> None:
    lists = [(Stratum(i, n), split(persons, 2)) for i, n in enumerate(seats)]
    slates = rank_slates(seed, DRAW, lists, Fraction(3))
    called = [one.person for slate in slates for one in slate]
    assert len(set(called)) == len(called) == min(len(persons), 3 * sum(seats))
    alone = rank_slate(seed, DRAW, lists[0][0], lists[0][1], 3 * seats[0])
    assert slates[0] == alone


@given(PERSONS, st.data(), HASHES)
def test_substitutes_are_the_same_when_one_of_the_first_leaves(
    persons: list[str], data: st.DataObject, seed: bytes
) -> None:
    stratum = Stratum(0, 1)
    order = order_picks(seed, DRAW, stratum, persons)
    assert sorted(order) == sorted(persons)
    assert order == order_picks(seed, DRAW, stratum, data.draw(st.permutations(persons)))
    if persons:
        gone = data.draw(st.sampled_from(persons))
        rest = order_picks(seed, DRAW, stratum, [one for one in persons if one != gone])
        assert rest == tuple(one for one in order if one != gone)


@given(st.integers(1, 99), st.integers(1, 999), st.integers(1, 99))
def test_slate_is_the_least_number_that_reaches_the_factor(
    seats: int, above: int, below: int
) -> None:
    factor = Fraction(above, below)
    size = slate_size(seats, factor)
    assert size >= factor * seats > size - 1


CELLS = st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["x", "y", "other"]))


@given(st.lists(st.tuples(CELLS, st.integers(1, 14)), max_size=8))
def test_no_published_cell_is_small_and_nobody_is_counted_from_nothing(
    groups: list[tuple[tuple[str, str], int]],
) -> None:
    experts = [cell for cell, count in groups for _ in range(count)]
    pool = [entry(i, region, specialty) for i, (specialty, region) in enumerate(experts)]
    cells = cells_of(pool, 10)
    assert all(cell.count >= 10 for cell in cells)
    assert sum(cell.count for cell in cells) == (len(pool) if len(pool) >= 10 else 0)
