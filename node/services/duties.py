"""Doing what we owe: asks the rules after every change and every tick, acts, and asks again.

A duty that fails is left for the next turn with its reason in the log; none of them can harm, for
the fold judges every record, whoever made it. Restarting a node at any point loses no duty.
"""

from __future__ import annotations

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
    failing: dict[tuple[str, Duty], str] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)

    async def run_once(self, streams: Iterable[str]) -> int:
        """Do what can be done now in these tenders; returns how many records were made."""
        done = 0
        for stream in streams:
            while await self._next(stream):
                done += 1
        return done

    async def _next(self, stream: str) -> bool:
        """Do the first duty of a stream that can be done; False if there is none."""
        state = self.tender(stream)
        if state is None or len(state.entries) <= self.said.get(stream, -1):
            return False  # what we said last has its place, but our copy does not show it yet
        for duty in duties_of(state, self.desk.me, self.desk.clock.now()):
            try:
                if await self._do(state, duty):
                    self.failing.pop((stream, duty), None)
                    return True
            except NodeError as error:
                self._failed(stream, duty, error)
        return False

    async def _do(self, state: TenderState, duty: Duty) -> bool:
        found = await self._deed(state, duty)
        if found is None:
            return False
        body, facts = found
        item = self.desk.scribe.tender(duty.kind, body, state)
        self.said[state.stream] = (await self.say(state, item, facts)).seq
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
