"""The host requests the draw, brings in the seeds, states the picks and forms the committee.

A seed's round is opened on the chain only after the lists (or the calls) provably existed; which
round that is, and for whom, `rules.rounds` says, and a seed that guests would refuse is not stated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from node.core.errors import StateError
from node.core.records.canonical import digest_of
from node.core.records.kinds.draws import (
    DrawPicked,
    DrawRequested,
    DrawSeeded,
    PickOrder,
    RoundSecret,
)
from node.core.records.kinds.session import CommitteeFormed, FormedSeat
from node.core.rules import drawing
from node.core.rules.draw import seed_of
from node.core.rules.rounds import BeaconRound, check_rounds, first_turn, last_input, turn_after
from node.core.rules.seating import seats_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.core.records.kinds import Body
    from node.core.rules.draw import Purpose
    from node.core.rules.rounds import Seeding, Turn
    from node.core.rules.state import TenderState
    from node.services.desk import Desk


async def request_draw(desk: Desk, state: TenderState, about: str) -> Body:
    """`draw.requested` for the planned strata, from every pool that is an active centre."""
    members = state.keyring.members.values()
    pools = sorted(m.id for m in members if m.role == "centre" and m.status == "active")
    number = len(state.draws) + 1
    exclusions = digest_of("exclusions", {"employers": [], "salt": desk.salt()})
    return DrawRequested(
        exclusions=exclusions,
        factor=int(state.rules.draw.slate_factor.ratio),
        ground="first" if number == 1 else "shortage",
        number=number,
        pools=tuple(pools),
        salt=desk.salt(),
        strata=state.strata,
    )


async def bring_seed(desk: Desk, state: TenderState, about: str) -> Body | None:
    """`draw.seeded` once the round is complete; opens it first, and the next one after a void."""
    return await desk.off(_bring_seed, desk, state, cast("Purpose", about))


def _bring_seed(desk: Desk, state: TenderState, purpose: Purpose) -> Body | None:
    """The same; blocking, and asked again and again: most of it is in memory."""
    last = state.entries[last_input(state.awaited, purpose)]
    existed = desk.times.existed_by(state.keeper, last)
    if existed is None:
        return None
    now = desk.chain.seen().time  # before the rounds are read: they are as of this block or later
    seeding = drawing.seeding_of(state, purpose, existed)
    turn, told = first_turn(seeding), list[BeaconRound]()
    for round_id in seeding.rounds:
        found = desk.chain.round(round_id, desk.chain.account)
        if found is None:
            _open(desk, turn, now)
            return None
        told.append(found)
        if found.is_complete:
            return _seeded(desk, seeding, told)
        if now <= found.reveal_by:
            return None
        turn = turn_after(turn, found)
    raise StateError(f"{len(told)} rounds of the beacon are void: this seed cannot be drawn")


def _open(desk: Desk, turn: Turn, now: int) -> None:
    """Open a round if it is time; its block is at least as late as the newest one is now.

    After a void round we first hear from our partners again: there are few rounds, and an outage
    may last for hours.
    """
    if now > turn.after and (not turn.void or desk.times.is_heard_since(turn.after)):
        round_id = turn.seeding.rounds[len(turn.void)]
        desk.chain.open_round(round_id, turn.members, turn.seeding.seconds)


def _seeded(desk: Desk, seeding: Seeding, told: Sequence[BeaconRound]) -> Body:
    """The seed of the last of these rounds, if all of them are as the rules want them."""
    found = told[-1]
    secrets = {bytes.fromhex(a): bytes.fromhex(s) for a, s in found.secrets.items()}
    stated = tuple(
        RoundSecret(account=account.hex(), secret=secrets[account].hex())
        for account in sorted(secrets)
    )
    seed = seed_of(found.round, secrets).hex()
    body = DrawSeeded(round=found.round, salt=desk.salt(), secrets=stated, seed=seed)
    check_rounds(seeding, told, body)
    return body


async def state_picks(desk: Desk, state: TenderState, about: str) -> Body:
    """`draw.picked`: those who accepted, in the order of seed 2."""
    orders = tuple(
        PickOrder(order=order, stratum=number)
        for number, order in enumerate(drawing.picks_of(state.draw))
    )
    return DrawPicked(draw=state.draw.id, salt=desk.salt(), strata=orders)


async def form_committee(desk: Desk, state: TenderState, about: str) -> Body:
    """`committee.formed`: the drawn seats; score sheets have the holders that bids had."""
    seats = tuple(
        FormedSeat(centre=centre, person=person, seat=seat)
        for seat, person, centre in seats_of(state)
    )
    return CommitteeFormed(
        draw=state.draw.id,
        holders=state.terms.holders,
        salt=desk.salt(),
        seats=seats,
        threshold=state.terms.threshold,
    )
