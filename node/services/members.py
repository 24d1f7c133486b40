"""Who the members are now: the node's view of the registry, refreshed from the chain.

Connections follow this view at once; records follow the registry through their stream (protocol
section 7). A node never follows a view lower than its last one; while the chain is silent the
last view holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING

from node.core.log.eras import Era
from node.core.log.note import COSIGNATURE, ED25519, VerifierKey
from node.core.log.policy import Quorum, least_quorum
from node.core.records.canonical import b64decode
from node.core.records.keys import PublicKey
from node.core.records.kinds.streams import RegistryNoted
from node.core.rules.registry import Descriptor, descriptors_at, entries_at
from node.services.ports import Member

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from node.core.rules.registry import Change
    from node.services.ports import RegistryView

OVERLAP_S = 60
"""So long after a change the quorum of before still counts: G of the rule sets (protocol 3)."""


@dataclass(slots=True)
class Members:
    """The newest registry view and the members it names."""

    me: str
    view: RegistryView | None = None
    by_id: Mapping[str, Member] = field(default_factory=dict)
    _eras: dict[str, tuple[Era, ...]] = field(default_factory=dict)

    def take(self, view: RegistryView) -> bool:
        """Take over a view; True if members changed. A lower view than the last is left out.

        Raises InvalidError for a descriptor that is not of the form that all agreed on.
        """
        if self.view is not None and (view is self.view or view.height < self.view.height):
            return False
        before = self.by_id
        self.by_id = _members_at(view.changes, view.height)
        self.view = view
        self._eras = {}
        return self.by_id != before

    @property
    def changed_in(self) -> int:
        """The block of the newest change that we know."""
        return max((change.block for change in self.view.changes), default=0) if self.view else 0

    def active(self) -> list[Member]:
        """Members in good standing, ourselves among them."""
        return [member for member in self.by_id.values() if member.status == "active"]

    def partners(self) -> list[Member]:
        """Active members other than ourselves."""
        return [member for member in self.active() if member.id != self.me]

    def by_fingerprint(self, fingerprint: str) -> Member | None:
        """The member with this TLS certificate (SHA-256 of its DER, hex)."""
        return next((m for m in self.by_id.values() if _print_of(m.tls) == fingerprint), None)

    def faulty(self) -> int:
        """f: of n witnesses how many may lie with the host; n >= 3f + 1."""
        return _faulty(self.active())

    def quorum(self, member: str) -> Quorum:
        """The witnesses of a member's log and how many must cosign: all other active members."""
        return self.eras(member)[-1].quorum

    def eras(self, member: str) -> tuple[Era, ...]:
        """The quorums of a member's log since it was admitted, as the members changed."""
        if member not in self._eras:
            self._eras[member] = tuple(self._eras_of(member))
        return self._eras[member]

    def _eras_of(self, member: str) -> Iterator[Era]:
        changes = self.view.changes if self.view else ()
        blocks = {change.block: change.time for change in changes}
        for block, after in pairwise((*sorted(blocks), None)):
            members = _members_at(changes, block or 0)
            if member in members:
                until = None if after is None else blocks[after] + OVERLAP_S
                yield _era(members, member, until)

    def noted(self, salt: str) -> RegistryNoted:
        """The body of `registry.noted` for the present view (protocol.md 10.11)."""
        if self.view is None:
            raise AssertionError("bootstrap takes a view before anybody notes it")
        changes = self.view.changes
        return RegistryNoted(
            block=self.changed_in,
            contract=self.view.contract,
            entries=entries_at(changes, self.view.height),
            hash=self.view.hash,
            height=self.view.height,
            proof=self.view.proof,
            salt=salt,
        )


def _members_at(changes: Sequence[Change], height: int) -> dict[str, Member]:
    descriptors = descriptors_at(changes, height)
    return {name: _member(one) for name, one in sorted(descriptors.items())}


def _faulty(active: Sequence[Member]) -> int:
    return max(0, (len(active) - 2) // 3)


def _era(members: Mapping[str, Member], member: str, until: int | None) -> Era:
    log, active = members[member], [one for one in members.values() if one.status == "active"]
    others = [one for one in active if one.id != member]
    keys = [_verifier(one.witness, COSIGNATURE, one.key("witness")) for one in others]
    f = _faulty(active)
    key = _verifier(log.origin, ED25519, log.key("log"))
    return Era(Quorum(key, tuple(keys), least_quorum(len(others), f)), f, until)


def _verifier(name: str, kind: int, key: PublicKey | None) -> VerifierKey:
    return VerifierKey(name, kind, bytes.fromhex(key.key) if key else b"")


@lru_cache(maxsize=256)
def _print_of(tls: bytes) -> str:
    """SHA-256 of a certificate; kept, because every call of a partner asks."""
    return sha256(tls).hexdigest()


def _member(one: Descriptor) -> Member:
    return Member(
        id=one.id,
        role=one.role,
        status=one.status,
        account=one.account,
        endpoint=one.endpoint,
        http=one.http,
        origin=one.origin,
        witness=one.witness,
        tls=b64decode(one.tls),
        keys=tuple((key.role, PublicKey(key=key.key, suite=key.suite)) for key in one.keys),
        name_zh=one.name_zh,
        name_en=one.name_en,
    )
