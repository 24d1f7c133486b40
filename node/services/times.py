"""Since when a place of our own log provably exists: the earliest quorum note that covers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.log.eras import check_in_eras

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from node.core.log.eras import Era
    from node.services.model import OwnLog
    from node.services.ports import Store

MOST = 4096
"""Answers that are remembered: a place is asked for again and again until its draw goes on."""


@dataclass(frozen=True, slots=True)
class LogTimes:
    """Existed-by times in our own log; `eras` are its quorums (`Members.eras`)."""

    store: Store
    log: OwnLog
    eras: Callable[[], Sequence[Era]]
    known: dict[tuple[str, int], int] = field(default_factory=dict)

    def is_heard_since(self, time: int) -> bool:
        """Has a quorum of our partners answered us after this time (epoch seconds)?"""
        return (self.log.quorum_at or 0) > time

    def existed_by(self, stream: str, seq: int) -> int | None:
        """Epoch seconds by which the place existed, or None until a quorum covers it.

        Source: protocol.md section 3: the (f+1)-th smallest of its cosignature times.
        """
        if (stream, seq) in self.known:
            return self.known[stream, seq]
        rows = self.store.places(stream, seq - 1)
        if not rows or rows[0].index is None:
            return None
        notes = self.store.notes(self.log.origin, rows[0].index, limit=1)
        if not notes:
            return None
        if len(self.known) >= MOST:
            self.known.clear()
        self.known[stream, seq] = check_in_eras(notes[0].quorum or "", self.eras()).existed_by
        return self.known[stream, seq]
