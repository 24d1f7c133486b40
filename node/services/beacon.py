"""Our part in the beacon: commit to a secret for each round that a draw we follow asks for.

Source: protocol.md section 6 and 10.10. A member commits only once it has itself seen all lists
(or calls) that the seed will order, so that nobody can choose them afterwards; the secret is
durable before the commitment is sent, so that a crash never turns into a missing reveal.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.rules import drawing
from node.core.rules.draw import commitment
from node.core.rules.result import tie_of
from node.core.rules.state import Phase
from node.services.ports import Batch, RoundWord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from node.core.rules.state import TenderState
    from node.services.ports import BeaconRound, Chain, Clock, Entropy, Store


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
        openers, found = dict(ours), self.chain.rounds(ours)
        commits = [one.round for one in found if self._may_commit(one)]
        reveals = [one.round for one in found if self._may_reveal(one)]
        secrets = self._secrets([*commits, *reveals])
        try:
            self.chain.commit(
                [RoundWord(one, openers[one], self._commitment(one, secrets)) for one in commits]
            )
        finally:  # a refusal of one kind keeps nobody waiting for the other
            self.chain.reveal([RoundWord(one, openers[one], secrets[one]) for one in reveals])

    def _may_commit(self, found: BeaconRound) -> bool:
        is_due = self.clock.now() <= found.commit_by
        return self.chain.account not in found.commits and is_due

    def _may_reveal(self, found: BeaconRound) -> bool:
        is_due = len(found.commits) == len(found.members) and self.clock.now() <= found.reveal_by
        return self.chain.account in found.commits.keys() - found.secrets.keys() and is_due

    def _secrets(self, rounds: Sequence[str]) -> dict[str, str]:
        """Our secret of each round; new ones are on the disk before anybody hears of them."""
        kept = {one: self.store.fact(f"beacon/{one}") for one in rounds}
        fresh = {one: self.entropy.bytes(32).hex() for one, secret in kept.items() if not secret}
        if fresh:
            self.store.commit(Batch(facts={f"beacon/{one}": fresh[one] for one in fresh}))
        return {one: secret or fresh[one] for one, secret in kept.items()}

    def _commitment(self, round_id: str, secrets: Mapping[str, str]) -> str:
        account, secret = bytes.fromhex(self.chain.account), bytes.fromhex(secrets[round_id])
        return commitment(round_id, account, secret).hex()


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
