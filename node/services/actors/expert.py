"""The experts of one centre: they enter its pool, answer calls, and hear which seats they drew."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from node.core.errors import NodeError, UnavailableError
from node.core.rules import draw as law
from node.services.actors.reading import AGAIN_S
from node.services.actors.roll import Calendar, ExpertKept, RollKept, answer_to, entry_of

if TYPE_CHECKING:
    from node.services.ports.door import Call, Door, Invitation

T = TypeVar("T")
Told = Callable[[str], None]
AT_ONCE = 16
"""So many entries are on their way to the pool at once."""


@dataclass(slots=True)
class Experts:
    """The experts of one centre: one roll for all tenders. `invited`: stream -> seat -> what."""

    door: Door
    centre: str
    roll: RollKept
    calendar: Calendar = field(default_factory=Calendar)
    invited: dict[str, dict[str, Invitation]] = field(default_factory=dict)
    waiting: dict[str, asyncio.Event] = field(default_factory=dict)

    async def enter(self) -> None:
        """Enter every expert into the pool; again is harmless. Waits for a node that is away."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(expert: ExpertKept) -> None:
            async with limit:
                await _until_there(lambda: self.door.enter(*entry_of(expert)))

        await asyncio.gather(*(one(expert) for expert in self.roll.experts))

    async def attend(self, told: Told) -> None:
        """Answer calls and hear of seats drawn, for every tender, until cancelled."""
        answering = _again(lambda: self._answer_calls(told), told)
        await asyncio.gather(answering, _again(self._listen, told))

    async def during(self, program: Coroutine[Any, Any, T], told: Told) -> T:
        """Attend while a program runs to its end; a mistake in either ends both."""
        running, attending = asyncio.create_task(program), asyncio.create_task(self.attend(told))
        both: set[asyncio.Task[Any]] = {running, attending}
        try:
            done, _ = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for task in done - {running}:
                task.result()
            return await running
        finally:
            for task in both:
                task.cancel()
            await asyncio.gather(*both, return_exceptions=True)

    def seats(self, stream: str) -> dict[str, Invitation]:
        """Whom of them a tender has drawn, by seat."""
        return self.invited.setdefault(stream, {})

    async def drawn(self, stream: str) -> None:
        """Wait until a tender has drawn one of them."""
        if not self.seats(stream):
            await self.waiting.setdefault(stream, asyncio.Event()).wait()

    def expert(self, pseudonym: str) -> ExpertKept:
        """The expert of this pseudonym, who is one of ours."""
        return next(one for one in self.roll.experts if one.facts.pseudonym == pseudonym)

    async def _answer_calls(self, told: Told) -> None:
        experts = {one.facts.pseudonym: one for one in self.roll.experts}
        answering: set[asyncio.Task[None]] = set()
        try:
            async for call in self.door.calls(frozenset(experts)):
                expert = experts[call.pseudonym]
                task = asyncio.create_task(self._answer(call, expert, told))
                answering.add(task)
                task.add_done_callback(answering.discard)
        finally:
            for task in answering:
                task.cancel()

    async def _answer(self, call: Call, expert: ExpertKept, told: Told) -> None:
        accepted = self.calendar.answer(call)
        if accepted is None:
            return
        given = answer_to(call, expert, accepted=accepted)
        try:
            await _until_there(lambda: self.door.answer(given))
        except NodeError as error:
            told(f"{call.person[:8]} waits: {error}")
        else:
            told(f"{call.person[:8]} {'accepts' if accepted else 'declines'}")

    async def _listen(self) -> None:
        pseudonyms = frozenset(one.facts.pseudonym for one in self.roll.experts)
        async for found in self.door.invitations(pseudonyms):
            if law.person(found.draw, found.pseudonym, found.person_salt) == found.person:
                self.seats(found.stream)[found.seat] = found
                if (event := self.waiting.pop(found.stream, None)) is not None:
                    event.set()


async def _again(once: Callable[[], Awaitable[None]], told: Told) -> None:
    while True:
        try:
            await once()
        except NodeError as error:
            if not isinstance(error, UnavailableError):
                told(f"waits: {error}")
        await asyncio.sleep(AGAIN_S)


async def _until_there(call: Callable[[], Awaitable[None]]) -> None:
    """Repeat a call until the node is there to take it."""
    while True:
        try:
            return await call()
        except UnavailableError:
            await asyncio.sleep(AGAIN_S)
