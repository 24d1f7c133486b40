"""Is the draw fair? Chi-square over fixed seeds: the same verdict on every run.

Each bound is the 99.9 % point of its chi-square distribution, so an honest hash fails one run in a
thousand choices of labels; the labels are fixed, and a draw that ignores the seed, the stratum or
half of the seed's bytes fails by far.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from itertools import permutations

from node.core.rules.draw import Stratum, order_picks, person, rank_slate
from node.core.rules.ranking import by_lot

RUNS = 2_000
DRAW = sha256(b"draw").hexdigest()
LISTS = {
    pool: sorted(
        person(DRAW, f"{pool}{i}", sha256(f"{pool}{i}".encode()).hexdigest()) for i in range(size)
    )
    for pool, size in (("altay", 10), ("xiapu", 5), ("zhuzhou", 5))
}
EVERYBODY = [one for found in LISTS.values() for one in found]
CHI_19, CHI_5, CHI_4 = 43.82, 20.52, 18.47  # 99.9 % points for 19, 5 and 4 degrees of freedom


def seeds(label: str) -> Iterable[bytes]:
    return (sha256(f"{label} {i}".encode()).digest() for i in range(RUNS))


def chi_square(found: Counter[str], cells: Iterable[str]) -> float:
    keys = list(cells)
    mean = found.total() / len(keys)
    return sum((found[key] - mean) ** 2 / mean for key in keys)


def test_everybody_is_first_of_the_slate_equally_often() -> None:
    first = Counter(
        rank_slate(seed, DRAW, Stratum(0, 1), LISTS, 1)[0].person for seed in seeds("first")
    )
    assert chi_square(first, EVERYBODY) < CHI_19


def test_everybody_is_slated_equally_often_whatever_his_pool() -> None:
    slated = Counter(
        one.person
        for seed in seeds("slate")
        for one in rank_slate(seed, DRAW, Stratum(1, 2), LISTS, 5)
    )
    # Five of twenty without replacement vary less than independent draws: the bound is on the
    # safe side against false alarm and still far below a biased draw.
    assert chi_square(slated, EVERYBODY) < CHI_19


def test_every_order_of_three_picks_is_equally_likely() -> None:
    three = EVERYBODY[:3]
    orders = Counter(
        "".join(order_picks(seed, DRAW, Stratum(0, 3), three)) for seed in seeds("pick")
    )
    assert chi_square(orders, ("".join(order) for order in permutations(three))) < CHI_5


def test_the_lot_is_fair() -> None:
    wins = Counter(by_lot(seed, EVERYBODY[:5])[0] for seed in seeds("lot"))
    assert chi_square(wins, EVERYBODY[:5]) < CHI_4


def test_place_in_the_list_tells_nothing() -> None:
    """Mean place of the drawn in the ascending list: 9.5 of 0 … 19, standard error 0.13."""
    ascending = sorted(EVERYBODY)
    places = [
        ascending.index(rank_slate(seed, DRAW, Stratum(0, 1), LISTS, 1)[0].person)
        for seed in seeds("place")
    ]
    assert abs(sum(places) / RUNS - 9.5) < 0.43


def test_strata_seeds_and_purposes_draw_independently() -> None:
    """The same person comes first in both of two strata, or in slate and pick, 1 time in 20."""
    pairs = [
        (
            rank_slate(seed, DRAW, Stratum(0, 1), LISTS, 1)[0].person,
            rank_slate(seed, DRAW, Stratum(1, 1), LISTS, 1)[0].person,
            order_picks(seed, DRAW, Stratum(0, 1), EVERYBODY)[0],
        )
        for seed in seeds("pairs")
    ]
    for left, right in ((0, 1), (0, 2), (1, 2)):
        same = sum(pair[left] == pair[right] for pair in pairs)
        assert 67 <= same <= 133  # 100 +- 3.4 standard deviations
