"""The closed list of record types: type -> body structure (protocol.md section 9).

A type that is not here is refused. A kind is changed by adding a version, never by editing it:
bodies are frozen once a bundle that holds them verifies.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from node.core.errors import InvalidError
from node.core.records.canonical import decode, prepare
from node.core.records.kinds import draws, session, streams, tender
from node.core.records.kinds.base import Body

if TYPE_CHECKING:
    from collections.abc import Mapping

KINDS: Mapping[str, type[Body]] = MappingProxyType(
    {
        "stream.opened/v1": streams.StreamOpened,
        "registry.noted/v1": streams.RegistryNoted,
        "stream.endorsed/v1": streams.StreamEndorsed,
        "record.lodged/v1": streams.RecordLodged,
        "record.refused/v1": streams.RecordRefused,
        "term.expired/v1": streams.TermExpired,
        "share.released/v1": streams.ShareReleased,
        "dispute.raised/v1": streams.DisputeRaised,
        "pool.published/v1": draws.PoolPublished,
        "draw.requested/v1": draws.DrawRequested,
        "draw.joined/v1": draws.DrawJoined,
        "draw.seeded/v1": draws.DrawSeeded,
        "expert.contacted/v1": draws.ExpertContacted,
        "draw.picked/v1": draws.DrawPicked,
        "draw.disclosed/v1": draws.DrawDisclosed,
        "identity.unlocked/v1": draws.IdentityUnlocked,
        "tender.planned/v1": tender.TenderPlanned,
        "committee.planned/v1": tender.CommitteePlanned,
        "tender.announced/v1": tender.TenderAnnounced,
        "bid.sealed/v1": tender.BidSealed,
        "bids.closed/v1": tender.BidsClosed,
        "bid.unlocked/v1": tender.BidUnlocked,
        "bid.opened/v1": tender.BidOpened,
        "bid.not_opened/v1": tender.BidNotOpened,
        "opening.closed/v1": tender.OpeningClosed,
        "lot.failed/v1": tender.LotFailed,
        "committee.formed/v1": session.CommitteeFormed,
        "expert.seated/v1": session.ExpertSeated,
        "undertaking.signed/v1": session.UndertakingSigned,
        "chair.voted/v1": session.ChairVoted,
        "chair.elected/v1": session.ChairElected,
        "review.checked/v1": session.ReviewChecked,
        "rejection.voted/v1": session.RejectionVoted,
        "scores.submitted/v1": session.ScoresSubmitted,
        "sheet.opened/v1": session.SheetOpened,
        "result.consolidated/v1": session.ResultConsolidated,
        "report.signed/v1": session.ReportSigned,
        "session.closed/v1": session.SessionClosed,
        "candidates.published/v1": session.CandidatesPublished,
        "ranking.published/v1": session.RankingPublished,
        "award.decided/v1": session.AwardDecided,
        "award.noticed/v1": session.AwardNoticed,
    }
)

prepare(*KINDS.values(), tender.BidPackage, session.ScoreSheet)


def decode_body(kind: str, data: bytes) -> Body:
    """Decode the body of a record of type `kind`, strictly.

    Raises InvalidError if the type is not in the closed list or the bytes are not exactly the
    canonical form of such a body.
    """
    if (body := KINDS.get(kind)) is None:
        raise InvalidError(f"record type {kind[:80]!r} is not in the closed list")
    return decode(data, body)


__all__ = ["KINDS", "Body", "decode_body"]
