"""Whose key signs: members by the registry, people by the record that introduces them.

Source: protocol.md section 7. Records follow the registry through the stream: a record is judged
by the last `registry.noted` before its place; places 0 and 1 are judged by place 1. Buyers,
bidders and seats bring their key in the first record of theirs; it stands for the whole stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from node.core.errors import SignatureError
from node.core.records.keys import PublicKey
from node.core.records.kinds.session import ExpertSeated
from node.core.records.kinds.streams import RegistryEntry, RegistryNoted
from node.core.records.kinds.tender import BidSealed, TenderPlanned
from node.core.rules.change import put, replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from node.core.records.envelope import Header
    from node.core.records.kinds import Body

MEMBER_ROLES = ("centre", "regulator")


@dataclass(frozen=True)
class Keyring:
    """The keys in force at one place of a stream."""

    members: Mapping[str, RegistryEntry] = field(default_factory=lambda: MappingProxyType({}))
    people: Mapping[str, PublicKey] = field(default_factory=lambda: MappingProxyType({}))

    def key(self, member: str, role: str) -> PublicKey | None:
        """The member's first key in a role, or None if the registry names none."""
        entry = self.members.get(member)
        keys = () if entry is None else entry.keys
        return next((PublicKey(key=k.key, suite=k.suite) for k in keys if k.role == role), None)

    def author_of(self, member: str) -> str:
        """How a member signs as author: `centre:<id>` or `regulator:<id>`."""
        entry = self.members.get(member)
        return f"{entry.role if entry else 'centre'}:{member}"


def introduced_by(header: Header, body: Body | None) -> PublicKey | None:
    """The key that this very record introduces for its author, if it is of such a kind."""
    if isinstance(body, TenderPlanned) and header.author.startswith("buyer:"):
        return body.buyer
    if isinstance(body, BidSealed) and header.author == f"bidder:{header.key}":
        return body.key
    if isinstance(body, ExpertSeated) and header.author.startswith("expert:"):
        return body.key
    return None


def learn(keyring: Keyring, header: Header, body: Body | None) -> Keyring:
    """Return the keyring after this record: a newer registry, or one more person's key."""
    if isinstance(body, RegistryNoted):
        return replace(keyring, members=MappingProxyType({e.id: e for e in body.entries}))
    key = introduced_by(header, body)
    if key is None or header.author in keyring.people:
        return keyring
    return replace(keyring, people=put(keyring.people, header.author, key))


def signer_of(keyring: Keyring, header: Header, body: Body | None) -> PublicKey | None:
    """The public key that must have signed this record; None if its body is withheld from us.

    Raises SignatureError (`key-unknown`) if the author is no active member or nobody
    introduced him before, and if a known author's record is signed with another key id.
    """
    role, _, name = header.author.partition(":")
    if role in MEMBER_ROLES:
        return _member_key(keyring, header, role, name)
    known = keyring.people.get(header.author) or introduced_by(header, body)
    if known is None and body is not None:
        raise SignatureError(f"nobody introduced {header.author}", code="key-unknown")
    return known


def _member_key(keyring: Keyring, header: Header, role: str, name: str) -> PublicKey:
    entry = keyring.members.get(name)
    if entry is None or entry.role != role:
        raise SignatureError(f"the registry names no {header.author}", code="key-unknown")
    if entry.status != "active":
        raise SignatureError(f"{header.author} is suspended", code="centre-suspended")
    key = keyring.key(name, "record")
    if key is None:
        raise SignatureError(f"{header.author} has no key for records", code="key-unknown")
    return key
