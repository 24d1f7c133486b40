"""The newest places of the streams that are read now, so that followers do not ask the store.

Each place that is committed is wanted within moments by every follower of its stream. What is
here stands in the store as well; what is not here is read from there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from node.services.ports import PlaceRow

MOST_BYTES: Final = 64 * 1024 * 1024
"""All rows together; the streams that changed least lately go first."""
ROW_BYTES: Final = 2048
"""About what a row takes beside its body."""


@dataclass(slots=True)
class Recent:
    """The last rows of streams, without a gap up to the newest."""

    most: int = MOST_BYTES
    _rows: OrderedDict[str, list[PlaceRow]] = field(default_factory=OrderedDict)
    _weight: int = 0

    def add(self, stream: str, rows: Sequence[PlaceRow]) -> None:
        """Remember rows that were just committed to a stream."""
        held = self._rows.setdefault(stream, [])
        if held and rows and held[-1].seq + 1 != rows[0].seq:
            self._weight -= _weight(held)
            held.clear()
        held += rows
        self._weight += _weight(rows)
        self._rows.move_to_end(stream)
        while self._weight > self.most and len(self._rows) > 1:
            self._weight -= _weight(self._rows.popitem(last=False)[1])

    def after(self, stream: str, seq: int) -> list[PlaceRow] | None:
        """The rows with a greater seq, in order; None if not all of them are here."""
        held = self._rows.get(stream)
        if not held or held[0].seq > seq + 1:
            return None
        return held[seq + 1 - held[0].seq :]

    def clear(self) -> None:
        """Forget everything: what stands is to be read again."""
        self._rows.clear()
        self._weight = 0


def _weight(rows: Sequence[PlaceRow]) -> int:
    return sum(ROW_BYTES + len(row.body or b"") for row in rows)
