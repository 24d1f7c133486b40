"""The registry as the chain holds it: descriptors, and the members that they name at a block.

Source: protocol.md section 7. The contract stores opaque bytes; what they say is read here, by
nodes and by the verifier alike. What proves the history is the evidence's part (check 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

import msgspec

from node.core.errors import InvalidError, RuleError
from node.core.records.canonical import Base64, b64decode, decode, prepare
from node.core.records.keys import PublicKey, check_public
from node.core.records.kinds.base import CentreId, Hex20, Part, Text
from node.core.records.kinds.streams import (
    MemberRole,
    MemberStatus,
    RegistryEntry,
    RegistryKey,
)

MAX_DESCRIPTOR = 16 * 1024
Url = Annotated[str, msgspec.Meta(max_length=200)]


class Descriptor(Part, frozen=True, kw_only=True):
    """One member as the contract stores it: RFC 8785 bytes of this structure.

    `tls` is the certificate itself (base64 DER): a handshake needs it, a fingerprint is not
    enough. `origin` names its log, `witness` its witness key.
    """

    account: Hex20
    endpoint: Url
    http: Url
    id: CentreId
    keys: Annotated[tuple[RegistryKey, ...], msgspec.Meta(min_length=1, max_length=32)]
    name_en: Text
    name_zh: Text
    origin: Url
    role: MemberRole
    status: MemberStatus
    tls: Base64
    witness: Url


prepare(Descriptor)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the registry: who, in which block (number, time), the descriptor's bytes."""

    id: str
    account: str
    descriptor: bytes
    block: int
    time: int


def read_descriptor(data: bytes, member: str) -> Descriptor:
    """Read a member's descriptor, strictly; keys sorted by role and key, each in its suite's form.

    Raises InvalidError or SignatureError.
    """
    if len(data) > MAX_DESCRIPTOR:
        raise InvalidError(f"a descriptor has at most {MAX_DESCRIPTOR} bytes")
    found = decode(data, Descriptor)
    order = [(key.role, key.key) for key in found.keys]
    if found.id != member or order != sorted(set(order)):
        raise InvalidError(f"the descriptor of {member} names another member or unsorted keys")
    for key in found.keys:
        check_public(PublicKey(key=key.key, suite=key.suite))
    return found


ARTICLE = "protocol 7"
KEPT = ("record", "log", "witness", "box", "chain")
"""Key roles that a member keeps: what it signed, sealed or anchored is judged by them for ever."""


def check_change(members: Mapping[str, Descriptor], new: Descriptor) -> None:
    """Accept only a descriptor that may stand beside these: a new member, or a change of one.

    Nothing that names or proves a member may be another's; a member keeps its role, account, log
    and keys, and may change names, addresses, certificate and status. Raises RuleError.
    """
    keys = {key.role: key.key for key in new.keys}
    if len(keys) != len(new.keys) or set(keys) != {*KEPT, "tls"}:
        raise RuleError("a descriptor has one key for each role", article=ARTICLE)
    if keys["chain"] != new.account or keys["tls"] != sha256(b64decode(new.tls)).hexdigest():
        raise RuleError("account or certificate differ from the keys", article=ARTICLE)
    for other in members.values():
        if other.id != new.id:
            _check_apart(other, new)
    if new.id in members:
        _check_kept(members[new.id], new)
    elif new.status != "active":
        raise RuleError(f"{new.id} is no member, so it cannot be suspended", article=ARTICLE)


def _check_apart(other: Descriptor, new: Descriptor) -> None:
    for name in ("account", "endpoint", "http", "origin", "witness", "tls"):
        if getattr(other, name) == getattr(new, name):
            raise RuleError(f"{name} of {new.id} is that of {other.id}", article=ARTICLE)
    if {key.key for key in other.keys} & {key.key for key in new.keys}:
        raise RuleError(f"{new.id} has a key of {other.id}", article=ARTICLE)


def _check_kept(old: Descriptor, new: Descriptor) -> None:
    for name in ("account", "origin", "role", "witness"):
        if getattr(old, name) != getattr(new, name):
            raise RuleError(f"{new.id} keeps its {name}", article=ARTICLE)
    kept = [[key for key in one.keys if key.role in KEPT] for one in (old, new)]
    if kept[0] != kept[1]:
        raise RuleError(f"{new.id} keeps its keys, all but the certificate", article=ARTICLE)
    if old == new:
        raise RuleError(f"{new.id} stands so already", article=ARTICLE)


def descriptors_at(changes: Sequence[Change], height: int) -> Mapping[str, Descriptor]:
    """The newest descriptor of each member up to a block."""
    found: dict[str, Descriptor] = {}
    for change in changes:
        if change.block <= height:
            found[change.id] = read_descriptor(change.descriptor, change.id)
    return found


def entries_of(descriptors: Iterable[Descriptor]) -> tuple[RegistryEntry, ...]:
    """The entries of `registry.noted` for these members, sorted by id (protocol.md 10.11)."""
    return tuple(
        RegistryEntry(id=one.id, keys=one.keys, role=one.role, status=one.status)
        for one in sorted(descriptors, key=lambda one: one.id)
    )


def entries_at(changes: Sequence[Change], height: int) -> tuple[RegistryEntry, ...]:
    """The same for the members as of a block."""
    return entries_of(descriptors_at(changes, height).values())
