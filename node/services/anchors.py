"""What of our streams and our log must stand on the chain, and does not yet.

Derived from the states and asked again until it stands: a crash loses nothing, the chain being
down stops nothing (protocol.md section 7). Writers are idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.rules.award import is_settled
from node.services.ports import Slot

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from node.core.rules.state import TenderState
    from node.services.ports import Chain, LogNote


CHECKPOINT_S = 3
"""Our log is anchored so often, not at each tick: one stretch of it is proven as well by a later
anchor. Slots are written at once."""
TOGETHER = 100
"""So many slots go into one request, and so into one block."""


def slots_due(state: TenderState) -> tuple[Slot, ...]:
    """The slots that a tender's records ask for, in the order in which the contract takes them."""
    due = []
    if state.announced is not None:
        due.append(Slot(state.stream, "deadline", (state.announced.deadline,)))
    if state.closed is not None:
        head = state.entries[state.closed_seq]
        due.append(Slot(state.stream, "bids", (state.closed.root, head)))
    if state.session_seq:
        head = state.entries[state.session_seq]
        due.append(Slot(state.stream, "result", (state.result_id, head)))
    return tuple(due)


@dataclass(slots=True)
class Anchors:
    """Writes due slots and checkpoints; remembers in memory only what it saw standing.

    `complete` are the settled tenders of which nothing will be due any more.
    """

    chain: Chain
    standing: set[Slot] = field(default_factory=set)
    complete: set[str] = field(default_factory=set)
    anchored: int = 0
    anchored_at: int = 0
    waiting_since: int | None = None

    def due(self, states: Iterable[TenderState]) -> int:
        """How many slots of our tenders do not stand on the chain yet, as far as we saw."""
        return sum(len(self._missing(state)) for state in states)

    def _missing(self, state: TenderState) -> list[Slot]:
        """The due slots of one tender that we have not seen standing."""
        if state.stream in self.complete:
            return []
        due = slots_due(state)
        missing = [slot for slot in due if slot not in self.standing]
        if not missing and is_settled(state):
            self.complete.add(state.stream)
        return missing

    def write(self, states: Iterable[TenderState], newest: LogNote | None, now: int) -> None:
        """Write everything due, oldest first; blocking. Raises UnavailableError (`chain`)."""
        due = [slot for state in states for slot in self._missing(state)]
        behind = newest is not None and newest.size > self.anchored
        self.waiting_since = (self.waiting_since or now) if due or behind else None
        self._write(due)
        if newest is not None and behind:
            # A clock that was set back must not keep us waiting for a time that is gone.
            if 0 <= now - self.anchored_at < CHECKPOINT_S:
                return
            self.chain.anchor(newest.size, newest.root)
            self.anchored, self.anchored_at = newest.size, now
        self.waiting_since = None

    def _write(self, slots: Sequence[Slot]) -> None:
        """Write them together; if one is refused, each by itself, so that it blocks no other."""
        for part in (slots[at : at + TOGETHER] for at in range(0, len(slots), TOGETHER)):
            try:
                self.chain.set_slots(part)
            except NodeError as error:
                if error.code != "anchor":
                    raise
                # Refused because it stands already with other values: that is for people and for
                # the verifier.
                if len(part) > 1:
                    for slot in part:
                        self._write([slot])
            self.standing.update(part)
