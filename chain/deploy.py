"""Deploys registry, anchor and beacon: the same deployer and founders give the same addresses.

The deployer's first three nonces make the three contracts, so the registry can name the other two
before they stand; a deployment that was cut off goes on where it stopped, and one that is complete
is only read. The deployer's key has no power afterwards and may be thrown away.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from chain.abi import encode_constructor, keccak
from chain.client import ChainClient
from chain.errors import ChainError
from chain.rpc import Rpc
from chain.sender import Sender, Transaction

BASE_GAS = 3_000_000
GAS_A_BYTE = 1_200
"""Storing one byte of a descriptor costs 690 gas, once as storage and again as call data."""
GAS_A_FOUNDER = 250_000
OTHERS = ("anchor", "beacon")
"""What is created after the registry, which names them in this order."""


@dataclass(frozen=True, slots=True)
class Founder:
    """A founding member: id of 32 bytes, account, descriptor as RFC 8785 JSON bytes."""

    id: bytes
    account: str
    descriptor: bytes


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where the contracts are; `block` is the one that founded the registry."""

    chain_id: int
    registry: str
    anchor: str
    beacon: str
    block: int

    @property
    def contracts(self) -> dict[str, str]:
        """As ChainClient and network.json want them."""
        return {"registry": self.registry, "anchor": self.anchor, "beacon": self.beacon}


def deploy(
    rpc_url: str, chain_id: int, deployer: bytes, founders: Sequence[Founder], out: Path | None
) -> Deployment:
    """Found the network, or find it founded; writes deploy.json to `out` if that is given.

    Raises ChainError if the deployer has been used for anything else or for other founders.
    """
    rpc = Rpc(rpc_url)
    sender = Sender(rpc, chain_id, deployer)
    found = addresses_of(sender.account)
    registry, *others = found.values()
    jobs = [
        Transaction(b"", registry_data(founders, *others), _registry_gas(founders)),
        *(Transaction(b"", encode_constructor(c, registry), BASE_GAS) for c in OTHERS),
    ]
    done = int(rpc.call("eth_getTransactionCount", sender.account, "latest"), 16)
    for job in jobs[done:]:
        if not sender.send([job])[0].ok:
            raise ChainError("a contract could not be created: are founders doubled or empty?")
    for name, job in zip(found, jobs, strict=True):
        _check_code(rpc, name, found[name], job.data)
    client = ChainClient(rpc_url, chain_id, found)
    changes = client.registry_changes()
    block = changes[0].block
    founding = [change for change in changes if change.block == block]
    if founding[-1].head != head_of(founders, block):
        raise ChainError("the deployer founded another registry")
    deployment = Deployment(chain_id, **found, block=block)
    if out is not None:
        aside = out.with_suffix(".new")
        aside.write_text(json.dumps(asdict(deployment), sort_keys=True) + "\n", "utf-8")
        aside.replace(out)
    return deployment


def load_deployment(path: Path) -> Deployment:
    """Read deploy.json again."""
    return Deployment(**json.loads(path.read_bytes()))


def head_of(founders: Sequence[Founder], block: int) -> bytes:
    """The registry's running head after the founding in this block; see Registry.sol."""
    head, height = bytes(32), block.to_bytes(8, "big")
    for founder in founders:
        digest = hashlib.sha256(founder.descriptor).digest()
        head = hashlib.sha256(head + founder.id + height + digest).digest()
    return head


def addresses_of(deployer: str) -> dict[str, str]:
    """Where a new account's first three transactions create "registry", "anchor", "beacon"."""
    names = ("registry", *OTHERS)
    return {name: created_address(deployer, nonce) for nonce, name in enumerate(names)}


def created_address(account: str, nonce: int) -> str:
    """Address of the contract that the account's transaction of this nonce creates.

    Source: Ethereum yellow paper, 7: the last 20 bytes of keccak(rlp([sender, nonce])).
    """
    from rlp.codec import encode  # type: ignore[import-untyped]

    return "0x" + keccak(bytes(encode([bytes.fromhex(account[2:]), nonce])))[12:].hex()


def registry_data(founders: Sequence[Founder], anchor: str, beacon: str) -> bytes:
    """Data of the transaction that creates the registry with these founders and neighbours."""
    return encode_constructor(
        "registry",
        [founder.id for founder in founders],
        [founder.account for founder in founders],
        [founder.descriptor for founder in founders],
        anchor,
        beacon,
    )


def _check_code(rpc: Rpc, name: str, address: str, creation: bytes) -> None:
    """Raise ChainError unless the very code that `creation` makes stands at the address.

    It holds the addresses given to the constructor too: a registry of other neighbours differs.
    """
    right = rpc.call("eth_call", {"data": "0x" + creation.hex()}, "latest")
    if rpc.call("eth_getCode", address, "latest") != right:
        raise ChainError(f"the deployer made something else than the {name} at {address}")


def _registry_gas(founders: Sequence[Founder]) -> int:
    size = sum(len(founder.descriptor) for founder in founders)
    return BASE_GAS + len(founders) * GAS_A_FOUNDER + size * GAS_A_BYTE
