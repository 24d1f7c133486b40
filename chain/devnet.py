"""The development chain: anvil with a memory, a clock that can jump, and an operator who signs.

Order of every write, and replay runs the same function: (1) choose the block time; (2) make the
step durable in the journal; (3) hand it to anvil; (4) mine one block at exactly that time; only
then answer. The same steps give the same addresses, storage, state root and block hashes.

Trust: one operator. Whoever runs this process decides what the chain holds; see operator_key.py.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from chain.anvil import Anvil, kill_stale, start_anvil
from chain.door import Door
from chain.errors import ChainError, ChainUnavailable, JournalRefused
from chain.journal import Genesis, Journal, Step
from chain.operator_key import OperatorKey
from chain.ports import free_port
from chain.proving import Jump, Prove, prove
from chain.rpc import Request, RpcError

READS = frozenset(
    {
        *("eth_blockNumber", "eth_call", "eth_chainId", "eth_estimateGas", "eth_feeHistory"),
        *("eth_gasPrice", "eth_getBalance", "eth_getBlockByHash", "eth_getBlockByNumber"),
        *("eth_getBlockReceipts", "eth_getCode", "eth_getLogs", "eth_getProof"),
        *("eth_getStorageAt", "eth_getTransactionByHash", "eth_getTransactionCount"),
        *("eth_getTransactionReceipt", "eth_maxPriorityFeePerGas"),
        *("net_version", "web3_clientVersion"),
    }
)
SEND = "eth_sendRawTransaction"
INVALID_PARAMS, NO_METHOD, REFUSED = -32602, -32601, -32000
GROUP_MOST = 1024
"""From so many transactions on the next callers get a block of their own: gas is limited."""
ALIVE_EVERY_S = 2.0
_RAW = re.compile(r"0x[0-9a-fA-F]{2,1048576}")


@dataclass(slots=True)
class RunningClock:
    """Chain time: what it was last set to, and what has passed since by a steady clock."""

    base: float
    since: float

    def now(self) -> int:
        """Seconds since 1970, UTC."""
        return int(self.base + time.monotonic() - self.since)

    def set(self, to: float) -> None:
        """Go on from this time."""
        self.base, self.since = to, time.monotonic()


@dataclass(slots=True)
class Waiting:
    """Raw transactions of one caller, and what came of them."""

    raws: list[str]
    results: list[Any] | None = None
    refused: JournalRefused | None = None


class Devnet:
    """The chain itself, without its HTTP door. Thread-safe; one write at a time."""

    def __init__(
        self, anvil: Anvil, journal: Journal, key: OperatorKey, clock: RunningClock
    ) -> None:
        self._anvil, self._journal, self._key, self._clock = anvil, journal, key, clock
        self._last = clock.now()
        self._lock = threading.Lock()
        self._waiting: deque[Waiting] = deque()
        self.broken = threading.Event()

    def replay(self, genesis: Genesis, now: int) -> None:
        """Do every journalled step again; then the clock goes on.

        On a test clock it goes on from the last block, on the system's from now if that is later.
        """
        self._last = genesis.time
        for step in self._journal.steps():
            self._apply(step)
        self._clock.set(max(self._last, now) if genesis.clock == "system" else self._last)

    def pass_on(self, methods: Sequence[str], body: bytes) -> bytes | None:
        """What anvil answers to a body in which all only read; None otherwise."""
        if not READS.issuperset(methods):
            return None
        try:
            return self._anvil.rpc.post(body)
        except (ChainUnavailable, OSError) as error:
            raise self._stops(error) from None

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        """Results in order, an RpcError in the place of each that failed.

        Raw transactions that stand next to each other in one batch go into one block. Raises
        ChainUnavailable, and sets `broken`, if the outcome is unknown.
        """
        results: list[Any] = []
        at = 0
        while at < len(requests):
            end = at + 1
            while end < len(requests) and _kind(requests[end]) == _kind(requests[at]) != "own":
                end += 1
            results += self._answer_run(_kind(requests[at]), requests[at:end])
            at = end
        return results

    def _answer_run(self, kind: str, run: Sequence[Request]) -> list[Any]:
        try:
            if kind == "read":
                return self._anvil.rpc.answers(run)
            return self._send(run) if kind == "send" else [self._own(*run[0])]
        except RpcError as error:
            return [error for _ in run]
        except JournalRefused:
            raise  # nothing happened, and the next one may be taken
        except (ChainUnavailable, OSError) as error:
            raise self._stops(error) from None

    def _stops(self, error: Exception) -> ChainUnavailable:
        """Journal and anvil may differ now. Stop: the next start replays the journal."""
        self.broken.set()
        return ChainUnavailable(f"the chain stops: {error}")

    def _own(self, method: str, params: Sequence[Any]) -> Any:  # noqa: ANN401 - a JSON value
        given = params[0] if params else {}
        try:
            if method == "yuanping_jump":
                return self._jump(msgspec.convert(given, Jump).time)
            if method == "yuanping_prove":
                return {"note": prove(self._anvil.rpc, self._key, msgspec.convert(given, Prove))}
        except msgspec.ValidationError as error:
            raise RpcError(INVALID_PARAMS, str(error), b"") from None
        if method == "yuanping_operator":
            return self._key.vkey
        raise RpcError(NO_METHOD, f"{method} is not offered here", b"")

    def _send(self, run: Sequence[Request]) -> list[Any]:
        raws = [params[0] if len(params) == 1 else None for _, params in run]
        if not all(isinstance(raw, str) and _RAW.fullmatch(raw) for raw in raws):
            raise RpcError(INVALID_PARAMS, "one raw transaction in hex is wanted", b"")
        if self.broken.is_set():
            raise ChainUnavailable("it has failed")
        mine = Waiting([str(raw) for raw in raws])
        self._waiting.append(mine)
        with self._lock:
            while mine.results is None and mine.refused is None:
                self._send_waiting()
            if mine.refused is not None:
                raise mine.refused
            return mine.results or []

    def _send_waiting(self) -> None:
        """Put all that has come in while the last block was made into one: one fsync, one block."""
        group: list[Waiting] = []
        while self._waiting and sum(len(w.raws) for w in group) < GROUP_MOST:
            group.append(self._waiting.popleft())
        if not group:
            raise ChainUnavailable("the block of this call failed")
        raws = tuple(raw for waiting in group for raw in waiting.raws)
        step = Step(max(self._last, self._clock.now()), raws)
        try:
            self._journal.append(step)
        except JournalRefused as error:
            for waiting in group:
                waiting.refused = error
            return
        results = iter(self._apply(step))
        for waiting in group:
            waiting.results = list(islice(results, len(waiting.raws)))

    def _jump(self, to: int) -> str:
        with self._lock:
            now = max(self._last, self._clock.now())
            if to < now:
                raise RpcError(REFUSED, f"time goes forward only: it is {now}", b"")
            step = Step(to, ())
            self._journal.append(step)
            self._apply(step)
            self._clock.set(to)
            return str(self._anvil.rpc.call("eth_blockNumber"))

    def _apply(self, step: Step) -> list[Any]:
        """Steps 3 and 4 of the order above; a block is mined only if it is wanted."""
        # One call each: anvil may run the members of a batch in any order.
        results = [self._anvil.rpc.answers([(SEND, [raw])])[0] for raw in step.transactions]
        if not step.transactions or any(isinstance(r, str) for r in results):
            try:
                self._anvil.rpc.call("evm_mine", {"timestamp": step.time})
            except RpcError as error:
                raise ChainUnavailable(f"anvil refuses to mine: {error}") from None
            self._last = step.time
        return results


def run_devnet(
    folder: Path, port: int, chain_id: int = 20260, start_time: int | None = None, *, now: int
) -> None:
    """Serve the chain of `folder` on 127.0.0.1 until SIGTERM or SIGINT.

    `port` 0 takes the port of the last start, or a free one. `now` is the system's time, seconds
    since 1970. A new chain begins at `start_time` and then is a test clock's chain, or, without
    one, at `now`; a restarted one goes on as its journal says and ignores `start_time`. Ready when
    `state.json` names this process. Raises ChainError if the folder is in use, belongs to another
    chain id, or anvil fails; starting again then replays the journal.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    journal = Journal(folder / "journal")
    try:
        clock = "system" if start_time is None else "test"
        first = now if start_time is None else start_time
        genesis = journal.begin(Genesis(chain_id, first, clock))
        if genesis.chain_id != chain_id:
            raise ChainError(f"{folder} holds chain {genesis.chain_id}, not {chain_id}")
        _serve(folder, port, journal, (genesis, now), stop)
    finally:
        journal.close()


def _serve(
    folder: Path, port: int, journal: Journal, start: tuple[Genesis, int], stop: threading.Event
) -> None:
    genesis, now = start
    began = time.monotonic()
    before = _state_of(folder)
    if before:
        kill_stale(before["anvil_pid"], before["anvil_port"])
    key = OperatorKey(folder / "operator.key", genesis.chain_id)
    anvil = start_anvil(genesis.chain_id, genesis.time, folder / "anvil.log")
    try:
        devnet = Devnet(anvil, journal, key, RunningClock(float(genesis.time), began))
        # A kill during a long replay must still let the next start find this anvil.
        ready = {"anvil_pid": anvil.pid, "anvil_port": anvil.port, "operator": key.vkey}
        ready |= {"chain_id": genesis.chain_id, "clock": genesis.clock}
        known = port or before.get("port") or free_port()
        _write_state(folder, ready | {"port": known, "pid": 0})
        devnet.replay(genesis, now + int(time.monotonic() - began))
        with Door(known, devnet) as door:
            _write_state(folder, ready | {"port": door.port, "pid": os.getpid()})
            _wait(devnet, anvil, stop)
    finally:
        anvil.stop()


def _wait(devnet: Devnet, anvil: Anvil, stop: threading.Event) -> None:
    looked = time.monotonic()
    while not stop.wait(0.1):
        if time.monotonic() - looked > ALIVE_EVERY_S:
            looked = time.monotonic()
            if not anvil.is_running():
                devnet.broken.set()
        if devnet.broken.is_set():
            raise ChainError("anvil or the journal failed; start again to replay the journal")


def _kind(request: Request) -> str:
    return "send" if request[0] == SEND else "read" if request[0] in READS else "own"


def _state_of(folder: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads((folder / "state.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return state


def _write_state(folder: Path, state: dict[str, Any]) -> None:
    """Replace state.json and pid at once; the file is whole at any moment."""
    for name, text in (("pid", f"{state['pid']}\n"), ("state.json", json.dumps(state) + "\n")):
        aside = folder / f"{name}.new"
        aside.write_text(text, "utf-8")
        aside.replace(folder / name)
