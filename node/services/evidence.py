"""Evidence from our own database: streams, mirrored logs, and the chain's notes over its slots.

Whoever follows a tender can make its evidence file; nobody is asked but the chain, and of a tender
that is over not even that: its proof was kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from node.core.errors import InvalidError, MissingError, StateError
from node.core.evidence.assemble import assemble
from node.core.evidence.extent import StoredPlace, StreamPart, needs_of, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from node.core.evidence.extent import Shown
    from node.core.log.merkle import Tree
    from node.services.members import Members
    from node.services.ports import Store, StreamRow
    from node.services.proofs import Proofs, Sizes

    Found = tuple[Sequence[Shown], Sequence[str], Sizes]

ATTEMPTS = 20
PAUSE_S = 0.1


class Shelved(Protocol):
    """A stream that we have."""

    @property
    def row(self) -> StreamRow:
        """Which one it is."""
        ...


class Shelf(Protocol):
    """The streams that we have: the book of a running node, or the rows of a store."""

    def need(self, stream: str, /) -> Shelved:
        """A stream by id. Raises MissingError."""
        ...

    def sides(self, host_stream: str, /) -> Sequence[Shelved]:
        """All side streams beside a host's stream."""
        ...

    def streams(self, kind: str, /) -> Sequence[Shelved]:
        """All streams of one kind."""
        ...


@dataclass(frozen=True, slots=True)
class Evidence:
    """Makes evidence files. `tree` gives the tree of a member's log as this node has it."""

    book: Shelf
    store: Store
    members: Members
    tree: Callable[[str], Tree]
    proofs: Proofs

    async def make(self, stream: str, reader: str) -> bytes:
        """The evidence file of a tender, cut for a reader.

        Raises MissingError, StateError (`too-early`), or what the chain answers.
        """
        host = self._host(stream)
        found = await asyncio.to_thread(self._anchors, host, reader)
        # Our mirrors may be a moment behind what the chain already shows: they are waited for, and
        # the chain is not asked again: it would be ahead of them once more.
        for _ in range(ATTEMPTS):
            if self._reaches(found[2]):
                return await asyncio.to_thread(self._whole, reader, found)
            await asyncio.sleep(PAUSE_S)
        raise _behind()

    def now(self, stream: str, reader: str) -> bytes:
        """The same at once, without waiting for mirrors. Blocking."""
        host = self._host(stream)
        found = self._anchors(host, reader)
        if not self._reaches(found[2]):
            raise _behind()
        return self._whole(reader, found)

    def _host(self, stream: str) -> Shelved:
        host = self.book.need(stream)
        if host.row.kind != "tender":
            raise MissingError("evidence is of a tender's stream")
        return host

    def _reaches(self, sizes: Sizes) -> bool:
        """Whether our copies of the logs go as far as the chain does."""
        return all(self.tree(keeper).size >= size for keeper, size in sizes.items())

    def _anchors(self, host: Shelved, reader: str) -> Found:
        """What will stand in the file, and what the chain gives for it.

        Streams are read here, once: what they and the logs grow by later changes the file no more.
        """
        cut = shown(self._parts(host), reader)
        return (cut, *self.proofs.of(host.row, needs_of(cut)))

    def _whole(self, reader: str, found: Found) -> bytes:
        cut, anchors, sizes = found
        view = self.members.view
        try:
            return assemble(self._noted(cut, sizes), view.changes if view else (), anchors, reader)
        except InvalidError as error:
            raise StateError(f"not yet: {error}", code="too-early") from error

    def _parts(self, host: Shelved) -> list[StreamPart]:
        """The tender's stream, its side streams and the pools' streams, as they stand now."""
        sides, pools = self.book.sides(host.row.id), self.book.streams("pool")
        return [
            *(self._part(one, []) for one in (host, *sides)),
            # A pool's stream is shown as far as its log's newest note reaches.
            *(self._part(one, self._notes(one.row.keeper, set(), None)) for one in pools),
        ]

    def _part(self, one: Shelved, notes: list[tuple[int, str]]) -> StreamPart:
        row, places = one.row, tuple(self.places(one))
        return StreamPart(row.keeper, row.id, row.kind, places, self.tree(row.keeper), notes)

    def _noted(self, cut: Sequence[Shown], sizes: Sizes) -> list[Shown]:
        """The same streams with the notes over their places and over the anchored sizes."""
        leaves: dict[str, set[int]] = {}
        for one in cut:
            found = leaves.setdefault(one.part.keeper, set())
            found.update(place.index for place in one.part.places)
        notes = {name: self._notes(name, leaves[name], sizes.get(name)) for name in leaves}
        parts = [
            replace(one.part, notes=notes[one.part.keeper], anchored=sizes.get(one.part.keeper))
            for one in cut
        ]
        return [replace(one, part=part) for one, part in zip(cut, parts, strict=True)]

    def _notes(self, keeper: str, leaves: set[int], size: int | None) -> list[tuple[int, str]]:
        """The first quorum note over each leaf, that of the anchored size, and the newest."""
        origin = self.members.by_id[keeper].origin
        found = self.store.covering(origin, sorted(leaves), size or 0)
        return [(note.size, note.quorum or "") for note in found]

    def places(self, stream: Shelved) -> Iterable[StoredPlace]:
        """The places whose leaf we have seen in the keeper's log, without a gap."""
        for row in self.store.places(stream.row.id):
            if row.index is None:
                return
            yield StoredPlace(row.seq, row.what, row.where, row.envelope, row.body, row.index)


def _behind() -> StateError:
    return StateError("not yet: our copy of a log is behind the chain", code="too-early")
