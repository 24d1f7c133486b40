"""What each write costs, measured in one standard run on an empty development chain.

`python -m chain.gas http://127.0.0.1:PORT` writes artifacts/gas.json; a test measures again and
compares. The keys below are public and belong to nobody.
"""

from __future__ import annotations

import hashlib
import json
import sys

from chain.abi import ARTIFACTS, encode_constructor
from chain.client import ChainClient
from chain.deploy import Deployment, Founder, deploy, registry_data
from chain.rpc import Rpc
from chain.sender import Sender, Transaction

FOUNDERS = 4
DESCRIPTOR_BYTES = 1500
DEPLOY_GAS = 20_000_000
CHAIN_ID = 20260
# Fixed times: a zero byte in a call costs less than another one.
PAST, ROUND_S = 0x11111111, (300, 300)


def measure(rpc_url: str) -> dict[str, int]:
    """Gas used by each write of the standard run. The chain must be new: addresses count too."""
    keys = [bytes([i + 1]) * 32 for i in range(FOUNDERS)]
    rpc = Rpc(rpc_url)
    accounts = [Sender(rpc, CHAIN_ID, key).account for key in keys]
    founders = [_founder(i, account) for i, account in enumerate(accounts)]
    deployment = deploy(rpc_url, CHAIN_ID, b"\x7f" * 32, founders, None)
    clients = [ChainClient(rpc_url, CHAIN_ID, deployment.contracts, key) for key in keys]
    gas = _creations(rpc, founders, deployment)
    return gas | _registry(clients) | _anchors(clients[0]) | _beacon(clients)


def _creations(rpc: Rpc, founders: list[Founder], made: Deployment) -> dict[str, int]:
    sender = Sender(rpc, CHAIN_ID, b"\x7e" * 32)
    jobs = {
        "registry.create": registry_data(founders, made.anchor, made.beacon),
        "anchor.create": encode_constructor("anchor", made.registry),
        "beacon.create": encode_constructor("beacon", made.registry),
    }
    receipts = sender.send([Transaction(b"", data, DEPLOY_GAS) for data in jobs.values()])
    return {name: r.gas_used for name, r in zip(jobs, receipts, strict=True)}


def _registry(clients: list[ChainClient]) -> dict[str, int]:
    """A new member: proposed, voted for, admitted; its descriptor is as long as a founder's."""
    one = _founder(FOUNDERS, "0x" + "77" * 20)
    call = ("propose", (one.id, one.account, True, one.descriptor))
    gas = {"registry.propose": clients[0].send([("registry", *call)])[0].gas_used}
    op = clients[0].operations()[-1].op
    for client in clients[1:3]:
        gas["registry.vote"] = client.send([("registry", "vote", (op,))])[0].gas_used
    return gas | {"registry.execute": clients[3].execute(op).gas_used}


def _anchors(client: ChainClient) -> dict[str, int]:
    word, stream = b"\xa5" * 32, b"\x5a" * 32
    calls: dict[str, tuple[str, tuple[object, ...]]] = {
        "anchor.anchorCheckpoint first": ("anchorCheckpoint", (5, word)),
        "anchor.anchorCheckpoint next": ("anchorCheckpoint", (6, word)),
        "anchor.setDeadline first": ("setDeadline", (stream, PAST)),
        "anchor.setDeadline later": ("setDeadline", (stream, PAST + 1)),
        "anchor.closeBids": ("closeBids", (stream, word, word)),
        "anchor.setResult": ("setResult", (stream, word, word)),
    }
    receipts = client.send([("anchor", name, args) for name, args in calls.values()])
    return {name: r.gas_used for name, r in zip(calls, receipts, strict=True)}


def _beacon(clients: list[ChainClient]) -> dict[str, int]:
    host, round_id = clients[0], b"\x3c" * 32
    members = [client.account for client in clients]
    opened = host.open_round(round_id, members, *ROUND_S)
    gas = {"beacon.open": opened.gas_used if opened else 0}
    secrets = {client: bytes([i + 9]) * 32 for i, client in enumerate(clients)}
    for client, secret in secrets.items():
        said = b"yuanping/commit/v1\n" + round_id + bytes.fromhex(client.account[2:]) + secret
        done = client.commit(round_id, host.account, hashlib.sha256(said).digest())
        gas["beacon.commit"] = max(gas.get("beacon.commit", 0), done.gas_used if done else 0)
    for client, secret in secrets.items():
        done = client.reveal(round_id, host.account, secret)
        gas["beacon.reveal"] = max(gas.get("beacon.reveal", 0), done.gas_used if done else 0)
    return gas


def _founder(number: int, account: str) -> Founder:
    body = b'{"filler":"%b"}' % (b"x" * DESCRIPTOR_BYTES)
    return Founder(hashlib.sha256(b"founder %d" % number).digest(), account, body)


if __name__ == "__main__":
    table = json.dumps(measure(sys.argv[1]), indent=1, sort_keys=True) + "\n"
    (ARTIFACTS / "gas.json").write_text(table, "utf-8")
