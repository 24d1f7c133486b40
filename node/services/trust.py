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
from node.core.records.canonical import encode, time_of
from node.core.rules.ruleset import builtin_rulesets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from node.core.log.eras import Era
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
        "logs": [_log(one, era, everyone) for one in everyone for era in members.eras(one.id)],
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


def _log(one: Member, era: Era, everyone: Sequence[Member]) -> dict[str, Any]:
    names = {member.witness: member.id for member in everyone}
    witnesses = [(names[key.name], key) for key in era.quorum.witnesses]
    told = {
        "origin": one.origin,
        "tlog_policy": policy_text(era.quorum.log, witnesses, era.quorum.q),
        "n": len(witnesses),
        "q": era.quorum.q,
        "f": era.f,
    }
    return told if era.until is None else {**told, "until": time_of(era.until)}


def _keys(one: Member) -> dict[str, Any]:
    """The keys that a member keeps for ever; its TLS certificate proves nothing offline."""
    kept = [(role, key) for role, key in one.keys if role != "tls"]
    return {
        "id": one.id,
        "keys": [{"suite": key.suite, "key": key.key, "role": role} for role, key in kept],
    }
