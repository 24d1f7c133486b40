"""A holder releases its shares: only when the releasing record stands and the time has come.

Source: protocol.md section 5. The holder trusts nobody's word for the time: its own clock must
agree, and the deadline on the chain, as far as the chain answers, must not have moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import BoxError, NodeError, StateError
from node.core.records.box import check_share, open_share
from node.core.records.canonical import epoch_of
from node.core.records.kinds.streams import ReleasedShare, ShareReleased
from node.core.rules.opening import bid_context, release_of, unlock_end
from node.core.rules.review import sheet_context

if TYPE_CHECKING:
    from node.core.records.box import Box, BoxContext
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.desk import Desk


async def release_shares(desk: Desk, state: TenderState, about: str) -> Body:
    """`share.released` with our share of every box of this release.

    A share that its maker sealed so that it does not open for us is left out: the others may
    suffice. Raises StateError if our clock or the chain does not agree that it is time.
    """
    await _check_time(desk, state)
    release = release_of(state)
    index = release.holders.index(desk.me) + 1
    boxes, host = sorted(release.boxes), desk.partners[state.keeper]
    sealed = await host.shares(boxes, index)
    opened = (
        _open(desk, state, (box_id, release.boxes[box_id]), one)
        for box_id, one in zip(boxes, sealed, strict=True)
    )
    shares = tuple(share for share in opened if share is not None)
    return ShareReleased(by=release.by, salt=desk.salt(), shares=shares)


def _open(
    desk: Desk, state: TenderState, box: tuple[str, Box], sealed: bytes
) -> ReleasedShare | None:
    index = release_of(state).holders.index(desk.me) + 1
    try:
        share = open_share(sealed, index, _context(state, box[0]), desk.keys.box)
        check_share(box[1], share)
    except BoxError:
        return None
    return ReleasedShare(box=box[0], index=index, salt=share.salt, share=share.share)


def _context(state: TenderState, box: str) -> BoxContext:
    if box in state.bids:
        return bid_context(state, state.bids[box])
    seat = next(s for s, sheet in state.review.sheets.items() if sheet.id == box)
    return sheet_context(state, state.seats[seat].key)


async def _check_time(desk: Desk, state: TenderState) -> None:
    grace = state.rules.clock.g_seconds.value
    if desk.clock.now() + grace < unlock_end(state):
        raise StateError("our clock says that the unlock window is still open", code="too-early")
    host = state.keyring.key(state.keeper, "chain")
    if host is None:
        return  # who has no account has no slots either
    try:
        slots = await desk.off(desk.chain.tender, state.stream, host.key)
    except NodeError as error:
        if error.code != "chain":
            raise
        return  # the chain being down never stops a session (protocol.md section 7)
    if slots.deadline > epoch_of(state.terms.deadline):
        raise StateError("the deadline on the chain was moved", code="too-early")
