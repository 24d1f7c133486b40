"""Our part in the beacon: commit to a secret for each round that a draw we follow asks for.

Source: protocol.md section 6 and 10.10. A member commits only once it has itself seen all lists
(or calls) that the seed will order, so that nobody can choose them afterwards; the secret is
durable before the commitment is sent, so that a crash never turns into a missing reveal.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.rules import drawing
from node.core.rules.draw import commitment
from node.core.rules.result import tie_of
from node.core.rules.state import Phase

if TYPE_CHECKING:
    from collections.abc import Iterable

    from node.core.rules.state import TenderState
    from node.services.ports import BeaconRound, Chain, Clock, Entropy, Store


AT_ONCE = 8
"""So many rounds are answered at the same time."""


@dataclass(frozen=True, slots=True)
class Beacon:
    """Answers the rounds that name our account. Every method is blocking."""

    chain: Chain
    store: Store
    entropy: Entropy
    clock: Clock

    def answer(self, states: Iterable[TenderState]) -> None:
        """Commit and reveal where it is our turn; rounds that no draw of ours asks for are left."""
        awaited = expected_rounds(list(states), self.clock.now())
        if not awaited:
            return
        ours = [one for one in self.chain.rounds_for_us() if awaited.get(one[0]) == one[1]]
        # At once: the chain takes what comes together into one block.
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._look, ours))

    def _look(self, one: tuple[str, str]) -> None:
        round_id, opener = one
        found = self.chain.round(round_id, opener)
        if found is not None:
            self._answer(found, opener)

    def _answer(self, found: BeaconRound, opener: str) -> None:
        account, now = self.chain.account, self.clock.now()
        if account not in found.commits:
            if now <= found.commit_by:
                self.chain.commit(found.round, opener, self._commitment(found.round))
        elif len(found.commits) == len(found.members) and now <= found.reveal_by:
            self.chain.reveal(found.round, opener, self._secret(found.round))

    def _secret(self, round_id: str) -> str:
        key = f"beacon/{round_id}"
        if (kept := self.store.fact(key)) is not None:
            return kept
        secret = self.entropy.bytes(32).hex()
        self.store.put_fact(key, secret)
        return secret

    def _commitment(self, round_id: str) -> str:
        secret = bytes.fromhex(self._secret(round_id))
        return commitment(round_id, bytes.fromhex(self.chain.account), secret).hex()


def expected_rounds(states: list[TenderState], now: int) -> dict[str, str]:
    """Round id -> the host's account, for every seed that some draw waits for now."""
    found = {}
    for state in states:
        if is_seed_due(state, now):
            host = state.keyring.key(state.keeper, "chain")
            purpose = drawing.purpose_of(state)
            for number in range(drawing.MAX_VOIDED):
                found[drawing.round_of(state, purpose, number)] = host.key if host else ""
    return found


def is_seed_due(state: TenderState, now: int) -> bool:
    """Does everything stand that the next seed will order?"""
    if state.phase is Phase.DRAWING:
        return drawing.all_joined(state, now)
    if state.phase is Phase.CALLING:
        return drawing.all_contacted(state, now) and not drawing.is_short(state)
    return state.phase is Phase.RANKING and not state.lot_seed and bool(tie_of(state))
