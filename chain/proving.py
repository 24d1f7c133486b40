"""What the operator signs: a few slots of one contract as of one block.

Source: protocol.md 10.12. Hex is lower-case and bare here, as everywhere in the protocol.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import msgspec

from chain.operator_key import OperatorKey
from chain.rpc import Request, Rpc, RpcError

READ_SLOT = "eth_getStorageAt"
REFUSED = -32000
MAX_SLOTS = 1024
MAX_TIME = 253_402_300_799  # the last second that YYYY-MM-DDTHH:MM:SSZ can write
Slot = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


class Jump(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of yuanping_jump: seconds since 1970, UTC."""

    time: Annotated[int, msgspec.Meta(gt=0, le=MAX_TIME)]


class Prove(msgspec.Struct, forbid_unknown_fields=True):
    """Parameters of yuanping_prove; hex is lower-case and bare, as everywhere in the protocol."""

    contract: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}$(?!\n)")]
    number: Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
    slots: Annotated[list[Slot], msgspec.Meta(min_length=1, max_length=MAX_SLOTS)]


def prove(rpc: Rpc, key: OperatorKey, asked: Prove) -> str:
    """The operator's signed note over these slots as of a block (protocol.md 10.12).

    Raises RpcError if there is no such block, or its state is kept no more.
    """
    tag = hex(asked.number)
    wanted: list[Request] = [("eth_getBlockByNumber", [tag, False])]
    wanted += [(READ_SLOT, ["0x" + asked.contract, "0x" + s, tag]) for s in asked.slots]
    block, *values = rpc.answers(wanted)
    if not isinstance(block, dict):
        raise RpcError(REFUSED, f"no block {asked.number}", b"")
    if any(isinstance(value, RpcError) for value in values):
        why = f"the state of block {asked.number} is kept no more; prove a newer one"
        raise RpcError(REFUSED, why, b"")
    fact = {
        "contract": asked.contract,
        "hash": block["hash"][2:],
        "number": asked.number,
        "slots": dict(zip(asked.slots, (v[2:] for v in values), strict=True)),
        "time": _stamp(int(block["timestamp"], 16)),
    }
    # Only ASCII strings, integers and objects: sorted compact JSON is RFC 8785 here.
    return key.note(msgspec.json.encode(fact, order="sorted").decode())


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
