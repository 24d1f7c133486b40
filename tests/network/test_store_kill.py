"""A process that accepts records is killed (SIGKILL) at any moment, again and again.

Whatever it had answered stands, at the place it had named, once; rows, log and checkpoints fit.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from node.adapters.sql.store import SqlStore
from node.services.ports import Store
from tests.conftest import ROOT
from tests.simulators.fsck import check_store
from tests.simulators.people import HOST, log_vkey

pytestmark = pytest.mark.network
BIDS = 120
KILLS = 5


def start(folder: Path) -> subprocess.Popen[str]:
    """A node's process on this folder."""
    command = [sys.executable, "-m", "tests.network.accepting", str(folder), str(BIDS)]
    path = os.pathsep.join((str(ROOT), str(ROOT / "protos")))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def killed_after(folder: Path, lines: int, pause: float) -> list[str]:
    """What a process said before it was killed, some moment after its n-th line."""
    with start(folder) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        # Not communicate(): it reads past what readline() has already buffered, and loses that.
        rest = process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    # The kill may cut the last line; an answer that was not said whole was not given.
    whole = rest[: rest.rfind("\n") + 1]
    return [line.strip() for line in [*said, *whole.splitlines()]]


def check_told(store: Store, told: dict[str, tuple[int, str]]) -> None:
    """Everything that was answered stands where it was said to stand."""
    for record, (seq, entry) in told.items():
        row = store.find(record)
        assert row is not None, "acknowledged and lost"
        assert (row.seq, row.entry) == (seq, entry)


def note(told: dict[str, tuple[int, str]], lines: list[str]) -> None:
    """Remember answers; the same record must have the same answer for ever."""
    for line in lines:
        first, *rest = line.split()
        if first not in ("stream", "done"):
            answer = (int(rest[0]), rest[1])
            assert told.setdefault(first, answer) == answer


def test_nothing_acknowledged_is_lost_and_nothing_stands_twice(tmp_path: Path) -> None:
    chance = random.Random(20260601)
    told: dict[str, tuple[int, str]] = {}
    for number in range(KILLS):
        lines = killed_after(tmp_path, 2 + 8 * number, chance.random() * 0.05)
        note(told, lines)
        store = SqlStore(f"sqlite:///{tmp_path}/node.db")
        check_told(store, told)
        check_store(store, log_vkey(HOST))
        store.close()
    process = start(tmp_path)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    note(told, out.splitlines())
    assert len(told) == BIDS
    store = SqlStore(f"sqlite:///{tmp_path}/node.db")
    check_told(store, told)
    check_store(store, log_vkey(HOST))
    (row,) = store.streams()
    assert [place.seq for place in store.places(row.id)] == list(range(5 + BIDS))
    assert store.unpublished() == []
    store.close()
