"""One run of the demo from an empty folder, or a cut-off one, to the three last lines."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.demo import setup
from node.cli.demo.actors import actor_commands
from node.cli.demo.papers import Network, write_network
from node.cli.demo.plan import Plan, read_plan
from node.cli.demo.processes import Children
from node.cli.demo.readiness import wait_until_ready
from node.cli.demo.report import tell
from node.cli.demo.site import Mark, Site, claim, find_mark, free_ports, make_private
from node.cli.demo.tender import Tender, choose_tender
from node.cli.language import say
from node.core.errors import ConfigError

if TYPE_CHECKING:
    from node.cli.output import Output

PIDS_EVERY_S = 1.0


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
    began = time.monotonic()
    mark = find_mark(out, resume=wanted.resume)
    if mark is not None:
        _check_same(mark, wanted)
    plan = read_plan(mark.centres if mark else wanted.centres)
    known = mark or wanted
    tender = choose_tender(known.tender, known.rules)
    site = claim(out, mark or _new_mark(plan, tender))
    run = Run(site, plan, tender, output, began)
    # SIGINT too: a shell that starts us in the background has it ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        return run.whole(keep=wanted.keep)
    finally:
        run.stop()


def _new_mark(plan: Plan, tender: Tender) -> Mark:
    ports = free_ports([planned.id for planned in plan.members])
    return Mark(tender.id, tender.rules, len(plan.centres), ports)


def _check_same(mark: Mark, wanted: Wanted) -> None:
    """A demo goes on as it began."""
    for name in ("centres", "tender", "rules"):
        asked, began = getattr(wanted, name), getattr(mark, name)
        if asked not in (None, began):
            raise ConfigError(
                f"this demo began with --{name} {began}; leave the option out", code="usage"
            )


@dataclass(slots=True)
class Run:
    """What one run holds: its folder, its children, and the network once it is founded."""

    site: Site
    plan: Plan
    tender: Tender
    output: Output
    began: float
    children: Children = field(default_factory=Children)
    network: Network | None = None

    def whole(self, *, keep: bool) -> int:
        """Set up, run the tender, tell its end, and stay if asked to."""
        from node.cli.demo.play import play

        network = self.set_up()
        stage = (self.site, self.plan, self.tender)
        ending = asyncio.run(play(stage, network, self.children, self.output))
        seconds = time.monotonic() - self.began
        if keep:
            self.output.event("ready")
        tell(self.output, ending, self.site.root, seconds)
        if keep:
            self.stay(network)
        return 0 if ending.is_good else 1

    def set_up(self) -> Network:
        """Start everything: the chain, the nodes, the actors; wait until the nodes are ready."""
        site, plan = self.site, self.plan
        self.output.progress(say("正在建立网络……", "founding the network …"))
        chain = self.children.start(setup.chain_command(site, self.tender.start))
        keys = {planned.id: setup.keys_of(site, planned.id) for planned in plan.members}
        state = setup.wait_for_chain(site, chain, self.children)
        network = setup.found(site, plan, keys, state)
        for planned in plan.members:
            self.children.start(setup.node_command(site, planned.id))
        make_private(site.actors)
        for command in actor_commands(site, plan, self.tender):
            self.children.start(command)
        addresses = {one.id: one.http.removeprefix("http://") for one in network.descriptors}
        wait_until_ready(addresses, self.children)
        self.network = network
        write_network(network, site.root, running=True)
        return network

    def stay(self, network: Network) -> None:
        """Stay until somebody interrupts; network.json follows nodes that are started anew."""
        self.output.progress(say("网络保持运行，Ctrl-C 停止", "the network stays; Ctrl-C stops it"))
        try:
            while True:
                write_network(network, self.site.root, running=True)
                time.sleep(PIDS_EVERY_S)
        except KeyboardInterrupt:
            return

    def stop(self) -> None:
        """Stop all children and say so in network.json."""
        self.children.stop()
        if self.network is not None:
            write_network(self.network, self.site.root, running=False)
        self.site.lock.close()
