"""What members give back to one of them that lost a part of its store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from node.services.ports.store import LogNote, StreamRow, Submission

if TYPE_CHECKING:
    from node.services.ports.network import Followed, LogPart

Lodged = tuple[Submission, bytes | None]
"""A record that a member lodged for another's stream, and its box's ciphertext if it has one."""


@dataclass(frozen=True, slots=True)
class KnownLog:
    """What one member knows of one log.

    `size` and `root` (hex) are what it cosigned last, 0 and empty if nothing. `note` is the newest
    checkpoint it holds: of its own log with its own line only, of others with its quorum; or empty.
    """

    origin: str
    size: int
    root: str
    note: str


@dataclass(frozen=True, slots=True)
class Known:
    """What one member knows of all logs; `old`: it is on an old copy and may have known more."""

    logs: tuple[KnownLog, ...]
    old: bool = False


@dataclass(frozen=True, slots=True)
class Stretch:
    """Entries of our own log from leaf `start` on, up to a checkpoint that we had signed."""

    start: int
    entries: Sequence[bytes]
    note: LogNote


class Helper(Protocol):
    """A partner as one asks it who lost something; raises UnavailableError or what it answered."""

    async def known(self) -> Known:
        """What it knows of every member's log."""
        ...

    def given_log(self, after: int) -> AsyncIterator[LogPart]:
        """Our own log from size `after` on, as it mirrored it; then the end."""
        ...

    def given_places(
        self, held: Mapping[str, int]
    ) -> AsyncIterator[tuple[StreamRow, list[Followed]]]:
        """Places of the streams we keep, beyond how many of each we hold; then the end."""
        ...

    def given_lodged(self, streams: Sequence[str]) -> AsyncIterator[Lodged]:
        """Records that it lodged for these streams of ours; then the end."""
        ...
