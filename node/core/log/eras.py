"""A log's quorums in the course of time: whose members change gets another one.

A checkpoint is judged by the quorum of a time at which it was cosigned. An era that is over still
speaks for what was cosigned up to `until`: whoever wants to use it later must find as many
witnesses who put a false time under a false checkpoint as that era's whole quorum. An era ends a
while after the change itself (G of protocol.md section 3), because members hear of a change at
different moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import LogError
from node.core.log.cosignature import check_quorum, existed_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.core.log.cosignature import QuorumNote
    from node.core.log.note import Note
    from node.core.log.policy import Quorum


@dataclass(frozen=True, slots=True)
class Era:
    """One quorum of a log: of its witnesses `f` may lie; `until` (POSIX seconds) or for ever."""

    quorum: Quorum
    f: int
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """A checkpoint in the quorum form of its era, and by when it existed (POSIX seconds)."""

    found: QuorumNote
    existed_by: int


def check_in_eras(note: Note | str | bytes, eras: Sequence[Era]) -> Judged:
    """Accept only the quorum form of an era, cosigned before its end; the newest is tried first.

    `eras` in order of time, the last one without an end. Raises LogError as `check_quorum` does,
    with what the newest era says against it.
    """
    refused: LogError | None = None
    for era in reversed(eras):
        try:
            found = check_quorum(note, era.quorum)
        except LogError as error:
            refused = refused or error
            continue
        if era.until is None or max(found.times) <= era.until:
            return Judged(found, existed_by(found.times, era.f))
    raise refused or LogError("no quorum of this log is known", code="quorum")
