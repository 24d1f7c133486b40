"""chain.anchor: checkpoints of a log written to the chain as the node does, one after the other.

Value: the node's own ledger: it looks what stands, signs, sends, waits for the receipt and reads
its status. Floor: transactions of the same kind that were signed beforehand, sent raw by plain
JSON-RPC to the very same development chain (one block each, journalled and synced), and a receipt
asked for until it is there. Goal 0.5: that a write may be repeated costs one look before it, and
nothing else may cost much; a log anchors once in some ticks, so more would buy nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.adapters.entropy import SystemEntropy
from node.cli.bench.measure import Pair, Work
from node.cli.chain_devnet import CHAIN_ID
from node.core.errors import UnavailableError

if TYPE_CHECKING:
    from chain.deploy import Deployment
    from chain.rpc import Rpc
    from node.cli.bench.setting import Setting

READY_S = 30.0
POLL_S = 0.002


def anchor(setting: Setting) -> Pair:
    """Anchor from one account as the node does, from another as plainly as can be."""
    from chain.client import ChainClient
    from chain.rpc import Rpc
    from node.adapters.ledger import ChainLedger

    url, number = start_chain(setting), setting.amount(200, 20)
    keys = [SystemEntropy().bytes(32) for _ in range(3)]
    deployment = found(url, keys)
    ledger = ChainLedger(ChainClient(url, CHAIN_ID, deployment.contracts, keys[1]))
    sizes, nonces = count(1), count()

    def value() -> Work:
        wanted = [(next(sizes), SystemEntropy().bytes(32).hex()) for _ in range(number)]

        def work() -> int:
            for size, root in wanted:
                ledger.anchor(size, root)
            return number

        return work

    def floor() -> Work:
        raws = signed(deployment.anchor, keys[2], nonces, number)
        return lambda: send_raw(Rpc(url), raws)

    return Pair(value, floor)


def send_raw(rpc: Rpc, raws: Sequence[str]) -> int:
    """The floor: send each transaction, then ask for its receipt until there is one."""
    for raw in raws:
        sent = rpc.call("eth_sendRawTransaction", raw)
        while not (receipt := rpc.call("eth_getTransactionReceipt", sent)):
            time.sleep(POLL_S)
        if receipt["status"] != "0x1":
            raise AssertionError("a transaction of the floor was refused")
    return len(raws)


def signed(to: str, key: bytes, nonces: Iterator[int], number: int) -> list[str]:
    """Raw transactions that anchor one size after the other from a fresh account."""
    from chain.abi import encode_call
    from chain.calls import GAS
    from chain.sender import signer_of

    kind, signer, made = "anchorCheckpoint", signer_of(key), []
    address = bytes.fromhex(to[2:])
    common = {"gas": GAS[kind], "gasPrice": 0, "value": 0, "chainId": CHAIN_ID}
    for nonce in islice(nonces, number):
        data = encode_call("anchor", kind, nonce + 1, SystemEntropy().bytes(32))
        fields: dict[str, Any] = {**common, "nonce": nonce, "to": address, "data": data}
        made.append("0x" + bytes(signer.sign_transaction(fields).raw_transaction).hex())
    return made


def found(url: str, keys: Sequence[bytes]) -> Deployment:
    """Create the contracts (first key); the other two accounts are members."""
    from chain.deploy import Founder, deploy
    from chain.sender import signer_of

    members = [
        Founder(bytes([number]) * 32, signer_of(key).address.lower(), b"{}")
        for number, key in enumerate(keys[1:], start=1)
    ]
    return deploy(url, CHAIN_ID, keys[0], members, None)


def start_chain(setting: Setting) -> str:
    """A new development chain, a process of its own; where it answers."""
    from node.cli.demo.processes import Children, Command

    folder, children = setting.folder / "chain", Children()
    setting.stack.callback(children.stop)
    words = ("chain", "devnet", "--dir", str(folder))
    child = children.start(Command("chain", words, folder / "chain.log"))
    for state in states(folder / "state.json"):
        children.check()
        if state.get("pid") == child.pid:
            return f"http://127.0.0.1:{state['port']}"
    raise UnavailableError("the development chain does not become ready", code="chain")


def states(path: Path) -> Iterator[dict[str, Any]]:
    """What the file says, again and again, until it takes too long."""
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        time.sleep(0.02)
        yield json.loads(path.read_bytes()) if path.exists() else {}
