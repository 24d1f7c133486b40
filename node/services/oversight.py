"""The regulator's eye on draws: pools tell it their salts at once, and it re-checks every list.

Source: protocol.md section 6: "The salts go to the regulator at once, who re-checks fitness against
the snapshot." What a pool told is kept; the judgement is repeated when the list itself has come.
Only the regulator's node holds these facts (`regulator/…`): they say who was listed, not by name.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import ForbiddenError, NodeError, RuleError
from node.core.records.canonical import decode
from node.core.rules.award import is_settled
from node.core.rules.listing import (
    PoolDisclosure,
    SnapshotDisclosure,
    asked_of,
    check_disclosure,
    check_joined,
    check_snapshot,
)
from node.core.rules.side import OwnState
from node.services.roster import key_of

if TYPE_CHECKING:
    from node.core.records.kinds.draws import PoolPublished
    from node.core.rules.pool import PoolEntry
    from node.core.rules.state import Draw, TenderState
    from node.services.model import Book
    from node.services.pools import PoolService
    from node.services.ports import Partner, Store

Tenders = Callable[[], Mapping[str, "TenderState"]]
Published = Callable[[str, int], "PoolPublished | None"]
"""The snapshot at a place of a pool's stream, as this node follows it."""
GOOD = "good"


def published_at(book: Book, stream: str, seq: int) -> PoolPublished | None:
    """A pool's snapshot at a place of its stream, as we follow it."""
    known = book.get(stream)
    state = known.state if known else None
    return state.snapshots.get(seq) if isinstance(state, OwnState) else None


async def tell_regulators(
    pools: PoolService, tenders: Tenders, partners: Mapping[str, Partner]
) -> int:
    """Give every regulator what it is owed of each draw that we joined; returns how many times.

    Repeated until each has taken it; a regulator that is away gets it at the next turn. A tender
    that is over and of which all is told is looked at no more.
    """
    told = 0
    for state in tenders().values():
        if state.stream in pools.told_all:
            continue
        owed = [one for one in _owed(pools.me, state) if (one[0].id, one[1]) not in pools.told]
        for draw, regulator in owed:
            if regulator in partners:
                told += await _tell(pools, draw, regulator, partners[regulator])
        if not owed and is_settled(state):
            pools.told_all.add(state.stream)
    return told


async def _tell(pools: PoolService, draw: Draw, regulator: str, partner: Partner) -> int:
    """Tell one regulator of one draw, and before that of its snapshot; 1 if that was new."""
    key, off = key_of(draw.id, "told", regulator), asyncio.to_thread
    is_new = await off(pools.store.fact, key) is None
    if is_new:
        snapshot = draw.joined[pools.me].snapshot
        given = f"pool/given/{snapshot.root}/{regulator}"
        try:
            if await off(pools.store.fact, given) is None:
                payload = await off(pools.snapshot_disclosure, snapshot)
                await partner.disclose_snapshot(snapshot.root, payload)
                await off(pools.store.put_fact, given, GOOD)
            await partner.disclose(draw.id, await off(pools.disclosure, draw.id))
        except NodeError:
            return 0
        await off(pools.store.put_fact, key, GOOD)
    pools.told.add((draw.id, regulator))
    return int(is_new)


def _owed(me: str, state: TenderState) -> Iterator[tuple[Draw, str]]:
    members = state.keyring.members.values()
    regulators = [one.id for one in members if one.role == "regulator" and one.status == "active"]
    for draw in state.draws:
        if me in draw.joined:
            yield from ((draw, regulator) for regulator in regulators)


@dataclass(frozen=True, slots=True)
class Oversight:
    """A regulator's checks of what pools told it. Blocking; called on threads.

    `verdicts` and `snapshots` (checked, by pool and root) are kept in memory as they stand; `over`
    are settled tenders of which everything is judged.
    """

    store: Store
    tenders: Tenders
    published: Published
    verdicts: dict[tuple[str, str], str] = field(default_factory=dict)
    snapshots: dict[tuple[str, str], Mapping[str, PoolEntry]] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

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

    def take_snapshot(self, root: str, payload: bytes, peer: str) -> None:
        """Keep the entries of a snapshot; the first word counts. Raises as `take`."""
        told = decode(payload, SnapshotDisclosure)
        if (told.pool, told.root) != (peer, root):
            raise ForbiddenError("a pool tells its own entries only")
        key = f"regulator/snapshot/{peer}/{root}"
        if self.store.fact(key) is None:
            self.store.put_fact(key, payload.decode())

    def entries(self, pool: str, published: PoolPublished) -> Mapping[str, PoolEntry] | None:
        """The checked entries of a snapshot by pseudonym; None until its pool has told them.

        Raises RuleError if they are not those published.
        """
        key = (pool, published.root)
        if key not in self.snapshots:
            text = self.store.fact(f"regulator/snapshot/{pool}/{published.root}")
            if text is None:
                return None
            told = decode(text.encode(), SnapshotDisclosure)
            check_snapshot(told, published)
            self.snapshots[key] = {one.facts.pseudonym: one for one in told.entries}
        return self.snapshots[key]

    def told(self, draw: str, pool: str) -> PoolDisclosure | None:
        """What a pool told of a draw, or None."""
        text = self.store.fact(f"regulator/told/{draw}/{pool}")
        return None if text is None else decode(text.encode(), PoolDisclosure)

    def judge(self) -> dict[tuple[str, str], str]:
        """Judge everything told that can be judged now: (draw, pool) -> `good` or what is wrong.

        A verdict is stored once (`regulator/verdict/<draw>/<pool>`) and given again, until its
        tender is over and all of it was judged.
        """
        found = {}
        for state in self.tenders().values():
            if state.stream in self.over:
                continue
            listed = [(draw, pool) for draw in state.draws for pool in draw.joined]
            verdicts = [self._verdict(state, draw, pool) for draw, pool in listed]
            for (draw, pool), verdict in zip(listed, verdicts, strict=True):
                if verdict is not None:
                    found[draw.id, pool] = verdict
            if None not in verdicts and is_settled(state):
                self.over.add(state.stream)
        return found

    def _verdict(self, state: TenderState, draw: Draw, pool: str) -> str | None:
        if (known := self.verdicts.get((draw.id, pool))) is not None:
            return known
        key = f"regulator/verdict/{draw.id}/{pool}"
        verdict = self.store.fact(key)
        if verdict is None and (verdict := self._judged(state, draw, pool)) is not None:
            self.store.put_fact(key, verdict)
        if verdict is not None:
            self.verdicts[draw.id, pool] = verdict
        return verdict

    def _judged(self, state: TenderState, draw: Draw, pool: str) -> str | None:
        """`good`, what is wrong, or None while the pool has not told everything."""
        told, joined = self.told(draw.id, pool), draw.joined[pool]
        published = self.published(joined.snapshot.stream, joined.snapshot.seq)
        if told is None or published is None:
            return None
        try:
            check_joined(joined, published)
            entries = self.entries(pool, published)
            if entries is None:
                return None
            check_disclosure(told, asked_of(state, draw), joined, entries)
        except RuleError as error:
            return str(error)
        return GOOD
