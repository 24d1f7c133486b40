"""What of our streams and our log must stand on the chain, and does not yet.

Derived from the states and asked again until it stands: a crash loses nothing, the chain being
down stops nothing (protocol.md section 7). Writers are idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.records.canonical import epoch_of
from node.core.rules.award import is_settled

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.core.rules.state import TenderState
    from node.services.ports import Chain, LogNote


CHECKPOINT_S = 3
"""Our log is anchored so often, not at each tick: one stretch of it is proven as well by a later
anchor. Slots are written at once."""


@dataclass(frozen=True, slots=True)
class Slot:
    """One of a tender's three slots and what it must hold."""

    stream: str
    name: str
    values: tuple[str, ...]


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
        for slot in due:
            self._write(slot)
            self.standing.add(slot)
        if newest is not None and behind:
            # A clock that was set back must not keep us waiting for a time that is gone.
            if 0 <= now - self.anchored_at < CHECKPOINT_S:
                return
            self.chain.anchor(newest.size, newest.root)
            self.anchored, self.anchored_at = newest.size, now
        self.waiting_since = None

    def _write(self, slot: Slot) -> None:
        try:
            self._send(slot)
        except NodeError as error:
            # Refused because it stands already with other values: that is for people and for
            # the verifier, it must not block the slots behind it.
            if error.code != "anchor":
                raise

    def _send(self, slot: Slot) -> None:
        if slot.name == "deadline":
            self.chain.set_deadline(slot.stream, epoch_of(slot.values[0]))
        elif slot.name == "bids":
            self.chain.close_bids(slot.stream, *slot.values)
        else:
            self.chain.set_result(slot.stream, *slot.values)
