"""A demo on PostgreSQL: its host is killed, and the process that stood by carries the tender on."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.network.demo_process import (
    DATABASE,
    MEMBERS,
    Demo,
    nobody_is_left,
    run_command,
    start_demo,
    start_node,
)
from tests.postgres import Postgres

pytestmark = pytest.mark.network
HOST = "zhuzhou"
TAKEOVER_S = 10.0
WAIT_S = 60.0


def until(is_true: Callable[[], bool], seconds: float) -> float:
    """Wait until something is true, at most so long; the seconds it took."""
    began = time.monotonic()
    while not is_true():
        assert time.monotonic() < began + seconds
        time.sleep(0.02)
    return time.monotonic() - began


def serving(folder: Path) -> int:
    """The process that serves a centre, by its pid file."""
    return int((folder / "pid").read_text("ascii") or 0)


def until_told(demo: Demo, kind: str) -> None:
    demo.until(lambda: any(event.get("type") == kind for event in demo.events))


def test_standby_takes_over_from_a_killed_host_and_ends_when_it_loses_its_session(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE, postgres.create_for("takeover", MEMBERS))
    demo = start_demo(tmp_path / "demo", "--json")
    folder = demo.folder / "centres" / HOST
    demo.until((folder / "pid").exists)
    first = serving(folder)
    standbys = {
        process.pid: process
        for process in (start_node(folder / "config.toml"), start_node(folder / "config.toml"))
    }
    said = folder / "by-hand.log"
    until(lambda: said.read_text("utf-8").count('"standby"') == len(standbys), WAIT_S)

    until_told(demo, "bids.closed/v1")
    assert serving(folder) == first
    os.kill(first, signal.SIGKILL)
    until(lambda: serving(folder) in standbys, TAKEOVER_S)
    heir = standbys.pop(serving(folder))
    (other,) = standbys.values()
    other.send_signal(signal.SIGTERM)
    assert other.wait(WAIT_S) == 0, "a standby ends in order"
    assert demo.ended() == 0, demo.out[-3000:] + demo.err[-3000:]
    assert (demo.events[-1]["winner"], demo.events[-1]["verified"]) == ("B283", True)

    postgres.cut(f"takeover_{HOST}")
    assert heir.wait(WAIT_S) == 1
    assert "store: the database's connection was lost" in said.read_text("utf-8")
    assert nobody_is_left(demo.folder)
    for member in MEMBERS:
        config = demo.folder / "centres" / member / "config.toml"
        done = run_command("node", "fsck", "--config", str(config))
        assert done.returncode == 0, done.stdout + done.stderr
