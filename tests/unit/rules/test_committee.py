"""招标投标法 art. 37 in numbers."""

from __future__ import annotations

import pytest

from node.core.errors import RuleError
from node.core.rules.committee import Member, check_committee
from node.core.rules.ruleset import builtin_digest, builtin_rulesets

CN = builtin_rulesets()[builtin_digest("cn-bidding")]


def members(experts: int, owners: int) -> list[Member]:
    return [Member(f"e{i}") for i in range(experts)] + [
        Member(f"o{i}", False) for i in range(owners)
    ]


@pytest.mark.parametrize(
    ("experts", "owners"), [(5, 0), (4, 1), (7, 0), (5, 2), (6, 3), (10, 5), (99, 0)]
)
def test_lawful(experts: int, owners: int) -> None:
    check_committee(members(experts, owners), CN)


@pytest.mark.parametrize(
    ("experts", "owners", "detail"),
    [
        (0, 0, "0 members"),
        (3, 0, "3 members"),
        (4, 0, "4 members; need 5"),
        (6, 0, "odd"),
        (4, 2, "odd"),
        (3, 2, "3 experts of 5"),
        (4, 3, "4 experts of 7"),
        (5, 4, "5 experts of 9"),  # 5/9 would pass if two thirds were rounded to a half
        (9, 6, "9 experts of 15"),
    ],
)
def test_unlawful(experts: int, owners: int, detail: str) -> None:
    with pytest.raises(RuleError, match=detail) as caught:
        check_committee(members(experts, owners), CN)
    assert caught.value.article == "TBL 37"


def test_nobody_sits_twice() -> None:
    with pytest.raises(RuleError, match="twice"):
        check_committee([*members(4, 0), Member("e0", False)], CN)
