"""A verifier's policy for this network, as its registry stands (interfaces I5).

A reader must not take his policy from the node that he checks: what this makes is a start for
whoever knows the network from elsewhere, and for the demo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from node.core.evidence.trust import FORMAT, parse_trust
from node.core.log.note import parse_vkey
from node.core.log.policy import policy_text
from node.core.records.canonical import encode
from node.core.rules.ruleset import builtin_rulesets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from node.services.members import Members
    from node.services.ports import Member


@dataclass(frozen=True, slots=True)
class ChainFacts:
    """The chain of a network: contracts by name (40 hex digits), the operator's verifier key."""

    chain_id: int
    contracts: Mapping[str, str]
    operator: str


def trust_of(members: Members, chain: ChainFacts, *, test: bool) -> dict[str, Any]:
    """The policy of a reader who trusts exactly these members and this chain.

    `test` allows what a demonstration needs, a test clock and one operator of the chain, and so
    says that nothing real was decided here. Raises InvalidError if it would not be read.
    """
    everyone = list(members.by_id.values())
    document = {
        "format": FORMAT,
        "network": {"chain_id": chain.chain_id, "registry": chain.contracts["registry"]},
        "logs": [_log(members, one) for one in everyone],
        "centres": [_keys(one) for one in everyone if one.role == "centre"],
        "regulators": [_keys(one) for one in everyone if one.role == "regulator"],
        "chain": {
            "kind": "anvil",
            "contracts": dict(chain.contracts),
            "operator": {"suite": "ed25519", "key": parse_vkey(chain.operator).public.hex()},
        },
        "rulesets": sorted(builtin_rulesets()),
        "beacons": ["commit-reveal"],
        "allow": {"test_clock": test, "one_operator_chain": True},
    }
    parse_trust(encode(document))
    return document


def _log(members: Members, one: Member) -> dict[str, Any]:
    quorum = members.quorum(one.id)
    names = [member.id for member in members.active() if member.id != one.id]
    witnesses = list(zip(names, quorum.witnesses, strict=True))
    return {
        "origin": one.origin,
        "tlog_policy": policy_text(quorum.log, witnesses, quorum.q),
        "n": len(witnesses),
        "q": quorum.q,
        "f": members.faulty(),
    }


def _keys(one: Member) -> dict[str, Any]:
    keys = [{"suite": key.suite, "key": key.key, "role": role} for role, key in one.keys]
    return {"id": one.id, "keys": keys}
