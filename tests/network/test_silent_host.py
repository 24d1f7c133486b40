"""The host is dead while a round of the beacon runs: the draw goes on, and without its secret."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chain.client import ChainClient
from chain.facts import RoundOpened, RoundSaid
from tests.network.demo_process import (
    MEMBERS,
    Demo,
    nobody_is_left,
    run_command,
    start_demo,
    start_node,
)

pytestmark = pytest.mark.network
HOST = MEMBERS[0]
ROUND_S = 700
"""Longer than a round takes (`reveal_seconds`), on the chain's clock."""
WAIT_S = 60.0


def chain_of(demo: Demo) -> ChainClient:
    """The demo's chain, to be read."""
    trust, network = demo.document("trust.json"), demo.document("network.json")
    contracts = {name: f"0x{at}" for name, at in trust["chain"]["contracts"].items()}
    return ChainClient(network["chain"]["rpc"], trust["network"]["chain_id"], contracts)


def told(chain: ChainClient) -> tuple[list[RoundOpened], list[RoundSaid]]:
    """Every round that was opened, and all that was said in them."""
    events = chain.look(1).told
    opened = [one for one in events if isinstance(one, RoundOpened)]
    return opened, [one for one in events if isinstance(one, RoundSaid)]


@contextmanager
def dead(demo: Demo, meanwhile: Callable[[], None]) -> Iterator[None]:
    """The host's node is killed and, after something, started again; stopped after the block."""
    folder = demo.folder / "centres" / HOST
    os.kill(int((folder / "pid").read_text("ascii")), signal.SIGKILL)
    meanwhile()
    node = start_node(folder / "config.toml")
    try:
        yield
    finally:
        node.terminate()
        node.wait(WAIT_S)


def test_host_that_was_silent_in_a_round_opens_the_next_one_for_the_others(tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "demo", "--json")
    demo.until((demo.folder / "network.json").exists)
    chain = chain_of(demo)
    demo.until(lambda: told(chain)[0])
    (first,), _ = told(chain)
    guests = set(first.members) - {first.opener}

    def until_over() -> None:
        demo.until(lambda: guests <= {one.account for one in told(chain)[1]})
        chain.rpc.call("yuanping_jump", {"time": chain.look().block.time + ROUND_S})

    with dead(demo, until_over):
        demo.until(lambda: len(told(chain)[0]) > 1)
        _, second, *_ = told(chain)[0]
        assert (set(second.members), second.opener) == (guests, first.opener)
        assert demo.ended() == 0, demo.out[-3000:] + demo.err[-3000:]
    end = demo.events[-1]
    assert (end["winner"], end["verified"]) == ("B283", True)
    words = ("verify", end["evidence"], "--trust", end["trust"], "--json")
    done = run_command(*words, folder=demo.folder)
    assert json.loads(done.stdout.splitlines()[0])["void_rounds"] == 1
    assert nobody_is_left(demo.folder)
