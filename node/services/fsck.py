"""Everything that a node's store holds, recomputed: streams, places, logs, boxes, words, anchors.

Reads only, and of a node that runs a store of one moment. The first difference of each part is told
and that part is left; parts do not need each other. What cannot be compared (the chain is silent)
is told too: it is not counted as good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError, StateError
from node.core.log.checkpoint import open_checkpoint
from node.core.log.cosignature import newest_claimed
from node.core.log.eras import check_in_eras
from node.core.log.merkle import Tree, leaf_hash
from node.core.log.note import parse_note
from node.core.records.box import SEALED_SIZE
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.streams import StreamEndorsed
from node.core.records.kinds.tender import TenderPlanned
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.anchors import slots_due
from node.services.differing import Difference, looking_at
from node.services.judging import found, judge, read_place
from node.services.owed import Owed, check_endorsed
from node.services.standing import losses_of

if TYPE_CHECKING:
    from node.core.log.eras import Era
    from node.core.records.box import Box
    from node.services.judging import Laws, State
    from node.services.members import Members
    from node.services.ports import Blobs, Chain, LogNote, PlaceRow, Store, StreamRow

TELL_EVERY = 200
"""Progress is told after so many streams or checkpoints."""


Head = tuple[int, str]
"""Size and root of a log."""


def heads_of(chain: Chain, members: Members) -> dict[str, Head]:
    """Member -> what the chain holds of its log. Raises NodeError, code `chain` if it is silent."""
    names = list(members.by_id)
    found = chain.anchored([members.by_id[name].account for name in names])
    return {name: (size, root) for name, (size, root, _) in zip(names, found, strict=True)}


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


@dataclass(slots=True)
class Fsck:
    """One look over a store. `members` None: nobody's quorum and no anchor can be compared.

    `heads` is what `heads_of` gave before the store's moment: a node that runs anchors more later.
    """

    me: str
    origin: str
    store: Store
    blobs: Blobs
    laws: Laws
    members: Members | None
    chain: Chain | None
    told: Callable[[str, int, int], None]
    heads: Mapping[str, Head] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)
    places: dict[str, list[PlaceRow]] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    lost: int = 0

    def run(self) -> Iterator[Finding]:
        """Check part after part."""
        parts: Mapping[str, tuple[Callable[[], Iterator[int]], bool]] = {
            "rows": (self._owed.rows, True),
            "streams": (self._streams, True),
            "logs": (self._logs, True),
            "leaves": (self._leaves, True),
            "quorums": (self._quorums, self.members is not None),
            "witnessed": (self._witnessed, True),
            "indexes": (self._indexes, True),
            "boxes": (self._boxes, True),
            "facts": (self._owed.facts, True),
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
        except Difference as difference:
            return Finding(part, "failed", checked, difference.where, difference.detail)
        except NodeError as error:
            status = "not_run" if error.code == "chain" else "failed"
            return Finding(part, status, checked, detail=str(error))
        named = f"{self.lost} lost, by name: yuanping node losses" if self.lost else ""
        self.lost = 0
        return Finding(part, "ok", checked, detail=named)

    @property
    def _owed(self) -> Owed:
        return Owed(self.me, self.origin, self.store, self.places, self.states)

    def _streams(self) -> Iterator[int]:
        """Every place follows the one before it; record, body, entry and rules fit."""
        rows = self.store.streams()
        # All at first: other parts need them where one stream differs, too.
        self.places.update((row.id, self.store.places(row.id)) for row in rows)
        for number, row in enumerate(rows, 1):
            yield self._fold(row)
            if number % TELL_EVERY == 0 or number == len(rows):
                self.told("streams", number, len(rows))

    def _fold(self, row: StreamRow) -> int:
        where, state, tender = f"stream {row.id[:16]}", None, None
        places = self.places[row.id]
        candidates = []
        for seq, place in enumerate(places):
            at = f"{where} place {seq}"
            if place.seq != seq:
                raise Difference(at, f"the next place is {place.seq}")
            with looking_at(at):
                candidate = read_place(row.id, place)
                if (candidate.opened.id, candidate.entry) != (place.record, place.entry):
                    raise StateError("record or entry is not that of the place")
                candidates.append(candidate)
                if isinstance(candidate.body, TenderPlanned):
                    tender = candidate.body.tender
                if seq == 1:
                    state = found(self.laws, candidates[0], candidate)
                elif state is not None:
                    state = judge(state, candidate)
        if state is None:
            raise Difference(where, "a stream begins with two places")
        self.states[row.id] = state
        self._check_row(row, state, tender)
        return len(places)

    def _check_row(self, row: StreamRow, state: State, tender: str | None) -> None:
        """The stream's row says of it what its records say."""
        opened, stored = state.opened_as, (row.kind, row.keeper, row.of, row.own)
        own = state.keeper == self.me
        if opened is None or (opened.kind, opened.keeper, opened.of, own) != stored:
            detail = "kind or keeper is not what its first record says"
            raise Difference(f"stream {row.id[:16]}", detail)
        if row.tender != tender:
            raise Difference(f"stream {row.id[:16]}", "its tender is not the one its records name")

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
                    raise Difference(f"{origin} size {note.size}", "entries do not give its root")
                if origin != self.origin:
                    _check_time(note)
                if number % TELL_EVERY == 0 or number == len(notes):
                    self.told(origin, number, len(notes))
                yield 1
            if over > 0:
                raise Difference(origin, f"{over} entries under no checkpoint")
            self.trees[origin] = tree

    def _leaves(self) -> Iterator[int]:
        """Nothing that our log holds is missing here."""
        entries = (place.entry for rows in self.places.values() for place in rows)
        return self._owed.leaves(frozenset(entries), self._count_lost)

    def _count_lost(self, count: int) -> None:
        self.lost += count

    def _witnessed(self) -> Iterator[int]:
        """Our witness does not go back."""
        return self._owed.witnessed(self.members, self.trees)

    def _quorums(self) -> Iterator[int]:
        """Every checkpoint bears its log's own signature, and where it is said to, its quorum."""
        for origin, keeper in self._origins().items():
            eras = self._eras(keeper)
            for note in self.store.notes(origin, quorum=False):
                with looking_at(f"{origin} size {note.size}"):
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
        whose = {row.id: row.keeper for row in self.store.streams()}
        for stream, places in self.places.items():
            state = self.states.get(stream)
            keeper = state.keeper if state else whose[stream]
            log = entries.get(keepers.get(keeper, ""), [])
            for place in places:
                at = f"stream {stream[:16]} place {place.seq}"
                raw = bytes.fromhex(place.entry)
                if place.index is None:
                    if raw in log:
                        raise Difference(at, "the log holds it, its row does not say where")
                elif place.index >= len(log) or log[place.index] != raw:
                    raise Difference(at, f"leaf {place.index} of its log is another entry")
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
                with looking_at(f"stream {stream[:16]} place {place.seq}"):
                    self._check_box(place.record, box)
                yield 1

    def _check_box(self, record: str, box: Box) -> None:
        data = self.blobs.get(box.ciphertext.sha256)
        if data is None or len(data) != box.ciphertext.size:
            raise StateError("the box's ciphertext is not here")
        for number in range(1, len(box.holders) + 1):
            share = self.store.sealed(record, number)
            if share is None:
                raise StateError(f"sealed share {number} of the box is not here")
            if len(share) != SEALED_SIZE:  # more of it only its holder can check, with his key
                raise StateError(f"sealed share {number} of the box is damaged")

    def _endorsements(self) -> Iterator[int]:
        """What was endorsed is what stands in the host's stream as we hold it."""
        for stream, state in self.states.items():
            of = state.opened_as.of if state.opened_as else None
            if not isinstance(state, OwnState) or of is None:
                continue
            held = [place.entry for place in self.places.get(of, ())]
            for place in self.places[stream]:
                body = decode_body(_kind(place), place.body) if place.body else None
                if not isinstance(body, StreamEndorsed):
                    continue
                at = f"stream {stream[:16]} place {place.seq}"
                if state.keeper == self.me:
                    check_endorsed(self.store, at, body.seq, len(held))
                if body.seq < len(held) and held[body.seq] != body.entry:
                    raise Difference(at, f"it endorses another entry at place {body.seq}")
                yield 1

    def _anchors(self) -> Iterator[int]:
        """What the chain holds of the logs and of our tenders is what we hold."""
        members = self.members
        if members is None:
            raise AssertionError("asked only where members are known")
        for member in members.by_id.values():
            size, root = self.heads[member.id]
            tree = self.trees.get(member.origin, Tree())
            newest = self.store.newest(member.origin, quorum=False)
            if size > (newest.size if newest else 0) and member.id == self.me:
                raise Difference(member.origin, "the chain holds more of our log than our store")
            if 0 < size <= tree.size and tree.root(size).hex() != root:
                raise Difference(f"{member.origin} size {size}", "the chain holds another root")
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
                raise Difference(f"stream {stream[:16]}", f"slot {slot.name} holds another value")
        return 1


def _check_time(note: LogNote) -> None:
    """What we mirror has the time of its newest cosignature; of our own log only we know it."""
    where = f"{note.origin} size {note.size}"
    with looking_at(where):
        cosigned = newest_claimed(parse_note(note.quorum)) if note.quorum else note.at
    if note.at != cosigned:
        raise Difference(where, "its time is not that of its cosignatures")


def _kind(place: PlaceRow) -> str:
    return open_envelope(place.envelope).header.type
