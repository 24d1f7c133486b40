"""The committee takes its seats: formed as drawn, seated, sworn, and its chair elected.

Source: TBL art. 37 (shape of the committee), EC12 art. 9 (chair, equal votes) and art. 12
(interests); protocol.md section 6 (a seat's key, its link withheld until the award).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from node.core.errors import RuleError
from node.core.records.canonical import digest_hex
from node.core.records.keys import key_id
from node.core.rules.change import replace
from node.core.rules.committee import Member, check_committee
from node.core.rules.drawing import picks_of, strata_of
from node.core.rules.state import Phase, Seat, with_seat
from node.core.rules.tender import check_holders

if TYPE_CHECKING:
    from node.core.records.kinds.session import (
        ChairElected,
        ChairVoted,
        CommitteeFormed,
        ExpertSeated,
        FormedSeat,
        UndertakingSigned,
    )
    from node.core.rules.state import Placed, TenderState

SEATS = "protocol 6"
UNDERTAKING = (
    "本人承诺：客观、公正评审；不泄露评审内容；与所有投标人均无利害关系，如有即申请回避。\n"
    "I undertake to judge fairly, to keep the evaluation secret, and that I have no interest in "
    "any bidder; if I find one I shall withdraw.\n"
)
"""What every expert signs after the bidders are known; the record holds its digest."""


def undertaking_digest() -> str:
    """H("undertaking", text): the `text` of `undertaking.signed`."""
    return digest_hex("undertaking", UNDERTAKING.encode())


def seats_of(state: TenderState) -> tuple[tuple[str, str, str], ...]:
    """The seats that the draw gives: (seat, person, centre), numbered from 1 in its order."""
    draw = state.draw
    picked = [
        person
        for stratum, order in zip(strata_of(draw), picks_of(draw), strict=True)
        for person in order[: stratum.seats]
    ]
    return tuple((str(n), p, draw.centre_of[p]) for n, p in enumerate(picked, start=1))


def committee_formed(state: TenderState, placed: Placed, body: CommitteeFormed) -> TenderState:
    """Form the committee exactly as drawn, if the law allows its shape."""
    stated = tuple((seat.seat, seat.person, seat.centre) for seat in body.seats)
    if body.draw != state.draw.id or stated != seats_of(state):
        raise RuleError("the seats are not those of the draw", article=SEATS)
    check_committee([Member(seat.person) for seat in body.seats], state.rules)
    check_holders(state, body.holders, body.threshold)
    seats = {seat.seat: _seat(seat) for seat in body.seats}
    return replace(state, phase=Phase.FORMED, committee=body, seats=seats)


def _seat(seat: FormedSeat) -> Seat:
    return Seat(seat.seat, seat.centre, seat.person)


def seat_of(state: TenderState, placed: Placed) -> Seat:
    """The seat that signs; raises RuleError if the committee has no such seat."""
    seat = state.seats.get(placed.header.author.partition(":")[2])
    if seat is None:
        raise RuleError("the committee has no such seat", article=SEATS)
    return seat


def expert_seated(state: TenderState, placed: Placed, body: ExpertSeated) -> TenderState:
    """An expert takes her seat with a key of this tender."""
    seat = seat_of(state, placed)
    if seat.key or body.person != seat.person:
        raise RuleError("this seat is another person's, or taken", article=SEATS)
    if key_id(body.key) != placed.header.key:
        raise RuleError("the seat brings another key than it is signed with", article=SEATS)
    changes = {"key": placed.header.key, "link": body.link, "seq": placed.seq}
    seated = with_seat(state, seat.seat, **changes)
    everyone = all(one.key for one in seated.seats.values())
    return replace(seated, phase=Phase.SEATED) if everyone else seated


def undertaking_signed(state: TenderState, placed: Placed, body: UndertakingSigned) -> TenderState:
    """An expert signs the undertaking and that she has no interest in a bidder."""
    seat = seat_of(state, placed)
    if seat.sworn or body.text != undertaking_digest():
        raise RuleError("signed before, or another text")
    sworn = with_seat(state, seat.seat, sworn=True)
    if not all(one.sworn for one in sworn.seats.values()):
        return sworn
    if state.rules.committee.chair.value:
        return replace(sworn, phase=Phase.SWORN)
    # Where no chair is asked for, the first seat drawn puts the findings to the vote.
    return replace(sworn, phase=Phase.REVIEWING, chair="1")


def chair_voted(state: TenderState, placed: Placed, body: ChairVoted | None) -> TenderState:
    """One member's vote for the chair; her own seat too, once."""
    seat = seat_of(state, placed)
    if seat.chair or (body is not None and body.seat not in state.seats):
        raise RuleError("voted before, or for nobody of the committee")
    return with_seat(state, seat.seat, chair=body.seat if body else "unseen")


def chair_of(state: TenderState) -> str | None:
    """The elected seat: most votes, equal votes the lowest seat number; None if votes are unseen.

    Source: EC12 art. 9 leaves the way of election open; this one is ours.
    """
    votes = Counter(seat.chair for seat in state.seats.values())
    if "unseen" in votes:
        return None
    return min(votes, key=lambda seat: (-votes[seat], int(seat)))


def chair_elected(state: TenderState, placed: Placed, body: ChairElected) -> TenderState:
    """State who was elected, after everybody has voted."""
    if not all(seat.chair for seat in state.seats.values()) or body.seat not in state.seats:
        raise RuleError("not everybody has voted")
    if chair_of(state) not in (None, body.seat):
        raise RuleError("this is not the seat with most votes")
    return replace(state, phase=Phase.REVIEWING, chair=body.seat)
