"""What use cases need from outside: the ports that adapters implement.

No framework stands here. Times are epoch seconds UTC, digests lower-case hex.
"""

from __future__ import annotations

from node.services.ports.chain import (
    Ballots,
    Block,
    Chain,
    Proposed,
    RegistryView,
    RoundWord,
    Slot,
    TenderProof,
    TenderSlots,
)
from node.services.ports.keys import (
    Clock,
    Entropy,
    Keys,
)
from node.services.ports.network import (
    Followed,
    LogPart,
    Member,
    News,
    Notifier,
    Partner,
    Wanted,
    Witness,
)
from node.services.ports.recovery import Helper, Known, KnownLog, Lodged, Stretch
from node.services.ports.store import (
    NEWEST_CLOCK,
    UNTOLD,
    Accepted,
    Batch,
    Blobs,
    LogNote,
    PlaceRow,
    Store,
    StreamRow,
    Submission,
    Task,
)

__all__ = [
    "NEWEST_CLOCK",
    "UNTOLD",
    "Accepted",
    "Ballots",
    "Batch",
    "Blobs",
    "Block",
    "Chain",
    "Clock",
    "Entropy",
    "Followed",
    "Helper",
    "Keys",
    "Known",
    "KnownLog",
    "Lodged",
    "LogNote",
    "LogPart",
    "Member",
    "News",
    "Notifier",
    "Partner",
    "PlaceRow",
    "Proposed",
    "RegistryView",
    "RoundWord",
    "Slot",
    "Store",
    "StreamRow",
    "Stretch",
    "Submission",
    "Task",
    "TenderProof",
    "TenderSlots",
    "Wanted",
    "Witness",
]
