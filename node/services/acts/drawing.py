"""The host requests the draw, brings in the seeds, states the picks and forms the committee.

A seed's round is opened on the chain only after the lists (or the calls) provably existed, in a
block later than their existed-by time; a member that stays silent voids the round and is left
out of the next one (protocol.md section 6, Beacon).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from node.core.rules.draw import remaining, seed_of
from node.core.rules.seating import seats_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.desk import Desk
    from node.services.ports import BeaconRound


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


def last_input(state: TenderState, purpose: str) -> int:
    """The last place that must have existed before a round for this purpose is opened."""
    if purpose == "slate":
        return state.draw.joined_last
    return state.draw.contacted_last if purpose == "pick" else len(state.entries) - 1


async def bring_seed(desk: Desk, state: TenderState, about: str) -> Body | None:
    """`draw.seeded` once the round is complete; opens it first, and the next one after a void."""
    return await desk.off(_bring_seed, desk, state, about)


def _bring_seed(desk: Desk, state: TenderState, about: str) -> Body | None:
    """The same; blocking, and asked again and again: most of it is in memory."""
    times = desk.times
    existed = times.existed_by(state.stream, last_input(state, about))
    if existed is None:
        return None
    first = members = drawing.member_accounts(state)
    void: list[BeaconRound] = []
    for number in range(drawing.MAX_VOIDED):
        round_id = drawing.round_of(state, about, number)  # type: ignore[arg-type]
        found = desk.chain.round(round_id, desk.chain.account)
        if found is None:
            # The round's block must be later than the existed-by time, by the chain's own clock;
            # it is at least as late as the newest block is now. After a void round we first hear
            # from our partners again: there are few rounds, and an outage may last for hours.
            if desk.chain.seen().time > existed and (not number or times.is_heard_since(existed)):
                reveal = state.rules.draw.reveal_seconds.value
                desk.chain.open_round(round_id, members, reveal)
            return None
        if set(found.secrets) == set(found.members):
            return _seeded(desk, found)
        if desk.clock.now() <= found.reveal_by:
            return None
        void.append(found)
        members, existed = _left_after(first, void), max(existed, found.reveal_by)
    raise StateError(f"{len(void)} rounds of the beacon are void: this seed cannot be drawn")


def _left_after(first: Sequence[str], void: Sequence[BeaconRound]) -> tuple[str, ...]:
    """Accounts of the round after these void ones."""
    said = [(_raw(one.commits), _raw(one.secrets)) for one in void]
    return tuple(account.hex() for account in remaining(_raw(first), said))


def _raw(accounts: Iterable[str]) -> list[bytes]:
    return [bytes.fromhex(account) for account in accounts]


def _seeded(desk: Desk, found: BeaconRound) -> Body:
    secrets = {bytes.fromhex(a): bytes.fromhex(s) for a, s in found.secrets.items()}
    stated = tuple(
        RoundSecret(account=account.hex(), secret=secrets[account].hex())
        for account in sorted(secrets)
    )
    seed = seed_of(found.round, secrets).hex()
    return DrawSeeded(round=found.round, salt=desk.salt(), secrets=stated, seed=seed)


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
