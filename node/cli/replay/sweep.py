"""Many tenders at once on one test clock: opened by date, watched, and moved on together.

The clock is moved only when no tender has anything left to do before it, and then to the earliest
moment that any of them waits for, or on which the next one is to be opened. A tender that is over
is proven while the others go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from node.cli.demo.clock import PATIENCE_S, next_moment
from node.cli.demo.tender import start_of
from node.cli.language import say
from node.core.errors import StateError
from node.core.rules.award import is_settled
from node.core.rules.ruleset import builtin_digest
from node.services.actors.crowd import Opened

if TYPE_CHECKING:
    from node.cli.demo.barrier import Barrier
    from node.core.rules.state import TenderState
    from node.services.actors.hearing import Hearing, House
    from node.services.actors.tender_file import TenderFile
    from node.services.ports.operator import Operator

LOOK_S = 0.05
STUCK_S = 120.0
MORNING = 480
"""Minute of the day on which a tender's stream is opened."""
Prove = Callable[["Play"], Awaitable[None]]
"""Makes, judges and keeps the evidence of a tender that is over."""


def gathered(cases: Sequence[TenderFile], least: int) -> list[TenderFile]:
    """The same tenders, by date, closing in groups: all of a group on the last of its dates.

    A group has at least so many tenders (the last one may have fewer) and never parts a date: the
    clock stops at each closing for as long as its sessions take, and a city closes many times a
    year for a few tenders each. 1 leaves every tender its own date.
    """
    groups: list[list[TenderFile]] = [[]]
    for case in cases:
        last = groups[-1][-1].opened_on if groups[-1] else case.opened_on
        if len(groups[-1]) >= least and case.opened_on != last:
            groups.append([])
        groups[-1].append(case)
    return [
        msgspec.structs.replace(case, opened_on=group[-1].opened_on)
        for group in groups
        for case in group
    ]


def opening_day(case: TenderFile) -> int:
    """When a tender's stream is opened, so that it can close on its real date; epoch seconds."""
    return start_of(case, MORNING)


@dataclass(slots=True)
class Play:
    """One tender that is under way; `changed` is when its stream last grew, `heard` how far."""

    opened: Opened
    hearing: Hearing
    changed: float
    heard: int = -1
    proven: bool = False

    @property
    def state(self) -> TenderState | None:
        """How its stream stands."""
        return self.hearing.state

    def is_over(self) -> bool:
        """Whether it has ended and every pool has opened the links of its seats."""
        return self.state is not None and is_settled(self.state)

    def look(self) -> None:
        """Note whether the stream has grown: a listener is also woken where it has not."""
        if self.hearing.reading.after != self.heard:
            self.heard, self.changed = self.hearing.reading.after, _steady()


@dataclass(slots=True)
class Sweep:
    """The whole of them. `announce` tells the actors of an open tender, durably.

    `operators` are patient: a node that is away is asked again. `cases` are in the order in which
    they are opened, `hosts` by tender; `opened` are those that an earlier run had announced: they
    stand first.
    """

    cases: Sequence[TenderFile]
    hosts: Mapping[str, str]
    opened: Mapping[str, Opened]
    operators: Mapping[str, Operator]
    houses: Mapping[str, House]
    barrier: Barrier
    announce: Callable[[Opened], None]
    prove: Prove
    check: Callable[[], None]
    jobs: int
    now: int = 0
    begun: int = 0
    plays: dict[str, Play] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Carry every tender to its evidence. Raises what goes wrong with one of them."""
        listening = [asyncio.create_task(house.run()) for house in self.houses.values()]
        self.tasks.update(listening)
        try:
            while self.begun < len(self.cases) or self.plays:
                self._look()
                await self._begin_due()
                await self._move_clock()
                await asyncio.sleep(LOOK_S)
        finally:
            for task in self.tasks:
                task.cancel()
            await asyncio.gather(*self.tasks, return_exceptions=True)

    def _look(self) -> None:
        self.check()
        for task in [task for task in self.tasks if task.done()]:
            self.tasks.discard(task)
            task.result()
        self.plays = {name: play for name, play in self.plays.items() if not play.proven}
        silent = [p for p in self.plays.values() if _steady() - p.changed > STUCK_S]
        if silent and len(silent) == len(self.plays):
            raise StateError(_stuck(silent), code="demo")

    async def _begin_due(self) -> None:
        self.now = max(self.now, *(house.now for house in self.houses.values()))
        if not self.now:
            return
        due: list[Awaitable[None]] = []
        while self.begun < len(self.cases):
            case = self.cases[self.begun]
            is_full = len(self.plays) + len(due) >= self.jobs
            if case.tender not in self.opened and (is_full or opening_day(case) > self.now):
                break
            due.append(self._begin(case))
            self.begun += 1
        await asyncio.gather(*due)

    async def _begin(self, case: TenderFile) -> None:
        opened = self.opened.get(case.tender)
        if opened is None:
            opened = await self._open(case)
            self.announce(opened)
        host, stream = opened.host, opened.stream
        hearing = self.houses[host].hear(stream, f"centre:{host}")
        play = Play(opened, hearing, _steady())
        self.plays[case.tender] = play
        self.tasks.add(asyncio.create_task(self._follow(play)))

    async def _open(self, case: TenderFile) -> Opened:
        """Have its host open the stream."""
        host, rules = self.hosts[case.tender], builtin_digest(case.rules)
        stream = await self.operators[host].open_tender(case.tender, rules)
        return Opened(case=case, host=host, stream=stream)

    async def _follow(self, play: Play) -> None:
        """Watch one tender to its end, then have it proven."""
        with play.hearing.listen() as news:
            while not play.is_over():
                await news.wait()
                news.clear()
                if play.hearing.failed is not None:
                    raise play.hearing.failed
                play.look()
        await self.prove(play)
        play.proven = True

    async def _move_clock(self) -> None:
        """Move on once no tender has anything to do; what is over is proven at any time."""
        waiting = list[int]()
        for play in self.plays.values():
            if play.is_over():
                continue
            moment = self._moment(play)
            if moment is None:
                return
            waiting.append(moment)
        if self.begun < len(self.cases) and len(self.plays) < self.jobs:
            waiting.append(opening_day(self.cases[self.begun]))
        later = [moment for moment in waiting if moment > self.now]
        if later:
            await self.barrier.move(min(later), STUCK_S)
            self.now = max(self.now, min(later))
            for play in self.plays.values():
                play.changed = _steady()

    def _moment(self, play: Play) -> int | None:
        """What a tender waits for, or None if somebody has something to do first."""
        state = play.state
        if state is None:
            return None
        if _steady() - play.changed < PATIENCE_S.get(state.phase, 0.0):
            return None
        move = next_moment(state, self.now, len(play.opened.case.bidders))
        return None if move is None else move.to


def _stuck(plays: Sequence[Play]) -> str:
    first = plays[0]
    phase = str(first.state.phase) if first.state else "new"
    name = first.opened.case.tender
    return say(
        f"{STUCK_S:.0f} 秒内没有新记录；例如 {name} 停在 {phase}",
        f"nothing new for {STUCK_S:.0f} s; {name}, for one, stands in phase {phase}",
    )


def _steady() -> float:
    return asyncio.get_running_loop().time()
