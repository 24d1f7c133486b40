"""Deploys registry, anchor and beacon: the same deployer and founders give the same addresses.

The deployer's first three nonces make the three contracts, so a deployment that was cut off goes
on where it stopped, and one that is complete is only read. The deployer's key has no power
afterwards and may be thrown away.
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
    done = int(rpc.call("eth_getTransactionCount", sender.account, "latest"), 16)
    addresses = [created_address(sender.account, nonce) for nonce in range(3)]
    jobs = [
        (registry_data(founders), _registry_gas(founders)),
        (encode_constructor("anchor", addresses[0]), BASE_GAS),
        (encode_constructor("beacon", addresses[0]), BASE_GAS),
    ]
    for data, gas in jobs[done:]:
        receipt = sender.send([Transaction(b"", data, gas)])[0]
        if not receipt.ok:
            raise ChainError("a contract could not be created: are founders doubled or empty?")
    found = dict(zip(("registry", "anchor", "beacon"), addresses, strict=True))
    client = ChainClient(rpc_url, chain_id, found)
    if client.registry_head() != head_of(founders):
        raise ChainError("the deployer founded another registry")
    deployment = Deployment(chain_id, **found, block=client.registry_changes()[0].block)
    if out is not None:
        aside = out.with_suffix(".new")
        aside.write_text(json.dumps(asdict(deployment), sort_keys=True) + "\n", "utf-8")
        aside.replace(out)
    return deployment


def load_deployment(path: Path) -> Deployment:
    """Read deploy.json again."""
    return Deployment(**json.loads(path.read_bytes()))


def head_of(founders: Sequence[Founder]) -> bytes:
    """The registry's running head: head = sha256(head || id || sha256(descriptor)), from zero."""
    head = bytes(32)
    for founder in founders:
        digest = hashlib.sha256(founder.descriptor).digest()
        head = hashlib.sha256(head + founder.id + digest).digest()
    return head


def created_address(account: str, nonce: int) -> str:
    """Address of the contract that the account's transaction of this nonce creates.

    Source: Ethereum yellow paper, 7: the last 20 bytes of keccak(rlp([sender, nonce])).
    """
    from rlp.codec import encode  # type: ignore[import-untyped]

    return "0x" + keccak(bytes(encode([bytes.fromhex(account[2:]), nonce])))[12:].hex()


def registry_data(founders: Sequence[Founder]) -> bytes:
    """Data of the transaction that creates the registry with these founders."""
    return encode_constructor(
        "registry",
        [founder.id for founder in founders],
        [founder.account for founder in founders],
        [founder.descriptor for founder in founders],
    )


def _registry_gas(founders: Sequence[Founder]) -> int:
    size = sum(len(founder.descriptor) for founder in founders)
    return BASE_GAS + len(founders) * GAS_A_FOUNDER + size * GAS_A_BYTE
