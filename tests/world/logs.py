"""A member's log in memory: streams, ticks with padding, cosignatures, and the stored notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.evidence.extent import StoredPlace, StreamPart
from node.core.log.checkpoint import Checkpoint, sign_checkpoint
from node.core.log.cosignature import cosign, earliest_quorum
from node.core.log.merkle import Tree, leaf_hash
from node.core.log.note import Note
from node.core.log.policy import Quorum, least_quorum
from node.core.records.canonical import time_of
from node.core.records.envelope import Envelope, open_envelope
from node.core.records.place import (
    FIRST_PREV,
    What,
    Where,
    entry_of,
    padded_count,
    padding_entry,
)
from node.core.rules.state import Placed
from tests.world.members import Member, raw

if TYPE_CHECKING:
    from tests.world.chance import Chance

F = 1


@dataclass
class KeptStream:
    """One stream as it grows; a place gets its index at its tick."""

    kind: str
    places: list[StoredPlace] = field(default_factory=list)
    waiting: list[tuple[What, Where, Envelope, bytes]] = field(default_factory=list)

    @property
    def last(self) -> tuple[int, str]:
        """Number and entry of the newest place, ticked or not."""
        if self.waiting:
            what, where, *_ = self.waiting[-1]
            return where.seq, entry_of(what, where)
        if not self.places:
            return -1, FIRST_PREV
        place = self.places[-1]
        return place.seq, entry_of(place.what, place.where)


class Log:
    """One member's log and the streams in it."""

    def __init__(self, member: Member, witnesses: list[Member], chance: Chance) -> None:
        self.member, self.witnesses, self.chance = member, witnesses, chance
        n = len(witnesses)
        keys = tuple(w.witness_vkey for w in witnesses)
        self.quorum = Quorum(member.log_vkey, keys, least_quorum(n, F))
        self.tree = Tree()
        self.streams: dict[str, KeptStream] = {}
        self.notes: list[tuple[int, str]] = []
        self.anchored: int | None = None

    def add(self, kind: str, envelope: Envelope, body: bytes, received: int) -> Placed:
        """Give a record the next place of its stream."""
        opened = open_envelope(envelope)
        stream = self.streams.setdefault(opened.stream, KeptStream(kind))
        seq, before = stream.last
        what = What(
            id=opened.id,
            received=time_of(received),
            salt=self.chance.salt(),
            sig=opened.signature_digest,
            stream=opened.stream,
        )
        where = Where(prev=before, salt=self.chance.salt(), seq=seq + 1)
        stream.waiting.append((what, where, envelope, body))
        return Placed(seq + 1, entry_of(what, where), received, opened.id, opened.header, None)

    def tick(self, now: int) -> None:
        """Publish what waits: padded, ascending, one checkpoint, cosigned."""
        waiting = [(s, w) for s in self.streams.values() for w in s.waiting]
        entries = [entry_of(what, where) for _, (what, where, *_) in waiting]
        pads = padded_count(len(entries)) - len(entries)
        salts = [(self.chance.salt(), self.chance.salt()) for _ in range(pads)]
        tick = sorted([*entries, *(padding_entry(*pair) for pair in salts)])
        start = self.tree.size
        self.tree.extend(leaf_hash(bytes.fromhex(entry)) for entry in tick)
        for (stream, item), entry in zip(waiting, entries, strict=True):
            what, where, envelope, body = item
            index = start + tick.index(entry)
            stream.places.append(StoredPlace(where.seq, what, where, envelope, body, index))
        for stream in self.streams.values():
            stream.waiting.clear()
        self.notes.append((self.tree.size, self._note(now)))

    def _note(self, now: int) -> str:
        head = Checkpoint(self.member.log_vkey.name, self.tree.size, self.tree.root())
        note: Note = sign_checkpoint(head, self.member.log.sign, raw(self.member.log))
        for late, witness in enumerate(self.witnesses):
            line = cosign(note.text, witness.witness_vkey, now + late, witness.witness.sign)
            note = note.with_signatures(line)
        return earliest_quorum(note, self.quorum).encode()

    def part(self, stream: str) -> StreamPart:
        """A stream as `assemble` takes it."""
        kept = self.streams[stream]
        places = tuple(kept.places)
        return StreamPart(
            self.member.id, stream, kept.kind, places, self.tree, tuple(self.notes), self.anchored
        )
