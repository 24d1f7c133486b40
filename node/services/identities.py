"""The regulator reads the names of a committee: once, for a ground, and never without a record.

Source: protocol.md section 6 ("no name without a record that a partner holds"); TBL art. 37.
Order: log `identity.unlocked`, then open. What it looks for is what salted persons hide from
everybody else: one human being in two pools, and so on two seats.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import MissingError, RuleError
from node.core.records.box import open_name
from node.core.records.kinds.draws import IdentityUnlocked

if TYPE_CHECKING:
    from node.core.rules.listing import PoolDisclosure
    from node.core.rules.state import TenderState
    from node.services.oversight import Oversight
    from node.services.ports import Store

LOGGED = "logged"


@dataclass(frozen=True, slots=True)
class Identities:
    """Names of seated experts, as a regulator's node may open them. Blocking."""

    store: Store
    box_key: bytes
    oversight: Oversight
    done: set[str] = field(default_factory=set)

    def due(self, state: TenderState, salt: str) -> IdentityUnlocked | None:
        """What must be logged before the committee's names may be read; None if it was, or none is.

        All pools must have told their salts first.
        """
        if not state.seats or self.store.fact(_key(state)) is not None:
            return None
        pools = {seat.centre for seat in state.seats.values()}
        if any(self.oversight.verdicts.get((state.draw.id, pool)) is None for pool in pools):
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
        known = self.store.fact(_key(state))
        if known != LOGGED:
            if known is not None:
                self.done.add(state.stream)
            return
        told = {seat.centre: self._told(state, seat.centre) for seat in state.seats.values()}
        names = [self._name(state, told[seat.centre], seat.person) for seat in state.seats.values()]
        if len(set(names)) != len(names):
            raise RuleError("one human being sits on two seats", article="protocol 6")
        self.store.put_fact(_key(state), "good")
        self.done.add(state.stream)

    def _name(self, state: TenderState, told: PoolDisclosure, person: str) -> str:
        pseudonym = next((p.pseudonym for p in told.persons if p.person == person), "")
        snapshot = state.draw.joined[told.pool].snapshot
        published = self.oversight.published(snapshot.stream, snapshot.seq)
        entries = self.oversight.entries(told.pool, published) if published else None
        entry = (entries or {}).get(pseudonym)
        if entry is None:
            raise RuleError("a seated person is not in the pool's entries", article="protocol 6")
        return open_name(bytes.fromhex(entry.facts.name), pseudonym, self.box_key)

    def _told(self, state: TenderState, pool: str) -> PoolDisclosure:
        told = self.oversight.told(state.draw.id, pool)
        if told is None:
            raise MissingError(f"{pool} has not told its salts")
        return told


def _key(state: TenderState) -> str:
    return f"regulator/unlocked/{state.draw.id}"
