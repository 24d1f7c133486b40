"""Everything that a node's store holds, recomputed: streams, places, logs, boxes, words, anchors.

Reads only. The first difference of each part is told and that part is left; parts do not need each
other. What cannot be compared (the chain is silent) is told too: it is not counted as good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError, StateError
from node.core.log.checkpoint import open_checkpoint
from node.core.log.eras import check_in_eras
from node.core.log.merkle import Tree, leaf_hash
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.streams import StreamEndorsed
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.anchors import slots_due
from node.services.judging import found, judge, read_place
from node.services.standing import losses_of

if TYPE_CHECKING:
    from node.core.log.eras import Era
    from node.core.records.box import Box
    from node.services.judging import Laws, State
    from node.services.members import Members
    from node.services.ports import Blobs, Chain, PlaceRow, Store, StreamRow

TELL_EVERY = 200
"""Progress is told after so many streams or checkpoints."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one part: how many things were compared, and the first difference or why not.

    `status`: `ok`, `failed`, or `not_run` where something to compare with does not answer.
    """

    part: str
    status: str
    checked: int
    where: str = ""
    detail: str = ""


class _Difference(Exception):  # noqa: N818 - not an error of the program: what it looks for
    def __init__(self, where: str, detail: str) -> None:
        super().__init__(where)
        self.where, self.detail = where, detail


@dataclass(slots=True)
class Fsck:
    """One look over a store. `members` None: nobody's quorum and no anchor can be compared."""

    me: str
    origin: str
    store: Store
    blobs: Blobs
    laws: Laws
    members: Members | None
    chain: Chain | None
    told: Callable[[str, int, int], None]
    states: dict[str, State] = field(default_factory=dict)
    places: dict[str, list[PlaceRow]] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    lost: int = 0

    def run(self) -> Iterator[Finding]:
        """Check part after part."""
        parts: Mapping[str, tuple[Callable[[], Iterator[int]], bool]] = {
            "streams": (self._streams, True),
            "logs": (self._logs, True),
            "quorums": (self._quorums, self.members is not None),
            "indexes": (self._indexes, True),
            "boxes": (self._boxes, True),
            "endorsements": (self._endorsements, True),
            "anchors": (self._anchors, self.chain is not None and self.members is not None),
        }
        for name, (check, can_run) in parts.items():
            yield (
                self._one(name, check)
                if can_run
                else Finding(
                    name, "not_run", 0, detail="the chain does not answer: members are not known"
                )
            )

    def _one(self, part: str, check: Callable[[], Iterator[int]]) -> Finding:
        checked = 0
        try:
            for count in check():
                checked += count
        except _Difference as difference:
            return Finding(part, "failed", checked, difference.where, difference.detail)
        except NodeError as error:
            status = "not_run" if error.code == "chain" else "failed"
            return Finding(part, status, checked, detail=str(error))
        named = f"{self.lost} lost, by name: yuanping node losses"
        return Finding(part, "ok", checked, detail=named if part == "boxes" and self.lost else "")

    def _streams(self) -> Iterator[int]:
        """Every place follows the one before it; record, body, entry and rules fit."""
        rows = self.store.streams()
        for number, row in enumerate(rows, 1):
            self.places[row.id] = self.store.places(row.id)
            yield self._fold(row)
            if number % TELL_EVERY == 0 or number == len(rows):
                self.told("streams", number, len(rows))

    def _fold(self, row: StreamRow) -> int:
        where, state = f"stream {row.id[:16]}", None
        places = self.places[row.id]
        candidates = []
        for seq, place in enumerate(places):
            at = f"{where} place {seq}"
            if place.seq != seq:
                raise _Difference(at, f"the next place is {place.seq}")
            with _at(at):
                candidate = read_place(row.id, place)
                if (candidate.opened.id, candidate.entry) != (place.record, place.entry):
                    raise StateError("record or entry is not that of the place")
                candidates.append(candidate)
                if seq == 1:
                    state = found(self.laws, candidates[0], candidate)
                elif state is not None:
                    state = judge(state, candidate)
        if state is None:
            raise _Difference(where, "a stream begins with two places")
        self.states[row.id] = state
        opened, stored = state.opened_as, (row.kind, row.keeper, row.of)
        if opened is None or (opened.kind, opened.keeper, opened.of) != stored:
            raise _Difference(where, "kind or keeper is not what its first record says")
        return len(places)

    def _origins(self) -> dict[str, str]:
        """Log's origin -> its keeper."""
        return {**self.store.logs(), self.origin: self.me}

    def _logs(self) -> Iterator[int]:
        """Every checkpoint that was signed or mirrored has the root of the entries before it."""
        for origin in self._origins():
            # In this order, for the node may run: what a checkpoint covers came with it at once.
            notes = self.store.notes(origin, quorum=False)
            entries = self.store.entries(origin)
            newest = self.store.newest(origin, quorum=False)
            over = len(entries) - (newest.size if newest else 0)
            tree, done = Tree(), 0
            for number, note in enumerate(notes, 1):
                tree.extend(leaf_hash(entry) for entry in entries[done : note.size])
                done = note.size
                if tree.size != note.size or tree.root().hex() != note.root:
                    raise _Difference(f"{origin} size {note.size}", "entries do not give its root")
                if number % TELL_EVERY == 0 or number == len(notes):
                    self.told(origin, number, len(notes))
                yield 1
            if over > 0:
                raise _Difference(origin, f"{over} entries under no checkpoint")
            self.trees[origin] = tree

    def _quorums(self) -> Iterator[int]:
        """Every checkpoint bears its log's own signature, and where it is said to, its quorum."""
        for origin, keeper in self._origins().items():
            eras = self._eras(keeper)
            for note in self.store.notes(origin, quorum=False):
                with _at(f"{origin} size {note.size}"):
                    open_checkpoint(note.note, eras[-1].quorum.log)
                    if note.quorum is not None:
                        head = check_in_eras(note.quorum, eras).found.checkpoint
                        if (head.size, head.root.hex()) != (note.size, note.root):
                            raise StateError("the quorum is of another checkpoint")
                yield 1

    def _eras(self, keeper: str) -> tuple[Era, ...]:
        if self.members is None:
            raise AssertionError("asked only where members are known")
        return self.members.eras(keeper)

    def _indexes(self) -> Iterator[int]:
        """Every place stands in its keeper's log where its row says."""
        keepers = {keeper: origin for origin, keeper in self._origins().items()}
        entries = {origin: self.store.entries(origin) for origin in keepers.values()}
        for stream, places in self.places.items():
            state = self.states.get(stream)
            log = entries.get(keepers.get(state.keeper, "") if state else "", [])
            for place in places:
                at = f"stream {stream[:16]} place {place.seq}"
                raw = bytes.fromhex(place.entry)
                if place.index is None:
                    if raw in log:
                        raise _Difference(at, "the log holds it, its row does not say where")
                elif place.index >= len(log) or log[place.index] != raw:
                    raise _Difference(at, f"leaf {place.index} of its log is another entry")
                yield 1

    def _boxes(self) -> Iterator[int]:
        """Whoever has a receipt for a box finds it whole: ciphertext and sealed shares.

        But for what this node has named as lost after a restore.
        """
        lost = {loss.name for loss in losses_of(self.store) if loss.kind == "box"}
        for stream, places in self.places.items():
            state = self.states.get(stream)
            if not isinstance(state, TenderState) or state.keeper != self.me:
                continue
            for place in places:
                body = decode_body(_kind(place), place.body) if place.body else None
                if (box := getattr(body, "box", None)) is None:
                    continue
                if place.record in lost:
                    self.lost += 1
                    continue
                with _at(f"stream {stream[:16]} place {place.seq}"):
                    self._check_box(place.record, box)
                yield 1

    def _check_box(self, record: str, box: Box) -> None:
        data = self.blobs.get(box.ciphertext.sha256)
        if data is None or len(data) != box.ciphertext.size:
            raise StateError("the box's ciphertext is not here")
        for number in range(1, len(box.holders) + 1):
            if self.store.sealed(record, number) is None:
                raise StateError(f"sealed share {number} of the box is not here")

    def _endorsements(self) -> Iterator[int]:
        """What was endorsed is what stands in the host's stream as we hold it."""
        for stream, state in self.states.items():
            of = state.opened_as.of if state.opened_as else None
            host = self.states.get(of or "")
            if not isinstance(state, OwnState) or host is None:
                continue
            for place in self.places[stream]:
                body = decode_body(_kind(place), place.body) if place.body else None
                if not isinstance(body, StreamEndorsed) or body.seq >= len(host.entries):
                    continue
                if host.entries[body.seq] != body.entry:
                    at = f"stream {stream[:16]} place {place.seq}"
                    raise _Difference(at, f"it endorses another entry at place {body.seq}")
                yield 1

    def _anchors(self) -> Iterator[int]:
        """What the chain holds of the logs and of our tenders is what we hold."""
        members, chain = self.members, self.chain
        if members is None or chain is None:
            raise AssertionError("asked only where both are known")
        for member in members.by_id.values():
            ((size, root, _),) = chain.anchored([member.account])
            tree = self.trees.get(member.origin, Tree())
            newest = self.store.newest(member.origin, quorum=False)  # the node may have gone on
            if size > (newest.size if newest else 0) and member.id == self.me:
                raise _Difference(member.origin, "the chain holds more of our log than our store")
            if 0 < size <= tree.size and tree.root(size).hex() != root:
                raise _Difference(f"{member.origin} size {size}", "the chain holds another root")
            yield 1
        account = members.by_id[self.me].account
        for stream, state in self.states.items():
            if isinstance(state, TenderState) and state.keeper == self.me:
                yield self._slots(stream, state, account)

    def _slots(self, stream: str, state: TenderState, account: str) -> int:
        if self.chain is None:
            raise AssertionError("asked only where the chain is known")
        slots = self.chain.tender(stream, account)
        held = {
            "bids": (slots.bids_at, (slots.bids_root, slots.bids_head)),
            "result": (slots.result_at, (slots.result, slots.result_head)),
        }
        for slot in slots_due(state):
            written, values = held.get(slot.name, (0, ()))
            if written and values != slot.values:
                raise _Difference(f"stream {stream[:16]}", f"slot {slot.name} holds another value")
        return 1


@contextmanager
def _at(where: str) -> Iterator[None]:
    """Turn an error of ours into the difference at this place."""
    try:
        yield
    except NodeError as error:
        raise _Difference(where, str(error)) from error


def _kind(place: PlaceRow) -> str:
    return open_envelope(place.envelope).header.type
