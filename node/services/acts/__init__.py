"""How each duty is done: record type -> the act that makes its body.

An act returns None if it is too early to make the body (a seed's round is not complete yet); it
is asked again. What an act returns is judged by the fold like anybody's record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from node.services.acts import drawing, opening, session, shares

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.desk import Desk

Act = Callable[["Desk", "TenderState", str], Awaitable["Body | None"]]

ACTS: Mapping[str, Act] = MappingProxyType(
    {
        "bids.closed/v1": opening.close_bids,
        "term.expired/v1": opening.expire,
        "lot.failed/v1": opening.fail_lot,
        "bid.opened/v1": opening.open_bid,
        "bid.not_opened/v1": opening.leave_closed,
        "opening.closed/v1": opening.close_opening,
        "draw.requested/v1": drawing.request_draw,
        "draw.seeded/v1": drawing.bring_seed,
        "draw.picked/v1": drawing.state_picks,
        "committee.formed/v1": drawing.form_committee,
        "chair.elected/v1": session.elect_chair,
        "sheet.opened/v1": session.open_sheet,
        "result.consolidated/v1": session.consolidate,
        "session.closed/v1": session.close_session,
        "share.released/v1": shares.release_shares,
    }
)
