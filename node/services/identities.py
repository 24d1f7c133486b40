"""The regulator reads the names of a committee: once, for a ground, and never without a record.

Source: protocol.md section 6 ("no name without a record that a partner holds"); TBL art. 37.
Order: log `identity.unlocked`, then open. What it looks for is what salted persons hide from
everybody else: one human being in two pools, and so on two seats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import MissingError, RuleError
from node.core.records.box import open_name
from node.core.records.canonical import decode
from node.core.records.kinds.draws import IdentityUnlocked
from node.core.rules.listing import PoolDisclosure

if TYPE_CHECKING:
    from node.core.rules.state import TenderState
    from node.services.ports import Store

LOGGED = "logged"


@dataclass(frozen=True, slots=True)
class Identities:
    """Names of seated experts, as a regulator's node may open them. Blocking."""

    store: Store
    box_key: bytes

    def due(self, state: TenderState, salt: str) -> IdentityUnlocked | None:
        """What must be logged before the committee's names may be read; None if it was, or none is.

        All pools must have told their salts first.
        """
        if not state.seats or self.store.fact(_key(state)) is not None:
            return None
        if any(self._told(state, seat.centre) is None for seat in state.seats.values()):
            return None
        persons = tuple(sorted(seat.person for seat in state.seats.values()))
        return IdentityUnlocked(draw=state.draw.id, ground="fitness", persons=persons, salt=salt)

    def facts(self, state: TenderState) -> dict[str, str]:
        """The fact to commit with the record: that these names may be read now."""
        return {_key(state): LOGGED}

    def check(self, state: TenderState) -> None:
        """Read the names once the record stands, and remember that nothing was wrong.

        Does nothing before the record and after it was done. Raises RuleError if a human being
        sits twice.
        """
        if self.store.fact(_key(state)) != LOGGED:
            return
        names = [self._name(state, seat.centre, seat.person) for seat in state.seats.values()]
        if len(set(names)) != len(names):
            raise RuleError("one human being sits on two seats", article="protocol 6")
        self.store.put_fact(_key(state), "good")

    def _name(self, state: TenderState, pool: str, person: str) -> str:
        told = self._told(state, pool)
        if told is None:
            raise MissingError(f"{pool} has not told its salts")
        pseudonym = next((p.pseudonym for p in told.persons if p.person == person), "")
        entry = next((e for e in told.entries if e.facts.pseudonym == pseudonym), None)
        if entry is None:
            raise RuleError("a seated person is not in the pool's entries", article="protocol 6")
        return open_name(bytes.fromhex(entry.facts.name), pseudonym, self.box_key)

    def _told(self, state: TenderState, pool: str) -> PoolDisclosure | None:
        text = self.store.fact(f"regulator/told/{state.draw.id}/{pool}")
        return None if text is None else decode(text.encode(), PoolDisclosure)


def _key(state: TenderState) -> str:
    return f"regulator/unlocked/{state.draw.id}"
