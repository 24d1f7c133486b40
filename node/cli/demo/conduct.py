"""Conducting the demo: tell each record, move the test clock when nothing else can happen, and end
when the tender has ended and everybody has endorsed it.

Nothing is decided or sent here: nodes do what they owe, actors act with their own keys. The
conductor alone may move the clock, and only over a period in which nobody has anything left to do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.cli.demo.clock import PATIENCE_S, Move, next_moment
from node.cli.language import say
from node.core.errors import StateError
from node.core.rules.duties import duties_of
from node.core.rules.fold import TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.cli.demo.barrier import Barrier
    from node.cli.demo.ears import Ears
    from node.cli.demo.processes import Children
    from node.cli.demo.telling import Telling
    from node.cli.demo.watch import Step
    from node.core.rules.state import TenderState

LOOK_S = 0.1
STUCK_S = 120.0
"""How long nothing may happen before the demo gives up and says who owes what."""
ACTORS = frozenset({"buyer", "bidder", "seat"})


@dataclass(slots=True)
class Conductor:
    """One run of the demo."""

    ears: Ears
    telling: Telling
    barrier: Barrier
    children: Children
    changed: float = 0.0
    stopped: set[str] = field(default_factory=set)

    def heard(self, step: Step) -> None:
        """Tell one record."""
        self.changed = _steady()
        self.telling.step(step, self.ears.watch.state)

    async def run(self) -> None:
        """Conduct to the end.

        Raises UnavailableError for a child that failed, StateError if nothing moves any more, or
        what a record was found to break.
        """
        self.changed = _steady()
        self.ears.start(self.heard)
        try:
            while not self._is_done():
                self._check()
                await self._move_clock()
                await asyncio.sleep(LOOK_S)
            await self.barrier.settle(STUCK_S)
        finally:
            await self.ears.close()

    def _is_done(self) -> bool:
        watch = self.ears.watch
        return watch.is_over() and not watch.lacking(self.ears.case.guests)

    def _check(self) -> None:
        if self.ears.failed is not None:
            raise self.ears.failed
        self.children.check()
        for child in self.children.stopped():
            if child.command.name not in self.stopped:
                self.stopped.add(child.command.name)
                self.telling.stopped(child.command)
        if _steady() - self.changed > STUCK_S:
            raise StateError(self._stuck(), code="demo")

    async def _move_clock(self) -> None:
        move = self._move()
        if move is not None:
            self.telling.move(move, self.ears.now)
            await self.barrier.move(move.to, STUCK_S)
            self.ears.now = max(self.ears.now, move.to)
            self.changed = _steady()

    def _move(self) -> Move | None:
        state = self.ears.watch.state
        if state is None or not self.ears.watch.has_pools(self.ears.case.pools):
            return None
        if _steady() - self.changed < PATIENCE_S.get(state.phase, 0.0):
            return None
        return next_moment(state, self.ears.now, self.ears.case.bids)

    def _stuck(self) -> str:
        state = self.ears.watch.state
        waiting = list(self._owing(state)) if state is not None else []
        lacking = ", ".join(self.ears.watch.lacking(self.ears.case.guests))
        phase = str(state.phase) if state is not None else "new"
        owed = "; ".join(waiting) or say(f"确认：{lacking}", f"endorsements of {lacking}")
        return say(
            f"{STUCK_S:.0f} 秒内没有新记录。阶段 {phase}；尚欠：{owed}",
            f"nothing new for {STUCK_S:.0f} s in phase {phase}; owed: {owed}",
        )

    def _owing(self, state: TenderState) -> Iterator[str]:
        """Who owes what: members by their duties, actors by what the phase lets them say."""
        for member in self.ears.case.members:
            for duty in duties_of(state, member, self.ears.now):
                yield f"{member} {duty.kind}"
        for kind, rule in TABLE.items():
            if state.phase in rule.phases and rule.author in ACTORS:
                yield f"{rule.author} {kind}"


def _steady() -> float:
    return asyncio.get_running_loop().time()
