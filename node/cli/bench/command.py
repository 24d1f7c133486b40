"""`yuanping bench`: measured values beside their floors (interfaces I9)."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.adapters.clock import SystemClock
from node.cli.bench import table
from node.cli.bench.benches import BENCHES, Bench
from node.cli.bench.machine import machine_of
from node.cli.bench.measure import Measured, measure
from node.cli.bench.setting import LeftOut, Setting
from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError

if TYPE_CHECKING:
    from node.cli.bench.measure import Pair

QUICK_RUNS = 2


def bench(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME...]", help=say("只测这些项目", "Measure only these.")),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help=say("少量快测，数值不可引用", "Little and fast."))
    ] = False,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help=say("在此文件夹所在的磁盘上测", "Measure on this disk.")),
    ] = None,
    json: JsonOption = False,
) -> int:
    """Measure; 0 only if every goal is met."""
    chosen = choose(names or ())
    with (
        tempfile.TemporaryDirectory(prefix="yuanping-", dir=folder) as made,
        ExitStack() as stack,
    ):
        setting = Setting(Path(made), quick, Output(as_json=json), stack)
        return Session(setting, SystemClock()).run(chosen)


def choose(names: Sequence[str]) -> Mapping[str, Bench]:
    """The benches of these names in the table's order; all for none. Raises ConfigError."""
    for name in names:
        if name not in BENCHES:
            near = get_close_matches(name, BENCHES, 1, 0.4)
            known = f"did you mean {near[0]}?" if near else f"there are: {', '.join(BENCHES)}"
            raise ConfigError(f"no bench {name}; {known}", code="usage")
    return {name: one for name, one in BENCHES.items() if not names or name in names}


@dataclass(slots=True)
class Session:
    """One run over the chosen benches, and what came of them."""

    setting: Setting
    clock: SystemClock
    missed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def run(self, chosen: Mapping[str, Bench]) -> int:
        """Measure and tell; 1 if a goal was missed."""
        output, began = self.setting.output, self.clock.monotonic()
        output.event("begin", table.heading(), benches=list(chosen), quick=self.setting.quick)
        for name, one in chosen.items():
            output.progress(f"· {name}: {say(one.zh, one.en)}")
            self._one(name, one)
        output.end(
            table.closing(output, self.missed, self.left_out),
            **machine_of(self.setting.folder),
            quick=self.setting.quick,
            missed=self.missed,
            left_out=self.left_out,
            seconds=round(self.clock.monotonic() - began, 1),
        )
        return 1 if self.missed else 0

    def _one(self, name: str, one: Bench) -> None:
        try:
            pair = pair_of(one, self.setting)
            runs = min(one.runs, QUICK_RUNS) if self.setting.quick else one.runs
            found = measure(pair, runs, self.clock.monotonic)
        except LeftOut as reason:
            self.left_out.append(name)
            text = f"{name}: {say('未测', 'left out')}: {reason}"
            self.setting.output.event("left_out", text, name=name, why=str(reason))
            return
        if not found.meets(one.goal):
            self.missed.append(name)
        line = table.row(self.setting.output, name, one, found)
        self.setting.output.event("bench", line, **document(name, one, found))


def pair_of(one: Bench, setting: Setting) -> Pair:
    """What a bench measures. Raises LeftOut if it cannot be run here."""
    module, _, function = one.target.partition(":")
    pair: Pair = getattr(import_module(module), function)(setting)
    return pair


def document(name: str, one: Bench, found: Measured) -> dict[str, object]:
    """One result as I9 wants it."""
    floor = {"name": one.floor, "value": round(found.floor, 1), "unit": "1/s", "how": one.how}
    return {
        "name": name,
        "value": round(found.value, 1),
        "unit": "1/s",
        "floor": floor,
        "ratio": str(found.ratio),
        "goal": one.goal,
        "met": found.meets(one.goal),
        "runs": len(found.values),
        "spread": str(found.spread),
    }
