"""The regulator's eye on draws: pools tell it their salts at once, and it re-checks every list.

Source: protocol.md section 6: "The salts go to the regulator at once, who re-checks fitness against
the snapshot." What a pool told is kept; the judgement is repeated when the list itself has come.
Only the regulator's node holds these facts (`regulator/…`): they say who was listed, not by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import ForbiddenError, NodeError, RuleError
from node.core.records.canonical import decode
from node.core.rules.listing import PoolDisclosure, asked_of, check_disclosure
from node.services.roster import key_of

if TYPE_CHECKING:
    from node.core.records.kinds.draws import PoolPublished
    from node.core.rules.state import Draw, TenderState
    from node.services.pools import PoolService
    from node.services.ports import Partner, Store

Tenders = Callable[[], Mapping[str, "TenderState"]]
Published = Callable[[str, int], "PoolPublished | None"]
"""The snapshot at a place of a pool's stream, as this node follows it."""
GOOD = "good"


async def tell_regulators(
    pools: PoolService, tenders: Tenders, partners: Mapping[str, Partner]
) -> int:
    """Give every regulator what it is owed of each draw that we joined; returns how many times.

    Repeated until each has taken it; a regulator that is away gets it at the next turn.
    """
    told = 0
    for state in tenders().values():
        for draw, regulator in _owed(pools.me, state):
            key = key_of(draw.id, "told", regulator)
            known = await asyncio.to_thread(pools.store.fact, key)
            if regulator not in partners or known is not None:
                continue
            payload = await asyncio.to_thread(pools.disclosure, draw.id)
            try:
                await partners[regulator].disclose(draw.id, payload)
            except NodeError:
                continue
            await asyncio.to_thread(pools.store.put_fact, key, GOOD)
            told += 1
    return told


def _owed(me: str, state: TenderState) -> Iterator[tuple[Draw, str]]:
    members = state.keyring.members.values()
    regulators = [one.id for one in members if one.role == "regulator" and one.status == "active"]
    for draw in state.draws:
        if me in draw.joined:
            yield from ((draw, regulator) for regulator in regulators)


@dataclass(frozen=True, slots=True)
class Oversight:
    """A regulator's checks of what pools told it. Blocking; called on threads."""

    store: Store
    tenders: Tenders
    published: Published

    def take(self, draw: str, payload: bytes, peer: str) -> None:
        """Keep what a pool tells of a draw; its first word counts.

        Raises InvalidError, or ForbiddenError if it speaks for another pool or draw.
        """
        told = decode(payload, PoolDisclosure)
        if (told.pool, told.draw) != (peer, draw):
            raise ForbiddenError("a pool tells its own lists only")
        key = f"regulator/told/{draw}/{peer}"
        if self.store.fact(key) is None:
            self.store.put_fact(key, payload.decode())

    def judge(self) -> dict[tuple[str, str], str]:
        """Judge everything told that can be judged now: (draw, pool) -> `good` or what is wrong.

        A verdict is stored once (`regulator/verdict/<draw>/<pool>`) and given again.
        """
        found = {}
        for state in self.tenders().values():
            for draw in state.draws:
                for pool in draw.joined:
                    verdict = self._verdict(state, draw, pool)
                    if verdict is not None:
                        found[draw.id, pool] = verdict
        return found

    def _verdict(self, state: TenderState, draw: Draw, pool: str) -> str | None:
        key = f"regulator/verdict/{draw.id}/{pool}"
        if (known := self.store.fact(key)) is not None:
            return known
        text = self.store.fact(f"regulator/told/{draw.id}/{pool}")
        snapshot = draw.joined[pool].snapshot
        published = self.published(snapshot.stream, snapshot.seq)
        if text is None or published is None:
            return None
        told = decode(text.encode(), PoolDisclosure)
        verdict = GOOD
        try:
            check_disclosure(told, asked_of(state, draw), draw.joined[pool], published)
        except RuleError as error:
            verdict = str(error)
        self.store.put_fact(key, verdict)
        return verdict
