"""Calling the experts of a slate: one call each, the answer she signs, and what is said of it.

Source: protocol.md section 6.5. A call names time and place, never the project. Half of the rule
set's contact term is hers to answer in; then she is unreachable. Later than that nothing more is
said: a call logged after seed 2 was asked for would spoil the draw's order of proof.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
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
    from node.core.rules.state import TenderState
    from node.services.bell import Bell
    from node.services.pools import PoolService
    from node.services.ports import Notifier
    from node.services.ports.door import CallAnswer

P = TypeVar("P", bound=Part)
Said = tuple[ExpertContacted, Mapping[str, str]]
WAIT_S = 15.0
"""How long a waiting program is left without a look, should a ring be missed."""


@dataclass(slots=True)
class Calling:
    """The calls of one pool; `place` names the centre in Chinese and English."""

    pools: PoolService
    notifier: Notifier
    bell: Bell
    place: tuple[str, str]
    waiting: dict[tuple[str, str], Call] = field(default_factory=dict)
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def contacted(self, state: TenderState, person: str) -> Said | None:
        """The body of `expert.contacted` and the fact to commit with it; calls her first.

        None as long as she may still answer, and once the whole term is over.
        """
        draw, now = state.draw, self.pools.clock.now()
        if (draw.id, person) in self.waiting and now < answer_until(state):
            return None
        known = await self._find(Contacted, draw.id, "contacted", person)
        if known is not None:
            return known.body, {}
        term = state.rules.draw.contact_seconds.value
        called = await self._called(state, person)
        answer = await self._find(AnswerKept, draw.id, "answer", person)
        if now >= draw.received + term or (answer is None and now < answer_until(state)):
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

    async def _called(self, state: TenderState, person: str) -> CallMade:
        """Call her once, and show the call to her program until it is answered.

        The notifier goes first: after a crash in between she is called twice, never not at all.
        """
        draw = state.draw
        named = await asyncio.to_thread(self.pools.roster.person, draw.id, person)
        call = await self._find(CallMade, draw.id, "call", person)
        zh, en = self._message(state)
        if call is None:
            await self.notifier.call(draw.id, named.pseudonym, f"{zh} {en}")
            call = CallMade(at=self.pools.clock.now())
            await self._keep((key_of(draw.id, "call", person), call))
        if (draw.id, person) not in self.waiting:
            stratum = _stratum(state, person)
            shown = Call(draw.id, stratum, person, named.pseudonym, zh, en, call.at)
            if await self._find(AnswerKept, draw.id, "answer", person) is None:
                self.waiting[draw.id, person] = shown
                self.bell.ring(POOL)
        return call

    def _message(self, state: TenderState) -> tuple[str, str]:
        """When and where, in both languages; nothing that tells what for."""
        rules, draw = state.rules, state.draw
        term = rules.draw.contact_seconds.value + rules.session.sign_in_minutes.value * 60
        time = time_of(draw.received + term)
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
        named = await asyncio.to_thread(self.pools.roster.person, given.draw, given.person)
        entry = await asyncio.to_thread(self.pools.roster.entry, named.pseudonym)
        if entry is None or await self._find(CallMade, given.draw, "call", given.person) is None:
            raise MissingError("nobody called this person")
        message = answer_message(given.draw, given.person, accepted=given.accepted)
        verify(entry.facts.entry, message, given.signature)
        async with self.busy:
            await self._take(given)
        self.waiting.pop((given.draw, given.person), None)
        self.bell.ring(POOL)

    async def _take(self, given: CallAnswer) -> None:
        known = await self._find(AnswerKept, given.draw, "answer", given.person)
        if known is not None:
            if known.accepted != given.accepted:
                raise StateError("this call was answered otherwise before")
            return
        if await self._find(Contacted, given.draw, "contacted", given.person) is not None:
            raise StateError("too late: the call counts as unanswered")
        kept = AnswerKept(accepted=given.accepted, sig=given.signature.hex())
        await self._keep((key_of(given.draw, "answer", given.person), kept))

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
