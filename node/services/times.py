"""Since when an entry of a log provably exists: by the earliest quorum note that covers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.log.eras import check_in_eras

if TYPE_CHECKING:
    from node.services.members import Members
    from node.services.model import OwnLog
    from node.services.ports import Store

MOST = 4096
"""Answers that are remembered: an entry is asked for again and again until its draw goes on."""


@dataclass(frozen=True, slots=True)
class LogTimes:
    """Existed-by times in our own log and in those that we mirror. Blocking."""

    store: Store
    log: OwnLog
    members: Members
    known: dict[tuple[str, str], int] = field(default_factory=dict)

    def is_heard_since(self, time: int) -> bool:
        """Has a quorum of our partners answered us after this time (epoch seconds)?"""
        return (self.log.quorum_at or 0) > time

    def existed_by(self, keeper: str, entry: str) -> int | None:
        """Epoch seconds by which an entry of a member's log existed, or None until we know.

        Source: protocol.md section 3: the (f+1)-th smallest of its cosignature times.
        """
        if (keeper, entry) in self.known:
            return self.known[keeper, entry]
        origin = self.members.by_id[keeper].origin
        leaf = self.store.leaf(origin, entry)
        notes = [] if leaf is None else self.store.notes(origin, leaf, limit=1)
        if not notes:
            return None
        if len(self.known) >= MOST:
            self.known.clear()
        judged = check_in_eras(notes[0].quorum or "", self.members.eras(keeper))
        self.known[keeper, entry] = judged.existed_by
        return judged.existed_by
