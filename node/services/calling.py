"""Calling the experts of a slate: one call each, the answer she signs, and what is said of it.

Source: protocol.md section 6.5. A call names time and place, never the project. Half of the rule
set's contact term is hers to answer in; then she is unreachable. Later than that nothing more is
said: a call logged after seed 2 was asked for would spoil the draw's order of proof.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from node.core.errors import MissingError, StateError
from node.core.records.canonical import time_of
from node.core.records.keys import verify
from node.core.records.kinds.base import Part
from node.core.records.kinds.draws import ExpertContacted
from node.core.rules.contact import (
    ContactEvidence,
    Outcome,
    answer_message,
    answer_until,
    evidence_digest,
)
from node.services.bell import POOL
from node.services.ports.door import Call
from node.services.roster import AnswerKept, CallMade, Contacted, key_of, text_of

if TYPE_CHECKING:
    from node.core.rules.listing import NamedPerson
    from node.core.rules.state import TenderState
    from node.services.bell import Bell
    from node.services.pools import PoolService
    from node.services.ports import Notifier
    from node.services.ports.door import CallAnswer

P = TypeVar("P", bound=Part)
Said = tuple[ExpertContacted, Mapping[str, str]]
MOST = 1_000
"""Draws whose talks are remembered; the store has them all."""
WAIT_S = 15.0
"""How long a waiting program is left without a look, should a ring be missed."""


@dataclass(slots=True)
class Talk:
    """What stands in the store of one person's call."""

    named: NamedPerson
    call: CallMade | None = None
    answer: AnswerKept | None = None


@dataclass(slots=True)
class Calling:
    """The calls of one pool; `place` names the centre in Chinese and English.

    `talks` are those under way, by draw and person, as the store has them: it is written first.
    `reading` lets one caller read a draw's talks for all who ask at once.
    """

    pools: PoolService
    notifier: Notifier
    bell: Bell
    place: tuple[str, str]
    waiting: dict[tuple[str, str], Call] = field(default_factory=dict)
    talks: dict[str, dict[str, Talk]] = field(default_factory=dict)
    busy: dict[tuple[str, str], asyncio.Lock] = field(default_factory=dict)
    reading: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def contacted(self, state: TenderState, person: str) -> Said | None:
        """The body of `expert.contacted` and the fact to commit with it; calls her first.

        None as long as she may still answer, and once the whole term is over.
        """
        draw, now = state.draw, self.pools.clock.now()
        if (draw.id, person) in self.waiting and now < answer_until(state):
            return None
        term = state.rules.draw.contact_seconds.value
        called, answer = await self._called(state, person)
        if answer is None and now < answer_until(state):
            return None
        known = await self._find(Contacted, draw.id, "contacted", person)
        if known is not None:
            return known.body, {}
        if now >= draw.called + term:
            return None
        self.waiting.pop((draw.id, person), None)
        outcome: Outcome = "unreachable"
        if answer is not None:
            outcome = "accepted" if answer.accepted else "declined"
        evidence = ContactEvidence(
            called=time_of(called.at),
            draw=draw.id,
            outcome=outcome,
            person=person,
            salt=self.pools.salt(),
            sig=None if answer is None else answer.sig,
        )
        return self._said(state, evidence)

    def _said(self, state: TenderState, evidence: ContactEvidence) -> Said:
        body = ExpertContacted(
            draw=evidence.draw,
            evidence=evidence_digest(evidence),
            outcome=evidence.outcome,
            person=evidence.person,
            salt=self.pools.salt(),
            stratum=_stratum(state, evidence.person),
        )
        fact = Contacted(body=body, evidence=evidence)
        return body, {key_of(evidence.draw, "contacted", evidence.person): text_of(fact)}

    async def _called(self, state: TenderState, person: str) -> tuple[CallMade, AnswerKept | None]:
        """Call her once, and show the call to her program until it is answered.

        The notifier goes first: after a crash in between she is called twice, never not at all.
        """
        draw = state.draw
        talk = await self._talk(draw.id, person, [one for slate in draw.slate for one in slate])
        zh, en = self._message(state)
        if talk.call is None:
            await self.notifier.call(draw.id, talk.named.pseudonym, f"{zh} {en}")
            call = CallMade(at=self.pools.clock.now())
            await self._keep((key_of(draw.id, "call", person), call))
            talk.call = call
        if (draw.id, person) not in self.waiting and talk.answer is None:
            stratum, pseudonym = _stratum(state, person), talk.named.pseudonym
            shown = Call(draw.id, stratum, person, pseudonym, zh, en, talk.call.at)
            self.waiting[draw.id, person] = shown
            self.bell.ring(POOL)
        return talk.call, talk.answer

    async def _talk(self, draw: str, person: str, listed: Collection[str] = ()) -> Talk:
        """What stands of a person's call; `listed` are others who will be asked for as well.

        Raises MissingError if she is none of ours.
        """
        if (known := self.talks.get(draw, {}).get(person)) is not None:
            return known
        async with self.reading.setdefault(draw, asyncio.Lock()):
            if person not in self.talks.get(draw, {}):
                if len(self.talks) >= MOST:
                    self.talks.clear()
                found = await asyncio.to_thread(self._read, draw, {person, *listed})
                self.talks[draw] = found | self.talks.get(draw, {})
        self.reading.pop(draw, None)
        if (known := self.talks.get(draw, {}).get(person)) is None:
            raise MissingError(f"person {person[:16]}… is not of this pool")
        return known

    def _read(self, draw: str, wanted: Collection[str]) -> dict[str, Talk]:
        """The talks with those of these persons who are ours, and with all who were called."""
        roster = self.pools.roster
        calls = roster.by_person(CallMade, draw, "call")
        answers = roster.by_person(AnswerKept, draw, "answer")
        return {
            one.person: Talk(one, calls.get(one.person), answers.get(one.person))
            for one in roster.persons(draw)
            if one.person in wanted or one.person in calls
        }

    def _message(self, state: TenderState) -> tuple[str, str]:
        """When and where, in both languages; nothing that tells what for."""
        rules, draw = state.rules, state.draw
        term = rules.draw.contact_seconds.value + rules.session.sign_in_minutes.value * 60
        time = time_of(draw.called + term)
        zh, en = self.place
        return f"请于 {time} 到{zh}评标。", f"Please come to {en} at {time} to evaluate bids."

    async def calls(self, pseudonyms: frozenset[str]) -> AsyncIterator[Call]:
        """Calls for these pseudonyms: those still waiting, then new ones."""
        told: set[tuple[str, str]] = set()
        with self.bell.listen(POOL) as ear:
            while True:
                for key, call in sorted(self.waiting.items()):
                    if key not in told and call.pseudonym in pseudonyms:
                        told.add(key)
                        yield call
                await ear.heard(WAIT_S)

    async def answer(self, given: CallAnswer) -> None:
        """Take an expert's answer durably; the same again is harmless.

        Raises MissingError for somebody nobody called, SignatureError for an answer that is not
        her own, StateError for a second, different answer or one that comes too late.
        """
        talk = await self._talk(given.draw, given.person)
        async with self.busy.setdefault((given.draw, given.person), asyncio.Lock()):
            await asyncio.to_thread(self._take, given, talk)
        self.busy.pop((given.draw, given.person), None)
        self.waiting.pop((given.draw, given.person), None)
        self.bell.ring(POOL)

    def _take(self, given: CallAnswer, talk: Talk) -> None:
        roster = self.pools.roster
        entry = roster.entry(talk.named.pseudonym)
        if entry is None or talk.call is None:
            raise MissingError("nobody called this person")
        message = answer_message(given.draw, given.person, accepted=given.accepted)
        verify(entry.facts.entry, message, given.signature)
        if talk.answer is not None:
            if talk.answer.accepted != given.accepted:
                raise StateError("this call was answered otherwise before")
            return
        if roster.find(Contacted, key_of(given.draw, "contacted", given.person)) is not None:
            raise StateError("too late: the call counts as unanswered")
        kept = AnswerKept(accepted=given.accepted, sig=given.signature.hex())
        roster.keep([(key_of(given.draw, "answer", given.person), kept)])
        talk.answer = kept

    async def _find(self, kind: type[P], draw: str, what: str, person: str) -> P | None:
        return await asyncio.to_thread(self.pools.roster.find, kind, key_of(draw, what, person))

    async def _keep(self, fact: tuple[str, Part]) -> None:
        await asyncio.to_thread(self.pools.roster.keep, [fact])


def _stratum(state: TenderState, person: str) -> int:
    """In which stratum's slate a person stands. Raises MissingError."""
    for number, slate in enumerate(state.draw.slate):
        if person in slate:
            return number
    raise MissingError("this person is not in the slate")
