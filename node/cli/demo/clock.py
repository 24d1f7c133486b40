"""When the demo moves its test clock: a legal period is skipped once nothing is left to do in it.

Pure: the state of the tender's stream says where it stands, the rule set how long that lasts. Times
are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.core.records.canonical import epoch_of
from node.core.rules import drawing
from node.core.rules.contact import answer_until
from node.core.rules.opening import unlock_end
from node.core.rules.state import Phase, TenderState


@dataclass(frozen=True, slots=True)
class Move:
    """A time to move the clock to, and the period that ends then, in Chinese and English."""

    to: int
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at: the tender's state, the time, and how many bids are to come."""

    state: TenderState
    now: int
    expected_bids: int


def next_moment(state: TenderState, now: int, expected_bids: int) -> Move | None:
    """Where the clock may be moved now, or None if somebody has something to do first.

    While bids may be sealed it waits for `expected_bids`, in the opening for the consent of all.
    A call is never cut short: who has not answered has until her time to answer is over, and a
    pool that has not joined until the time to join is over; the caller of this function waits
    (`PATIENCE_S`) before it takes either for silence.
    """
    if state.phase not in _MOVES:
        return None
    move = _MOVES[state.phase](Look(state, now, expected_bids))
    return move if move is not None and move.to > now else None


def _announced(look: Look) -> Move | None:
    state = look.state
    if len(state.in_force) < look.expected_bids:
        return None
    # One second beyond G: until then another member's receipt may still count for a bid.
    end = epoch_of(state.terms.deadline) + state.rules.clock.g_seconds.value + 1
    return Move(end, "投标截止", "the deadline for bids")


def _closed(look: Look) -> Move | None:
    state, opening = look.state, epoch_of(look.state.terms.opening)
    if look.now < opening:
        return Move(opening, "开标", "the opening")
    if state.unlocked != state.in_force.keys():
        return None
    return Move(unlock_end(state), "解密时段结束", "the end of the unlock window")


def _drawing(look: Look) -> Move | None:
    state = look.state
    if not state.draw.joined or drawing.all_joined(state, look.now):
        return None
    end = state.draw.received + state.rules.draw.join_seconds.value
    return Move(end, "专家库加入时限", "the end of the pools' time to join")


def _calling(look: Look) -> Move | None:
    state = look.state
    if drawing.all_contacted(state, look.now):
        return None
    end = answer_until(state)
    return Move(end, "专家应答时限", "the end of the experts' time to answer")


def _publicity(look: Look) -> Move | None:
    if look.state.candidates is None:
        return None
    end = epoch_of(look.state.candidates.objections_until)
    return Move(end, "公示期结束", "the end of the days for objections")


_MOVES: Mapping[Phase, Callable[[Look], Move | None]] = {
    Phase.ANNOUNCED: _announced,
    Phase.CLOSED: _closed,
    Phase.DRAWING: _drawing,
    Phase.CALLING: _calling,
    Phase.PUBLICITY: _publicity,
}
PATIENCE_S: Mapping[Phase, float] = {Phase.CALLING: 2.0, Phase.DRAWING: 20.0}
"""So long nothing must have happened in these phases before the clock is moved.

Experts' programs answer at once if they answer at all; a pool joins in moments, but its node may
be started anew meanwhile, and nobody is to be left out for that.
"""
