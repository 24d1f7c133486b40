"""A whole network for the benches that need one: two centres, a regulator, a chain.

Each is a process as in the demo, with its own store on the disk; partners mirror and cosign as they
always do. What is measured is the first centre's node; the regulator's keys are ours, so that
records come in over mutual TLS as a partner brings them. A log ticks every two seconds here (ten in
production, half a second in the demo): three nodes on two cores that sign twice a second would take
a quarter of the machine from whatever is measured, value and floor alike.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from itertools import count, islice
from typing import TYPE_CHECKING, TypeVar

import msgspec

from node.adapters.drawer import FileDrawer
from node.adapters.entropy import SystemEntropy
from node.adapters.rpc.client import channel_to
from node.adapters.rpc.door_client import DoorClient
from node.adapters.rpc.load import Load
from node.adapters.rpc.operator_client import OperatorDoor
from node.adapters.tls import der_of
from node.cli.bench.bids import MadeBid, bids_for, box_for
from node.cli.demo.plan import Plan, read_plan
from node.cli.demo.running import Running
from node.cli.demo.setup import keys_of
from node.cli.demo.site import Mark, Site, claim, free_ports
from node.cli.demo.tender import Tender, choose_tender
from node.core.errors import UnavailableError
from node.core.rules.ruleset import builtin_digest
from node.core.rules.state import Phase, TenderState
from node.services.actors.buyer import BuyerProgram, reader_of
from node.services.actors.drawer import key_in
from node.services.actors.pen import Pen
from node.services.actors.reading import Reading, watch

if TYPE_CHECKING:
    from node.cli.bench.setting import Setting

T = TypeVar("T")
TICK_MS = 2_000
CENTRES = 2


def network_of(setting: Setting) -> BenchNetwork:
    """The network of this run; founded when it is first asked for, stopped at the run's end."""
    if setting.network is None:
        plan = replace(read_plan(CENTRES), tick_ms=TICK_MS)
        tender, folder = choose_tender(None, None), setting.folder / "network"
        ports = free_ports([planned.id for planned in plan.members])
        site = claim(folder, Mark(tender.id, tender.rules, CENTRES, ports))
        running = Running(site, plan, setting.output)
        setting.stack.callback(running.stop)
        running.set_up(tender.start, ())
        runner = setting.stack.enter_context(asyncio.Runner())
        setting.network = BenchNetwork(site, plan, tender, runner)
    return setting.network


@dataclass(slots=True)
class BenchNetwork:
    """A running network, and the event loop on which we speak with its first centre."""

    site: Site
    plan: Plan
    tender: Tender
    runner: asyncio.Runner
    names: count[int] = field(default_factory=count)

    def do(self, work: Coroutine[object, object, T]) -> T:
        """Run on our loop."""
        return self.runner.run(work)

    def load(self, setting: Setting, port: int | None = None) -> Load:
        """The regulator's line to the host, or to a server with the host's certificate."""
        host, keys = self.plan.host, keys_of(self.site, self.plan.regulator)
        tls = der_of((self.site.centre(host) / "keys" / "tls.crt").read_bytes())
        address = f"127.0.0.1:{port or self.site.mark.ports[host].grpc}"

        async def make() -> Load:
            return Load(channel_to(address, host, tls, keys))

        load = self.do(make())
        setting.stack.callback(lambda: self.do(load.close()))
        return load

    def empty_server(self, setting: Setting) -> int:
        """Start the floor's server with the host's keys, for the regulator alone; its port."""
        host, us = (self.site.centre(one) / "keys" for one in (self.plan.host, self.plan.regulator))
        files = (host / "tls.key", host / "tls.crt", us / "tls.crt")
        server = setting.stack.enter_context(
            subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "node.cli.bench.empty_server", *map(str, files)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        told = b"" if server.stdout is None else server.stdout.readline()
        if not told:
            raise UnavailableError("the server of the floor did not start")
        return int(told)

    def bids(self, number: int, tenders: int) -> list[MadeBid]:
        """So many bids in all for so many new tenders, whose boxes lie at the host already."""
        return self.do(self._bids(number, tenders))

    async def _bids(self, number: int, tenders: int) -> list[MadeBid]:
        door = DoorClient(self.site.door(self.plan.host))
        operator = OperatorDoor(self.site.door(self.plan.host))
        try:
            names = [f"bench-{next(self.names)}" for _ in range(tenders)]
            states = await asyncio.gather(*(self._announce(door, operator, n) for n in names))
            drawer, made = FileDrawer(self.site.actors / "bidders"), list[MadeBid]()
            for state in states:
                box = box_for(state)
                await door.put_blob(box.ciphertext)
                many = bids_for(state, box, drawer, await door.now())
                made += islice(many, number // tenders)
            return made
        finally:
            await door.close()
            await operator.close()

    async def _announce(self, door: DoorClient, operator: OperatorDoor, name: str) -> TenderState:
        file = msgspec.structs.replace(self.tender.file, tender=name)
        stream = await operator.open_tender(name, builtin_digest(file.rules))
        drawer, entropy = FileDrawer(self.site.actors / name), SystemEntropy()
        pen = Pen(f"buyer:{file.buyer.id}", key_in(drawer, "buyer.key", "es256", entropy), drawer)
        buyer = BuyerProgram(door, drawer, entropy, file)
        async for state, now in watch(door, Reading(stream), reader_of):
            if state.phase is Phase.ANNOUNCED:
                return state
            await buyer.step(pen, state, now)
        raise AssertionError("a tender is announced before it is over")
