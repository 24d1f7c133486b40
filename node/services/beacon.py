"""Our part in the beacon: commit to a secret for each round that a draw we follow asks for.

Source: protocol.md section 6 and 10.10. A member commits only once it has itself seen all lists
(or calls) that the seed will order, so that nobody can choose them afterwards; the secret is
durable before the commitment is sent, so that a crash never turns into a missing reveal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from node.core.rules import drawing
from node.core.rules.draw import commitment
from node.core.rules.result import tie_of
from node.core.rules.state import Phase
from node.services.ports import Batch, RoundWord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from node.core.rules.rounds import BeaconRound
    from node.core.rules.state import TenderState
    from node.services.ports import Chain, Clock, Entropy, Store


@dataclass(frozen=True, slots=True)
class Beacon:
    """Answers the rounds that name our account. Every method is blocking."""

    chain: Chain
    store: Store
    entropy: Entropy
    clock: Clock

    def answer(self, states: Iterable[TenderState]) -> None:
        """Commit and reveal where it is our turn; rounds that no draw of ours asks for are left."""
        openers: dict[str, str] = {}
        found = []
        for one, opener in self._open(expected_seeds(list(states), self.clock.now())):
            openers[one.round] = opener
            found.append(one)
        commits = [one.round for one in found if self._may_commit(one)]
        reveals = [one.round for one in found if self._may_reveal(one)]
        if not commits and not reveals:
            return
        secrets = self._secrets([*commits, *reveals])
        self.chain.say(
            [RoundWord(one, openers[one], self._commitment(one, secrets)) for one in commits],
            [RoundWord(one, openers[one], secrets[one]) for one in reveals],
        )

    def _open(self, awaited: Sequence[Seed]) -> Iterable[tuple[BeaconRound, str]]:
        """The open rounds that name us, with their openers; the next one only after an open one.

        A complete round brings its seed and has no next one.
        """
        for number in range(drawing.MAX_VOIDED):
            asked = {seed.round(number): seed for seed in awaited}
            found = self.chain.rounds([(name, seed.opener) for name, seed in asked.items()])
            for one in found:
                if self.chain.account in one.members:
                    yield one, asked[one.round].opener
            awaited = [asked[one.round] for one in found if not one.is_complete]
            if not awaited:
                return

    def _may_commit(self, found: BeaconRound) -> bool:
        is_due = self.chain.seen().time <= found.commit_by
        return self.chain.account not in found.commits and is_due

    def _may_reveal(self, found: BeaconRound) -> bool:
        """In time by the chain's clock; what a restored node no longer has, it cannot show."""
        all_said = len(found.commits) == len(found.members)
        is_due = all_said and self.chain.seen().time <= found.reveal_by
        ours = self.chain.account in found.commits.keys() - found.secrets.keys()
        return ours and is_due and self.store.fact(f"beacon/{found.round}") is not None

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


@dataclass(frozen=True, slots=True)
class Seed:
    """A seed that a draw waits for: the host's account, and its rounds' ids by number."""

    opener: str
    round: Callable[[int], str]


def expected_seeds(states: list[TenderState], now: int) -> list[Seed]:
    """Every seed that some draw waits for now; a host without an account can open no round."""
    found = []
    for state in states:
        host = state.keyring.key(state.keeper, "chain")
        if host is not None and is_seed_due(state, now):
            purpose = drawing.purpose_of(state)
            found.append(Seed(host.key, partial(drawing.round_of, state, purpose)))
    return found


def is_seed_due(state: TenderState, now: int) -> bool:
    """Does everything stand that the next seed will order?"""
    if state.phase is Phase.DRAWING:
        return drawing.all_joined(state, now)
    if state.phase is Phase.CALLING:
        return drawing.all_contacted(state, now) and not drawing.is_short(state)
    return state.phase is Phase.RANKING and not state.lot_seed and bool(tie_of(state))
