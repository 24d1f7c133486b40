"""Money, rounding, days, ranking and scoring: what must hold for every value."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.core.errors import NodeError
from node.core.rules.calendar import DAY_SECONDS, day_of, days_between, instant_of, period_end
from node.core.rules.money import format_money, half_up, parse_money
from node.core.rules.ranking import Offer, rank, settle
from node.core.rules.rejection import decided
from node.core.rules.ruleset import builtin_files, load_ruleset
from node.core.rules.scoring import (
    Aggregation,
    PriceRule,
    mean_of,
    parse_points,
    price_points,
    total_of,
)

SCALES = st.integers(0, 6)
MARKS = st.lists(st.decimals(0, 100, places=2), min_size=1, max_size=11)
PRICES = st.dictionaries(st.text(max_size=4), st.integers(1, 10**12), min_size=1, max_size=8)
OFFSETS = st.integers(-720, 840)
EPOCHS = st.integers(0, 4_000_000_000)


@given(st.integers(0, 10**18 - 1), SCALES)
def test_money_comes_back(minor: int, scale: int) -> None:
    assert parse_money(format_money(minor, scale), scale) == minor


@given(st.text(max_size=12), SCALES)
def test_any_text_is_money_in_its_one_spelling_or_refused(text: str, scale: int) -> None:
    try:
        minor = parse_money(text, scale)
    except NodeError:
        return
    assert format_money(minor, scale) == text


@given(st.text(alphabet="0123456789.-+eEN _", max_size=12))
def test_any_text_is_points_or_refused(text: str) -> None:
    try:
        points = parse_points(text)
    except NodeError:
        return
    assert str(points) == text


@given(st.fractions(), SCALES)
def test_half_up_is_the_nearest_and_up_in_the_middle(value: Fraction, scale: int) -> None:
    step = Fraction(1, 10**scale)
    rounded = Fraction(half_up(value, scale))
    assert rounded % step == 0
    assert abs(rounded - value) <= step / 2
    if abs(rounded - value) == step / 2:
        assert abs(rounded) > abs(value)
    assert Fraction(half_up(-value, scale)) == -rounded


@given(EPOCHS, OFFSETS, st.integers(0, 60))
def test_a_period_ends_at_the_first_midnight_after_its_last_day(
    start: int, offset: int, days: int
) -> None:
    end = period_end(start, days, offset)
    if days == 0:
        assert end == start
        return
    assert days_between(start, end - 1, offset) == days
    assert days_between(start, end, offset) == days + 1
    assert days * DAY_SECONDS < end - start <= (days + 1) * DAY_SECONDS


@given(st.dates(date(1970, 1, 2), date(9999, 12, 30)), st.integers(0, 1439), OFFSETS)
def test_a_local_minute_lies_in_its_day(day: date, minute: int, offset: int) -> None:
    assert day_of(instant_of(day, minute, offset), offset) == day


@given(MARKS, st.data(), st.sampled_from([None, 0, 3, 7]))
def test_a_mean_lies_between_its_marks_and_ignores_their_order(
    marks: list[Decimal], data: st.DataObject, drop: int | None
) -> None:
    how = Aggregation(4, drop_from=drop)
    mean = mean_of(marks, how)
    assert min(marks) <= mean <= max(marks)
    assert mean == mean_of(data.draw(st.permutations(marks)), how)


@given(st.lists(st.decimals(0, 100, places=2), min_size=7, max_size=11))
def test_one_expert_alone_cannot_move_a_trimmed_mean_beyond_the_others(
    marks: list[Decimal],
) -> None:
    how = Aggregation(2, drop_from=7)
    others = marks[1:]
    for bought in (Decimal(0), Decimal(100)):
        assert min(others) <= mean_of([bought, *others], how) <= max(others)


@given(PRICES)
def test_a_lower_price_never_gets_fewer_points(prices: dict[str, int]) -> None:
    points = price_points(prices, PriceRule("lowest-over-price", Decimal(30), 2))
    order = sorted(prices, key=lambda bid: prices[bid])
    assert all(points[low] >= points[high] for low, high in pairwise(order))
    assert points[order[0]] == 30


@given(PRICES, st.integers(2, 1000))
def test_points_do_not_depend_on_the_currency_unit(prices: dict[str, int], unit: int) -> None:
    rule = PriceRule("benchmark-deviation", Decimal(50), 2, Decimal("0.03"), Decimal(1), Decimal(1))
    scaled = {bid: price * unit for bid, price in prices.items()}
    assert price_points(prices, rule) == price_points(scaled, rule)


@given(st.lists(st.decimals(0, 10**12, places=3), max_size=9))
def test_totals_are_exact_in_every_order(points: list[Decimal]) -> None:
    assert Fraction(total_of(points)) == sum(map(Fraction, points), Fraction(0))


OFFERS = st.dictionaries(
    st.binary(min_size=32, max_size=32).map(bytes.hex), st.integers(0, 4), max_size=9
)


@given(OFFERS, st.data(), st.binary(min_size=32, max_size=32))
def test_ranking_is_the_order_of_prices_and_the_lot_moves_equals_only(
    prices: dict[str, int], data: st.DataObject, seed: bytes
) -> None:
    offers = [Offer(bid, price) for bid, price in prices.items()]
    ranking = rank("lowest-price", offers, ("lot",))
    assert ranking == rank("lowest-price", data.draw(st.permutations(offers)), ("lot",))
    for row in ranking.rows:
        assert row.rank == 1 + sum(price < prices[row.bid] for price in prices.values())
    settled = settle(ranking, seed)
    assert [row.rank for row in settled.rows] == list(range(1, len(prices) + 1))
    assert [prices[row.bid] for row in settled.rows] == sorted(prices.values())


@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 20))
def test_a_decision_stays_decided_whatever_votes_follow(
    votes_for: int, votes_against: int, members: int
) -> None:
    if votes_for + votes_against >= members:
        return
    answer = decided(votes_for, votes_against, members)
    later = {
        decided(votes_for + 1, votes_against, members),
        decided(votes_for, votes_against + 1, members),
    }
    assert answer is None or later == {answer}


@given(st.binary(max_size=200))
def test_any_bytes_are_a_rule_set_or_refused(data: bytes) -> None:
    with pytest.raises(NodeError):
        load_ruleset(data)


@given(st.data())
def test_a_rule_set_with_one_byte_changed_loads_or_is_refused(data: st.DataObject) -> None:
    whole = bytearray(builtin_files()["jp-tsuchiura-2007"])
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        load_ruleset(bytes(whole))
    except NodeError as error:
        assert error.code == "form"  # noqa: PT017 - either way is right, but no other error
