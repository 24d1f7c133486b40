"""Check 5, first part: the network is the trusted one, and the registry is the chain's.

Source: protocol.md 7, 10.11; chain/contracts/Registry.sol. The head covers id, block
and descriptor of every change in order, so one proven slot proves the whole list; `account` is
compared with the descriptor. What the policy pins must
stand in the registry.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from msgspec import structs

from node.core.errors import NodeError
from node.core.evidence.anchor_devnet import (
    check_shows_only,
    registry_head,
    registry_head_of,
    registry_head_slot,
    verify_note,
)
from node.core.evidence.bundle import certificate_of
from node.core.evidence.links import LinkError
from node.core.records.canonical import encode
from node.core.records.kinds.streams import RegistryNoted
from node.core.rules.registry import entries_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from node.core.evidence.anchor_devnet import BlockFact
    from node.core.evidence.bundle import ChangeForm, Place
    from node.core.evidence.case import Case
    from node.core.evidence.trust import MemberTrust
    from node.core.records.kinds.streams import RegistryEntry
    from node.core.rules.registry import Descriptor

BEACON = "commit-reveal"


def check_network(case: Case) -> None:
    """Network, chain, clock, rule sets and beacon are such as the policy accepts."""
    stated, trust = case.evidence.form.environment, case.trust.form
    if stated.chain != trust.network or trust.chain.contracts.registry != trust.network.registry:
        raise LinkError("network", "/environment/chain", f"chain {stated.chain.chain_id}")
    if case.trust.operator_vkey is None or trust.chain.kind != "anvil":
        raise LinkError("chain-kind", "/anchors", f"{trust.chain.kind}: another kind of proof")
    if not trust.allow.one_operator_chain:
        raise LinkError("one-operator", "/anchors", "allow.one_operator_chain")
    if stated.clock == "test" and not trust.allow.test_clock:
        raise LinkError("test-clock", "/environment/clock", "allow.test_clock")
    for stream in case.evidence.streams:
        if stream.opening.ruleset not in trust.rulesets:
            raise LinkError("ruleset", f"{stream.path}/places/0", stream.opening.ruleset)
    if BEACON not in trust.beacons and any(case.of_type("draw.seeded/v1")):
        raise LinkError("beacon", "/streams/0", BEACON)


def operator_note(case: Case, path: str, note: str) -> BlockFact:
    """A note of the trusted operator. Raises LinkError."""
    try:
        return verify_note(note, case.trust.operator_vkey or "", case.trust.form.network.chain_id)
    except NodeError as error:
        raise LinkError("chain-note", path, error.detail) from None


def check_registry(case: Case) -> None:
    """Every registry note in the file says what the chain's head proves at its height."""
    changes = case.evidence.form.registry
    for number, change in enumerate(changes):
        _check_change(f"/registry/{number}", change)
    newest, judged = 0, set[RegistryNoted]()
    for place, noted in _noted(case):
        view = structs.replace(noted, salt="")  # many streams note the same, each with its own salt
        if view not in judged:
            _check_noted(case, place, noted)
            judged.add(view)
        newest = max(newest, noted.block)
    blocks = [change.block for change in changes]
    if blocks != sorted(blocks) or blocks[-1:] != [newest]:
        raise LinkError("registry", "/registry", "a change at a block that nobody noted")


def _noted(case: Case) -> Iterator[tuple[Place, RegistryNoted]]:
    for stream in case.evidence.streams:
        for place in stream.places:
            if isinstance(place.body, RegistryNoted):
                yield place, place.body


def _check_change(path: str, change: ChangeForm) -> None:
    """Account, certificate and id stand twice: in the descriptor and beside or inside it."""
    descriptor = change.descriptor
    names = [(key.role, key.key) for key in descriptor.keys]
    if names != sorted(set(names)):
        raise LinkError("registry", path, "keys stand sorted by role, then key, once each")
    try:
        tls = sha256(certificate_of(descriptor)).hexdigest()
    except NodeError as error:
        raise LinkError("registry", path, error.detail) from None
    told = (change.id, change.account, ("chain", change.account), ("tls", tls))
    own = (descriptor.id, descriptor.account)
    if told[:2] != own or not {*told[2:]} <= set(names):
        raise LinkError("registry", path, "id, account or certificate differ inside the descriptor")


def entries_at(changes: Iterable[tuple[int, Descriptor]], height: int) -> tuple[RegistryEntry, ...]:
    """The members as of a block, sorted by id: `registry.noted.entries` of (block, descriptor)."""
    return entries_of({d.id: d for block, d in changes if block <= height}.values())


def padded_id(member: str) -> bytes:
    """A member's id as the contract keeps it: 32 bytes, zeros at the end."""
    return member.encode().ljust(32, b"\0")


def _check_noted(case: Case, place: Place, noted: RegistryNoted) -> None:
    changes = [c for c in case.evidence.form.registry if c.block <= noted.height]
    derived = entries_at(((c.block, c.descriptor) for c in changes), noted.height)
    if noted.entries != derived or noted.block != max((c.block for c in changes), default=-1):
        raise LinkError("registry", place.path, f"not the registry as of block {noted.height}")
    fact = operator_note(case, place.path, noted.proof)
    at = (noted.contract, noted.height, noted.hash)
    contract = case.trust.form.chain.contracts.registry
    if (fact.contract, fact.number, fact.hash) != at or noted.contract != contract:
        raise LinkError("chain-note", place.path, "a proof of another contract or block")
    try:
        check_shows_only(fact, [registry_head_slot()])
    except NodeError as error:
        raise LinkError("chain-slots", place.path, error.detail) from None
    head = registry_head_of((padded_id(c.id), c.block, encode(c.descriptor)) for c in changes)
    if registry_head(fact) != head:
        raise LinkError("registry", place.path, "the chain's head is over other descriptors")


def check_pins(case: Case) -> None:
    """Members have the keys that the policy pins; logs and regulators only those it names.

    A member of the policy that the file's registry does not have joined later.
    """
    members = {c.descriptor.id: c.descriptor for c in case.evidence.form.registry}
    trust = case.trust.form
    _check_pinned(members, trust.centres)
    _check_pinned(members, trust.regulators)
    regulators = {pin.id for pin in trust.regulators}
    for member in members.values():
        if (member.role == "regulator") != (member.id in regulators):
            raise LinkError("pinned", "/registry", f"{member.id}: regulator or not?")
    for stream in case.evidence.streams:
        member = members[stream.keeper]
        quorum = case.trust.eras[member.origin][-1].quorum
        log = [key.key for key in member.keys if key.role == "log"]
        if log != [quorum.log.public.hex()]:
            raise LinkError("pinned", "/registry", f"{member.id}: key of its log")


def _check_pinned(members: dict[str, Descriptor], pins: Sequence[MemberTrust]) -> None:
    for pin in pins:
        if not pin.keys:
            raise LinkError("pinned", "/registry", f"{pin.id}: keys")
        if pin.id in members and not set(pin.keys) <= set(members[pin.id].keys):
            raise LinkError("pinned", "/registry", f"{pin.id}: keys")
