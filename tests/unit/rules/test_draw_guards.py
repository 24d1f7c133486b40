"""The draw and the committee: each guard refuses what it is there for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from msgspec import structs

from node.core.errors import SignatureError
from node.core.records.keys import signer_from_seed
from node.core.records.kinds.draws import DrawRequested
from node.core.records.kinds.session import ChairVoted
from node.core.rules import draw as law
from node.core.rules import drawing
from node.core.rules.contact import answer_message, answer_until
from node.core.rules.duties import duties_of
from node.core.rules.seating import chair_of, seats_of
from node.core.rules.state import Phase, Seat, TenderState
from tests.world.moments import after, again, before, body, header, moment, place, refusal
from tests.world.network import CENTRES, HOST
from tests.world.run import Said
from tests.world.session import world

OTHER = "ab" * 32
Case = tuple[Callable[[], Said], str]


def requested(**members: Any) -> Said:  # noqa: ANN401 - members of a request
    """The request of a draw."""
    return body(moment("cn", "draw.requested"), **members)


def joined(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members of a list
    """A pool's lists."""
    return body(moment("cn", "draw.joined", number), **members)


def lists(number: int = 0) -> Any:  # noqa: ANN401 - lists
    """The lists themselves."""
    return joined(number).placed.body.lists  # type: ignore[union-attr]


def seeded(number: int = 0, tender: str = "jp", **members: Any) -> Said:  # noqa: ANN401
    """A seed: 0 slate, 1 pick."""
    return body(moment(tender, "draw.seeded", number), **members)


def secrets(number: int = 0, tender: str = "jp") -> Any:  # noqa: ANN401 - secrets
    """Its secrets."""
    return seeded(number, tender).placed.body.secrets  # type: ignore[union-attr]


def with_seed(said: Said, found: Any) -> Said:  # noqa: ANN401 - secrets
    """A seed honestly made of other secrets."""
    raw = {bytes.fromhex(s.account): bytes.fromhex(s.secret) for s in found}
    round_of: str = said.placed.body.round  # type: ignore[union-attr]
    seed = law.seed_of(round_of, raw).hex()
    return body(said, secrets=tuple(found), seed=seed)


def contacted(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members
    """How a call ended."""
    return body(moment("cn", "expert.contacted", number), **members)


def in_draw(said: Said, **members: Any) -> Said:  # noqa: ANN401 - members of a draw
    """The same with its newest draw otherwise."""
    draw = replace(said.before.draw, **members)
    return before(said, draws=(*said.before.draws[:-1], draw))


def calls(tender: str, outcome: str) -> TenderState:
    """The state in which everybody of the slate was called and ended so."""
    said = moment(tender, "draw.seeded", 1)
    everybody = [p for one in said.before.draw.slate for p in one]
    return in_draw(said, outcomes=dict.fromkeys(everybody, outcome)).before


def second_request(state: TenderState) -> Said:
    """Another draw, asked for in this state."""
    return again(requested(number=2, ground="shortage"), state)


JOIN = requested().before.rules.draw.join_seconds.value
CALL = requested().before.rules.draw.contact_seconds.value
SLATED = contacted().before.draw

DRAW: dict[str, Case] = {
    "the second draw first": (lambda: requested(number=2, ground="shortage"), "without a gap"),
    "a first draw for want of experts": (lambda: requested(ground="shortage"), "without a gap"),
    "a second draw that calls itself the first": (
        lambda: body(second_request(calls("cn", "declined")), ground="first"),
        "without a gap",
    ),
    "a third draw after the first": (
        lambda: body(second_request(calls("cn", "declined")), number=3),
        "without a gap",
    ),
    "a second draw although enough accepted": (
        lambda: second_request(calls("cn", "accepted")),
        "only where too few accepted",
    ),
    "a second draw while somebody may still be reached": (
        lambda: second_request(in_draw(seeded(1, "cn"), outcomes={}).before),
        "only where too few accepted",
    ),
    "fewer seats than planned": (
        lambda: requested(
            strata=tuple(structs.replace(s, seats=1) for s in requested().before.strata)
        ),
        "strata are those that were planned",
    ),
    "a larger slate": (lambda: requested(factor=9), "the slate factor is"),
    "pools unsorted": (lambda: requested(pools=CENTRES[::-1]), "pools stand sorted"),
    "a pool twice": (lambda: requested(pools=(CENTRES[0], *CENTRES)), "pools stand sorted"),
    "a pool that nobody asked": (
        lambda: in_draw(
            joined(), request=structs.replace(joined().before.draw.request, pools=(HOST,))
        ),
        "is not awaited",
    ),
    "a pool joins twice": (lambda: again(joined(), after(joined())), "is not awaited"),
    "a list for another draw": (lambda: joined(draw=OTHER), "is not awaited"),
    "a list for one stratum only": (
        lambda: joined(lists=lists()[:1]),
        "one list for each stratum",
    ),
    "lists in another order": (lambda: joined(lists=lists()[::-1]), "one list for each stratum"),
    "persons of another pool": (lambda: joined(1, lists=lists(0)), "another pool's list"),
    "a list that is too short": (
        lambda: joined(
            lists=tuple(structs.replace(one, persons=one.persons[:3]) for one in lists())
        ),
        "fit experts listed",
    ),
    "a seed of another purpose": (
        lambda: again(seeded(1), seeded(0).before),
        "no round for the slate",
    ),
    "a round of another draw": (lambda: seeded(round=OTHER), "no round for the slate"),
    "a first round without everybody": (
        lambda: with_seed(seeded(), secrets()[1:]),
        "a missing reveal voids the round",
    ),
    "a later round of one member alone": (
        lambda: with_seed(seeded(0, "cn"), secrets(0, "cn")[:1]),
        "a missing reveal voids the round",
    ),
    "an outsider's secret": (
        lambda: with_seed(
            seeded(0, "cn"),
            sorted(
                (structs.replace(secrets(0, "cn")[0], account="00" * 20), *secrets(0, "cn")),
                key=lambda s: s.account,
            ),
        ),
        "not of this round's members",
    ),
    "secrets unsorted": (
        lambda: with_seed(seeded(0, "cn"), secrets(0, "cn")[::-1]),
        "not of this round's members",
    ),
    "another seed": (lambda: seeded(seed=OTHER), "not that of its secrets"),
    "a second lot": (
        lambda: before(moment("jp-tie", "draw.seeded", -1), lot_seed=OTHER),
        "the lot is drawn already",
    ),
    "picks while somebody is not called": (
        lambda: again(seeded(1, "cn"), moment("cn", "expert.contacted", -1).before),
        "not contacted yet",
    ),
    "picks although too few accepted": (
        lambda: again(seeded(1, "cn"), calls("cn", "declined")),
        "another draw must be requested",
    ),
    "a call of another draw": (lambda: contacted(draw=OTHER), "not a person of this pool's"),
    "a call by another pool": (
        lambda: header(contacted(), author=f"centre:{foreign()}"),
        "not a person of this pool's",
    ),
    "a call for another stratum": (
        lambda: contacted(stratum=1 - contacted().placed.body.stratum),  # type: ignore[union-attr]
        "not a person of this pool's",
    ),
    "a call for a stratum that there is not": (
        lambda: contacted(stratum=7),
        "not a person of this pool's",
    ),
    "a call twice": (lambda: again(contacted(), after(contacted())), "contacted already"),
    "other picks": (
        lambda: body(moment("cn", "draw.picked"), strata=picks_reversed()),
        "not the picks of seed 2",
    ),
    "picks of another draw": (
        lambda: body(moment("cn", "draw.picked"), draw=OTHER),
        "not the picks of seed 2",
    ),
}


def foreign() -> str:
    """A pool that did not list the first person called."""
    own = contacted().placed.header.author.partition(":")[2]
    return next(one for one in CENTRES if one != own)


def picks_reversed() -> Any:  # noqa: ANN401 - orders
    """The picks, best last."""
    found = moment("cn", "draw.picked").placed.body
    return tuple(
        structs.replace(one, order=one.order[::-1])
        for one in found.strata  # type: ignore[union-attr]
    )


@pytest.mark.parametrize("name", DRAW)
def test_draw(name: str) -> None:
    make, words = DRAW[name]
    assert words in refusal(make())


def test_a_slate_waits_for_the_pools_until_their_time_is_up() -> None:
    state = moment("jp", "draw.joined", -1).before
    assert 0 < len(state.draw.joined) < len(state.draw.request.pools)
    due = state.draw.received + JOIN
    assert not drawing.all_joined(state, due - 1)
    assert drawing.all_joined(state, due)
    nobody = in_draw(moment("jp", "draw.joined", -1), joined={}).before
    assert not drawing.all_joined(nobody, due)
    assert drawing.all_joined(seeded().before, state.draw.received)


def test_a_slate_of_a_pool_that_is_late_is_refused_before_its_time() -> None:
    """The round is open to the host and the pools that joined; the host's own list is missing."""
    said = seeded()
    draw = said.before.draw
    kept = {pool: found for pool, found in draw.joined.items() if pool != HOST}
    early = place(in_draw(said, joined=kept), received=draw.received + JOIN - 1)
    assert "a pool is still awaited" in refusal(before(early, received=0))
    assert after(place(early, received=draw.received + JOIN)).phase is Phase.CALLING


def test_a_pool_that_joins_when_the_round_may_be_open_is_refused() -> None:
    """It would change whose secrets seed 1 needs, after they were asked for: a tender held up."""
    said = moment("jp", "draw.joined", -1)
    draw, pool = said.before.draw, said.placed.header.author.partition(":")[2]
    assert draw.joined
    due = draw.received + JOIN
    assert "time to join is over" in refusal(place(said, received=due))
    assert pool in after(place(said, received=due - 1)).draw.joined
    kinds = [duty.kind for duty in duties_of(said.before, pool, due)]
    assert "draw.joined/v1" not in kinds
    assert "draw.joined/v1" in [duty.kind for duty in duties_of(said.before, pool, due - 1)]
    alone = in_draw(said, joined={})
    assert pool in after(place(alone, received=due)).draw.joined, "somebody must be drawn from"


def test_a_call_that_is_told_when_seed_2_may_be_known_is_refused() -> None:
    said = moment("jp", "expert.contacted", -1)
    due = said.before.draw.called + CALL
    assert "time to call is over" in refusal(place(said, received=due))
    person = said.placed.body.person  # type: ignore[union-attr]
    assert person in after(place(said, received=due - 1)).draw.outcomes


def test_experts_have_their_whole_time_to_answer_after_a_wait_for_the_pools() -> None:
    """Else nobody could answer in a draw that a pool was left out of, nor in any after it."""
    said = seeded()
    draw = said.before.draw
    kept = {pool: found for pool, found in draw.joined.items() if pool != HOST}
    late = draw.received + JOIN
    state = after(place(in_draw(said, joined=kept), received=late))
    assert answer_until(state) == late + CALL // 2
    assert not drawing.all_contacted(state, late + CALL - 1)
    assert drawing.all_contacted(state, late + CALL)


def test_picks_wait_for_the_calls_until_the_time_is_up() -> None:
    state = moment("jp", "expert.contacted", -1).before
    due = state.draw.called + CALL
    assert not drawing.all_contacted(state, due - 1)
    assert drawing.all_contacted(state, due)
    assert drawing.all_contacted(seeded(1).before, state.draw.received)


def test_a_second_draw_is_asked_for_where_one_stratum_is_short() -> None:
    state = calls("cn", "accepted")
    second = state.draw.slate[1]
    outcomes = {**state.draw.outcomes, **dict.fromkeys(second, "declined")}
    short = replace(state, draws=(replace(state.draw, outcomes=outcomes),))
    assert drawing.is_short(short)
    one = {**outcomes, second[0]: "accepted"}
    assert drawing.is_short(replace(state, draws=(replace(state.draw, outcomes=one),)))
    two = {**one, second[1]: "accepted"}
    assert not drawing.is_short(replace(state, draws=(replace(state.draw, outcomes=two),)))
    asked = after(second_request(short))
    assert (asked.phase, len(asked.draws)) == (Phase.DRAWING, 2)
    assert isinstance(asked.draw.request, DrawRequested)
    assert asked.draw.request.number == 2


def test_only_those_who_accepted_are_picked() -> None:
    draw = moment("cn", "draw.picked").before.draw
    for number, slate in enumerate(draw.slate):
        accepted = {p for p in slate if draw.outcomes[p] == "accepted"}
        assert set(drawing.accepted_of(draw, number)) == accepted
        assert {"declined", "accepted"} <= {draw.outcomes[p] for p in draw.slate[0]}


def test_the_round_of_a_lot_is_of_the_stream_and_others_of_the_draw() -> None:
    state = moment("jp-tie", "draw.seeded", -1).before
    assert drawing.round_of(state, "lot", 0) == law.round_id(0, state.stream, "lot")
    assert drawing.round_of(state, "pick", 1) == law.round_id(1, state.draw.id, "pick")


def test_the_host_is_a_member_of_the_round_whether_it_has_a_pool_or_not() -> None:
    said = seeded()
    kept = {p: j for p, j in said.before.draw.joined.items() if p != HOST}
    accounts = drawing.member_accounts(in_draw(said, joined=kept).before)
    assert world("jp").net.members[HOST].account in accounts
    assert len(accounts) == len(kept) + 1


def test_experts_answer_in_the_first_half_of_the_time_and_yes_is_not_no() -> None:
    state = contacted().before
    assert answer_until(state) == state.draw.called + CALL // 2
    assert answer_message(OTHER, OTHER, accepted=True) != answer_message(
        OTHER, OTHER, accepted=False
    )


def test_the_slate_factor_is_exact() -> None:
    assert requested().before.rules.draw.slate_factor.ratio == Fraction(
        requested().placed.body.factor  # type: ignore[union-attr]
    )
    assert SLATED.request.factor > 1


# --- seats --------------------------------------------------------------------------------------


def formed(**members: Any) -> Said:  # noqa: ANN401 - members of the committee
    """The committee."""
    return body(moment("cn", "committee.formed"), **members)


def formed_seats() -> Any:  # noqa: ANN401 - seats
    """Its seats."""
    return formed().placed.body.seats  # type: ignore[union-attr]


def sat(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members
    """An expert sits down."""
    return body(moment("cn", "expert.seated", number), **members)


def sworn(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members
    """An undertaking."""
    return body(moment("cn", "undertaking.signed", number), **members)


def voted(number: int = 0, **members: Any) -> Said:  # noqa: ANN401 - members
    """A vote for the chair."""
    return body(moment("cn", "chair.voted", number), **members)


def elected(**members: Any) -> Said:  # noqa: ANN401 - members
    """The chair."""
    return body(moment("cn", "chair.elected"), **members)


def disclosed(**members: Any) -> Said:  # noqa: ANN401 - members
    """A pool's links."""
    return body(moment("cn", "draw.disclosed"), **members)


def links() -> Any:  # noqa: ANN401 - persons
    """The links themselves."""
    return disclosed().placed.body.persons  # type: ignore[union-attr]


def with_link(**members: Any) -> Said:  # noqa: ANN401 - members of a person
    """The first link otherwise."""
    return disclosed(persons=(structs.replace(links()[0], **members), *links()[1:]))


STRANGER = signer_from_seed("ed25519", b"\1" * 32)

SEATS: dict[str, Case] = {
    "others than those drawn": (
        lambda: formed(
            seats=(structs.replace(formed_seats()[0], person=OTHER), *formed_seats()[1:])
        ),
        "not those of the draw",
    ),
    "a seat too few": (lambda: formed(seats=formed_seats()[:-1]), "not those of the draw"),
    "a committee of another draw": (lambda: formed(draw=OTHER), "not those of the draw"),
    "the host holds sheets": (
        lambda: formed(holders=("changsha", "hunan", HOST)),
        "host is never a holder",
    ),
    "somebody else sits down": (lambda: sat(person=OTHER), "another person's"),
    "a seat is taken twice": (lambda: again(sat(), after(sat())), "or taken"),
    "a seat with another's key": (
        lambda: sat(key=STRANGER.public),
        "another key than it is signed with",
    ),
    "a seat that there is not": (lambda: header(sworn(), author="expert:99"), "no such seat"),
    "another undertaking": (lambda: sworn(text=OTHER), "another text"),
    "an undertaking twice": (lambda: again(sworn(), after(sworn())), "signed before"),
    "two votes of one seat": (lambda: again(voted(), after(voted())), "voted before"),
    "a vote for nobody": (lambda: voted(seat="99"), "for nobody of the committee"),
    "a chair before all have voted": (
        lambda: again(elected(), voted(-1).before),
        "not everybody has voted",
    ),
    "another chair": (lambda: elected(seat="4"), "not the seat with most votes"),
    "a chair who is nobody": (lambda: elected(seat="99"), "not everybody has voted"),
    "links a second time": (lambda: again(disclosed(), after(disclosed())), "nothing to disclose"),
    "links of another draw": (lambda: disclosed(draw=OTHER), "nothing to disclose"),
    "one link is kept back": (lambda: disclosed(persons=links()[1:]), "all of its seated persons"),
    "another expert's entry": (lambda: with_link(entry=STRANGER.public), "not the drawn person"),
    "another salt": (lambda: with_link(salt=OTHER), "not the drawn person"),
    "another link": (lambda: with_link(link_salt=OTHER), "not the one committed"),
}


@pytest.mark.parametrize("name", SEATS)
def test_seats(name: str) -> None:
    make, words = SEATS[name]
    assert words in refusal(make())


def test_the_first_of_each_order_sit_as_many_as_the_stratum_has() -> None:
    state = formed().before
    orders, strata = drawing.picks_of(state.draw), state.draw.request.strata
    wanted = [p for order, s in zip(orders, strata, strict=True) for p in order[: s.seats]]
    assert [person for _, person, _ in seats_of(state)] == wanted
    assert any(len(order) > s.seats for order, s in zip(orders, strata, strict=True))


def test_the_session_begins_when_every_seat_is_taken_and_sworn() -> None:
    assert after(sat(0)).phase is Phase.FORMED
    assert after(sat(-1)).phase is Phase.SEATED
    assert after(sworn(0)).phase is Phase.SEATED
    assert after(sworn(-1)).phase is Phase.SWORN


def test_a_link_without_the_experts_own_signature_is_none() -> None:
    """Committed at the seat as it is: the pool invented it before."""
    said, forged = disclosed(), STRANGER.sign(b"something else").hex()
    person = links()[0].person
    seat = next(s for s in said.before.seats.values() if s.person == person)
    committed = drawing.link_of(links()[0].link_salt, forged)
    seats = {**said.before.seats, seat.seat: replace(seat, link=committed)}
    with pytest.raises(SignatureError):
        after(before(with_link(sig=forged), seats=seats))


def chosen(votes: dict[str, str]) -> str | None:
    """Who is elected by these votes (voter -> seat)."""
    seats = {voter: Seat(voter, HOST, voter, chair=seat) for voter, seat in votes.items()}
    return chair_of(replace(elected().before, seats=seats))


def test_most_votes_elect_and_equal_votes_the_lowest_number() -> None:
    assert chosen({"1": "2", "2": "3", "3": "3", "4": "4", "5": "3"}) == "3"
    assert chosen({"1": "10", "2": "10", "3": "9", "4": "9", "5": "1"}) == "9"
    assert chosen({"1": "1", "2": "2", "3": "3"}) == "1"
    assert chosen({"1": "1", "2": "unseen"}) is None
    assert isinstance(voted().placed.body, ChairVoted)


ONE, TWO, THREE = "1", "2", "3"
ALL = (ONE, TWO, THREE)
MISSED: law.Said = ({ONE}, set())
"""Only the first has committed."""


def withheld(*silent: str) -> law.Said:
    """All that take part have committed, these have not revealed."""
    return ALL, [one for one in ALL if one not in silent]


def test_who_did_not_commit_is_left_out_of_one_round() -> None:
    assert law.remaining(ALL, [({ONE, THREE}, set())]) == (ONE, THREE)
    assert law.remaining(ALL, [({ONE, THREE}, set()), ({ONE}, set())]) == (ONE, TWO)


def test_who_withheld_his_secret_is_left_out_from_there_on() -> None:
    assert law.remaining(ALL, [withheld(THREE)]) == (ONE, TWO)
    assert law.remaining(ALL, [withheld(THREE), MISSED]) == (ONE, TWO)
    assert law.remaining(ALL, [withheld(THREE), MISSED, MISSED]) == (ONE, TWO)
    assert law.remaining(ALL, [withheld()]) == ALL
    four, three = (*ALL, "4"), set(ALL)
    assert law.remaining(four, [(four, three), (three, {ONE, TWO})]) == (ONE, TWO)


def test_a_round_of_which_fewer_than_two_are_left_is_held_by_those_who_had_seen_nothing() -> None:
    nobody: law.Said = (set(), set())
    assert law.remaining(ALL, [nobody]) == law.remaining(ALL, [MISSED]) == ALL
    assert law.remaining(ALL, [withheld(*ALL)]) == ALL
    assert law.remaining(ALL, [withheld(ONE, THREE)]) == ALL
    assert law.remaining((ONE, TWO), [withheld(TWO)]) == (ONE, TWO)


def test_one_alone_chooses_again_once_however_it_shuts_others_out() -> None:
    """The host withholds its stream from the second, then its own secret from the third."""
    shut_out: law.Said = ({ONE, THREE}, set())
    assert law.remaining(ALL, [shut_out]) == (ONE, THREE)
    assert law.remaining(ALL, [shut_out, withheld(ONE)]) == (TWO, THREE)
    assert law.remaining(ALL, [shut_out, withheld(ONE), ({THREE}, set())]) == (TWO, THREE)
