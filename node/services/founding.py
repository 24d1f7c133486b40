"""Opening streams of our own: a tender's for a buyer, a side stream for each we follow, the pool's.

A stream opens with two records at once: `stream.opened` names network, keeper, rule set and
kinds, `registry.noted` the members by which both are judged (protocol.md sections 2 and 7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from node.core.records.kinds.streams import Network, StreamOpened
from node.core.rules import fold, side
from node.core.rules.ruleset import builtin_rulesets

if TYPE_CHECKING:
    from node.services.members import Members
    from node.services.ports import Entropy, Submission
    from node.services.scribe import Scribe

Kind = Literal["tender", "side", "pool"]
OPENING = ("registry.noted/v1", "stream.opened/v1")


def kinds_of(kind: Kind, ruleset: str) -> tuple[str, ...]:
    """The record types that may stand in a stream of this kind under a rule set, sorted."""
    tender = kind == "tender"
    named = fold.kinds_of(builtin_rulesets()[ruleset]) if tender else side.KINDS[kind]
    return tuple(sorted({*OPENING, *named}))


@dataclass(frozen=True, slots=True)
class Founder:
    """Makes the first two records of our streams."""

    me: str
    network: Network
    clock: Literal["system", "test"]
    members: Members
    scribe: Scribe
    entropy: Entropy

    def found(self, kind: Kind, ruleset: str, of: str | None = None) -> list[Submission]:
        """Both records of a new stream, to be accepted together."""
        opened = StreamOpened(
            clock=self.clock,
            hash="sha256",
            keeper=self.me,
            kind=kind,
            kinds=kinds_of(kind, ruleset),
            network=self.network,
            of=of,
            ruleset=ruleset,
            salt=self._salt(),
        )
        first = self.scribe.first("stream.opened/v1", opened)
        return [first, self.note(first.opened.id)]

    def note(self, stream: str) -> Submission:
        """`registry.noted` of the members as we see them now."""
        return self.scribe.own("registry.noted/v1", self.members.noted(self._salt()), stream)

    def _salt(self) -> str:
        return self.entropy.bytes(32).hex()
