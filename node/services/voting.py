"""Proposing, voting and executing changes of the registry, for our operator.

Source: protocol.md section 7: the registry is changed by the members' votes. Before our account
signs anything the change is judged by the rule that all share, so that no member is admitted by
oversight with another's log, address or key.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Literal

import msgspec

from node.core.errors import InvalidError, MissingError, NodeError, RuleError
from node.core.records.canonical import encode
from node.core.rules.registry import (
    MAX_DESCRIPTOR,
    Descriptor,
    check_change,
    descriptors_at,
    read_descriptor,
)
from node.services.ports.operator import Ballot, Proposal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from node.core.records.kinds.streams import MemberStatus
    from node.services.members import Members
    from node.services.ports import Ballots, Chain, Proposed

LEAST_DIGITS = 8
"""So many digits of an operation's id are enough to name it, if only one begins so."""
MOST_ALONE = 100
"""So many proposals of one member that nobody else voted for are told, the newest ones."""
What = Literal["admit", "suspend", "change", "malformed"]


@dataclass(frozen=True, slots=True)
class Voting:
    """What our operator does about who belongs to the network. Blocking."""

    members: Members
    chain: Chain
    ballots: Ballots

    def ballot(self) -> Ballot:
        """The members as they stand on the chain now, and every change that was proposed."""
        now = self._now()
        found, needed = self.ballots.proposed()
        names = {one.account: one.id for one in now.values()}
        return Ballot(
            members=tuple(encode(one) for one in now.values()),
            proposals=tuple(_told(one, now, names) for one in _bounded(found)),
            needed=needed,
        )

    def propose(self, descriptor: bytes) -> str:
        """Propose to admit a member or to change one; our vote is counted. Gives the operation.

        Raises InvalidError for bytes that are no descriptor, RuleError for what may not stand
        beside the members, StateError (`registry`).
        """
        new = read_descriptor(descriptor, _id_of(descriptor))
        check_change(self._now(), new)
        active = new.status == "active"
        return self.ballots.propose(new.id, new.account, descriptor, active=active)

    def propose_status(self, member: str, status: MemberStatus) -> str:
        """Propose to suspend a member, or to take a suspended one back. Raises MissingError."""
        known = self._now().get(member)
        if known is None:
            raise MissingError(f"the registry names no member {member}")
        return self.propose(encode(msgspec.structs.replace(known, status=status)))

    def vote(self, op: str) -> str:
        """Vote for a proposed change; `op` may be the first digits. Gives the whole id.

        Raises MissingError, RuleError for what no member should vote for, StateError.
        """
        found = self._find(op)
        _read(found, self._now())
        self.ballots.vote(found.op)
        return found.op

    def execute(self, op: str) -> str:
        """Make a change that has its votes; gives the whole id. Raises MissingError, StateError."""
        found = self._find(op)
        _read(found, self._now())
        self.ballots.execute(found.op)
        return found.op

    def _now(self) -> Mapping[str, Descriptor]:
        self.chain.latest()
        view = self.chain.registry()
        self.members.take(view)
        return descriptors_at(view.changes, view.height)

    def _find(self, op: str) -> Proposed:
        """The open operation whose id begins so."""
        if len(op) < LEAST_DIGITS:
            raise InvalidError(f"give at least {LEAST_DIGITS} digits of the operation")
        found = [one for one in self.ballots.proposed()[0] if one.op.startswith(op)]
        if len(found) != 1:
            raise MissingError(f"{len(found)} operations begin with {op}")
        return found[0]


def _id_of(descriptor: bytes) -> str:
    """Whom a descriptor says it is of, before it is read strictly. Raises InvalidError."""
    if len(descriptor) > MAX_DESCRIPTOR:
        raise InvalidError(f"a descriptor has at most {MAX_DESCRIPTOR} bytes")
    try:
        return msgspec.json.decode(descriptor, type=_Named).id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidError("this is no descriptor of a member") from None


class _Named(msgspec.Struct):
    id: str


def _read(proposed: Proposed, now: Mapping[str, Descriptor]) -> Descriptor:
    """The descriptor that a proposal would set. Raises InvalidError or RuleError if it is unfit."""
    new = read_descriptor(proposed.descriptor, proposed.member)
    if (new.account, new.status == "active") != (proposed.account, proposed.active):
        raise RuleError(
            "the proposal says something else than its descriptor", article="protocol 7"
        )
    check_change(now, new)
    return new


def _bounded(found: Sequence[Proposed]) -> list[Proposed]:
    """The proposals that are told, in order: one member alone cannot fill the list."""
    alone: Counter[str] = Counter()
    told: list[Proposed] = []
    for one in reversed(found):
        if len(one.voters) == 1:
            alone[one.voters[0]] += 1
        if len(one.voters) != 1 or alone[one.voters[0]] <= MOST_ALONE:
            told.append(one)
    return told[::-1]


def _told(proposed: Proposed, now: Mapping[str, Descriptor], names: Mapping[str, str]) -> Proposal:
    return Proposal(
        op=proposed.op,
        member=proposed.member,
        what=_what(proposed, now) if proposed.open else "",
        digest=sha256(proposed.descriptor).hexdigest(),
        voters=tuple(names.get(one, one) for one in proposed.voters),
        open=proposed.open,
    )


def _what(proposed: Proposed, now: Mapping[str, Descriptor]) -> What:
    try:
        new = _read(proposed, now)
    except NodeError:
        return "malformed"
    known = now.get(new.id)
    if new.status == "suspended":
        return "suspend"
    return "change" if known is not None and known.status == "active" else "admit"
