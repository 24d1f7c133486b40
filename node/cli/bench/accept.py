"""log.accept_stream and log.accept_one: sealed bids into the first centre's log, as on a deadline.

Value: records over mutual TLS, as a partner brings them, into a node with everything on: admission
by certificate, strict decoding, signature, the rules of the fold, the box's shares and ciphertext,
salts, the store with all its indexes and synchronous=FULL; answered once they are on the disk. Each
bid has its own key, as the rules want; those of one tender share one ciphertext, whose size
the node looks up for each of them all the same (it was hashed when it came). Bids go to many
tenders, some hundred to each.

Floor of the stream: the same signatures checked by libsodium, on as many threads as there are
cores. Floor of single calls: empty calls to an empty server process (`empty_server`), over the same
TLS and gRPC with the same number under way. Client and server share the cores in both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import nacl.bindings as sodium

from node.adapters.rpc.load import Load
from node.cli.bench.machine import cores
from node.cli.bench.measure import Pair, Work
from node.cli.bench.network import network_of

if TYPE_CHECKING:
    from node.cli.bench.bids import MadeBid
    from node.cli.bench.setting import Setting

BATCH = 256
CALLS = 4
"""Streams at once, as of four partners."""
AT_ONCE = 64
TENDERS = 32


def stream(setting: Setting) -> Pair:
    """Some thousands of bids in messages of 256 on four streams."""
    network, number = network_of(setting), setting.amount(4096, 512)
    load, bids = network.load(setting), list["MadeBid"]()

    def value() -> Work:
        bids[:] = network.bids(number, setting.amount(TENDERS, 2))
        items = [bid.item for bid in bids]
        messages = [Load.message(items[at : at + BATCH]) for at in range(0, number, BATCH)]
        parts = [messages[call::CALLS] for call in range(min(CALLS, len(messages)))]

        async def send() -> int:
            return sum(await asyncio.gather(*map(load.stream, parts)))

        return lambda: network.do(send())

    return Pair(value, lambda: lambda: check_signatures(bids, cores()))


def check_signatures(bids: Sequence[MadeBid], threads: int) -> int:
    """The floor: each signature checked, on so many threads: libsodium lets go of the lock."""

    def check(part: Sequence[MadeBid]) -> None:
        for bid in part:
            sodium.crypto_sign_open(bid.signed, bid.key)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(check, (bids[at::threads] for at in range(threads))))
    return len(bids)


def one(setting: Setting) -> Pair:
    """Bids one a call, 64 calls at once."""
    network, number = network_of(setting), setting.amount(1024, 256)
    load, empty = network.load(setting), network.load(setting, network.empty_server(setting))

    def value() -> Work:
        bids = network.bids(number, setting.amount(TENDERS, 2))
        messages = [Load.message([bid.item]) for bid in bids]
        return lambda: network.do(load.each(messages, AT_ONCE))

    return Pair(value, lambda: lambda: network.do(empty.empty(number, AT_ONCE)))
