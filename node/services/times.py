"""Since when a place of our own log provably exists: the earliest quorum note that covers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.log.cosignature import existed_by
from node.core.log.note import parse_note

if TYPE_CHECKING:
    from collections.abc import Callable

    from node.services.ports import LogNote, Store


MOST = 4096
"""Answers that are remembered: a place is asked for again and again until its draw goes on."""


@dataclass(frozen=True, slots=True)
class LogTimes:
    """Existed-by times in our own log; `faulty` gives f, the witnesses that may lie with us."""

    store: Store
    origin: str
    faulty: Callable[[], int]
    known: dict[tuple[str, int], int] = field(default_factory=dict)

    def existed_by(self, stream: str, seq: int) -> int | None:
        """Epoch seconds by which the place existed, or None until a quorum covers it.

        Source: protocol.md section 3: the (f+1)-th smallest of its cosignature times.
        """
        if (stream, seq) in self.known:
            return self.known[stream, seq]
        rows = self.store.places(stream, seq - 1)
        if not rows or rows[0].index is None:
            return None
        notes = self.store.notes(self.origin, rows[0].index, limit=1)
        if not notes:
            return None
        if len(self.known) >= MOST:
            self.known.clear()
        self.known[stream, seq] = cosigned_at(notes[0], self.faulty())
        return self.known[stream, seq]


def cosigned_at(note: LogNote, f: int) -> int:
    """The existed-by time of a note that we stored with its quorum, so its lines are verified."""
    lines = parse_note(note.quorum or "").signatures[1:]
    return existed_by(sorted(int.from_bytes(line.blob[:8], "big") for line in lines), f)
