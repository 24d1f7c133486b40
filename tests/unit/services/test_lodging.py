"""A guest's records: lodged first, sent until they are answered, never twice, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.core.errors import NodeError, RuleError, UnavailableError
from node.core.rules.state import TenderState
from node.services import lodging
from node.services.judging import judge, judge_ahead, read_place
from node.services.lodging import Lodging, kept_item, lodged_key
from node.services.model import begin, extend
from node.services.ports import Accepted, Batch, Submission
from node.services.scribe import Scribe
from tests.simulators.office import Office, open_office, quorum_made
from tests.simulators.people import GUEST, HOST, founding, id_of, member, sealed_bid

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("each_store")]
OTHER_HOST = "changsha"


@dataclass
class Partner:
    """The host as its guest sees it: it may be silent, busy, or refuse."""

    host: Office
    is_silent: bool = False
    answers: Callable[[Submission], NodeError | None] = lambda _: None
    sent: list[Submission] = field(default_factory=list)
    blobs: int = 0

    async def submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        """The host's own answers, or what the test says instead."""
        if self.is_silent:
            raise UnavailableError("silent")
        self.sent += items
        said = [self.answers(one) for one in items]
        let_in = [one for one, no in zip(items, said, strict=True) if no is None]
        own = iter(await self.host.sequencer.accept(let_in))
        return [next(own) if no is None else no for no in said]

    async def put_blob(self, data: bytes) -> None:
        """A ciphertext."""
        self.blobs += 1
        self.host.blobs.put(data)


@dataclass
class Guest:
    """A guest with its side stream, and the tender it takes part in."""

    office: Office
    lodging: Lodging
    partner: Partner
    stream: str

    @property
    def state(self) -> TenderState:
        """The tender as the guest has folded it."""
        state = self.office.book.need(self.stream).state
        assert isinstance(state, TenderState)
        return state

    def bid(self, name: str) -> Submission:
        """A bid that was brought to this guest."""
        item, made = sealed_bid(self.stream, name)
        self.office.blobs.put(made.ciphertext)
        return item

    async def say(self, item: Submission) -> Accepted:
        """Lodge it and send once."""
        saying = asyncio.create_task(self.lodging.say(self.state, item, {}))
        await asyncio.wait([saying, asyncio.create_task(self.lodging.wake.wait())],
                           return_when=asyncio.FIRST_COMPLETED)  # fmt: skip
        await self.lodging.send_once()
        return await saying

    def lodged(self) -> list[str]:
        """What stands in the side stream."""
        side = self.office.book.side_of(self.stream, GUEST)
        return list(side.state.lodged) if side else []  # type: ignore[union-attr]


async def guest_of(host: Office) -> Guest:
    """A guest beside a host that has announced a tender."""
    stream = await host.open_tender()
    office = open_office(GUEST)
    rows = host.store.places(stream)
    candidates = [read_place(stream, row) for row in rows]
    followed = begin(office.book.laws, *candidates[:2], own=False)
    for candidate in candidates[2:]:
        followed = extend(followed, judge(followed.state, candidate), candidate)
    office.store.commit(Batch(streams=(followed.row,), places=tuple(rows)))
    office.book.put(followed)
    await office.take(*founding(GUEST, "side", stream))
    return lodging_on(office, Partner(host), stream)


def lodging_on(office: Office, partner: Partner, stream: str) -> Guest:
    """A lodging that has just started."""

    async def off(call: Callable[..., Any], *args: Any) -> Any:  # noqa: ANN401 - any port call
        return await asyncio.to_thread(call, *args)

    person = member(GUEST)
    desk = SimpleNamespace(
        me=GUEST,
        store=office.store,
        blobs=office.blobs,
        clock=office.clock,
        scribe=Scribe(person.author, person.signer, office.clock),
        partners={HOST: partner},
        off=off,
        salt=person.salt,
    )

    async def own(*call: Any) -> list[Accepted]:  # noqa: ANN401 - of the sequencer
        return await office.sequencer.accept_all(call[0], tasks=call[1], facts=call[2])

    def side_of(host_stream: str) -> str | None:
        side = office.book.side_of(host_stream, GUEST)
        return side.row.id if side else None

    def ahead(state: TenderState, item: Submission) -> None:
        judge_ahead(state, item, office.clock.now())

    return Guest(
        office, Lodging(cast("Any", desk), own, ahead, side_of, office.book.place), partner, stream
    )


def vouched() -> Office:
    """A host whose clock partners vouch for."""
    host = open_office(HOST)
    host.log.quorum = quorum_made(host.log.origin, host.clock.at)
    return host


async def test_record_is_lodged_then_sent_then_answered() -> None:
    guest = await guest_of(vouched())
    item = guest.bid("a")
    answer = await guest.say(item)
    assert answer == guest.partner.host.book.answer(id_of(item))
    assert guest.lodged() == [id_of(item)]
    assert guest.partner.blobs == 1, "the ciphertext went before its record"
    assert guest.office.store.tasks("submit") == []
    kept = guest.office.store.fact(lodged_key(id_of(item)))
    assert kept is not None
    assert kept_item(kept) == item == guest.partner.sent[0], "the same bytes, shares and all"


async def test_record_that_our_own_fold_refuses_is_not_lodged() -> None:
    guest = await guest_of(vouched())
    item = guest.bid("a")
    guest.office.clock.at += 30 * 86_400
    with pytest.raises(RuleError, match="deadline is past"):
        await guest.lodging.say(guest.state, item, {})
    assert guest.lodged() == []
    assert guest.office.store.tasks("submit") == []


async def test_silent_host_gets_the_record_later_and_it_is_lodged_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lodging, "ANSWER_S", 0.2)
    guest = await guest_of(vouched())
    guest.partner.is_silent = True
    item = guest.bid("a")
    for _ in range(2):
        with pytest.raises(UnavailableError, match="lodged here"):
            await guest.say(item)
    assert guest.lodged() == [id_of(item)]
    again = lodging_on(guest.office, guest.partner, guest.stream)
    assert [task.key for task in guest.office.store.tasks("submit")] == [id_of(item)]
    guest.partner.is_silent = False
    assert await again.lodging.send_once()
    assert guest.partner.host.book.answer(id_of(item)) is not None
    assert guest.office.store.tasks("submit") == []
    assert again.lodging.oldest is None


async def test_busy_host_is_asked_again() -> None:
    guest = await guest_of(vouched())
    busy = [UnavailableError("busy")]
    guest.partner.answers = lambda _: busy.pop() if busy else None
    item = guest.bid("a")
    saying = asyncio.create_task(guest.lodging.say(guest.state, item, {}))
    await guest.lodging.wake.wait()
    assert not await guest.lodging.send_once()
    assert [task.key for task in guest.office.store.tasks("submit")] == [id_of(item)]
    assert not saying.done()
    assert await guest.lodging.send_once()
    assert (await saying).record == id_of(item)


async def test_refusal_of_the_host_is_told_now_and_whenever_it_is_asked_again() -> None:
    guest = await guest_of(vouched())
    guest.partner.answers = lambda _: RuleError("no", article="protocol 4")
    item = guest.bid("a")
    with pytest.raises(RuleError, match="no"):
        await guest.say(item)
    assert guest.office.store.tasks("submit") == []
    with pytest.raises(NodeError, match="no") as caught:
        await guest.lodging.say(guest.state, item, {})
    assert caught.value.code == "rule"
    assert guest.lodged() == [id_of(item)]


async def test_one_refused_record_does_not_take_others_with_it() -> None:
    guest = await guest_of(vouched())
    first, second = guest.bid("a"), guest.bid("b")
    guest.partner.answers = lambda one: RuleError("no") if one == first else None
    sayings = [
        asyncio.create_task(guest.lodging.say(guest.state, one, {})) for one in (first, second)
    ]
    while len(guest.office.store.tasks("submit")) < 2:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    assert await guest.lodging.send_once()
    found = await asyncio.gather(*sayings, return_exceptions=True)
    assert isinstance(found[0], RuleError)
    assert isinstance(found[1], Accepted)


async def test_records_go_to_their_own_host_only() -> None:
    guest = await guest_of(vouched())
    stranger = Partner(vouched())
    cast("Any", guest.lodging.desk).partners = {HOST: guest.partner, OTHER_HOST: stranger}
    item, other = guest.bid("a"), guest.bid("b")
    for one, host in ((item, HOST), (other, OTHER_HOST)):
        task = asyncio.create_task(guest.lodging.say(guest.state, one, {}))
        while id_of(one) not in (await guest.lodging._open()):
            await asyncio.sleep(0.01)
        (await guest.lodging._open())[id_of(one)].payload["host"] = host  # type: ignore[index]
        task.cancel()
    await guest.lodging.send_once()
    assert (guest.partner.sent, stranger.sent) == ([item], [other])


async def test_lodging_whose_commit_is_in_doubt_is_read_back_from_the_store() -> None:
    guest = await guest_of(vouched())
    await guest.lodging._open()
    own = guest.lodging.own

    async def in_doubt(*call: Any) -> list[Accepted]:  # noqa: ANN401 - of the sequencer
        await own(*call)
        raise UnavailableError("the store does not say", code="store")

    guest.lodging.own = in_doubt
    item = guest.bid("a")
    with pytest.raises(UnavailableError, match="does not say"):
        await guest.lodging.say(guest.state, item, {})
    assert await guest.lodging.send_once()
    assert guest.partner.sent == [item]
    assert guest.office.store.tasks("submit") == []
