"""Evidence from our own database: streams, mirrored logs, and the chain's notes over its slots.

Whoever follows a tender can make its evidence file; nobody is asked but the chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
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
PAUSE_S = 0.1
Sizes = Mapping[str, int]
"""Of each keeper's log, the size that the chain holds."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Makes evidence files. `tree` gives the tree of a member's log as this node has it."""

    book: Book
    store: Store
    chain: Chain
    members: Members
    tree: Callable[[str], Tree]

    async def make(self, stream: str, reader: str) -> bytes:
        """The evidence file of a tender, cut for a reader.

        Raises MissingError, StateError (`too-early`), or what the chain answers.
        """
        host = self.book.need(stream)
        if host.row.kind != "tender":
            raise MissingError("evidence is of a tender's stream")
        needs, anchors, sizes = await asyncio.to_thread(self._anchors, host, reader)
        # Our mirrors may be a moment behind what the chain already shows: they are waited for, and
        # the chain is not asked again: it would be ahead of them once more.
        for _ in range(ATTEMPTS):
            if all(self.tree(keeper).size >= size for keeper, size in sizes.items()):
                return await asyncio.to_thread(self._whole, host, reader, (needs, anchors, sizes))
            await asyncio.sleep(PAUSE_S)
        raise StateError("not yet: our copy of a log is behind the chain", code="too-early")

    def _anchors(self, host: Stream, reader: str) -> tuple[Needs, list[str], Sizes]:
        """What the file needs of the chain, and what the chain gives."""
        needs = needs_of(shown(self._parts(host, {}), reader))
        note, sizes = self._anchor(host, needs)
        return needs, [note, *self._beacon(host, needs)], sizes

    def _whole(self, host: Stream, reader: str, found: tuple[Needs, list[str], Sizes]) -> bytes:
        needs, anchors, sizes = found
        parts, view = self._parts(host, sizes), self.members.view
        if needs_of(shown(parts, reader)) != needs:
            raise StateError("not yet: the streams have just grown", code="too-early")
        try:
            return assemble(parts, view.changes if view else (), anchors, reader)
        except InvalidError as error:
            raise StateError(f"not yet: {error}", code="too-early") from error

    def _parts(self, host: Stream, sizes: Sizes) -> list[StreamPart]:
        """The tender's stream, its side streams and the pools' streams, as they stand now."""
        rows = [host, *self.book.sides(host.row.id), *self.book.streams("pool")]
        places = [tuple(self._places(one)) for one in rows]
        leaves: dict[str, set[int]] = {}
        for one, found in zip(rows, places, strict=True):
            leaves.setdefault(one.row.keeper, set()).update(place.index for place in found)
        notes = {name: self._notes(name, leaves[name], sizes.get(name)) for name in leaves}
        return [
            StreamPart(
                one.row.keeper,
                one.row.id,
                one.row.kind,
                found,
                self.tree(one.row.keeper),
                notes[one.row.keeper],
                sizes.get(one.row.keeper),
            )
            for one, found in zip(rows, places, strict=True)
        ]

    def _notes(self, keeper: str, leaves: set[int], size: int | None) -> list[tuple[int, str]]:
        """The first quorum note over each leaf, that of the anchored size, and the newest."""
        origin = self.members.by_id[keeper].origin
        found = self.store.covering(origin, sorted(leaves), size or 0)
        return [(note.size, note.quorum or "") for note in found]

    def _places(self, stream: Stream) -> Iterable[StoredPlace]:
        """The places whose leaf we have seen in the keeper's log, without a gap."""
        for row in self.store.places(stream.row.id):
            if row.index is None:
                return
            yield StoredPlace(row.seq, row.what, row.where, row.envelope, row.body, row.index)

    def _anchor(self, host: Stream, needs: Needs) -> tuple[str, Sizes]:
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
