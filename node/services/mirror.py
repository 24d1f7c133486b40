"""Mirrors of the partners' logs: every entry, and every checkpoint that got its quorum.

A stretch is taken only if its checkpoint bears the quorum of its log's witnesses and its root is
that of what we hold with the new entries. Commit order: check, commit, then memory. A partner
that shows two histories under a quorum is stopped, what proves it is kept as a fact, and it stays
stopped after a restart.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.errors import LogError
from node.core.log.eras import check_in_eras
from node.core.log.merkle import Tree, leaf_hash
from node.services.stretches import stretch_of

if TYPE_CHECKING:
    from node.core.log.cosignature import QuorumNote
    from node.services.members import Members
    from node.services.ports import LogPart, Store

FORK: Final = "fork/"
"""Facts under this prefix hold, by origin, both notes of a log that showed two histories."""


@dataclass(slots=True)
class Mirror:
    """Our copy of one partner's log in memory."""

    keeper: str
    origin: str
    tree: Tree = field(default_factory=Tree)
    forked: str = ""
    stale: bool = False
    taking: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(slots=True)
class Mirrors:
    """All mirrored logs, by keeper."""

    store: Store
    members: Members
    _mirrors: dict[str, Mirror] = field(default_factory=dict)

    def load(self) -> None:
        """Read the logs of all partners back from the store. Blocking."""
        for member in self.members.partners():
            self.of(member.id)

    def of(self, keeper: str) -> Mirror:
        """The mirror of a member's log; read from the store at first use. Blocking."""
        if (known := self._mirrors.get(keeper)) is None:
            origin = self.members.by_id[keeper].origin
            known = Mirror(keeper, origin)
            self._read(known)
            self._mirrors[keeper] = known
        return known

    def size(self, keeper: str) -> int:
        """How many entries of a member's log we hold."""
        return self.of(keeper).tree.size

    def forks(self) -> dict[str, str]:
        """Partners that showed two histories, and the origin of the log they showed them of."""
        mirrors = ((m.id, self._mirrors.get(m.id)) for m in self.members.partners())
        return {name: found.origin for name, found in mirrors if found and found.forked}

    async def take(self, keeper: str, part: LogPart) -> None:
        """Check and store a stretch of a partner's log.

        Raises LogError for what its keeper must answer for (code `quorum` if cosignatures are
        missing), UnavailableError (`store`) if our own store does not take it.
        """
        known = self._mirrors.get(keeper)
        mirror = await asyncio.to_thread(self.of, keeper) if known is None else known
        async with mirror.taking:
            try:
                entries = await asyncio.to_thread(self._check_and_store, mirror, part)
            except LogError:
                raise
            except BaseException:  # the outcome is unknown: read what stands
                mirror.stale = True
                raise
            mirror.tree.extend(leaf_hash(entry) for entry in entries)

    def _read(self, mirror: Mirror) -> None:
        entries = self.store.entries(mirror.origin)
        mirror.tree, mirror.stale = Tree(leaf_hash(entry) for entry in entries), False
        if self.store.fact(FORK + mirror.origin) is not None:
            mirror.forked = f"{mirror.keeper} showed two histories of its log"

    def _check_and_store(self, mirror: Mirror, part: LogPart) -> Sequence[bytes]:
        if mirror.stale:
            self._read(mirror)
        if mirror.forked:
            raise LogError(mirror.forked)
        quorum = check_in_eras(part.note, self.members.eras(mirror.keeper)).found
        head = quorum.checkpoint
        if head.size <= mirror.tree.size:
            self._check_known(mirror, quorum, part)
            return ()
        fresh = stretch_of(mirror.tree, part, quorum)
        self.store.mirror(mirror.keeper, fresh.start, fresh.entries, fresh.note)
        return fresh.entries

    def _check_known(self, mirror: Mirror, quorum: QuorumNote, part: LogPart) -> None:
        """A checkpoint of a size we hold must have the root we hold; else it proves a fork."""
        head = quorum.checkpoint
        if mirror.tree.root(head.size) != head.root:
            stored = self.store.newest(mirror.origin)
            proof = {"shown": part.note, "held": (stored.quorum if stored else "") or ""}
            self.store.put_fact(FORK + mirror.origin, json.dumps(proof, sort_keys=True))
            mirror.forked = f"{mirror.keeper} showed two histories of its log"
            raise LogError(mirror.forked)
