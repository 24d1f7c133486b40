"""Signs and sends transactions of one account: one nonce queue, receipts with the answer or later.

After an unknown outcome the queue forgets its nonce and asks the chain, which alone knows; what
was perhaps sent is never assumed to be lost. Writers look at the chain's state before they send
again (`chain/client.py`), and every write of the contracts is refused the second time.

Callers who wait while others' transactions are sent share the next request, and so a block: what a
chain does for a block costs as much for one transaction as for many.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from chain.errors import ChainError, ChainUnavailable
from chain.rpc import Request, Rpc, RpcError

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount  # noqa: TID251 - never run

MOST: Final = 256
"""From so many transactions on, the next callers have a request of their own."""
RECEIPT_TIMEOUT_S = 30.0
POLL_FIRST_S, POLL_MOST_S = 0.002, 0.25
NONCE_WORDS = ("nonce too low", "nonce too high", "invalid nonce", "invalid sequence")


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is to be sent. `to` is 20 bytes, or empty to create a contract; gas is the limit."""

    to: bytes
    data: bytes
    gas: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction. `address` is that of a created contract, or empty."""

    hash: str
    block: int
    ok: bool
    gas_used: int
    address: str


@dataclass(frozen=True, slots=True)
class _Sent:
    """A transaction by its hash: what the chain said to it, and its receipt if that was there."""

    hash: str
    answer: Any
    receipt: Any


@dataclass(frozen=True, slots=True)
class _Job:
    """One caller's transactions, and where it waits for what the chain said to them."""

    transactions: Sequence[Transaction]
    answer: Future[list[_Sent]] = field(default_factory=Future)


class Sender:
    """The one queue of one key. Thread-safe; make one a key and process."""

    def __init__(self, rpc: Rpc, chain_id: int, key: bytes) -> None:
        self._rpc, self._chain_id = rpc, chain_id
        self._signer = signer_of(key)
        self.account: str = self._signer.address.lower()
        self._nonce: int | None = None
        self._lock = threading.Lock()
        self._waiting: deque[_Job] = deque()

    def send(self, transactions: Sequence[Transaction]) -> list[Receipt]:
        """Send all, in one request and in this order, and wait for their receipts.

        Raises ChainError if the chain refuses one (those before it may stand), ChainUnavailable
        if the outcome is unknown. A reverted transaction is a Receipt that is not `ok`.
        """
        job = _Job(transactions)
        self._waiting.append(job)
        with self._lock:
            while not job.answer.done():
                self._send_waiting()
        sent = job.answer.result()
        for one in sent:
            if isinstance(one.answer, RpcError):
                raise ChainError(one.answer.detail)
        try:
            return self._wait(sent)
        except ChainUnavailable:
            with self._lock:
                self._nonce = None
            raise

    def _send_waiting(self) -> None:
        """Send what waits, in the order in which it came; with the lock."""
        jobs = [self._waiting.popleft()]
        while self._waiting and sum(len(job.transactions) for job in jobs) < MOST:
            jobs.append(self._waiting.popleft())
        try:
            sent = self._post([one for job in jobs for one in job.transactions])
        except BaseException as error:
            for job in jobs:
                job.answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return
        for job in jobs:
            count = len(job.transactions)
            job.answer.set_result(sent[:count])
            sent = sent[count:]

    def _post(self, transactions: Sequence[Transaction]) -> list[_Sent]:
        """Send; all anew if our nonce was stale, and only if the chain took none of them."""
        sent = self._try(transactions)
        errors = [one.answer for one in sent if isinstance(one.answer, RpcError)]
        if errors:
            self._nonce = None
            stale = any(word in errors[0].message.lower() for word in NONCE_WORDS)
            if stale and len(errors) == len(sent):
                sent = self._try(transactions)
                if any(isinstance(one.answer, RpcError) for one in sent):
                    self._nonce = None
        return sent

    def _try(self, transactions: Sequence[Transaction]) -> list[_Sent]:
        """Send, and ask for the receipts in the same request: a development chain has them then."""
        try:
            if self._nonce is None:
                known = self._rpc.call("eth_getTransactionCount", self.account, "latest")
                self._nonce = int(known, 16)
            first = self._nonce
            signed = [self._sign(t, first + i) for i, t in enumerate(transactions)]
            self._nonce = first + len(signed)
            wanted: list[Request] = [("eth_sendRawTransaction", [raw]) for raw, _ in signed]
            answers = self._rpc.answers([*wanted, *(_receipt(name) for _, name in signed)])
            both = zip(answers[: len(signed)], answers[len(signed) :], strict=True)
            return [_Sent(name, *two) for (_, name), two in zip(signed, both, strict=True)]
        except ChainUnavailable:
            self._nonce = None
            raise

    def _sign(self, transaction: Transaction, nonce: int) -> tuple[str, str]:
        """The raw transaction and its hash."""
        fields: dict[str, Any] = {
            "nonce": nonce,
            "gas": transaction.gas,
            "gasPrice": 0,  # members' networks charge nothing
            "value": 0,
            "data": transaction.data,
            "chainId": self._chain_id,
        }
        if transaction.to:
            fields["to"] = transaction.to
        signed = self._signer.sign_transaction(fields)
        return "0x" + bytes(signed.raw_transaction).hex(), "0x" + bytes(signed.hash).hex()

    def _wait(self, sent: Sequence[_Sent]) -> list[Receipt]:
        wanted = [_receipt(one.hash) for one in sent]
        found = [one.receipt for one in sent]
        end, pause = time.monotonic() + RECEIPT_TIMEOUT_S, POLL_FIRST_S
        while not all(isinstance(one, dict) for one in found):
            if time.monotonic() > end:
                raise ChainUnavailable(f"no receipt within {RECEIPT_TIMEOUT_S:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.5, POLL_MOST_S)
            found = self._rpc.batch(wanted)
        return [_receipt_of(raw) for raw in found]


def signer_of(key: bytes) -> LocalAccount:
    """The signing account of a private key; the one place that imports eth_account (0.9 s).

    That import lets the whole process recurse 100,000 deep (py_ecc does), so deep that a nested
    JSON document from outside overflows the stack and kills the process. It is taken back.
    """
    limit = sys.getrecursionlimit()
    from eth_account import Account  # noqa: TID251 - the one door, which takes the limit back

    sys.setrecursionlimit(limit)
    signer: LocalAccount = Account.from_key(key)
    return signer


def _receipt(hash_: str) -> Request:
    return ("eth_getTransactionReceipt", [hash_])


def _receipt_of(raw: dict[str, Any]) -> Receipt:
    return Receipt(
        hash=raw["transactionHash"],
        block=int(raw["blockNumber"], 16),
        ok=int(raw["status"], 16) == 1,
        gas_used=int(raw["gasUsed"], 16),
        address=(raw.get("contractAddress") or "").lower(),
    )
