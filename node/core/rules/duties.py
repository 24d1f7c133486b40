"""What a member owes next: by the rules, from the state alone.

The node's duty loop asks this after every change and every tick, and does what it says; so a node
that was killed at any line goes on where it stood. Nobody tells a node what to do: the operator
moves nothing along, the rules do. A duty is no permission: the fold judges what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from node.core.records.canonical import epoch_of
from node.core.rules import drawing, opening, result
from node.core.rules.state import Phase, TenderState


@dataclass(frozen=True, slots=True)
class Duty:
    """One record that a member owes: its type, and which bid, sheet or person it is about."""

    kind: str
    about: str = ""


def duties_of(state: TenderState, member: str, now: int) -> tuple[Duty, ...]:
    """All that `member` owes in this stream at `now` (epoch seconds), in the order to do it."""
    own = tuple(_host(state, now)) if member == state.keeper else ()
    return (*own, *_pool(state, member, now), *_holder(state, member))


def _host(state: TenderState, now: int) -> Iterator[Duty]:
    if (early := _BY_PHASE.get(state.phase)) is not None:
        yield Duty(early)
    elif state.phase in _STEPS:
        yield from _STEPS[state.phase](state, now)


_BY_PHASE = {
    Phase.READ: "draw.requested/v1",
    Phase.PICKING: "draw.picked/v1",
    Phase.PICKED: "committee.formed/v1",
    Phase.SIGNED: "session.closed/v1",
}


def _announced(state: TenderState, now: int) -> Iterator[Duty]:
    # G later: until then another member's receipt may still count for a bid's time.
    if now > epoch_of(state.terms.deadline) + state.rules.clock.g_seconds.value:
        yield Duty("bids.closed/v1")


def _closed(state: TenderState, now: int) -> Iterator[Duty]:
    if not opening.is_enough(state):
        yield Duty("lot.failed/v1", "too-few-bids")
    elif now >= opening.unlock_end(state):
        yield Duty("term.expired/v1", "unlock")


def _unlocked(state: TenderState, now: int) -> Iterator[Duty]:
    waiting = sorted(state.in_force.keys() - state.opened.keys() - state.not_opened.keys())
    if not waiting:
        yield Duty("opening.closed/v1")
    elif opening.is_released(state, now):
        for bid in waiting:
            yield Duty("bid.opened/v1" if bid in state.unlocked else "bid.not_opened/v1", bid)


def _drawing(state: TenderState, now: int) -> Iterator[Duty]:
    if drawing.all_joined(state, now):
        yield Duty("draw.seeded/v1", "slate")


def _calling(state: TenderState, now: int) -> Iterator[Duty]:
    if drawing.all_contacted(state, now):
        short = drawing.is_short(state)
        yield Duty("draw.requested/v1") if short else Duty("draw.seeded/v1", "pick")


def _sworn(state: TenderState, now: int) -> Iterator[Duty]:
    if all(seat.chair for seat in state.seats.values()):
        yield Duty("chair.elected/v1")


def _revealing(state: TenderState, now: int) -> Iterator[Duty]:
    if opening.is_released(state, now):
        sheets = sorted(sheet.id for sheet in state.review.sheets.values())
        for sheet in sheets:
            if sheet not in state.review.sheets_opened:
                yield Duty("sheet.opened/v1", sheet)


def _ranking(state: TenderState, now: int) -> Iterator[Duty]:
    if result.tie_of(state) and not state.lot_seed:
        yield Duty("draw.seeded/v1", "lot")
    else:
        yield Duty("result.consolidated/v1")


def _released(state: TenderState, now: int) -> Iterator[Duty]:
    if state.result is not None and state.result.outcome == "failed":
        yield Duty("lot.failed/v1", "no-valid-bid")


def _publicity(state: TenderState, now: int) -> Iterator[Duty]:
    candidates = state.candidates
    if candidates is not None and now >= epoch_of(candidates.objections_until):
        yield Duty("term.expired/v1", "objection")


_STEPS = {
    Phase.ANNOUNCED: _announced,
    Phase.CLOSED: _closed,
    Phase.UNLOCKED: _unlocked,
    Phase.DRAWING: _drawing,
    Phase.CALLING: _calling,
    Phase.SWORN: _sworn,
    Phase.REVEALING: _revealing,
    Phase.RANKING: _ranking,
    Phase.RELEASED: _released,
    Phase.PUBLICITY: _publicity,
}


def _pool(state: TenderState, member: str, now: int) -> Iterator[Duty]:
    if state.phase is Phase.DRAWING:
        draw = state.draw
        awaited = member in draw.request.pools and member not in draw.joined
        if awaited and not drawing.all_joined(state, now):
            yield Duty("draw.joined/v1", draw.id)
    elif state.phase is Phase.CALLING:
        draw = state.draw
        for person in sorted(draw.centre_of):
            if draw.centre_of[person] == member and person not in draw.outcomes:
                yield Duty("expert.contacted/v1", person)
    elif state.phase in (Phase.AWARDED, Phase.RANKED) and member not in state.disclosed:
        yield from _links(state, member)


def _links(state: TenderState, member: str) -> Iterator[Duty]:
    if any(seat.centre == member for seat in state.seats.values()):
        yield Duty("draw.disclosed/v1", state.draw.id)


def _holder(state: TenderState, member: str) -> Iterator[Duty]:
    if state.phase in (Phase.UNLOCKED, Phase.REVEALING):
        release = opening.release_of(state)
        if member in release.holders and member not in release.done:
            yield Duty("share.released/v1", release.by)
