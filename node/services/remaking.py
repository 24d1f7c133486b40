"""Making a tick anew that nobody mirrored: witnesses cosigned it, its entries went with our disk.

A witness keeps size and root only, and mirrors get entries with a quorum only; so a node that died
between the two would never be cosigned again by a witness that had answered. But a tick's entries
follow from what came back: the places that were shown before they were published, and padding whose
salts come from the log's secret. The root that the witness names says which of them it was. What
is signed here is, to the byte, what had been signed before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from node.core.log.merkle import Tree, leaf_hash
from node.core.records.canonical import digest_hex
from node.core.records.place import entry_bytes, padded_count, padding_entry

MOST_TICKS: Final = 64
"""So many ticks are made anew at once: more would have been mirrored, or their host seen gone."""
MOST_TRIES: Final = 4096
MOST_CUTS: Final = 16_384
"""So many roots are computed, and so many ends of ticks looked at: there may be 2 to the power of
the streams that were written to within one second, and whoever names the root may lie."""
MOST_STREAMS: Final = 256
"""Of a second with places of more streams only the whole of it is tried."""
Second = Sequence[Sequence[str]]
"""Entries (hex) of the places of one second, stream by stream, each in order."""
Cut = tuple[int, tuple[int, ...]]
"""What a tick had taken: so many whole seconds, and so many places of each stream of the next."""


@dataclass(frozen=True, slots=True)
class Remaker:
    """How our log's ticks are made: the secret of its padding, and its smallest tick."""

    secret: bytes
    smallest: int
    pad: bool

    def ticks(
        self, tree: Tree, size: int, root: str, waiting: Sequence[Second]
    ) -> list[list[bytes]] | None:
        """The entries, tick by tick, that lead from a tree to `size` and `root`; None if none do.

        `waiting` are our places that no tick holds, oldest first: a tick took all that waited, and
        only within one second nobody knows which stream came first. The fewest ticks are tried
        first.
        """
        gap = size - tree.size
        counts = range(1, min(MOST_TICKS, gap // (self.smallest if self.pad else 1)) + 1)
        search = _Search(waiting, self._width, iter(range(MOST_CUTS)))
        plans = (plan for count in counts for plan in search.plans(gap, count, (0, ())))
        for plan in islice(plans, MOST_TRIES):
            made = self._made(tree.size, plan)
            if tree.root_with(leaf_hash(entry) for tick in made for entry in tick).hex() == root:
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

    def _made(self, start: int, plan: Sequence[Sequence[str]]) -> list[list[bytes]]:
        made: list[list[bytes]] = []
        for places in plan:
            width = self._width(len(places))
            entries = [entry_bytes(entry) for entry in places]
            entries += [padding(self.secret, start, n) for n in range(width - len(places))]
            made.append(sorted(entries))
            start += width
        return made


@dataclass(frozen=True, slots=True)
class _Search:
    """What waits, how wide a tick of so many places is, and the steps that are left."""

    waiting: Sequence[Second]
    width: Callable[[int], int]
    steps: Iterator[int]

    def plans(self, gap: int, ticks: int, begin: Cut) -> Iterator[list[list[str]]]:
        """The places of each of so many ticks that fill the gap, the fewest first."""
        if ticks == 0:
            yield from [[]] if gap == 0 else []
            return
        for end in _cuts(self.waiting, begin):
            if next(self.steps, None) is None:
                return
            places = _between(self.waiting, begin, end)
            if (width := self.width(len(places))) <= gap:
                for plan in self.plans(gap - width, ticks - 1, end):
                    yield [places, *plan]


def _cuts(waiting: Sequence[Second], begin: Cut) -> Iterator[Cut]:
    """Every point at which a tick that began here may have ended."""
    number, taken = begin
    yield begin
    for later, second in enumerate(waiting[number:], number):
        least = taken if later == number and taken else (0,) * len(second)
        whole = tuple(map(len, second))
        if len(second) > MOST_STREAMS:
            yield later, whole
            continue
        for total in range(sum(least) + 1, sum(whole) + 1):
            for counts in _shared(total, least, whole):
                yield later, counts


def _shared(total: int, least: Sequence[int], most: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """All ways to share a total, each number within its own bounds; made as they are asked for."""
    if not least:
        yield ()
        return
    low = max(least[0], total - sum(most[1:]))
    high = min(most[0], total - sum(least[1:]))
    for count in range(low, high + 1):
        for others in _shared(total - count, least[1:], most[1:]):
            yield (count, *others)


def _between(waiting: Sequence[Second], begin: Cut, end: Cut) -> list[str]:
    """The places from one cut to another."""
    found: list[str] = []
    for number in range(begin[0], min(end[0] + 1, len(waiting))):
        second = waiting[number]
        low = begin[1] if number == begin[0] and begin[1] else (0,) * len(second)
        high = end[1] if number == end[0] else tuple(map(len, second))
        if not high:
            continue
        for one, first, last in zip(second, low, high, strict=True):
            found += one[first:last]
    return found


def padding(secret: bytes, start: int, number: int) -> bytes:
    """The padding entry `number` of the tick that begins at leaf `start`.

    Its two salts are made from the log's secret, so that `log.accounted` can open it later.
    """
    place = start.to_bytes(8, "big") + number.to_bytes(4, "big")
    salts = [digest_hex("padding", secret + place + half) for half in (b"what", b"where")]
    return entry_bytes(padding_entry(salts[0], salts[1]))
