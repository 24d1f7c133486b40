"""When the demo moves its test clock: a legal period is skipped once nothing is left to do in it.

Pure: the state of the tender's stream says where it stands, the rule set how long that lasts. Times
are epoch seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

from node.core.records.canonical import epoch_of
from node.core.rules import drawing
from node.core.rules.state import Phase, TenderState


@dataclass(frozen=True, slots=True)
class Move:
    """A time to move the clock to, and the period that ends then, in Chinese and English."""

    to: int
    zh: str
    en: str


def next_moment(state: TenderState, now: int, expected_bids: int) -> Move | None:
    """Where the clock may be moved now, or None if somebody has something to do first.

    While bids may be sealed it waits for `expected_bids`, in the opening for the consent of all.
    A call is never cut short: who has not answered has until the pools' time to call is over, and
    the caller of this function waits a while before it takes that for silence.
    """
    move = _MOVES[state.phase](state, now, expected_bids) if state.phase in _MOVES else None
    return move if move is not None and move.to > now else None


def _announced(state: TenderState, now: int, expected_bids: int) -> Move | None:
    if len(state.in_force) < expected_bids:
        return None
    # One second beyond G: until then another member's receipt may still count for a bid.
    end = epoch_of(state.terms.deadline) + state.rules.clock.g_seconds.value + 1
    return Move(end, "投标截止", "the deadline for bids")


def _closed(state: TenderState, now: int, expected_bids: int) -> Move | None:
    opening = epoch_of(state.terms.opening)
    if now < opening:
        return Move(opening, "开标", "the opening")
    if state.unlocked != state.in_force.keys():
        return None
    return Move(epoch_of(state.terms.unlock_until), "解密时段结束", "the end of the unlock window")


def _calling(state: TenderState, now: int, expected_bids: int) -> Move | None:
    if drawing.all_contacted(state, now):
        return None
    end = state.draw.received + state.rules.draw.contact_seconds.value
    return Move(end, "联系专家时限", "the end of the time to call experts")


def _publicity(state: TenderState, now: int, expected_bids: int) -> Move | None:
    if state.candidates is None:
        return None
    end = epoch_of(state.candidates.objections_until)
    return Move(end, "公示期结束", "the end of the days for objections")


_MOVES = {
    Phase.ANNOUNCED: _announced,
    Phase.CLOSED: _closed,
    Phase.CALLING: _calling,
    Phase.PUBLICITY: _publicity,
}
PATIENT = frozenset({Phase.CALLING})
"""Phases in which the clock is moved only after nothing has happened for a while."""
