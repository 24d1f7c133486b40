"""Reading and writing the network's contracts below their names: calls, batches, events, blocks.

Trust: what is asked is believed; what matters is proven elsewhere, see `chain/rpc.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chain.abi import decode, decode_error, encode_call, event, method
from chain.errors import ChainError, ChainUnavailable
from chain.facts import Block
from chain.rpc import Request, Rpc, RpcError
from chain.sender import Receipt, Sender, Transaction

GAS = {
    "anchorCheckpoint": 150_000,
    "setDeadline": 150_000,
    "closeBids": 200_000,
    "setResult": 200_000,
    "open": 250_000,
    "commit": 300_000,
    "reveal": 300_000,
    "propose": 500_000,
    "vote": 150_000,
    "execute": 500_000,
}
"""Gas limits, about twice what gas.json measured; fixed, so that nothing is estimated first."""
GAS_A_MEMBER = 60_000
GAS_A_BYTE = 1_500
"""A descriptor is stored when it is proposed, and again when it is executed."""
MAX_DESCRIPTOR = 16 * 1024
VIEWS_MOST = 1000
Call = tuple[str, str, tuple[object, ...]]
"""Contract ("registry", "anchor", "beacon"), function and arguments."""


class Calls:
    """One network, seen through one endpoint; writes as the account of `key`, if there is one."""

    def __init__(
        self, rpc_url: str, chain_id: int, contracts: Mapping[str, str], key: bytes | None = None
    ) -> None:
        """`contracts`: "registry", "anchor", "beacon" -> address. Nothing is asked yet."""
        self.rpc = Rpc(rpc_url)
        self.chain_id = chain_id
        self.contracts = {name: address.lower() for name, address in contracts.items()}
        self._sender = Sender(self.rpc, chain_id, key) if key is not None else None

    @property
    def account(self) -> str:
        """The account that writes. Raises ChainError for a client that only reads."""
        return self._writer().account

    def send(self, calls: Sequence[Call]) -> list[Receipt]:
        """Send many writes in one request, in this order, and wait for all.

        Not idempotent by itself. Raises ChainError for the first that reverted, after all have
        been mined: the others stand.
        """
        receipts = self._writer().send([self._transaction(call) for call in calls])
        for call, receipt in zip(calls, receipts, strict=True):
            if not receipt.ok:
                raise self._reason(call, receipt)
        return receipts

    def _write(self, call: Call) -> Receipt:
        return self.send([call])[0]

    def _writer(self) -> Sender:
        if self._sender is None:
            raise ChainError("this client has no key and only reads")
        return self._sender

    def _transaction(self, call: Call) -> Transaction:
        contract, name, args = call
        gas = GAS[name] + (GAS_A_MEMBER * len(_members(args)) if name == "open" else 0)
        if name in ("propose", "execute"):
            gas += GAS_A_BYTE * MAX_DESCRIPTOR
        return Transaction(self._address(contract), encode_call(contract, name, *args), gas)

    def _address(self, contract: str) -> bytes:
        return bytes.fromhex(self.contracts[contract][2:])

    def _reason(self, call: Call, receipt: Receipt) -> ChainError:
        """Ask again, as of the block that refused it: a refusal changes nothing."""
        contract, name, args = call
        data = "0x" + encode_call(contract, name, *args).hex()
        asked = {"from": self.account, "to": self.contracts[contract], "data": data}
        try:
            self.rpc.call("eth_call", asked, hex(receipt.block))
        except RpcError as error:
            custom, facts = decode_error(contract, error.data)
            return ChainError(facts or error.detail, name=custom)
        return ChainError(f"{name} was refused in block {receipt.block}")

    def _view(self, call: Call, number: int | None = None) -> tuple[Any, ...]:
        return self._views([call], number)[0]

    def _views(self, calls: Sequence[Call], number: int | None = None) -> list[tuple[Any, ...]]:
        """Many reads in one request, or in a few: a node takes no endless message."""
        if len(calls) > VIEWS_MOST:
            return [
                *self._views(calls[:VIEWS_MOST], number),
                *self._views(calls[VIEWS_MOST:], number),
            ]
        if not calls:
            return []
        tag = "latest" if number is None else hex(number)
        asked: list[Request] = [("eth_call", [self._asked(call), tag]) for call in calls]
        answers = self.rpc.batch(asked)
        return [self._read(call, raw) for call, raw in zip(calls, answers, strict=True)]

    def _asked(self, call: Call) -> dict[str, str]:
        contract, name, args = call
        data = "0x" + encode_call(contract, name, *args).hex()
        return {"to": self.contracts[contract], "data": data}

    def _read(self, call: Call, raw: str) -> tuple[Any, ...]:
        contract, name, _ = call
        try:
            return decode(method(contract, name).outputs, bytes.fromhex(raw[2:]))
        except (ValueError, TypeError):
            raise ChainError(f"no {contract} at {self.contracts[contract]}") from None

    def _block(self, tag: str) -> Block:
        return block_of(tag, self.rpc.batch([asked_block(tag)])[0])

    def _events(self, contract: str, name: str, first: int, last: int | None) -> list[Any]:
        wanted = [self._logs(contract, (name,), first, last)]
        return decoded_logs(contract, (name,), self.rpc.batch(wanted)[0])

    def _logs(self, contract: str, names: Sequence[str], first: int, last: int | None) -> Request:
        """What asks for these events of a contract."""
        asked = {
            "address": self.contracts[contract],
            "fromBlock": hex(first),
            "toBlock": "latest" if last is None else hex(last),
            "topics": [[event(contract, name).topic for name in names]],
        }
        return ("eth_getLogs", [asked])


def asked_block(tag: str) -> Request:
    """What asks for a block."""
    return ("eth_getBlockByNumber", [tag, False])


def block_of(tag: str, raw: dict[str, Any] | None) -> Block:
    """A block as the endpoint gives it. Raises ChainError if it has none."""
    if raw is None:
        raise ChainError(f"no block {tag}")
    return Block(int(raw["number"], 16), raw["hash"][2:], int(raw["timestamp"], 16))


def decoded_logs(contract: str, names: Sequence[str], logs: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a JSON value
    """Values of events by their names, with `event` and `block`. Raises ChainUnavailable."""
    known = {event(contract, name).topic: name for name in names}
    try:
        found = [(known[raw["topics"][0]], raw) for raw in logs]
        return [_decoded(event(contract, name), raw) | {"event": name} for name, raw in found]
    except (ValueError, LookupError, TypeError) as error:
        raise ChainUnavailable(f"malformed events of {contract}: {error}") from None


def _members(args: tuple[object, ...]) -> tuple[object, ...]:
    return next((a for a in args if isinstance(a, tuple)), ())


def _decoded(what: Any, raw: dict[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - an Event
    topics = b"".join(bytes.fromhex(t[2:]) for t in raw["topics"][1:])
    values = decode(tuple(kind for _, kind in what.indexed), topics)
    values += decode(tuple(kind for _, kind in what.data), bytes.fromhex(raw["data"][2:]))
    names = [name for name, _ in (*what.indexed, *what.data)]
    return dict(zip(names, values, strict=True)) | {"block": int(raw["blockNumber"], 16)}
