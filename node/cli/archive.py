"""Wiring of `yuanping node evidence`: a node's store as the source of evidence, read only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.adapters.sql.looking import LookedAt
from node.adapters.sql.store import SqlStore
from node.cli.checking import chain_of
from node.core.errors import MissingError
from node.core.log.merkle import Tree, leaf_hash
from node.services.evidence import Evidence
from node.services.members import Members
from node.services.proofs import Proofs, kept_registry

if TYPE_CHECKING:
    from node.services.ports import Store, StreamRow
    from node.settings import Settings


@dataclass(frozen=True, slots=True)
class Stored:
    """A stream by its row."""

    row: StreamRow


class Rows:
    """The streams of a store, as `Evidence` asks for them; nothing is folded."""

    def __init__(self, rows: Sequence[StreamRow]) -> None:
        self._all = {row.id: Stored(row) for row in rows}
        self._sides: dict[str, list[Stored]] = {}
        for one in self._all.values():
            if one.row.kind == "side" and one.row.of is not None:
                self._sides.setdefault(one.row.of, []).append(one)

    def need(self, stream: str) -> Stored:
        """A stream by id. Raises MissingError."""
        if stream not in self._all:
            raise MissingError(f"stream {stream[:16]}… is not in this store")
        return self._all[stream]

    def sides(self, host_stream: str) -> list[Stored]:
        """All side streams beside a host's stream."""
        return self._sides.get(host_stream, [])

    def streams(self, kind: str) -> list[Stored]:
        """All streams of one kind."""
        return [one for one in self._all.values() if one.row.kind == kind]


@dataclass(slots=True)
class Archive:
    """A store that evidence is made from."""

    rows: Rows
    evidence: Evidence
    offline: bool

    def tenders(self) -> list[StreamRow]:
        """Every tender that has a name. Two hosts may each have one of the same name."""
        return [one.row for one in self.rows.streams("tender") if one.row.tender]


@dataclass(slots=True)
class Trees:
    """The members' logs as the store has them, each read once."""

    store: Store
    members: Members
    known: dict[str, Tree] = field(default_factory=dict)

    def __call__(self, keeper: str) -> Tree:
        """The tree of a member's log."""
        if keeper not in self.known:
            entries = self.store.entries(self.members.by_id[keeper].origin)
            self.known[keeper] = Tree(leaf_hash(entry) for entry in entries)
        return self.known[keeper]


@contextmanager
def archive(settings: Settings) -> Iterator[Archive]:
    """The archive of this node; the node itself may run or not.

    Raises UnavailableError (`store`) if the store cannot be opened, ConfigError if there is none,
    MissingError if the chain does not answer and nothing of it was kept.
    """
    store = SqlStore(LookedAt(settings.store.database_url, at_once=False))
    try:
        chain, members = chain_of(settings)
        if members is None:
            members = Members(settings.centre.id)
            members.take(kept_registry(store))
        rows = Rows(store.streams())
        proofs = Proofs(store, members, chain)
        evidence = Evidence(rows, store, members, Trees(store, members), proofs)
        yield Archive(rows, evidence, offline=chain is None)
    finally:
        store.close()
