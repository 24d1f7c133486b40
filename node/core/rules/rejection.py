"""Why a bid is rejected: by its price, which everybody computes, or by a finding that is voted.

Source: TBR art. 51 and the closed list of grounds of the rule set. A computed ground is never
voted on and a fact is never computed. Prices are minor units (yen, fen).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from node.core.errors import InvalidError
from node.core.rules.ruleset import Ground, RuleSet

ComputedGround = Literal["above-ceiling", "below-minimum"]


@dataclass(frozen=True, slots=True)
class Limits:
    """The announcement's price limits; None where it sets none. A price on a limit is inside."""

    ceiling: int | None = None
    minimum: int | None = None


def check_limits(limits: Limits, rules: RuleSet) -> None:
    """Accept only price limits that the rule set allows an announcement to set.

    Source: TBR art. 27 forbids a minimum price; jp-tsuchiura has one. Raises RuleError with the
    article, InvalidError if no price could lie between the limits.
    """
    if limits.minimum is None:
        return
    if not rules.bids.minimum_price.value:
        detail = "the announcement may not set a minimum price"
        raise rules.refusal(rules.bids.minimum_price.article, detail)
    if limits.ceiling is not None and limits.minimum > limits.ceiling:
        raise InvalidError("the minimum price is above the ceiling")


def computed_ground(price: int | None, limits: Limits) -> ComputedGround | None:
    """The ground on which the price alone rejects a bid, or None.

    A bid without a price gives None: that it has none is a fact for the committee (`no-price`).
    """
    if price is None:
        return None
    if limits.ceiling is not None and price > limits.ceiling:
        return "above-ceiling"
    if limits.minimum is not None and price < limits.minimum:
        return "below-minimum"
    return None


def check_finding(name: str, rules: RuleSet) -> Ground:
    """The ground a committee may find by vote; a computed one is no matter of opinion.

    Raises RuleError for a ground outside the closed list or one that is computed.
    """
    ground = rules.ground(name)
    if ground.kind != "fact":
        raise rules.refusal(ground.article, f"{name} follows from the price; nobody votes on it")
    return ground


def decided(votes_for: int, votes_against: int, members: int) -> bool | None:
    """Has the committee decided on a finding: True rejects, False keeps the bid, None is open.

    A strict majority of all members rejects (not of those who voted); the bid is kept as soon as
    that can no longer be reached. Raises InvalidError for counts that cannot be.
    """
    counts = (votes_for, votes_against, members)
    if min(counts) < 0 or members == 0 or votes_for + votes_against > members:
        raise InvalidError(f"{votes_for} for and {votes_against} against of {members} members")
    if 2 * votes_for > members:
        return True
    return False if 2 * votes_against >= members else None
