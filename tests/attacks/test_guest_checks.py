"""What a host's fold would take, and a guest's own eyes do not: each lie is disputed by itself.

The tender is an honest one, followed to its end. Each test changes one of its places and asks the
guest's checks about it, with the state that the guest had before that place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest
from msgspec import structs

from node.core.errors import NodeError, RuleError, UnavailableError
from node.core.records.canonical import encode
from node.core.records.kinds.draws import DrawSeeded
from node.core.records.kinds.streams import RecordRefused
from node.core.rules.rounds import BeaconRound
from node.core.rules.side import OwnState
from node.core.rules.state import Placed, TenderState
from node.services.endorsing import GuestChecks
from node.services.guest import Guest
from node.services.lodging import encode_payload, lodged_key
from node.services.members import Members
from node.services.ports import Block, Followed, RegistryView, StreamRow
from tests.attacks.honest_guest import HonestGuest, WorldChain, WorldTimes, followed
from tests.simulators import people
from tests.simulators.office import open_office
from tests.world.network import HOST
from tests.world.session import world

if TYPE_CHECKING:
    from node.services.desk import Desk

GUEST = "xiangtan"


class Moment(NamedTuple):
    """One place as a guest judges it: the state before it, its own side stream, the place."""

    state: TenderState
    side: OwnState | None
    placed: Placed


class Asked:
    """The guest's checks, and all that they were asked."""

    def __init__(self, checks: GuestChecks) -> None:
        self.checks, self.moments = checks, list[Moment]()

    def check_members(self, placed: Placed) -> None:
        """As the guest does."""
        self.checks.check_members(placed)

    def check(self, *moment: Any) -> None:  # noqa: ANN401 - as the guest gives it
        """Note it, and judge it."""
        self.moments.append(Moment(*moment))
        self.checks.check(*moment)


@cache
def asked() -> tuple[HonestGuest, tuple[Moment, ...]]:
    """A guest, and the honest tender as it judged it, place by place."""
    made = world("jp")
    guest = HonestGuest(GUEST, made)
    checks = Asked(guest.guest.checks)
    guest.guest.checks = cast("Any", checks)
    places = made.net.logs[HOST].streams[guest.stream].places
    row = StreamRow(guest.stream, "tender", HOST, own=False)
    asyncio.run(guest.guest.take(row, [followed(place) for place in places]))
    assert guest.held == len(places)
    return guest, tuple(checks.moments)


def first(is_it: Callable[[Placed], bool]) -> Moment:
    """The first place like this; the guest accepts it as it stands."""
    moment = next(moment for moment in asked()[1] if is_it(moment.placed))
    judge(moment)
    return moment


def judge(moment: Moment) -> None:
    """What the guest says to it."""
    guest = asked()[0]
    GuestChecks(guest.desk, guest.members).check(*moment)


def with_body(moment: Moment, **members: object) -> Moment:
    """The same place with another body."""
    body = structs.replace(cast("Any", moment.placed.body), **members)
    return moment._replace(placed=replace(moment.placed, body=body))


@pytest.mark.parametrize("role", ["centre", "expert"])
def test_host_speaks_for_a_guest_or_from_its_seats(role: str) -> None:
    def is_ours(placed: Placed) -> bool:
        kind, _, name = placed.header.author.partition(":")
        seat = world("jp").state.seats.get(name)
        return kind == role and (name == GUEST or (seat is not None and seat.centre == GUEST))

    moment = first(is_ours)
    side = moment.side
    assert side is not None
    assert moment.placed.id in side.lodged
    lodged = {k: v for k, v in side.lodged.items() if k != moment.placed.id}
    for without in (replace(side, lodged=lodged), None):
        with pytest.raises(RuleError, match="never lodged"):
            judge(moment._replace(side=without))


def test_host_refuses_what_the_rules_allow() -> None:
    moment = first(lambda placed: placed.header.author == f"centre:{GUEST}")
    guest, _ = asked()
    place = world("jp").net.logs[HOST].streams[guest.stream].places[moment.placed.seq]
    record = {"envelope": encode(place.envelope).decode(), "body": (place.body or b"").decode()}
    payload = {"host": HOST, "sealed": "", **record}
    body = RecordRefused(article="ours", code="rule", record=moment.placed.id, salt="5a" * 32)
    header = structs.replace(
        moment.placed.header, type="record.refused/v1", author=f"centre:{HOST}"
    )
    refused = moment._replace(placed=replace(moment.placed, header=header, body=body))
    judge(refused)
    guest.store.put_fact(lodged_key(moment.placed.id), encode_payload(payload))
    with pytest.raises(RuleError, match="the rules allow"):
        judge(refused)
    over = world("jp").state
    judge(refused._replace(state=over, placed=replace(refused.placed, seq=len(over.entries))))


@dataclass
class FarChain:
    """A chain of which the guest has seen an older block, or that does not answer."""

    before: RegistryView
    now: RegistryView | None
    looked: bool = False

    def seen(self) -> Block:
        """The block of the last look."""
        return Block(self.before.height, self.before.hash, 0)

    def latest(self) -> Block:
        """Look for news."""
        if self.now is None:
            raise UnavailableError("the chain does not answer", code="chain")
        self.looked = True
        return Block(self.now.height, self.now.hash, 0)

    def registry(self) -> RegistryView:
        """As of the last look."""
        return self.now if self.looked and self.now else self.before


async def began(mine: RegistryView, chain: RegistryView | None) -> int:
    """How many places a guest with this view takes of a stream whose host named all members."""
    host, office = open_office(people.HOST), open_office(people.GUEST)
    members = Members(people.GUEST)
    members.take(mine)
    desk = cast("Desk", SimpleNamespace(me=people.GUEST, chain=FarChain(mine, chain)))
    checks = GuestChecks(desk, members)
    guest = Guest(people.GUEST, office.book, office.store, office.clock, office.bell, checks)
    rows = host.store.places(await host.open_tender())
    shown = [Followed(r.seq, r.what, r.where, r.envelope, r.body) for r in rows]
    row = StreamRow(rows[0].stream, "tender", people.HOST, own=False)
    try:
        await guest.take(row, shown[:3])
    finally:
        assert len(office.store.places(row.id)) == guest.held(row.id)
    return guest.held(row.id)


@pytest.mark.anyio
async def test_host_names_members_of_its_own_choice() -> None:
    """From the first note on: it is by that one that all keys of the stream are judged."""
    all_active, fewer = people.view(), people.view(6, (people.REGULATOR,))
    newer = replace(fewer, height=9)
    assert await began(all_active, None) == 3
    with pytest.raises(RuleError, match="not the members on the chain"):
        await began(newer, None)
    with pytest.raises(RuleError, match="not the members on the chain"):
        await began(people.view(5), newer)


@pytest.mark.anyio
async def test_guest_waits_for_the_chain_only_where_its_last_view_does_not_agree() -> None:
    assert await began(people.view(5), None) == 3
    fewer = people.view(6, (people.REGULATOR,))
    for chain in (None, fewer):  # it is silent, or has not come so far itself
        with pytest.raises(UnavailableError):
            await began(fewer, chain)
    assert await began(people.view(5), people.view(6)) == 3


def seed_of(tender: str, number: int = 0) -> tuple[HonestGuest, Moment]:
    """A guest of a finished tender, and the place of a seed as it judges it."""
    guest = HonestGuest(GUEST, world(tender))
    found = [one for one in world(tender).said if isinstance(one.placed.body, DrawSeeded)][number]
    return guest, Moment(found.before, OwnState("side"), found.placed)


def test_host_names_a_seed_that_the_chain_does_not_show() -> None:
    guest, moment = seed_of("jp")
    body = cast("DrawSeeded", moment.placed.body)
    one, *others = body.secrets
    other = structs.replace(one, secret="00" * 32)
    for secrets in ((other, *others), tuple(others)):
        with pytest.raises(RuleError, match="not those on the chain"):
            seen_by(guest, guest.chain, with_body(moment, secrets=secrets))
    with pytest.raises(RuleError, match="passed over"):
        seen_by(guest, guest.chain, with_body(moment, round="00" * 32))


def seen_by(guest: HonestGuest, chain: object, moment: Moment) -> None:
    """What a guest with this chain says to a place."""
    guest.desk.chain = cast("Any", chain)  # type: ignore[misc]
    GuestChecks(guest.desk, guest.members).check(*moment)


@dataclass
class LateChain:
    """A chain of which the guest has an old view until it looks, with another time and rounds."""

    chain: WorldChain
    now: int | None
    before: Callable[[BeaconRound], BeaconRound | None]
    after: Callable[[BeaconRound], BeaconRound | None]
    looked: bool = False

    def latest(self) -> Block:
        """Look for news."""
        if self.now is None:
            raise UnavailableError("the chain does not answer", code="chain")
        self.looked = True
        return Block(1, "00" * 32, self.now)

    def rounds(self, asked: Sequence[tuple[str, str]]) -> list[BeaconRound]:
        """As of the last look."""
        view = self.after if self.looked else self.before
        return [one for found in self.chain.rounds(asked) if (one := view(found)) is not None]


def same(found: BeaconRound) -> BeaconRound | None:
    """A round as it is."""
    return found


def unopened(found: BeaconRound) -> BeaconRound | None:
    """A round that this view does not have yet."""
    del found
    return None


def unrevealed(found: BeaconRound) -> BeaconRound | None:
    """A round as it was before anybody revealed."""
    return replace(found, secrets={})


def whole(found: BeaconRound) -> BeaconRound | None:
    """A round in which all have revealed."""
    return replace(found, secrets=found.commits)


@pytest.mark.parametrize("before", [unopened, unrevealed])
def test_guest_whose_chain_lags_accuses_nobody_and_waits(
    before: Callable[[BeaconRound], BeaconRound | None],
) -> None:
    """Only a view that is surely newer than the seed can say that something is missing."""
    guest, moment = seed_of("jp")
    sure = moment.placed.received + moment.state.rules.clock.g_seconds.value + 1
    for now in (None, sure - 1):
        with pytest.raises(UnavailableError):
            seen_by(guest, LateChain(guest.chain, now, before, before), moment)
    with pytest.raises(RuleError):
        seen_by(guest, LateChain(guest.chain, sure, before, before), moment)
    seen_by(guest, LateChain(guest.chain, 0, before, same), moment)


def test_guest_whose_chain_answers_nonsense_accuses_nobody_and_waits() -> None:
    guest, moment = seed_of("jp")

    def refuse(_: BeaconRound) -> BeaconRound | None:
        raise NodeError("the chain refused", code="anchor")

    with pytest.raises(UnavailableError):
        seen_by(guest, LateChain(guest.chain, 0, refuse, refuse), moment)


def test_guest_that_saw_the_first_round_complete_needs_no_news_of_it() -> None:
    guest, moment = seed_of("jp")
    seen_by(guest, LateChain(guest.chain, None, same, same), moment)


def test_host_counts_on_a_guest_that_last_saw_a_round_before_its_end() -> None:
    """What was void by an old view may have become complete since: the guest looks first."""
    guest, moment = seed_of("cn")
    far = moment.placed.received + 10**6

    def complete(found: BeaconRound) -> BeaconRound | None:
        return found if found.is_complete else whole(found)

    with pytest.raises(RuleError, match="passed over"):
        seen_by(guest, LateChain(guest.chain, far, same, complete), moment)
    seen_by(guest, LateChain(guest.chain, 0, same, same), moment)


def test_guest_that_lacks_the_hosts_log_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    guest, moment = seed_of("jp")
    monkeypatch.setattr(WorldTimes, "existed_by", lambda *_: None)
    with pytest.raises(UnavailableError):
        seen_by(guest, guest.chain, moment)
