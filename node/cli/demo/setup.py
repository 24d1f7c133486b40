"""Setting the network up: keys, chain, contracts, configurations; each step is found done or done.

So a set-up that was cut off at any line goes on with `--resume`.
"""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.adapters.clock import SystemClock
from node.adapters.entropy import SystemEntropy
from node.adapters.keys import load_keys, make_keys
from node.cli.config_file import ConfigFile
from node.cli.demo.founders import deployer_of, found_network
from node.cli.demo.papers import Network, write_trust
from node.cli.demo.processes import Command
from node.cli.demo.site import replace_file
from node.cli.descriptor import descriptor_of, origin_of
from node.core.errors import UnavailableError
from node.core.records.canonical import time_of

if TYPE_CHECKING:
    from node.cli.demo.plan import Plan, Planned
    from node.cli.demo.processes import Children
    from node.cli.demo.site import Ports, Site
    from node.core.rules.registry import Descriptor
    from node.services.ports import Keys

READY_S = 30.0
POLL_S = 0.02
LOOPBACK = "127.0.0.1"
ABOUT = "Written by `yuanping demo`; `yuanping node run --config` starts the node by hand."


def chain_command(site: Site, start: int) -> Command:
    """What starts the chain, whose test clock begins at `start` (epoch seconds)."""
    words = ("chain", "devnet", "--dir", str(site.chain), "--start-time", time_of(start))
    return Command("chain", words, site.chain / "chain.log")


def node_command(site: Site, member: str) -> Command:
    """What starts a node."""
    folder = site.centre(member)
    words = ("node", "run", "--config", str(folder / "config.toml"))
    return Command(member, words, folder / "node.log")


def chain_pid(site: Site) -> int:
    """The process that last made the chain ready; 0 if none ever did."""
    return int(_read(site.chain / "state.json").get("pid", 0))


def wait_for_chain(site: Site, before: int, children: Children) -> dict[str, Any]:
    """Wait until another process than `before` has made the chain ready; its state.json.

    That need not be our child: one that was killed may be started again by hand.
    """
    end = time.monotonic() + READY_S
    while True:
        state = _read(site.chain / "state.json")
        if state.get("pid", 0) not in (0, before):
            return state
        children.check()
        if time.monotonic() > end:
            raise UnavailableError("the development chain does not become ready", code="demo")
        time.sleep(POLL_S)


def keys_of(site: Site, member: str) -> Keys:
    """A member's keys; made at the first start, whole or not at all."""
    folder = site.centre(member) / "keys"
    if not folder.exists():
        aside = folder.with_name("keys.new")
        shutil.rmtree(aside, ignore_errors=True)
        # The certificate is judged by the machine's own clock, so that one dates it.
        make_keys(aside, member, SystemEntropy(), SystemClock().now())
        aside.replace(folder)
    return load_keys(folder)


def found(site: Site, plan: Plan, keys: dict[str, Keys], chain_state: dict[str, Any]) -> Network:
    """Found the network on the running chain and write trust.json and every configuration."""
    ports = site.mark.ports
    descriptors = tuple(
        _descriptor(planned, keys[planned.id], ports[planned.id]) for planned in plan.members
    )
    rpc = f"http://127.0.0.1:{chain_state['port']}"
    deployer = deployer_of(str(chain_state["operator"]))
    deployment = found_network(rpc, deployer, descriptors, site.chain / "deploy.json")
    network = Network(plan.host, descriptors, deployment, chain_state)
    write_trust(network, site.root)
    for planned in plan.members:
        text = _config_of(site, plan, planned, network)
        replace_file(site.centre(planned.id) / "config.toml", text.encode())
    return network


def _descriptor(planned: Planned, keys: Keys, ports: Ports) -> Descriptor:
    endpoint, http = f"{LOOPBACK}:{ports.grpc}", f"http://{LOOPBACK}:{ports.http}"
    return descriptor_of(planned, keys, origin_of(planned.id), endpoint, http)


def _config_of(site: Site, plan: Plan, planned: Planned, network: Network) -> str:
    """A member's config.toml."""
    ports = site.mark.ports[planned.id]
    return ConfigFile(
        about=ABOUT,
        id=planned.id,
        role=planned.role,
        name_zh=planned.name_zh,
        name_en=planned.name_en,
        http=f"{LOOPBACK}:{ports.http}",
        grpc=f"{LOOPBACK}:{ports.grpc}",
        rpc=network.rpc,
        registry=network.deployment.registry,
        origin=origin_of(planned.id),
        tick_ms=plan.tick_ms,
        smallest_tick=plan.smallest_tick,
        clock="chain",
        database_url=site.mark.database.replace("{centre}", planned.id),
    ).text()


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found
