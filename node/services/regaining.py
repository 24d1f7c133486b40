"""Judging what partners give back: entries of our log, places of our streams.

Nothing is believed because a partner says it. Entries count if they lead to a checkpoint that bears
our own signature and the quorum of its time; a place counts if its author signed its record, if the
rules allow it there, and if our log holds its entry, or else (it had been shown before it was
published) if more members show it than may lie.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import LogError, NodeError, RuleError
from node.core.log.eras import check_in_eras
from node.core.log.merkle import Tree, leaf_hash
from node.core.records.place import entry_of
from node.services.judging import judge, read_place
from node.services.model import begin, extend
from node.services.ports import Stretch
from node.services.stretches import stretch_of

if TYPE_CHECKING:
    from node.core.log.eras import Era
    from node.services.model import Book, Stream
    from node.services.ports import Followed, LogPart, StreamRow

Shown = Mapping[int, Sequence[tuple[str, "Followed"]]]
"""Place of a stream -> who shows what there."""


@dataclass(slots=True)
class OwnEntries:
    """Our log as it grows by what partners mirrored of it. `tree` begins as our store has it."""

    origin: str
    eras: Sequence[Era]
    tree: Tree
    stretches: list[Stretch] = field(default_factory=list)

    def take(self, part: LogPart) -> None:
        """Add a stretch, or what of it is new. Raises LogError for one that is not ours."""
        quorum = check_in_eras(part.note, self.eras).found
        if quorum.checkpoint.size <= self.tree.size:
            raise LogError("the stretch does not go on from what we hold")
        fresh = stretch_of(self.tree, part, quorum)
        self.stretches.append(fresh)
        self.tree.extend(leaf_hash(entry) for entry in fresh.entries)


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides which of the places shown are ours. `logged` are entries of our log in hex.

    `least` is how many members must show a place that no checkpoint holds.
    """

    book: Book
    me: str
    logged: frozenset[str]
    least: int

    def regained(self, row: StreamRow, shown: Shown) -> tuple[Stream | None, list[Followed], str]:
        """The stream with all places that hold, those that are new, and why it ends (or nothing).

        Raises RuleError for a stream that is not ours.
        """
        if row.keeper != self.me:
            raise RuleError(f"a stream of {row.keeper} is not ours", article="protocol 2")
        stream = self.book.get(row.id)
        taken: list[Followed] = []
        if stream is None:
            begun = self._begun(row, shown)
            if begun is None:
                return None, [], "its first two places do not hold"
            stream, taken = begun
        while shown.get(seq := len(stream.records)):
            found = self._next(stream, shown[seq])
            if found is None:
                return stream, taken, f"nobody's place {seq} holds"
            stream = found[0]
            taken.append(found[1])
        return stream, taken, ""

    def _begun(self, row: StreamRow, shown: Shown) -> tuple[Stream, list[Followed]] | None:
        for first in self._likely(shown.get(0, ())):
            for second in self._likely(shown.get(1, ())):
                try:
                    read = [read_place(row.id, one) for one in (first, second)]
                    stream = begin(self.book.laws, read[0], read[1], own=True)
                except NodeError:
                    continue
                if stream.row.keeper == self.me:
                    return stream, [first, second]
        return None

    def _next(
        self, stream: Stream, shown: Sequence[tuple[str, Followed]]
    ) -> tuple[Stream, Followed] | None:
        for place in self._likely(shown):
            try:
                candidate = read_place(stream.row.id, place)
                return extend(stream, judge(stream.state, candidate), candidate), place
            except NodeError:
                continue
        return None

    def _likely(self, shown: Iterable[tuple[str, Followed]]) -> Iterator[Followed]:
        """Each place once that may be ours: what our log holds first, with its body if anybody
        has it."""
        by_entry: dict[str, dict[str, Followed]] = {}
        for name, place in shown:
            by_entry.setdefault(entry_of(place.what, place.where), {})[name] = place
        proven = [entry for entry in by_entry if entry in self.logged]
        agreed = [e for e, who in by_entry.items() if e not in proven and len(who) >= self.least]
        for entry in [*proven, *agreed]:
            yield from sorted(by_entry[entry].values(), key=lambda place: place.body is None)
