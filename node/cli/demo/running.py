"""A network of processes on this machine: set up, kept, and stopped with nobody left behind."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.cli.demo import setup
from node.cli.demo.founders import registry_of
from node.cli.demo.papers import Network, followed, write_network, write_trust
from node.cli.demo.processes import Children, Command
from node.cli.demo.readiness import wait_until_ready
from node.cli.demo.site import make_private
from node.cli.language import say
from node.core.errors import InvalidError, UnavailableError

if TYPE_CHECKING:
    from node.cli.demo.plan import Plan
    from node.cli.demo.site import Site
    from node.cli.output import Output
    from node.services.ports import RegistryView

PIDS_EVERY_S = 1.0
STOPPING = (signal.SIGINT, signal.SIGTERM)


def heed_signals() -> None:
    """End by KeyboardInterrupt at SIGINT and SIGTERM.

    SIGINT is said, too: a shell that starts us in the background has it ignored.
    """
    for number in STOPPING:
        signal.signal(number, signal.default_int_handler)


@dataclass(slots=True)
class Running:
    """A network in its folder: its children, and itself once it is founded."""

    site: Site
    plan: Plan
    output: Output
    children: Children = field(default_factory=Children)
    network: Network | None = None

    def __post_init__(self) -> None:
        """The children hold the folder's lock, too: who goes on waits for the last of them."""
        self.children.shared = (self.site.lock.fileno(),)

    def set_up(self, start: int, actors: Iterable[Command]) -> Network:
        """Start everything: the chain, the nodes, the actors; wait until the nodes are ready.

        The test clock of a new chain begins at `start` (epoch seconds).
        """
        site, plan = self.site, self.plan
        self.output.progress(say("正在建立网络……", "founding the network …"))
        before = setup.chain_pid(site)
        self.children.start(setup.chain_command(site, start))
        keys = {planned.id: setup.keys_of(site, planned.id) for planned in plan.members}
        state = setup.wait_for_chain(site, before, self.children)
        network = setup.found(site, plan, keys, state)
        for planned in plan.members:
            self.children.start(setup.node_command(site, planned.id))
        make_private(site.actors)
        for command in actors:
            self.children.start(command)
        addresses = {one.id: one.http.removeprefix("http://") for one in network.descriptors}
        wait_until_ready(addresses, self.children)
        self.network = network
        write_network(network, site.root, running=True)
        return network

    def stay(self, network: Network) -> None:
        """Stay until somebody interrupts.

        network.json follows nodes that are started anew, and both papers the members' votes. The
        signal is noted, too: what a handler raises is lost where Python runs a callback of its own
        (a weak reference's, an import's).
        """
        told: list[int] = []

        def interrupt(number: int, _: object) -> None:
            told.append(number)
            raise KeyboardInterrupt

        for number in STOPPING:
            signal.signal(number, interrupt)
        self.output.progress(say("网络保持运行，Ctrl-C 停止", "the network stays; Ctrl-C stops it"))
        registry = registry_of(network)
        with suppress(KeyboardInterrupt):
            while not told:
                # A chain that is away, or a change that nobody can read, is shown by the nodes.
                with suppress(UnavailableError, InvalidError):
                    network = self._follow(network, registry())
                write_network(network, self.site.root, running=True)
                time.sleep(PIDS_EVERY_S)

    def _follow(self, network: Network, view: RegistryView) -> Network:
        """Look each time: a node's folder may come after its admission."""
        self.network = followed(network, view, self.site.root)
        if network.view != view:
            write_trust(self.network, self.site.root)
        return self.network

    def stop(self) -> None:
        """Stop all children and say so in network.json."""
        self.children.stop()
        if self.network is not None:
            write_network(self.network, self.site.root, running=False)
        self.site.lock.close()
