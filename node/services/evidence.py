"""Evidence from our own database: streams, mirrored logs, and the chain's notes over its slots.

Whoever follows a tender can make its evidence file; nobody is asked but the chain. Blocking.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from node.core.errors import InvalidError, MissingError, StateError
from node.core.evidence.anchor_devnet import BlockFact, Proof, read_checkpoint
from node.core.evidence.assemble import assemble
from node.core.evidence.extent import StoredPlace, StreamPart, needs_of, shown
from node.core.log.note import parse_note
from node.core.records.canonical import decode, epoch_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from node.core.evidence.extent import Needs
    from node.core.log.merkle import Tree
    from node.services.members import Members
    from node.services.model import Book, Stream
    from node.services.ports import Chain, Store

ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class Evidence:
    """Makes evidence files. `tree` gives the tree of a member's log as this node has it."""

    book: Book
    store: Store
    chain: Chain
    members: Members
    tree: Callable[[str], Tree]

    def make(self, stream: str, reader: str) -> bytes:
        """The evidence file of a tender, cut for a reader.

        Raises MissingError, StateError (`too-early`), or what the chain answers.
        """
        host = self.book.need(stream)
        if host.row.kind != "tender":
            raise MissingError("evidence is of a tender's stream")
        parts = self._parts(host)
        needs = needs_of(shown(parts, reader))
        note, sizes = self._anchor(host, needs)
        anchors = [note, *self._beacon(host, needs)]
        view = self.members.view
        # Our mirrors may be a moment behind what the chain already shows: they are read again, not
        # the chain, which would be ahead of them once more.
        late = ""
        for _ in range(ATTEMPTS):
            whole = [replace(part, anchored=sizes.get(part.keeper)) for part in parts]
            try:
                return assemble(whole, view.changes if view else (), anchors, reader)
            except InvalidError as error:
                late, parts = str(error), self._parts(host)
            if needs_of(shown(parts, reader)) != needs:
                break
        raise StateError(f"not yet: {late}", code="too-early")

    def _parts(self, host: Stream) -> list[StreamPart]:
        """The tender's stream, its side streams and the pools' streams, as they stand now."""
        rows = [host, *self._sides(host.row.id), *self.book.streams("pool")]
        return [self._part(one) for one in rows]

    def _sides(self, stream: str) -> list[Stream]:
        return [side for side in self.book.streams("side") if side.row.of == stream]

    def _part(self, stream: Stream) -> StreamPart:
        keeper = stream.row.keeper
        origin = self.members.by_id[keeper].origin
        notes = [(n.size, n.quorum) for n in self.store.notes(origin) if n.quorum]
        places = tuple(self._places(stream))
        return StreamPart(keeper, stream.row.id, stream.row.kind, places, self.tree(keeper), notes)

    def _places(self, stream: Stream) -> Iterable[StoredPlace]:
        """The places whose leaf we have seen in the keeper's log, without a gap."""
        for row in self.store.places(stream.row.id):
            if row.index is None:
                return
            yield StoredPlace(row.seq, row.what, row.where, row.envelope, row.body, row.index)

    def _anchor(self, host: Stream, needs: Needs) -> tuple[str, dict[str, int]]:
        """The anchor's note, and the size it shows of each keeper's log."""
        accounts = {name: self.members.by_id[name].account for name in needs.keepers}
        keeper = self.members.by_id[host.row.keeper].account
        note = self.chain.prove_tender(host.row.id, keeper, list(accounts.values()))
        fact = read_fact(note)
        sizes = {
            name: read_checkpoint(fact, bytes.fromhex(account)).size
            for name, account in accounts.items()
        }
        return note, {name: size for name, size in sizes.items() if size}

    def _beacon(self, host: Stream, needs: Needs) -> Sequence[str]:
        if not needs.rounds:
            return ()
        opener = self.members.by_id[host.row.keeper].account
        wanted = []
        for round_id in needs.rounds:
            found = self.chain.round(round_id, opener)
            if found is None:
                raise StateError("the chain does not show a round that was used", code="anchor")
            wanted.append((round_id, opener, found.members))
        return (self.chain.prove_rounds(wanted),)


def read_fact(note: str) -> BlockFact:
    """What a note of the chain's operator says; who signed it is the verifier's question."""
    proof = decode(parse_note(note).text.rstrip("\n").encode(), Proof)
    slots = {bytes.fromhex(slot): bytes.fromhex(word) for slot, word in proof.slots.items()}
    return BlockFact(proof.contract, proof.number, proof.hash, epoch_of(proof.time), slots)
