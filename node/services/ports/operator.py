"""What the operator of a node asks through its door; partners and actors have no part in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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
