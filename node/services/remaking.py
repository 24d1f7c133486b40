"""Making a tick anew that nobody mirrored: witnesses cosigned it, its entries went with our disk.

A witness keeps size and root only, and mirrors get entries with a quorum only; so a node that died
between the two would never be cosigned again by a witness that had answered. But a tick's entries
follow from what came back: the places that were shown before they were published, and padding whose
salts come from the log's secret. The root that the witness names says which of them it was. What
is signed here is, to the byte, what had been signed before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Final

from node.core.log.merkle import Tree, leaf_hash
from node.core.records.canonical import digest_hex
from node.core.records.place import entry_bytes, padded_count, padding_entry

MOST_TICKS: Final = 256
MOST_TRIES: Final = 20_000


@dataclass(frozen=True, slots=True)
class Remaker:
    """How our log's ticks are made: the secret of its padding, and its smallest tick."""

    secret: bytes
    smallest: int
    pad: bool

    def ticks(
        self, tree: Tree, size: int, root: str, waiting: Sequence[Sequence[str]]
    ) -> list[list[bytes]] | None:
        """The entries, tick by tick, that lead from a tree to `size` and `root`; None if none do.

        `waiting` are entries (hex) of our places that no tick holds, stream by stream in order.
        """
        gap = size - tree.size
        if not 0 < gap <= MOST_TICKS * self.smallest:
            return None
        plans = self._plans(gap, tuple(len(stream) for stream in waiting))
        for plan in islice(plans, MOST_TRIES):
            made = self._made(tree.size, plan, waiting)
            leaves = (leaf_hash(entry) for tick in made for entry in tick)
            if tree.root_with(leaves).hex() == root:
                return made
        return None

    def paddings(self, start: int, end: int) -> frozenset[bytes]:
        """All entries from leaf `start` to `end` that may be padding, wherever ticks began."""
        step = self.smallest if self.pad else 1
        return frozenset(
            padding(self.secret, begin, number)
            for begin in range(start, end, step)
            for number in range(end - begin)
        )

    def _width(self, records: int) -> int:
        return padded_count(records, self.smallest) if self.pad else max(1, records)

    def _plans(self, gap: int, left: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
        """How many places of each stream each tick may have had, the fewest first."""
        if gap == 0:
            yield []
            return
        for counts in product(*(range(most + 1) for most in left)):
            width = self._width(sum(counts))
            if width <= gap:
                rest = tuple(most - count for most, count in zip(left, counts, strict=True))
                for plan in self._plans(gap - width, rest):
                    yield [counts, *plan]

    def _made(
        self, start: int, plan: Sequence[tuple[int, ...]], waiting: Sequence[Sequence[str]]
    ) -> list[list[bytes]]:
        made: list[list[bytes]] = []
        done = [0] * len(waiting)
        for counts in plan:
            places: list[str] = []
            for number, count in enumerate(counts):
                places += waiting[number][done[number] : done[number] + count]
                done[number] += count
            width = self._width(len(places))
            entries = [entry_bytes(entry) for entry in places]
            entries += [padding(self.secret, start, n) for n in range(width - len(places))]
            made.append(sorted(entries))
            start += width
        return made


def padding(secret: bytes, start: int, number: int) -> bytes:
    """The padding entry `number` of the tick that begins at leaf `start`.

    Its two salts are made from the log's secret, so that `log.accounted` can open it later.
    """
    place = start.to_bytes(8, "big") + number.to_bytes(4, "big")
    salts = [digest_hex("padding", secret + place + half) for half in (b"what", b"where")]
    return entry_bytes(padding_entry(salts[0], salts[1]))
