"""The nonce queue: what was perhaps sent is never assumed lost, what was not taken is sent anew."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from rlp.codec import decode  # type: ignore[import-untyped]

from chain.errors import ChainError, ChainUnavailable
from chain.rpc import Request, Rpc, RpcError
from chain.sender import Receipt, Sender, Transaction
from tests.chain_process import KEYS

CALL = Transaction(b"\x11" * 20, b"\xab", 100_000)


class Scripted(Rpc):
    """An endpoint that plays one answer a request and keeps what it was asked."""

    def __init__(self, script: Sequence[Any]) -> None:
        super().__init__("http://127.0.0.1:9")
        self.script = list(script)
        self.asked: list[tuple[str, ...]] = []

    def answers(self, requests: Sequence[Request]) -> list[Any]:
        self.asked.append(tuple(method for method, _ in requests))
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        listed: list[Any] = answer
        return listed


def receipt(status: str = "0x1") -> dict[str, str]:
    return {"transactionHash": "0x1", "blockNumber": "0x5", "status": status, "gasUsed": "0x9"}


SEND, COUNT, LOOK = "eth_sendRawTransaction", "eth_getTransactionCount", "eth_getTransactionReceipt"
TOO_LOW = RpcError(-32003, "nonce too low", b"")


def played(*script: Any) -> tuple[Sender, Scripted]:  # noqa: ANN401 - JSON answers
    rpc = Scripted(script)
    return Sender(rpc, 20260, KEYS[0]), rpc


def test_the_nonce_is_asked_once_and_counted_on() -> None:
    sender, rpc = played(["0x7"], ["0xh", receipt()], ["0xi", "0xj", receipt(), receipt()])
    assert sender.send([CALL])[0].block == 5
    assert len(sender.send([CALL, CALL])) == 2
    assert rpc.asked == [(COUNT,), (SEND, LOOK), (SEND, SEND, LOOK, LOOK)]


def test_a_receipt_that_is_not_there_yet_is_waited_for() -> None:
    sender, rpc = played(["0x0"], ["0xh", None], [None], [receipt("0x0")])
    assert sender.send([CALL])[0].ok is False
    assert rpc.asked[1:] == [(SEND, LOOK), (LOOK,), (LOOK,)]


def test_a_stale_nonce_is_asked_for_again_and_sent_anew() -> None:
    sender, rpc = played(["0x0"], [TOO_LOW, None], ["0x3"], ["0xh", receipt()])
    assert sender.send([CALL])[0].ok
    assert rpc.asked == [(COUNT,), (SEND, LOOK), (COUNT,), (SEND, LOOK)]


def test_a_nonce_that_stays_stale_is_given_up() -> None:
    sender, _ = played(["0x0"], [TOO_LOW, None], ["0x0"], [TOO_LOW, None])
    with pytest.raises(ChainError, match="nonce too low"):
        sender.send([CALL])


def test_half_a_batch_taken_is_never_sent_twice() -> None:
    sender, rpc = played(["0x0"], ["0xh", TOO_LOW, None, None])
    with pytest.raises(ChainError, match="nonce too low"):
        sender.send([CALL, CALL])
    assert rpc.asked == [(COUNT,), (SEND, SEND, LOOK, LOOK)]


def test_another_refusal_is_not_sent_again() -> None:
    sender, rpc = played(["0x0"], [RpcError(-32000, "insufficient funds", b""), None])
    with pytest.raises(ChainError, match="insufficient funds"):
        sender.send([CALL])
    assert rpc.asked == [(COUNT,), (SEND, LOOK)]


@pytest.mark.parametrize("lost", [1, 2])
def test_after_an_unknown_outcome_the_chain_is_asked_for_the_nonce(lost: int) -> None:
    first: list[Any] = [["0x0"], ["0xh", None]][:lost]
    sender, rpc = played(*first, ChainUnavailable("gone"), ["0x1"], ["0xi", receipt()])
    with pytest.raises(ChainUnavailable):
        sender.send([CALL])
    assert sender.send([CALL])[0].ok
    assert rpc.asked[lost + 1] == (COUNT,)


def test_no_receipt_in_time_is_an_unknown_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chain.sender.RECEIPT_TIMEOUT_S", -1.0)
    sender, _ = played(["0x0"], ["0xh", None])
    with pytest.raises(ChainUnavailable, match="no receipt"):
        sender.send([CALL])


class Slow(Scripted):
    """Its second request (the first is for the nonce) is answered once `go` is set."""

    def __init__(self, script: Sequence[Any]) -> None:
        super().__init__(script)
        self.sending, self.go = threading.Event(), threading.Event()

    def answers(self, requests: Sequence[Request]) -> list[Any]:
        if len(self.asked) == 1:
            self.sending.set()
            assert self.go.wait(10)
        return super().answers(requests)


def meanwhile(rpc: Slow, *calls: int) -> list[Future[list[Receipt]]]:
    """One caller whose transaction is on its way, then others that come in this order."""
    sender, found = Sender(rpc, 20260, KEYS[0]), list[Future[list[Receipt]]]()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(1 + len(calls)))
        stack.callback(rpc.go.set)
        found.append(pool.submit(sender.send, [CALL]))
        assert rpc.sending.wait(10)
        for place, count in enumerate(calls, 1):
            found.append(pool.submit(sender.send, [CALL] * count))
            while len(sender._waiting) < place:
                assert not found[-1].done()
    return found


def test_callers_who_wait_share_a_request_and_each_has_its_own_receipts() -> None:
    later = ["0xi", "0xj", "0xk", receipt(), receipt("0x0"), receipt()]
    rpc = Slow([["0x7"], ["0xh", receipt()], later])
    first, one, two = (future.result() for future in meanwhile(rpc, 1, 2))
    assert [[found.ok for found in each] for each in (first, one, two)] == [
        [True],
        [True],
        [False, True],
    ]
    assert rpc.asked == [(COUNT,), (SEND, LOOK), (SEND, SEND, SEND, LOOK, LOOK, LOOK)]


def test_a_refusal_is_told_to_whose_it_is() -> None:
    refused = RpcError(-32000, "insufficient funds", b"")
    rpc = Slow([["0x7"], ["0xh", receipt()], [refused, "0xj", None, receipt()]])
    _, one, two = meanwhile(rpc, 1, 1)
    with pytest.raises(ChainError, match="insufficient funds"):
        one.result()
    assert two.result()[0].ok


def test_an_unknown_outcome_is_told_to_all_who_shared_it() -> None:
    rpc = Slow([["0x7"], ["0xh", receipt()], ChainUnavailable("gone")])
    first, *others = meanwhile(rpc, 1, 1)
    assert first.result()[0].ok
    for other in others:
        with pytest.raises(ChainUnavailable):
            other.result()


def test_what_is_signed_names_chain_nonce_and_contract() -> None:
    raws: list[str] = []

    class Kept(Scripted):
        def answers(self, requests: Sequence[Request]) -> list[Any]:
            raws.extend(params[0] for method, params in requests if method == SEND)
            return super().answers(requests)

    Sender(Kept([["0x7"], ["0xh", receipt()]]), 20260, KEYS[0]).send([CALL])
    nonce, price, gas, to, value, data, v, _, _ = decode(bytes.fromhex(raws[0][2:]))
    assert (nonce, price, value) == (b"\x07", b"", b"")
    assert (int.from_bytes(gas, "big"), to, data) == (CALL.gas, CALL.to, CALL.data)
    assert int.from_bytes(v, "big") in (20260 * 2 + 35, 20260 * 2 + 36)  # EIP-155
