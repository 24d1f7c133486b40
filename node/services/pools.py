"""A pool's part of the network: its roster, its snapshots, its lists for a draw, its disclosure.

Source: protocol.md section 6. Entries never leave their centre but for the regulator. What a draw's
body follows from (salts, grounds) is stored with the record that commits it, in one transaction; a
body that was made once is given again, so that a repeated duty says the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from node.core.errors import MissingError, RuleError, StateError
from node.core.records.canonical import decode, encode, epoch_of
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.draws import DrawJoined, PoolCell, PoolPublished, Snapshot
from node.core.rules import draw as law
from node.core.rules.listing import (
    Asked,
    Exclusion,
    NamedPerson,
    PoolDisclosure,
    SnapshotDisclosure,
    excluded_digest,
    fit_for,
    lists_of,
)
from node.core.rules.pool import (
    EntryFacts,
    PoolEntry,
    cells_of,
    check_signed,
    entry_leaf,
    snapshot_root,
)
from node.core.rules.side import OwnState
from node.services.roster import Epoch, Joined, Persons, Roster, key_of, text_of

if TYPE_CHECKING:
    from node.services.judging import State
    from node.services.ports import Clock, Entropy, PlaceRow, Store

Made = tuple[DrawJoined, Mapping[str, str]]
ExistedBy = Callable[[str, str], "int | None"]
"""By when an entry (keeper of its log, hex) existed, epoch seconds, or None before its quorum."""
AT_START = "start"
"""Stands among the unpublished until a first look: who entered before a crash is not known."""
FOUNDING = 1
"""The last of the places that open a stream."""


@dataclass(frozen=True, slots=True)
class PoolService:
    """The pool of one centre. Blocking; called on threads.

    In memory stay `told`, (draw, regulator) of which nothing is owed any more, `told_all`, settled
    tenders of which nothing is owed to anybody, `streams`, where our snapshots are published,
    `held`, the entries of the one used last, and `unpublished`, who entered and stands in none yet.
    """

    me: str
    store: Store
    clock: Clock
    entropy: Entropy
    entering: Lock = field(default_factory=Lock)
    told: set[tuple[str, str]] = field(default_factory=set)
    told_all: set[str] = field(default_factory=set)
    streams: set[str] = field(default_factory=set)
    unpublished: set[str] = field(default_factory=lambda: {AT_START})
    held: dict[tuple[int, str], Sequence[PoolEntry]] = field(default_factory=dict)

    @property
    def roster(self) -> Roster:
        """The pool's facts."""
        return Roster(self.store)

    def enter(self, data: bytes, signature: bytes) -> PoolEntry:
        """Take an expert's entry: the RFC 8785 bytes of his facts, and his signature over them.

        Durable when it returns; the same facts again change nothing. Raises InvalidError,
        SignatureError, or RuleError for a date in the future or other facts under his key: an
        entry is never edited, or a published root would no longer be that of its entries.
        """
        facts = decode(data, EntryFacts)
        check_signed(facts, signature)
        if epoch_of(facts.since) > self.clock.now():
            raise RuleError("an entry cannot begin in the future")
        with self.entering:  # two at once must not give one entry two salts
            known = self.roster.entry(facts.pseudonym)
            if known is None:
                known = PoolEntry(facts=facts, salt=self.salt(), sig=signature.hex())
                self.roster.enter(known)
                self.unpublished.add(facts.pseudonym)
        if known.facts != facts:
            raise RuleError("this key stands in the pool with other facts")
        return known

    def recuse(self, stream: str, excluded: Exclusion) -> None:
        """Take an expert out of a tender's draws, on a legal ground. Raises MissingError."""
        if self.roster.entry(excluded.pseudonym) is None:
            raise MissingError("no such expert in this pool")
        self.roster.recuse(stream, excluded)

    def publish_snapshot(
        self, small: int, said: int = 0
    ) -> tuple[PoolPublished, Mapping[str, str]] | None:
        """The body of `pool.published` and the fact to commit with it; None if nothing changed.

        `small` is the rule set's smallest cell. An empty pool publishes nothing. `said` is the
        newest epoch in our stream: one whose entries a lost disk took is followed by a new one.
        """
        entries, last = self.roster.entries(), self.roster.newest_epoch()
        root = snapshot_root(entries)
        held = 0 if last is None else last[0]
        if not entries or (last is not None and said <= held and last[1].root == root):
            return None
        number = max(said, held) + 1
        cells = tuple(
            PoolCell(count=cell.count, region=cell.region, specialty=cell.specialty)
            for cell in cells_of(entries, small)
        )
        body = PoolPublished(
            cells=cells, epoch=number, root=root, salt=self.salt(), size=len(entries)
        )
        members = Epoch(pseudonyms=tuple(one.facts.pseudonym for one in entries), root=root)
        return body, {f"pool/epoch/{number}": text_of(members)}

    def snapshot_before(self, deadline: int, existed_by: ExistedBy) -> Snapshot:
        """Our last snapshot that a quorum had cosigned before the deadline (epoch seconds).

        Raises StateError if there is none: this pool may not join.
        """
        if not self.streams:
            rows = self.store.streams()
            self.streams.update(row.id for row in rows if row.own and row.kind == "pool")
        for stream in self.streams:
            for place in reversed(self.store.places(stream, FOUNDING)):
                body = _published(place)
                existed = existed_by(self.me, place.entry) if body else None
                if body and existed is not None and existed < deadline:
                    return Snapshot(epoch=body.epoch, root=body.root, seq=place.seq, stream=stream)
        raise StateError("no snapshot of this pool was cosigned before the deadline")

    def join(self, asked: Asked, stream: str, snapshot: Snapshot) -> Made:
        """The body of `draw.joined` for a tender's draw, and the facts to commit with it.

        All fit experts of the snapshot that no ground excludes, each with a fresh salt, one value
        an expert and draw. Asked again after its commit it gives the same body and no facts.
        """
        if (known := self.roster.joined(asked.draw)) is not None:
            return known.body, {}
        entries = self._snapshot(snapshot)
        inside = {one.facts.pseudonym for one in entries}
        excluded = tuple(one for one in self.roster.recused(stream) if one.pseudonym in inside)
        fit = fit_for(asked, entries, {one.pseudonym for one in excluded})
        named = [self._person(asked.draw, one) for one in sorted(frozenset().union(*fit))]
        salt = self.salt()
        body = DrawJoined(
            draw=asked.draw,
            excluded=excluded_digest(asked.draw, excluded, salt),
            lists=lists_of(fit, {one.pseudonym: one.person for one in named}),
            salt=self.salt(),
            snapshot=snapshot,
        )
        listed = Persons(persons=tuple(sorted(named, key=lambda one: one.person)))
        joined = Joined(body=body, excluded=excluded, excluded_salt=salt)
        return body, {
            key_of(asked.draw, "joined"): text_of(joined),
            key_of(asked.draw, "persons"): text_of(listed),
        }

    def snapshot_disclosure(self, snapshot: Snapshot) -> bytes:
        """What the regulator gets of a snapshot, once, before the first draw from it."""
        entries = self._snapshot(snapshot)
        told = tuple(sorted(entries, key=entry_leaf))
        return encode(SnapshotDisclosure(entries=told, pool=self.me, root=snapshot.root))

    def disclosure(self, draw: str) -> bytes:
        """What the regulator gets of a draw at once (protocol 6). Raises MissingError."""
        joined = self.roster.joined(draw)
        if joined is None:
            raise MissingError("this pool has not joined that draw")
        return encode(
            PoolDisclosure(
                draw=draw,
                excluded=joined.excluded,
                excluded_salt=joined.excluded_salt,
                persons=tuple(self.roster.persons(draw)),
                pool=self.me,
            )
        )

    def _snapshot(self, snapshot: Snapshot) -> Sequence[PoolEntry]:
        """The entries of a published snapshot; the last one stays in memory: each draw asks."""
        key = (snapshot.epoch, snapshot.root)
        held = self.held.get(key)
        if held is None:
            held = tuple(self.roster.snapshot(*key))
            self.held.clear()
            self.held[key] = held
        return held

    def _person(self, draw: str, pseudonym: str) -> NamedPerson:
        salt = self.salt()
        person = law.person(draw, pseudonym, salt)
        return NamedPerson(person=person, pseudonym=pseudonym, salt=salt)

    def salt(self) -> str:
        """32 fresh random bytes, hex."""
        return self.entropy.bytes(32).hex()


def _published(place: PlaceRow) -> PoolPublished | None:
    kind = open_envelope(place.envelope).header.type
    body = decode_body(kind, place.body) if place.body is not None else None
    return body if isinstance(body, PoolPublished) else None


def epoch_at(state: State) -> int:
    """The newest epoch that a pool's stream tells, or 0."""
    told = state.snapshots.values() if isinstance(state, OwnState) else ()
    return max((one.epoch for one in told), default=0)
