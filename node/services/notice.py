"""What everybody may know of a tender: its notice, taken from the fold by the audience table.

The fold at a host or guest holds bids, seats and votes long before they are public. So the notice
is built by naming what goes out, never by leaving something away, and each part that has a time
asks the audience table for it (protocol.md 2 and 10.13; TBL art. 22).
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from node.core.rules.audience import Level, Stage, level, stage_at
from node.core.rules.state import Phase
from node.services.reads import (
    Announcement,
    CandidateInfo,
    Candidates,
    LotInfo,
    PublicPhase,
    RankedInfo,
    TenderInfo,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from node.core.records.kinds.tender import TenderAnnounced
    from node.core.rules.state import TenderState

_WORDS: Final[Mapping[Phase, PublicPhase]] = MappingProxyType(
    {
        Phase.NEW: "preparing",
        Phase.OPENED: "preparing",
        Phase.FOUNDED: "preparing",
        Phase.PLANNED: "planned",
        Phase.COMPOSED: "planned",
        Phase.ANNOUNCED: "bidding",
        Phase.CLOSED: "opening",
        Phase.UNLOCKED: "opening",
        Phase.AWARDED: "awarded",
        Phase.RANKED: "ranked",
        Phase.FAILED: "failed",
    }
)
"""Phases with a public word of their own; all others are `evaluation` to the public."""


def notice_of(state: TenderState) -> TenderInfo | None:
    """Give the public notice of a tender, or None before its plan stands."""
    if state.plan is None:
        return None
    phase, stage = phase_of(state)
    shows_candidates = _is_public("candidates.published/v1", stage)
    return TenderInfo(
        id=state.plan.tender,
        stream=state.stream,
        host=state.keeper,
        title=state.plan.title,
        buyer=state.plan.buyer_name,
        origin=state.plan.origin,
        ruleset=state.opened_as.ruleset if state.opened_as else "",
        phase=phase,
        announcement=_announcement(state.announced) if state.announced else None,
        candidates=_candidates(state) if shows_candidates else None,
        winner=_winner(state) if _is_public("award.noticed/v1", stage) else None,
        ranking=_ranking(state) if _is_public("ranking.published/v1", stage) else None,
    )


def phase_of(state: TenderState) -> tuple[PublicPhase, Stage]:
    """Give the public word for where a tender stands, and its stage in the audience table.

    From the end of the opening to the award everything is `evaluation`, until the table shows the
    candidates to the public: from then on it is `publicity`.
    """
    phase, stage = _WORDS.get(state.phase, "evaluation"), stage_at(state.phase)
    if phase == "evaluation" and state.candidates and _is_public("candidates.published/v1", stage):
        return "publicity", stage
    return phase, stage


def _is_public(kind: str, stage: Stage) -> bool:
    return level("tender", (kind, ""), stage, ("public", "public")) is Level.ALL


def _announcement(body: TenderAnnounced) -> Announcement:
    return Announcement(
        currency=body.currency,
        scale=body.scale,
        deadline=body.deadline,
        opening=body.opening,
        unlock_until=body.unlock_until,
        holders=body.holders,
        threshold=body.threshold,
        lots=tuple(LotInfo(lot.id, lot.method.kind, lot.ceiling, lot.minimum) for lot in body.lots),
    )


def _candidates(state: TenderState) -> Candidates | None:
    if state.candidates is None:
        return None
    ranking = (_candidate(state, c.bid, c.rank) for c in state.candidates.candidates)
    return Candidates(state.candidates.objections_until, tuple(ranking))


def _winner(state: TenderState) -> CandidateInfo | None:
    return _candidate(state, state.winner, 1) if state.phase is Phase.AWARDED else None


def _ranking(state: TenderState) -> tuple[RankedInfo, ...] | None:
    if state.phase is not Phase.RANKED or state.result is None:
        return None
    rows = [(row, state.opened[row.bid]) for row in state.result.ranking]
    return tuple(RankedInfo(r.rank, r.bid, p.bidder, p.name, r.total) for r, p in rows)


def _candidate(state: TenderState, bid: str, rank: int) -> CandidateInfo:
    package = state.opened[bid]
    return CandidateInfo(rank, bid, package.bidder, package.name, package.price)
