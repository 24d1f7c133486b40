"""One run of the demo from an empty folder, or a cut-off one, to the three last lines."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.demo.actors import actor_commands
from node.cli.demo.plan import Plan, read_plan
from node.cli.demo.report import tell
from node.cli.demo.running import Running, heed_signals
from node.cli.demo.site import Mark, claim, find_mark, free_ports, wanted_database
from node.cli.demo.tender import Tender, choose_tender
from node.core.errors import ConfigError

if TYPE_CHECKING:
    from node.cli.output import Output


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command; None: not given."""

    centres: int | None = None
    tender: str | None = None
    rules: str | None = None
    keep: bool = False
    resume: bool = False


def run_demo(out: Path, wanted: Wanted, output: Output) -> int:
    """Run the demo in a folder; 0 if the evidence verifies and the winner is the city's.

    With `keep` it stays until SIGINT or SIGTERM and then gives the same. Whatever happens, no child
    is left. Raises ConfigError for a folder that is not ours, NodeError for what goes wrong.
    """
    from node.cli.demo.play import play

    began = time.monotonic()
    mark = find_mark(out, resume=wanted.resume)
    if mark is not None:
        _check_same(mark, wanted)
    plan = read_plan(mark.centres if mark else wanted.centres)
    known = mark or wanted
    tender = choose_tender(known.tender, known.rules)
    site = claim(out, mark or _new_mark(plan, tender))
    running = Running(site, plan, output)
    heed_signals()
    try:
        network = running.set_up(tender.start, actor_commands(site, plan, tender))
        ending = asyncio.run(play((site, plan, tender), network, running.children, output))
        if wanted.keep:
            output.event("ready")
        tell(output, ending, site.root, time.monotonic() - began)
        if wanted.keep:
            running.stay(network)
        return 0 if ending.is_good else 1
    finally:
        running.stop()


def _new_mark(plan: Plan, tender: Tender) -> Mark:
    ports = free_ports([planned.id for planned in plan.members])
    return Mark(tender.id, tender.rules, len(plan.centres), ports, wanted_database())


def _check_same(mark: Mark, wanted: Wanted) -> None:
    """A demo goes on as it began."""
    for name in ("centres", "tender", "rules"):
        asked, began = getattr(wanted, name), getattr(mark, name)
        if asked not in (None, began):
            raise ConfigError(
                f"this demo began with --{name} {began}; leave the option out", code="usage"
            )
