"""How the demo tells what happens: a line a record for a person, a JSON object for a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.cli.demo.story import phase_of, sentence
from node.cli.language import say
from node.core.records.canonical import time_of

if TYPE_CHECKING:
    from node.cli.demo.clock import Move
    from node.cli.demo.processes import Command
    from node.cli.demo.watch import Step
    from node.cli.output import Output
    from node.core.rules.state import TenderState

ID_SHOWN = 8
TOLD = {
    "tender": None,
    "side": frozenset({"dispute.raised/v1"}),
    "pool": frozenset({"pool.published/v1"}),
}
"""Kind of stream -> record types that are told; None: all. The rest is the network's own talk."""


class Telling:
    """Numbers and tells the steps; `names` gives each member its name in the reader's language."""

    def __init__(self, output: Output, names: dict[str, str]) -> None:
        self._output, self._names = output, names
        self._count = 0

    def step(self, step: Step, state: TenderState | None) -> None:
        """Tell one record, if it is one that is told."""
        one, told = step.candidate, TOLD[step.stream_kind]
        header = one.opened.header
        if told is not None and header.type not in told:
            return
        self._count += 1
        at, phase = time_of(one.received), self._phase(step, state)
        who = self._who(header.author, state)
        said = sentence(header.type, one.body) if one.body is not None else ""
        self._output.event(
            "step",
            f"{self._count:>3}  {at}  {phase:<12} {who}: {said}  [{step.keeper} #{one.seq}]",
            n=self._count,
            at=at,
            phase=phase,
            actor=header.author,
            type=header.type,
            centre=step.keeper,
            seq=one.seq,
        )

    def move(self, move: Move, now: int) -> None:
        """Tell that the test clock is moved, and over which period."""
        begin, end = time_of(now), time_of(move.to)
        self._output.event(
            "clock",
            say(
                f"     —— 测试时钟从 {begin} 拨到 {end}：{move.zh} ——",
                f"     -- the test clock moves from {begin} to {end}: {move.en} --",
            ),
            **{"from": begin, "to": end, "why": say(move.zh, move.en)},
        )

    def stopped(self, command: Command) -> None:
        """Tell that somebody stopped a child, and how it is started again."""
        self._output.progress(
            say(
                f"{command.name} 已被他人停止。请在另一终端重新启动：{command.line}",
                f"{command.name} was stopped. Start it again in another terminal: {command.line}",
            )
        )

    @staticmethod
    def _phase(step: Step, state: TenderState | None) -> str:
        seated = state is not None and state.committee is not None
        return phase_of(step.candidate.opened.header.type, step.candidate.body, seated=seated)

    def _who(self, author: str, state: TenderState | None) -> str:
        """Who spoke, for a person: a member by name, a seat with its centre, a bidder by key."""
        role, _, name = author.partition(":")
        if role in ("centre", "regulator"):
            return self._names.get(name, name)
        if role == "expert":
            seat = state.seats.get(name) if state else None
            where = f"@{seat.centre}" if seat else ""
            return say(f"{name} 号席专家{where}", f"expert of seat {name}{where}")
        if role == "bidder":
            return say(f"投标人 {name[:ID_SHOWN]}", f"bidder {name[:ID_SHOWN]}")
        return say(f"招标人 {name}", f"buyer {name}")
