"""The beacon's rounds in memory, as of the newest block that was looked at.

A round is asked for before it is open and once when it was opened: no event says since when it is.
From then on the beacon's events bring it up. An event may come twice, and it changes nothing the
second time. What was never asked for is not here, so that nothing is taken from a part of a
round's events.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from chain.facts import Block, Look, Round, RoundOpened, RoundSaid
from node.core.rules.rounds import BeaconRound

Key = tuple[str, str]
"""Round id and opener's account."""
MOST: Final = 4096
"""So many are remembered: above that all are forgotten, and asked for again where they matter."""
ZERO: Final = bytes(32)


@dataclass(slots=True)
class Rounds:
    """Rounds that were asked for; None: not open. Changed by one thread at a time.

    Reading needs no lock: a round is replaced, never changed.
    """

    known: dict[Key, BeaconRound | None] = field(default_factory=dict)
    told: dict[Key, list[RoundSaid]] = field(default_factory=dict)  # open, and not asked for since

    def of(self, asked: Sequence[Key]) -> dict[Key, BeaconRound | None]:
        """Those of these rounds that memory knows of."""
        known = self.known
        return {key: known[key] for key in asked if key in known}

    def take(self, fresh: Mapping[Key, BeaconRound | None]) -> None:
        """Remember what the chain answered."""
        if len(self.known) + len(fresh) > MOST:
            self.forget()
        for key, found in fresh.items():
            if found is not None or key not in self.told:
                self.known[key] = found
                for one in self.told.pop(key, ()):
                    self.hear(one)

    def forget(self) -> None:
        """Begin anew; whoever is reading goes on with what was."""
        self.known, self.told = {}, {}

    def see(self, before: Block, look: Look) -> None:
        """Bring memory up with a look at the chain; forget all if the chain went back since."""
        now = look.block
        is_other = now.number == before.number and now.hash != before.hash
        if now.number < before.number or is_other:
            self.forget()
        for one in look.told:
            self.hear(one)

    def open(self, key: Key) -> None:
        """Note that a round is open: an answer without it, or without what was said, is older."""
        if self.known.get(key) is None and key not in self.told:
            if len(self.told) >= MOST:
                self.told.clear()
            self.told[key] = []
            self.known = {one: found for one, found in self.known.items() if one != key}

    def hear(self, told: RoundOpened | RoundSaid) -> None:
        """Take one event."""
        key = (told.round.hex(), told.opener[2:])
        if isinstance(told, RoundOpened):
            self.open(key)
        elif key in self.told:
            self.told[key].append(told)
        elif (found := self.known.get(key)) is not None:
            word = {told.account[2:]: told.word.hex()}
            if told.revealed:
                self.known[key] = replace(found, secrets={**found.secrets, **word})
            else:
                self.known[key] = replace(found, commits={**found.commits, **word})


def round_of(
    round_id: bytes, found: Round, words: tuple[Sequence[bytes], Sequence[bytes]]
) -> BeaconRound:
    """A round as the chain's storage has it; `words` are its members' commitments and secrets."""
    members = tuple(member[2:] for member in found.members)
    commits, secrets = (
        {member: word.hex() for member, word in zip(members, said, strict=True) if word != ZERO}
        for said in words
    )
    times = (found.opened_at, found.commit_by, found.reveal_by)
    return BeaconRound(round_id.hex(), *times, members, commits, secrets)
