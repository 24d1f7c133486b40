"""Grounds that price decides, grounds that are voted, and when a vote is decided."""

from __future__ import annotations

import pytest

from node.core.errors import InvalidError, RuleError
from node.core.rules.rejection import (
    Limits,
    check_finding,
    check_limits,
    computed_ground,
    decided,
)
from node.core.rules.ruleset import builtin_digest, builtin_rulesets

CN = builtin_rulesets()[builtin_digest("cn-bidding")]
JP = builtin_rulesets()[builtin_digest("jp-tsuchiura")]


@pytest.mark.parametrize(
    ("price", "ground"),
    [(101, "above-ceiling"), (100, None), (80, None), (79, "below-minimum"), (None, None)],
)
def test_a_price_on_a_limit_is_inside(price: int | None, ground: str | None) -> None:
    assert computed_ground(price, Limits(100, 80)) == ground


def test_no_limits_no_ground() -> None:
    assert computed_ground(10**15, Limits()) is None
    assert computed_ground(0, Limits(ceiling=5)) is None
    assert computed_ground(10, Limits(minimum=11)) == "below-minimum"


def test_every_computed_ground_is_on_the_list() -> None:
    for rules in (CN, JP):
        check_limits(Limits(ceiling=100), rules)
        assert rules.ground("above-ceiling").kind == "computed"
    check_limits(Limits(100, 100), JP)
    assert JP.ground("below-minimum").kind == "computed"


def test_limits_the_announcement_may_not_set() -> None:
    with pytest.raises(RuleError) as caught:
        check_limits(Limits(100, 80), CN)
    assert caught.value.article == "TBR 27"
    with pytest.raises(InvalidError):
        check_limits(Limits(100, 101), JP)


def test_only_facts_are_voted() -> None:
    assert check_finding("collusion", CN).article == "tbr-39"
    assert check_finding("ineligible", JP).kind == "fact"
    with pytest.raises(RuleError, match="follows from the price") as caught:
        check_finding("above-ceiling", CN)
    assert caught.value.article == "TBR 51"
    with pytest.raises(RuleError, match="no ground"):
        check_finding("too-foreign", CN)


@pytest.mark.parametrize(
    ("votes_for", "votes_against", "members", "answer"),
    [
        (3, 0, 5, True),
        (2, 0, 5, None),
        (2, 2, 5, None),
        (3, 2, 5, True),
        (2, 3, 5, False),
        (0, 3, 5, False),
        (3, 0, 6, None),
        (3, 3, 6, False),  # half is no majority
        (0, 3, 6, False),
        (4, 2, 6, True),
        (0, 0, 5, None),
        (1, 0, 1, True),
    ],
)
def test_majority_of_all_members(
    votes_for: int, votes_against: int, members: int, *, answer: bool | None
) -> None:
    assert decided(votes_for, votes_against, members) is answer


@pytest.mark.parametrize("counts", [(4, 2, 5), (-1, 3, 5), (1, -1, 5), (0, 0, 0), (0, 0, -5)])
def test_votes_that_cannot_be(counts: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidError):
        decided(*counts)
