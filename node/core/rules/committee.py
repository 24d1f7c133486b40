"""Who may form an evaluation committee: how many, how many of them experts, nobody twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.core.rules.ruleset import RuleSet


@dataclass(frozen=True, slots=True)
class Member:
    """One member: the person (a drawn expert's person, or the owner's representative's id)."""

    person: str
    is_expert: bool = True


def check_committee(members: Sequence[Member], rules: RuleSet) -> None:
    """Accept only a lawful evaluation committee.

    Source: 招标投标法 art. 37 para. 2: five or more members, an odd number, of whom technical
    and economic experts are at least two thirds; the numbers are the rule set's. Units: people.
    The share is compared exactly (3 x experts >= 2 x members), never as a rounded fraction.

    Raises RuleError with the article of the clause broken and the counts found.
    """
    law = rules.committee
    total, experts = len(members), sum(member.is_expert for member in members)
    if len({member.person for member in members}) != total:
        detail = f"the same person sits twice among {total} members"
        raise rules.refusal(law.members_min.article, detail)
    if total < law.members_min.value:
        detail = f"{total} members; need {law.members_min.value} or more"
        raise rules.refusal(law.members_min.article, detail)
    if law.odd.value and total % 2 == 0:
        raise rules.refusal(law.odd.article, f"{total} members; need an odd number")
    share = law.experts_share
    if experts < share.ratio * total:
        detail = f"{experts} experts of {total} members; need {share.value}"
        raise rules.refusal(share.article, detail)
