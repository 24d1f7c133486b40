"""Doing what we owe: asks the rules after every change and every tick, acts, and asks again.

A duty that fails is left for the next turn with its reason in the log; none of them can harm, for
the fold judges every record, whoever made it. Restarting a node at any point loses no duty.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.rules.duties import Duty, duties_of
from node.services.acts import ACTS
from node.services.acts.pool import POOL_ACTS

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.desk import Desk
    from node.services.ports import Accepted, Submission

Say = Callable[["TenderState", "Submission", Mapping[str, str]], Awaitable["Accepted"]]
"""Brings a record of ours into a tender's stream: our own, or by way of its host."""


@dataclass(slots=True)
class Duties:
    """The duty loop of one member."""

    desk: Desk
    tender: Callable[[str], TenderState | None]
    say: Say
    report: Callable[[str, Duty, NodeError], None]
    mistake: Callable[[str, Exception], None]
    failing: dict[tuple[str, Duty], str] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)
    working: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    again: set[str] = field(default_factory=set)

    def look(self, streams: Iterable[str]) -> None:
        """Do what can be done now in these tenders, each by itself: none waits for another."""
        for stream in streams:
            if stream in self.working:
                self.again.add(stream)
            elif (state := self.tender(stream)) is not None and self._owed(state):
                self.working[stream] = asyncio.create_task(self._work(stream))

    def _owed(self, state: TenderState) -> tuple[Duty, ...]:
        """What we owe in a tender now."""
        return duties_of(state, self.desk.me, self.desk.clock.now())

    async def close(self) -> None:
        """Stop working."""
        tasks = list(self.working.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _work(self, stream: str) -> None:
        try:
            while await self._next(stream):
                pass
        except Exception as error:  # noqa: BLE001 - a mistake in one tender must not stop others
            self.mistake(f"duties of {stream[:16]}", error)
        finally:
            del self.working[stream]
        if stream in self.again:
            self.again.discard(stream)
            self.look([stream])

    async def _next(self, stream: str) -> bool:
        """Do the duties of a stream that can be done now, together; False if there is none.

        None of them needs another: whoever owes two things in one phase owes them about different
        bids, sheets or persons.
        """
        state = self.tender(stream)
        if state is None or len(state.entries) <= self.said.get(stream, -1):
            return False  # what we said last has its place, but our copy does not show it yet
        duties = (self._try(state, duty) for duty in self._owed(state))
        return any(await asyncio.gather(*duties))

    async def _try(self, state: TenderState, duty: Duty) -> bool:
        try:
            done = await self._do(state, duty)
        except NodeError as error:
            self._failed(state.stream, duty, error)
            return False
        if done:
            self.failing.pop((state.stream, duty), None)
        return done

    async def _do(self, state: TenderState, duty: Duty) -> bool:
        found = await self._deed(state, duty)
        if found is None:
            return False
        body, facts = found
        item = self.desk.scribe.tender(duty.kind, body, state)
        seq = (await self.say(state, item, facts)).seq
        self.said[state.stream] = max(seq, self.said.get(state.stream, -1))
        return True

    async def _deed(self, state: TenderState, duty: Duty) -> tuple[Body, Mapping[str, str]] | None:
        if duty.kind in POOL_ACTS:
            return await POOL_ACTS[duty.kind](self.desk, state, duty.about)
        body = await ACTS[duty.kind](self.desk, state, duty.about)
        return None if body is None else (body, {})

    def _failed(self, stream: str, duty: Duty, error: NodeError) -> None:
        """Tell a failure once, not at every turn."""
        if self.failing.get((stream, duty)) != error.detail:
            self.failing[stream, duty] = error.detail
            self.report(stream, duty, error)
