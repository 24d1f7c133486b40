"""Keeping the chain's proof of each tender that is over, as soon as the chain shows all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError, StateError, UnavailableError
from node.core.evidence.extent import needs_at_end
from node.core.rules.award import is_settled
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.anchors import slots_due
from node.services.proofs import shows

if TYPE_CHECKING:
    from node.core.evidence.extent import Needs
    from node.services.evidence import Evidence
    from node.services.model import Book, Stream
    from node.services.proofs import Sizes


@dataclass(slots=True)
class Keeping:
    """Looks for settled tenders whose proof is not kept yet. Blocking.

    `done` are those that are kept; the store is asked for each only once.
    """

    book: Book
    evidence: Evidence
    done: set[str] = field(default_factory=set)

    def due(self) -> list[Stream]:
        """Settled tenders, oldest first, that are not known to be kept."""
        return [
            stream
            for stream in self.book.streams("tender")
            if stream.row.id not in self.done
            and isinstance(stream.state, TenderState)
            and is_settled(stream.state)
        ]

    def keep_due(self, report: Callable[[str, Exception], None]) -> None:
        """Keep all that is due and can be kept now. Raises UnavailableError (`chain`, `store`).

        A host whose stream names what the chain does not know harms the proofs of no other: that
        tender is told of once, and left until the next start.
        """
        for host in self.due():
            try:
                self.keep(host)
            except UnavailableError:
                raise
            except NodeError as error:
                if not isinstance(error, StateError) or error.code != "too-early":
                    self.done.add(host.row.id)
                    report(f"proof of {host.row.tender}", error)

    def keep(self, host: Stream) -> bool:
        """Keep one tender's proof; False if the chain or our mirrors do not show all of it yet.

        Raises UnavailableError (`chain`), what `needs_at_end` raises, or what the chain answers.
        """
        proofs, state = self.evidence.proofs, host.state
        if not proofs.is_kept(host.row.id):
            if proofs.chain is None or not isinstance(state, TenderState):
                raise UnavailableError("there is no chain to ask", code="chain")
            places = tuple(self.evidence.places(host))
            pools = {one.row.id: one.row.keeper for one in self.book.streams("pool")}
            needs = needs_at_end(places, (host.row.id, host.row.keeper), pools)
            if len(places) != len(host.records) or not self._is_endorsed(host, needs):
                return False
            notes, sizes = proofs.asked(proofs.chain, host.row, needs)
            slots = [slot.name for slot in slots_due(state)]
            keeper = self.evidence.members.by_id[host.row.keeper].account
            if not shows(notes[0], (host.row.id, keeper), slots):
                return False
            if not self._are_anchored(host, needs, sizes):
                return False
            proofs.keep(host.row, needs, notes)
        self.done.add(host.row.id)
        return True

    def _is_endorsed(self, host: Stream, needs: Needs) -> bool:
        """Whether all who take part have endorsed the last place."""
        last = len(host.records) - 1
        sides = {one.row.keeper: one.state for one in self.book.sides(host.row.id)}
        ends = [sides.get(name) for name in needs.keepers if name != host.row.keeper]
        return all(
            isinstance(state, OwnState)
            and state.endorsed is not None
            and state.endorsed.seq == last
            for state in ends
        )

    def _are_anchored(self, host: Stream, needs: Needs, sizes: Sizes) -> bool:
        """Whether the anchored checkpoints reach over the last place of each stream."""
        sides = [one for one in self.book.sides(host.row.id) if one.row.keeper in needs.keepers]
        for stream in (host, *sides):
            last = self.evidence.store.places(stream.row.id, len(stream.records) - 2)
            index = last[0].index if last else None
            if index is None or index >= sizes.get(stream.row.keeper, 0):
                return False
        return True
