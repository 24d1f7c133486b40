"""The development chain keeps its word through kill -9, torn writes and leftover children."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chain.client import ChainClient
from chain.collect import tender_proof
from chain.deploy import Deployment
from chain.errors import ChainError, ChainUnavailable
from chain.journal import Genesis, Journal, Step
from chain.rpc import Rpc
from node.core.evidence import anchor_devnet as core
from tests.chain_process import (
    ACCOUNTS,
    CHAIN_ID,
    KEYS,
    START,
    ChainProcess,
    guard_of,
    is_gone,
    start_chain,
)

pytestmark = pytest.mark.network
WORD = b"\xa1" * 32


@pytest.fixture
def begun() -> Iterator[list[ChainProcess]]:
    """Collect what a test has started; nothing of it outlives the test."""
    started: list[ChainProcess] = []
    yield started
    for chain in started:
        if chain.process.poll() is None:
            assert chain.stop() == 0
        assert is_gone(chain)


def work(chain: ChainProcess) -> Deployment:
    """Write with several accounts, jump, be refused, and jump again."""
    deployment = chain.deploy()
    host, guest = (chain.client(deployment, key) for key in KEYS[:2])
    for number in range(1, 6):
        stream = bytes([number]) * 32
        host.set_deadline(stream, START + 100 * number)
        guest.anchor_checkpoint(number, WORD)
        with pytest.raises(ChainError):
            guest.close_bids(stream, WORD, WORD)
        host.jump(host.latest().time + 100 * number)
        host.send([("anchor", "closeBids", (stream, WORD, WORD)) for _ in range(1)])
    host.send([("anchor", "setDeadline", (bytes([9, n]) * 16, START)) for n in range(15)])
    return deployment


def picture(url: str, deployment: Deployment) -> list[Any]:
    """Give every block in full, and the storage that the contracts show."""
    rpc = Rpc(url)
    last = int(rpc.call("eth_blockNumber"), 16)
    blocks = rpc.batch([("eth_getBlockByNumber", [hex(n), True]) for n in range(last + 1)])
    client = ChainClient(url, CHAIN_ID, deployment.contracts)
    state = [client.tender(bytes([n]) * 32, ACCOUNTS[0]) for n in range(10)]
    return [blocks, state, client.checkpoint(ACCOUNTS[1]), client.registry_changes()]


def test_kill_of_the_whole_group_loses_nothing(tmp_path: Path, begun: list[ChainProcess]) -> None:
    begun.append(start_chain(tmp_path))
    deployment = work(begun[-1])
    before = picture(begun[-1].url, deployment)
    client = begun[-1].client(deployment)
    note = tender_proof(client, b"\1" * 32, ACCOUNTS[0], client.latest().number).note
    vkey = client.operator()
    begun[-1].kill_all()
    begun.append(start_chain(tmp_path))
    assert begun[1].url == begun[0].url
    assert picture(begun[1].url, deployment) == before
    again = begun[1].client(deployment)
    assert again.operator() == vkey
    assert tender_proof(again, b"\1" * 32, ACCOUNTS[0], again.latest().number).note == note
    fact, host = core.verify_note(note, vkey, CHAIN_ID), bytes.fromhex(ACCOUNTS[0][2:])
    assert core.read_tender(fact, b"\1" * 32, host).keeper == host
    assert begun[1].client(deployment, KEYS[0]).set_deadline(b"\x77" * 32, 5)
    assert begun[1].deploy() == deployment


def test_a_killed_parent_leaves_no_anvil(tmp_path: Path) -> None:
    chain = start_chain(tmp_path)
    chain.kill()
    assert is_gone(chain)


def test_a_stale_anvil_is_killed_and_a_stranger_with_its_number_is_not(
    tmp_path: Path, begun: list[ChainProcess]
) -> None:
    first = start_chain(tmp_path)
    os.kill(guard_of(first), signal.SIGKILL)  # now nobody ends anvil when we die
    first.kill()
    assert not is_gone(first)
    begun.append(start_chain(tmp_path))
    assert is_gone(first)
    assert begun[-1].stop() == 0
    state = json.loads((tmp_path / "state.json").read_bytes())
    (tmp_path / "state.json").write_text(json.dumps(state | {"anvil_pid": os.getpid()}))
    begun.append(start_chain(tmp_path))  # and this test is still here


def test_a_torn_last_line_is_dropped(tmp_path: Path, begun: list[ChainProcess]) -> None:
    begun.append(start_chain(tmp_path))
    deployment = work(begun[-1])
    before = picture(begun[-1].url, deployment)
    begun[-1].kill_all()
    whole = (tmp_path / "journal").read_bytes()
    last = whole.splitlines(keepends=True)[-1]
    (tmp_path / "journal").write_bytes(whole + last[: len(last) // 2])
    begun.append(start_chain(tmp_path))
    assert picture(begun[-1].url, deployment) == before
    assert (tmp_path / "journal").read_bytes() == whole


def test_a_step_that_was_durable_but_not_done_is_done_at_the_next_start(
    tmp_path: Path, begun: list[ChainProcess]
) -> None:
    begun.append(start_chain(tmp_path))
    deployment = begun[-1].deploy()
    time_then = begun[-1].client(deployment).latest().time
    begun[-1].kill_all()
    journal = Journal(tmp_path / "journal")
    journal.append(Step(time_then + 500, ()))
    journal.close()
    begun.append(start_chain(tmp_path))
    assert begun[-1].client(deployment).latest().time == time_then + 500


def test_if_anvil_dies_the_chain_stops_and_the_next_start_has_all(
    tmp_path: Path, begun: list[ChainProcess]
) -> None:
    first = start_chain(tmp_path)
    deployment = first.deploy()
    client = first.client(deployment, KEYS[0])
    client.set_deadline(WORD, 5)
    os.kill(first.state["anvil_pid"], signal.SIGKILL)
    with pytest.raises(ChainUnavailable):
        client.send([("anchor", "setDeadline", (WORD, 6))])
    assert first.process.wait(10) != 0
    begun.append(start_chain(tmp_path))
    # It was durable before anvil was told: it stands, and asking again sends nothing.
    assert begun[-1].client(deployment, KEYS[0]).set_deadline(WORD, 6) is None


def test_two_processes_cannot_lead_one_chain(tmp_path: Path, begun: list[ChainProcess]) -> None:
    begun.append(start_chain(tmp_path))
    with pytest.raises(ChainError, match="another process"):
        Journal(tmp_path / "journal")
    with pytest.raises(AssertionError, match="another process"):
        start_chain(tmp_path)


def test_only_the_operator_can_read_the_operators_key(
    tmp_path: Path, begun: list[ChainProcess]
) -> None:
    begun.append(start_chain(tmp_path))
    assert stat.S_IMODE((tmp_path / "operator.key").stat().st_mode) == 0o600


def test_a_test_clock_goes_on_from_its_last_block_and_a_system_clock_from_now(
    tmp_path: Path, begun: list[ChainProcess]
) -> None:
    for folder, start_time in ((tmp_path / "test", START), (tmp_path / "system", None)):
        chain = start_chain(folder, start_time=start_time)
        chain.stop()
        journal = Journal(folder / "journal")
        genesis = journal.begin(Genesis(0, 0, ""))
        journal.close()
        assert genesis.clock == folder.name
        begun.append(start_chain(folder, start_time=None))
        deployment = begun[-1].deploy()
        now = begun[-1].client(deployment).latest().time
        wanted = START if start_time else time.time()
        assert wanted - 2 <= now <= wanted + 20
