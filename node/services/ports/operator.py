"""What the operator of a node asks through its door; partners and actors have no part in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from node.core.records.kinds.streams import MemberStatus


@dataclass(frozen=True, slots=True)
class Status:
    """Whether all that a node knows is where it belongs.

    `now` is its time (epoch seconds), `height` the newest block it has seen, `outbox` the outside
    work that waits, `uncovered` the places of its own streams that no checkpoint with a quorum
    holds yet.
    """

    now: int
    height: int
    outbox: int
    uncovered: int

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits."""
        return self.outbox == 0 and self.uncovered == 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change of the registry that was proposed.

    `what`: `admit`, `suspend`, `change`, `malformed` (vote for none of those), or "" if it is no
    longer open; `voters` are members' ids. Of the descriptor, which may be of any size, only the
    SHA-256 is told.
    """

    op: str
    member: str
    what: str
    digest: str
    voters: tuple[str, ...]
    open: bool


@dataclass(frozen=True, slots=True)
class Ballot:
    """Who the members are (their descriptors), and what was proposed; a change needs `needed`.

    Of the proposals that nobody but their proposer voted for, only so many of one member are told
    that the others' stay readable.
    """

    members: tuple[bytes, ...]
    proposals: tuple[Proposal, ...]
    needed: int


class Operator(Protocol):
    """The node as its operator calls it. Every method raises NodeError."""

    async def status(self) -> Status:
        """Where the node stands."""
        ...

    async def open_tender(self, tender: str, ruleset: str) -> str:
        """Open a tender's stream under a rule set (digest); the same stream if asked again.

        Durable when it returns. Raises InvalidError for a rule set that the node does not have.
        """
        ...

    async def evidence(self, stream: str, reader: str) -> bytes:
        """The evidence file of a tender, cut for a reader.

        Raises MissingError, StateError (`too-early`) before there is anything to prove.
        """
        ...


class Elector(Protocol):
    """The node's vote over who belongs to the network. Every method raises NodeError."""

    async def ballot(self) -> Ballot:
        """The members, and every change that was proposed."""
        ...

    async def propose(self, descriptor: bytes) -> str:
        """Propose to admit or change a member, with our vote; gives the operation's id."""
        ...

    async def propose_status(self, member: str, status: MemberStatus) -> str:
        """Propose to suspend a member, or to take it back; gives the operation's id."""
        ...

    async def vote(self, op: str) -> str:
        """Vote for an operation, named by its first digits at least; gives its id."""
        ...

    async def execute(self, op: str) -> str:
        """Make a change that has its votes; gives its id."""
        ...


class Office(Operator, Elector, Protocol):
    """All that the operator asks."""
