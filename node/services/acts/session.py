"""The host's part of the session: chair, opened sheets, result, end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.records.box import open_box
from node.core.records.canonical import b64encode, decode
from node.core.records.kinds.session import (
    ChairElected,
    ResultConsolidated,
    ScoreSheet,
    SessionClosed,
    SheetOpened,
)
from node.core.rules.opening import shares_of
from node.core.rules.result import result_of
from node.core.rules.review import sheet_context
from node.core.rules.seating import chair_of
from node.services.acts.opening import ciphertext_of

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.desk import Desk


async def elect_chair(desk: Desk, state: TenderState, about: str) -> Body | None:
    """`chair.elected`: the seat with most votes."""
    seat = chair_of(state)
    return None if seat is None else ChairElected(seat=seat, salt=desk.salt())


async def open_sheet(desk: Desk, state: TenderState, about: str) -> Body:
    """`sheet.opened` of one sheet, from the shares that all holders released together."""
    seat, sheet = next((s, h) for s, h in state.review.sheets.items() if h.id == about)
    ciphertext = await ciphertext_of(desk, sheet.box.ciphertext.sha256)
    context = sheet_context(state, state.seats[seat].key)
    opened = open_box(sheet.box, ciphertext, shares_of(state, about) or (), context)
    return SheetOpened(
        ciphertext=b64encode(ciphertext),
        key=opened.key.hex(),
        package=decode(opened.plaintext, ScoreSheet),
        salt=desk.salt(),
        sheet=about,
    )


async def consolidate(desk: Desk, state: TenderState, about: str) -> Body | None:
    """`result.consolidated`: what the rules give, nothing else."""
    found = result_of(state)
    if found is None:
        return None
    return ResultConsolidated(
        outcome=found.outcome,
        ranking=found.ranking,
        rejected=found.rejected,
        salt=desk.salt(),
        tied=found.tied,
        winner=found.winner,
    )


async def close_session(desk: Desk, state: TenderState, about: str) -> Body:
    """`session.closed` on the result that all members have signed."""
    return SessionClosed(result=state.result_id, salt=desk.salt())
