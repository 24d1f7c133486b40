"""Plan, committee and announcement: what is fixed before the first bid.

Source: TBL art. 37 (shape of the committee), art. 24 (days between notice and deadline), art. 34
(opening at the deadline), protocol.md section 5 (holders of shares). Every number comes from the
rule set.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from node.core.errors import RuleError
from node.core.records.canonical import epoch_of
from node.core.rules import scoring
from node.core.rules.calendar import days_between
from node.core.rules.change import replace
from node.core.rules.committee import Member, check_committee
from node.core.rules.money import parse_money
from node.core.rules.rejection import Limits, check_limits
from node.core.rules.ruleset import QUALITY
from node.core.rules.state import Phase

if TYPE_CHECKING:
    from node.core.records.kinds.tender import (
        CommitteePlanned,
        Lot,
        Method,
        TenderAnnounced,
        TenderPlanned,
    )
    from node.core.rules.ruleset import RuleSet, TieBreak
    from node.core.rules.state import Placed, TenderState

HOLDERS = "protocol 5"
ONE_LOT = "protocol 9"


def tender_planned(state: TenderState, placed: Placed, body: TenderPlanned) -> TenderState:
    """The buyer introduces itself and its tender."""
    return replace(state, phase=Phase.PLANNED, plan=body, buyer=placed.header.author)


def committee_planned(
    state: TenderState, placed: Placed, body: CommitteePlanned | None
) -> TenderState:
    """Fix which experts the committee will have, before anybody knows who bids.

    Who may not see the body takes it for planned; he sees no draw either, before the award.
    """
    if body is not None:
        if len(body.committees) != 1:
            raise RuleError("one lot a tender in this version", article=ONE_LOT)
        seats = sum(stratum.seats for stratum in body.committees[0].strata)
        check_committee([Member(str(seat)) for seat in range(seats)], state.rules)
    return replace(state, phase=Phase.COMPOSED, composed=body)


def tender_announced(state: TenderState, placed: Placed, body: TenderAnnounced) -> TenderState:
    """Fix lots, times and holders, if the rule set allows them."""
    _check_times(state.rules, placed, body)
    check_holders(state, body.holders, body.threshold)
    if len(body.lots) != 1:
        raise RuleError("one lot a tender in this version", article=ONE_LOT)
    if state.composed and state.composed.committees[0].lot != body.lots[0].id:
        raise RuleError("the committee was planned for another lot", article=ONE_LOT)
    if (body.currency, body.scale) != (state.rules.currency, state.rules.money_scale):
        raise RuleError(
            f"money is {state.rules.currency} at scale {state.rules.money_scale}",
            article=f"{state.rules.id} {state.rules.version}",
        )
    _check_lot(state.rules, body.lots[0], body.scale)
    return replace(state, phase=Phase.ANNOUNCED, announced=body)


def _check_times(rules: RuleSet, placed: Placed, body: TenderAnnounced) -> None:
    deadline, opening = epoch_of(body.deadline), epoch_of(body.opening)
    notice = rules.clock.notice_days
    if days_between(placed.received, deadline, rules.utc_offset_minutes) < notice.value:
        raise rules.refusal(notice.article, f"fewer than {notice.value} days to the deadline")
    delay = rules.clock.opening_delay_minutes
    if opening != deadline + delay.value * 60:
        raise rules.refusal(delay.article, f"opening is {delay.value} minutes after the deadline")
    window = rules.clock.unlock_minutes
    if epoch_of(body.unlock_until) != opening + window.value * 60:
        raise rules.refusal(window.article, f"the unlock window is {window.value} minutes")


def check_holders(state: TenderState, holders: tuple[str, ...], threshold: int) -> None:
    """Accept only holders that are members other than the host, a regulator among them, sorted."""
    if list(holders) != sorted(set(holders)):
        raise RuleError("holders stand sorted and once", article=HOLDERS)
    if state.keeper in holders:
        raise RuleError("the host is never a holder", article=HOLDERS)
    if not 2 <= threshold <= len(holders):
        raise RuleError(f"{threshold} of {len(holders)} shares", article=HOLDERS)
    roles = {state.keyring.members[h].role for h in holders if h in state.keyring.members}
    if "regulator" not in roles:
        raise RuleError("one of the holders is a regulator", article=HOLDERS)
    for holder in holders:
        if state.keyring.key(holder, "box") is None:
            raise RuleError(f"holder {holder} has no box key in the registry", article=HOLDERS)


def is_scored(method: Method) -> bool:
    """Do the seats give marks under this method?"""
    return method.kind in ("comprehensive-scoring", QUALITY)


def is_priced(method: Method) -> bool:
    """Does a bid need a price under this method? Without one nothing is awarded."""
    return method.kind != QUALITY


def tie_breaks_of(rules: RuleSet, method: Method) -> tuple[TieBreak, ...]:
    """The tie-breaks of a lot in their order: the announcement's where the rule set says so."""
    rule = rules.method(method.kind)
    return method.tie_breaks if rule.announced else rule.tie_breaks


def _check_lot(rules: RuleSet, lot: Lot, scale: int) -> None:
    method = rules.method(lot.method.kind)
    scored, priced = is_scored(lot.method), is_priced(lot.method)
    formula = lot.method.price is not None
    if scored != bool(lot.method.criteria) or formula != (scored and priced):
        raise rules.refusal(method.article, "criteria and price formula belong to scoring")
    if lot.method.price is not None and lot.method.price.kind not in rules.evaluation.formulas:
        raise rules.refusal(method.article, "the rule set does not know this price formula")
    if lot.method.price is not None:
        scoring.check_price_rule(price_rule(lot.method))
    if len({c.id for c in criteria_of(lot.method)}) != len(lot.method.criteria):
        raise rules.refusal(method.article, "two criteria have one name")
    _check_tie_breaks(rules, lot.method)
    _check_quality(rules, lot)
    check_limits(limits_of(lot, scale), rules)


def _check_tie_breaks(rules: RuleSet, method: Method) -> None:
    """The announcement names tie-breaks only, and always, where the rule set leaves them to it."""
    rule, named = rules.method(method.kind), method.tie_breaks
    if bool(named) != rule.announced or len({*named}) != len(named):
        raise rules.refusal(rule.article, "tie-breaks stand where the rule set asks for them, once")
    if not {*named} <= {*rule.tie_breaks}:
        raise rules.refusal(rule.article, "the rule set does not know this tie-break")


def _check_quality(rules: RuleSet, lot: Lot) -> None:
    """Without a price: no limits of it, and marks summed up exactly as the rule set says."""
    method, rule = lot.method, rules.evaluation
    article = rules.method(method.kind).article
    if is_priced(method):
        if method.zero_is_absent or any(one.deducts for one in method.criteria):
            raise rules.refusal(article, "absence and deductions belong to quality alone")
        return
    if (lot.ceiling, lot.minimum) != (None, None):
        raise rules.refusal(article, "a lot without prices has no limits of them")
    if any(one.deducts and not one.objective for one in method.criteria):
        raise rules.refusal(article, "what is deducted is a fact that every seat gives alike")
    absent = rule.zero_is_absent is not None and rule.zero_is_absent.value
    how = (rule.score_scale.value, rule.drop_from_members.value, absent)
    if (method.scale, method.drop_from, method.zero_is_absent) != how:
        raise rules.refusal(rule.score_scale.article, "marks are summed up as the rule set says")


def criteria_of(method: Method) -> tuple[scoring.Criterion, ...]:
    """The declared criteria as the arithmetic reads them. Raises InvalidError."""
    return tuple(
        scoring.Criterion(
            c.id,
            Decimal(c.maximum),
            Decimal(c.step),
            c.objective,
            Decimal(c.factor) if c.factor else Decimal(1),
            c.deducts,
        )
        for c in method.criteria
    )


def price_rule(method: Method) -> scoring.PriceRule:
    """The declared price formula as the arithmetic reads it; only asked for where one is."""
    price = method.price
    if price is None:
        raise AssertionError("only scored lots have a price formula")
    stated = (price.drop, price.loss_above, price.loss_below)
    numbers = [None if number is None else Decimal(number) for number in stated]
    return scoring.PriceRule(price.kind, Decimal(price.maximum), method.scale, *numbers)


def limits_of(lot: Lot, scale: int) -> Limits:
    """The lot's price limits in minor units."""
    minimum, ceiling = (
        None if value is None else parse_money(value, scale) for value in (lot.minimum, lot.ceiling)
    )
    return Limits(ceiling=ceiling, minimum=minimum)
