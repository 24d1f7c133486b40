"""The two papers of a network: network.json for its users (I2), trust.json for verifiers (I5)."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.cli.demo.site import replace_json
from node.core.log.note import COSIGNATURE, ED25519, VerifierKey
from node.core.records.canonical import b64decode, encode
from node.core.rules.registry import Change, descriptors_at
from node.services.members import Members
from node.services.ports import RegistryView
from node.services.trust import ChainFacts
from node.services.trust import trust_of as policy_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chain.deploy import Deployment
    from node.core.rules.registry import Descriptor

NETWORK_FORMAT = "yuanping-network/v1"
TRUST = "trust.json"
NETWORK = "network.json"


@dataclass(frozen=True, slots=True)
class Network:
    """A founded network: members, contracts, and the chain as its `state.json` tells it."""

    host: str
    descriptors: tuple[Descriptor, ...]
    deployment: Deployment
    chain_state: Mapping[str, Any]
    view: RegistryView | None = None

    @property
    def rpc(self) -> str:
        """Where the chain answers."""
        return f"http://127.0.0.1:{self.chain_state['port']}"

    @property
    def contracts(self) -> dict[str, str]:
        """Addresses without prefix, as records and policies write them."""
        found = self.deployment.contracts
        return {name: address.removeprefix("0x") for name, address in found.items()}


def trust_of(network: Network) -> dict[str, Any]:
    """The policy of a reader who trusts exactly this demo network.

    It allows what a demonstration needs, a test clock and one operator of the chain, and so says
    that nothing real was decided here.
    """
    members = Members(network.host)
    members.take(network.view or _founded(network))
    operator = str(network.chain_state["operator"])
    facts = ChainFacts(network.deployment.chain_id, network.contracts, operator)
    return policy_of(members, facts, test=True)


def followed(network: Network, view: RegistryView, root: Path) -> Network:
    """The network as the registry stands now; its users see those nodes that lie in its folder."""
    found = descriptors_at(view.changes, view.height).values()
    here = (one for one in found if (root / folder_of(root, one.id) / "config.toml").exists())
    return replace(network, descriptors=tuple(here), view=view)


def folder_of(root: Path, member: str) -> Path:
    """Where a member's node lies in the network's folder, relative to it.

    `node init --out luoyang`, given there by the guide, puts one beside `centres`.
    """
    beside = Path(member)
    return beside if (root / beside / "config.toml").exists() else Path("centres") / member


def _founded(network: Network) -> RegistryView:
    """The registry as it was founded: its proof is asked for by nobody here."""
    changes = tuple(
        Change(one.id, one.account, encode(one), network.deployment.block, 0)
        for one in network.descriptors
    )
    block, contract = network.deployment.block, network.contracts["registry"]
    return RegistryView(changes, block, "", contract, "")


def network_of(network: Network, root: Path, *, running: bool) -> dict[str, Any]:
    """network.json: who runs where, now. Process ids are those of the pid files."""
    return {
        "format": NETWORK_FORMAT,
        "running": running,
        "pid": os.getpid(),
        "clock": "test",
        "chain": {
            "kind": "anvil",
            "rpc": network.rpc,
            "chain_id": network.deployment.chain_id,
            "pid": pid_of(root / "chain" / "pid"),
            "contracts": network.deployment.contracts,
        },
        "centres": [_centre_of(network, one, root) for one in network.descriptors],
        "trust": TRUST,
    }


def _centre_of(network: Network, one: Descriptor, root: Path) -> dict[str, Any]:
    folder = folder_of(root, one.id)
    return {
        "id": one.id,
        "role": one.role,
        "status": one.status,
        "name": {"zh": one.name_zh, "en": one.name_en},
        "host": one.id == network.host,
        "pid": pid_of(root / folder / "pid"),
        "http": one.http,
        "grpc": one.endpoint,
        "dir": folder.as_posix(),
        "log_origin": one.origin,
        "log_vkey": _vkey(one, "log"),
        "witness_vkey": _vkey(one, "witness"),
        "tls_sha256": sha256(b64decode(one.tls)).hexdigest(),
    }


def _vkey(one: Descriptor, role: str) -> str:
    key = next(key for key in one.keys if key.role == role)
    name, kind = (one.origin, ED25519) if role == "log" else (one.witness, COSIGNATURE)
    return VerifierKey(name, kind, bytes.fromhex(key.key)).encode()


def pid_of(path: Path) -> int | None:
    """The process id in a pid file, or None."""
    try:
        return int(path.read_text("ascii")) or None
    except (OSError, ValueError):
        return None


def write_trust(network: Network, root: Path) -> None:
    """Write trust.json."""
    replace_json(root / TRUST, trust_of(network))


def write_network(network: Network, root: Path, *, running: bool) -> None:
    """Write network.json as things stand now."""
    replace_json(root / NETWORK, network_of(network, root, running=running))
