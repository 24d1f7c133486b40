"""Seats: who of our pool was drawn, the seats they take, and the links opened after the award.

Source: protocol.md section 6: in a tender an expert is a seat with a key of that tender; its link
to the person is withheld until the award. The link is stored in the transaction that logs her
record here, so that nobody can sit whom this pool cannot name later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import ForbiddenError, InvalidError, MissingError, RuleError
from node.core.records.envelope import body_digest
from node.core.records.keys import key_id, verify
from node.core.records.kinds import decode_body
from node.core.records.kinds.draws import DisclosedPerson, DrawDisclosed
from node.core.records.kinds.session import ExpertSeated
from node.core.rules.drawing import link_of, seat_claim
from node.core.rules.state import Phase
from node.services.bell import ANY
from node.services.calling import WAIT_S
from node.services.ports.door import Invitation
from node.services.roster import LinkKept, key_of, text_of

if TYPE_CHECKING:
    from node.core.rules.pool import PoolEntry
    from node.core.rules.state import Seat, TenderState
    from node.services.bell import Bell
    from node.services.pools import PoolService
    from node.services.ports import Accepted, Submission
    from node.services.ports.door import SeatTaken

SEAT = "protocol 6"
Say = Callable[["TenderState", "Submission", Mapping[str, str]], Awaitable["Accepted"]]
"""Brings a record of ours or of our people into a tender's stream, with facts to commit."""


@dataclass(slots=True)
class Seats:
    """The seats of one pool's experts, in all tenders that this node keeps or follows."""

    pools: PoolService
    tender: Callable[[str], TenderState | None]
    active: Callable[[], Sequence[TenderState]]
    say: Say
    bell: Bell

    async def invitations(self, pseudonyms: frozenset[str]) -> AsyncIterator[Invitation]:
        """Seats drawn for these pseudonyms that are not taken yet, then new ones."""
        told: set[tuple[str, str]] = set()
        with self.bell.listen(ANY) as ear:
            while True:
                for state, seat in self._offered(told):
                    told.add((state.stream, seat.seat))
                    found = await asyncio.to_thread(self._invite, state, seat)
                    if found.pseudonym in pseudonyms:
                        yield found
                await ear.heard(WAIT_S)

    def _offered(self, told: Collection[tuple[str, str]]) -> list[tuple[TenderState, Seat]]:
        """Our seats that nobody has taken, without those that were told before."""
        return [
            (state, seat)
            for state in self.active()
            if state.phase is Phase.FORMED
            for seat in _ours(state, self.pools.me)
            if not seat.key and (state.stream, seat.seat) not in told
        ]

    def _invite(self, state: TenderState, seat: Seat) -> Invitation:
        named = self.pools.roster.person(state.draw.id, seat.person)
        return Invitation(
            stream=state.stream,
            draw=state.draw.id,
            seat=seat.seat,
            person=seat.person,
            person_salt=named.salt,
            pseudonym=named.pseudonym,
        )

    async def take_seat(self, taken: SeatTaken) -> Accepted:
        """Keep the link, and bring `expert.seated` to the host; again gives the same answer.

        Raises MissingError or ForbiddenError for a seat that is not of this pool's people,
        SignatureError if the person drawn did not sign for this very seat key.
        """
        state, facts = await asyncio.to_thread(self.admit, taken)
        return await self.say(state, taken.item, facts)

    def admit(self, taken: SeatTaken) -> tuple[TenderState, Mapping[str, str]]:
        """Check who takes the seat; gives the tender and the fact to commit with the record."""
        opened = taken.item.opened
        if body_digest(taken.item.body) != opened.header.body:
            raise InvalidError("the body is not the one the header names")
        body = decode_body(opened.header.type, taken.item.body)
        state = self.tender(opened.stream)
        if not isinstance(body, ExpertSeated) or state is None:
            raise MissingError("no seat to take in such a stream")
        seat = state.seats.get(opened.header.author.partition(":")[2])
        if seat is None or seat.centre != self.pools.me or seat.person != body.person:
            raise ForbiddenError("this seat is not of this pool's people")
        key, sig = key_id(body.key), taken.signature.hex()
        claim = seat_claim(key, seat.seat, state.stream)
        verify(self._entry(state, seat).facts.entry, bytes.fromhex(claim), taken.signature)
        if link_of(taken.link_salt, sig) != body.link:
            raise RuleError("the link is not the one that the record commits", article=SEAT)
        kept = LinkKept(link_salt=taken.link_salt, sig=sig)
        return state, {_link_key(state, seat, key): text_of(kept)}

    def _entry(self, state: TenderState, seat: Seat) -> PoolEntry:
        named = self.pools.roster.person(state.draw.id, seat.person)
        entry = self.pools.roster.entry(named.pseudonym)
        if entry is None:
            raise MissingError("the drawn expert's entry is lost")
        return entry


def disclosed(pools: PoolService, state: TenderState) -> DrawDisclosed:
    """The body of `draw.disclosed`: the links of our seated persons, after the award."""
    seats = sorted(_ours(state, pools.me), key=lambda seat: seat.person)
    persons = tuple(_open_link(pools, state, seat) for seat in seats)
    return DrawDisclosed(draw=state.draw.id, persons=persons, salt=pools.salt())


def _open_link(pools: PoolService, state: TenderState, seat: Seat) -> DisclosedPerson:
    named = pools.roster.person(state.draw.id, seat.person)
    entry = pools.roster.entry(named.pseudonym)
    link = pools.roster.find(LinkKept, _link_key(state, seat, seat.key))
    if entry is None or link is None:
        raise MissingError(f"what opens the link of seat {seat.seat} is lost")
    return DisclosedPerson(
        entry=entry.facts.entry,
        link_salt=link.link_salt,
        person=seat.person,
        salt=named.salt,
        sig=link.sig,
    )


def _ours(state: TenderState, me: str) -> list[Seat]:
    return [seat for seat in state.seats.values() if seat.centre == me]


def _link_key(state: TenderState, seat: Seat, key: str) -> str:
    return key_of(state.draw.id, "link", f"{seat.person}/{key}")
