"""The records of a draw: request, lists, seeds, calls, picks, and the links after the award.

Source: protocol.md section 6 and 10.9-10.10; TBL art. 37, TBR art. 46 (random draw from a lawful
pool). `draw.py` has the arithmetic; here is what may be said when. What a seed asks of the chain
stands in `rounds.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import RuleError
from node.core.records.canonical import digest_of
from node.core.records.keys import key_id, verify
from node.core.rules import draw as law
from node.core.rules.change import put, replace
from node.core.rules.rounds import Seeding
from node.core.rules.state import Draw, Phase, with_draw

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.core.records.kinds.draws import (
        DisclosedPerson,
        DrawDisclosed,
        DrawJoined,
        DrawPicked,
        DrawRequested,
        DrawSeeded,
        ExpertContacted,
    )
    from node.core.rules.state import Placed, TenderState

DRAWING = "protocol 6"
BEACON = "protocol 10.10"
MAX_VOIDED = 8


def draw_requested(state: TenderState, placed: Placed, body: DrawRequested) -> TenderState:
    """Ask for the first draw, or for one more where too few accepted."""
    if body.number != len(state.draws) + 1 or (body.ground == "first") != (body.number == 1):
        raise RuleError("draws are numbered without a gap", article=DRAWING)
    if state.phase is Phase.CALLING:
        _check_shortage(state, placed)
    if state.composed and body.strata != state.strata:
        raise RuleError("the strata are those that were planned", article=DRAWING)
    factor = state.rules.draw.slate_factor
    if body.factor != factor.ratio:
        raise state.rules.refusal(factor.article, f"the slate factor is {factor.value}")
    if list(body.pools) != sorted(set(body.pools)):
        raise RuleError("pools stand sorted and once", article=DRAWING)
    draw = Draw(placed.id, body, placed.received)
    return replace(state, phase=Phase.DRAWING, draws=(*state.draws, draw))


def _check_shortage(state: TenderState, placed: Placed) -> None:
    """No second draw while somebody of the first slate may still be reached: that were a choice."""
    if not all_contacted(state, placed.received) or not is_short(state):
        raise RuleError("another draw only where too few accepted", article=DRAWING)


def draw_joined(state: TenderState, placed: Placed, body: DrawJoined) -> TenderState:
    """Take a pool's lists, before seed 1 exists."""
    draw, pool = state.draw, placed.header.author.partition(":")[2]
    if body.draw != draw.id or pool not in draw.request.pools or pool in draw.joined:
        raise RuleError(f"{pool} is not awaited in this draw", article=DRAWING)
    # Seed 1 is asked of those who joined by then: one more would change whose secrets it needs.
    if all_joined(state, placed.received):
        raise RuleError("the pools' time to join is over", article=DRAWING)
    if [listed.stratum for listed in body.lists] != list(range(len(draw.request.strata))):
        raise RuleError("one list for each stratum, in order", article=DRAWING)
    minimum = state.rules.draw.minimum_list
    for listed in body.lists:
        others = {p for j in draw.joined.values() for p in j.lists[listed.stratum].persons}
        law.check_list(
            listed.persons, others, minimum.value, state.rules.article(minimum.article).cite
        )
    return with_draw(state, joined=put(draw.joined, pool, body))


def all_joined(state: TenderState, received: int) -> bool:
    """Have all pools joined, or is their time up and one has?"""
    draw = state.draw
    late = received >= draw.received + state.rules.draw.join_seconds.value
    return len(draw.joined) == len(draw.request.pools) or (late and bool(draw.joined))


def member_accounts(state: TenderState) -> tuple[str, ...]:
    """Chain accounts of the members of a round: the host and the pools of the newest draw."""
    members = {state.keeper, *state.draw.joined}
    keys = [state.keyring.key(member, "chain") for member in sorted(members)]
    return tuple(sorted(key.key for key in keys if key is not None))


def round_of(state: TenderState, purpose: law.Purpose, number: int) -> str:
    """Id of the `number`-th beacon round for this purpose."""
    of = state.stream if purpose == "lot" else state.draw.id
    return law.round_id(number, of, purpose)


def rounds_of(state: TenderState, purpose: law.Purpose) -> tuple[str, ...]:
    """Ids of all beacon rounds that there may be for this purpose, by number."""
    return tuple(round_of(state, purpose, number) for number in range(MAX_VOIDED))


def purpose_of(state: TenderState) -> law.Purpose:
    """Which seed the present phase waits for."""
    return {Phase.DRAWING: "slate", Phase.CALLING: "pick"}.get(state.phase, "lot")  # type: ignore[return-value]


def seeding_of(state: TenderState, purpose: law.Purpose, existed: int) -> Seeding:
    """What the rules ask of the rounds of the seed that the newest draw waits for.

    `existed` is by when its last input existed (`rounds.last_input`), epoch seconds.
    """
    rounds, seconds = rounds_of(state, purpose), state.rules.draw.reveal_seconds.value
    return Seeding(purpose, rounds, member_accounts(state), existed, seconds)


def draw_seeded(state: TenderState, placed: Placed, body: DrawSeeded) -> TenderState:
    """Take the seed that the present phase waits for, recomputed from its secrets."""
    purpose = purpose_of(state)
    _check_round(state, purpose, body)
    if purpose == "slate":
        return _slate(state, placed, body)
    if purpose == "pick":
        return _pick_seed(state, placed, body)
    if state.lot_seed:
        raise RuleError("the lot is drawn already", article=BEACON)
    return replace(state, lot_seed=body.seed)


def _check_round(state: TenderState, purpose: law.Purpose, body: DrawSeeded) -> None:
    rounds = rounds_of(state, purpose)
    if body.round not in rounds:
        raise RuleError(f"this is no round for the {purpose} of this draw", article=BEACON)
    accounts = tuple(secret.account for secret in body.secrets)
    members = member_accounts(state)
    first = body.round == rounds[0]
    # A round after a voided one goes on without its silent member: `rounds.py` says who that is.
    if list(accounts) != sorted(set(accounts)) or not set(accounts) <= set(members):
        raise RuleError("the secrets are not of this round's members", article=BEACON)
    if (first and accounts != members) or len(accounts) < law.LEAST_MEMBERS:
        raise RuleError("a missing reveal voids the round", article=BEACON)
    secrets = {bytes.fromhex(s.account): bytes.fromhex(s.secret) for s in body.secrets}
    if law.seed_of(body.round, secrets).hex() != body.seed:
        raise RuleError("the seed is not that of its secrets", article=BEACON)


def _slate(state: TenderState, placed: Placed, body: DrawSeeded) -> TenderState:
    if not all_joined(state, placed.received):
        raise RuleError("a pool is still awaited", article=DRAWING)
    draw = state.draw
    lists = [
        (stratum, {pool: j.lists[stratum.number].persons for pool, j in draw.joined.items()})
        for stratum in strata_of(draw)
    ]
    ratio = state.rules.draw.slate_factor.ratio
    slates = law.rank_slates(bytes.fromhex(body.seed), draw.id, lists, ratio)
    slate = tuple(tuple(slated.person for slated in one) for one in slates)
    centres = {slated.person: slated.pool for one in slates for slated in one}
    seeds = put(draw.seeds, "slate", body.seed)
    # The time to call begins now: the pools may have been waited for until their time to join was
    # over, and nobody is to be taken for silent who could not be called any earlier.
    called = placed.received
    seeded = with_draw(state, seeds=seeds, slate=slate, called=called, centre_of=centres)
    return replace(seeded, phase=Phase.CALLING)


def _pick_seed(state: TenderState, placed: Placed, body: DrawSeeded) -> TenderState:
    if not all_contacted(state, placed.received):
        raise RuleError("somebody of the slate is not contacted yet", article=DRAWING)
    if is_short(state):
        raise RuleError("too few accepted: another draw must be requested", article=DRAWING)
    seeded = with_draw(state, seeds=put(state.draw.seeds, "pick", body.seed))
    return replace(seeded, phase=Phase.PICKING)


def strata_of(draw: Draw) -> Iterator[law.Stratum]:
    """The draw's strata with their numbers, in filling order."""
    for number, stratum in enumerate(draw.request.strata):
        yield law.Stratum(number, stratum.seats)


def expert_contacted(state: TenderState, placed: Placed, body: ExpertContacted) -> TenderState:
    """Log how the call to one person of the slate ended; only its own pool calls it."""
    draw, pool = state.draw, placed.header.author.partition(":")[2]
    slated = body.stratum < len(draw.slate) and body.person in draw.slate[body.stratum]
    if body.draw != draw.id or not slated or draw.centre_of[body.person] != pool:
        raise RuleError("not a person of this pool's slate", article=DRAWING)
    if body.person in draw.outcomes:
        raise RuleError("this person was contacted already", article=DRAWING)
    # Seed 2 may be known by then: who is added would be chosen, and the round came too early.
    if all_contacted(state, placed.received):
        raise RuleError("the pools' time to call is over", article=DRAWING)
    return with_draw(state, outcomes=put(draw.outcomes, body.person, body.outcome))


def all_contacted(state: TenderState, received: int) -> bool:
    """Are all of the slate contacted, or is the pools' time to call over?"""
    draw = state.draw
    late = received >= draw.called + state.rules.draw.contact_seconds.value
    return late or len(draw.outcomes) == sum(len(one) for one in draw.slate)


def accepted_of(draw: Draw, stratum: int) -> tuple[str, ...]:
    """Who of a stratum's slate accepted."""
    return tuple(p for p in draw.slate[stratum] if draw.outcomes.get(p) == "accepted")


def is_short(state: TenderState) -> bool:
    """Did fewer accept in some stratum than it has seats?"""
    draw = state.draw
    return any(len(accepted_of(draw, s.number)) < s.seats for s in strata_of(draw))


def picks_of(draw: Draw) -> tuple[tuple[str, ...], ...]:
    """Those who accepted, by stratum, in the order of seed 2."""
    seed = bytes.fromhex(draw.seeds["pick"])
    return tuple(
        law.order_picks(seed, draw.id, stratum, accepted_of(draw, stratum.number))
        for stratum in strata_of(draw)
    )


def draw_picked(state: TenderState, placed: Placed, body: DrawPicked) -> TenderState:
    """State the outcome; everybody recomputes it."""
    stated = tuple(picked.order for picked in body.strata)
    numbered = [picked.stratum for picked in body.strata] == list(range(len(stated)))
    if body.draw != state.draw.id or not numbered or stated != picks_of(state.draw):
        raise RuleError("these are not the picks of seed 2", article=DRAWING)
    return replace(with_draw(state, picked=body), phase=Phase.PICKED)


def link_of(salt: str, sig: str) -> str:
    """The commitment in `expert.seated` to who she is: opened after the award."""
    return digest_of("link", {"salt": salt, "sig": sig})


def seat_claim(key: str, seat: str, stream: str) -> str:
    """What an expert's pool key signs: this seat's key (id) is mine in this tender."""
    return digest_of("seat", {"key": key, "seat": seat, "stream": stream})


def draw_disclosed(state: TenderState, placed: Placed, body: DrawDisclosed) -> TenderState:
    """A pool opens the links of its seated persons after the award."""
    pool = placed.header.author.partition(":")[2]
    if body.draw != state.draw.id or pool not in state.draw.joined or pool in state.disclosed:
        raise RuleError(f"{pool} has nothing to disclose of this draw", article=DRAWING)
    own = sorted(seat.person for seat in state.seats.values() if seat.centre == pool)
    if [disclosed.person for disclosed in body.persons] != own:
        raise RuleError("a pool discloses all of its seated persons, sorted", article=DRAWING)
    for disclosed in body.persons:
        _check_link(state, disclosed)
    return replace(state, disclosed=state.disclosed | {pool})


def _check_link(state: TenderState, disclosed: DisclosedPerson) -> None:
    pseudonym = key_id(disclosed.entry)
    if law.person(state.draw.id, pseudonym, disclosed.salt) != disclosed.person:
        raise RuleError("the entry is not the drawn person", article=DRAWING)
    seat = next(s for s in state.seats.values() if s.person == disclosed.person)
    if link_of(disclosed.link_salt, disclosed.sig) != seat.link:
        raise RuleError("the link is not the one committed at the seat", article=DRAWING)
    claim = seat_claim(seat.key, seat.seat, state.stream)
    verify(disclosed.entry, bytes.fromhex(claim), bytes.fromhex(disclosed.sig))
