"""A process that accepts records, or its database's server, is killed (SIGKILL) at any moment.

Whatever it had answered stands, at the place it had named, once; rows, log and checkpoints fit.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from node.adapters.sql.store import SqlStore
from node.services.ports import Store
from tests.conftest import ROOT
from tests.postgres import start_postgres
from tests.simulators.fsck import check_store
from tests.simulators.people import HOST, log_vkey

pytestmark = pytest.mark.network
BIDS = 120
KILLS = 5


def start(folder: Path, url: str) -> subprocess.Popen[str]:
    """A node's process on this folder and this database."""
    command = [sys.executable, "-m", "tests.network.accepting", str(folder), str(BIDS), url]
    path = os.pathsep.join((str(ROOT), str(ROOT / "protos")))
    env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True)


def killed_after(
    folder: Path, url: str, lines: int, kill: Callable[[subprocess.Popen[str]], None]
) -> list[str]:
    """What a process said before it ended by a kill, some moment after its n-th line."""
    with start(folder, url) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        kill(process)
        # Not communicate(): it reads past what readline() has already buffered, and loses that.
        rest = process.stdout.read()
    assert process.returncode != 0
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


def check_stands(url: str, told: dict[str, tuple[int, str]]) -> None:
    """What was answered stands, and all that stands fits."""
    store = SqlStore(url)
    check_told(store, told)
    check_store(store, log_vkey(HOST))
    store.close()


def run_to_its_end(folder: Path, url: str, told: dict[str, tuple[int, str]]) -> None:
    """A process that nobody kills; then every bid stands once, and in the log."""
    process = start(folder, url)
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    note(told, out.splitlines())
    assert len(told) == BIDS
    check_stands(url, told)
    store = SqlStore(url)
    (row,) = store.streams()
    assert [place.seq for place in store.places(row.id)] == list(range(5 + BIDS))
    assert store.unpublished() == []
    store.close()


def test_nothing_acknowledged_is_lost_and_nothing_stands_twice(
    tmp_path: Path, database_url: str
) -> None:
    chance = random.Random(20260601)

    def kill(process: subprocess.Popen[str]) -> None:
        time.sleep(chance.random() * 0.05)
        process.send_signal(signal.SIGKILL)

    told: dict[str, tuple[int, str]] = {}
    for number in range(KILLS):
        note(told, killed_after(tmp_path, database_url, 2 + 8 * number, kill))
        check_stands(database_url, told)
    run_to_its_end(tmp_path, database_url, told)


def test_kill_of_the_databases_server_loses_nothing_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(20260602)
    server = start_postgres()
    url = server.create()

    def kill(_: subprocess.Popen[str]) -> None:
        time.sleep(chance.random() * 0.05)
        server.kill()

    told: dict[str, tuple[int, str]] = {}
    for number in range(KILLS):
        note(told, killed_after(tmp_path, url, 2 + 8 * number, kill))
        server.start()
        check_stands(url, told)
    run_to_its_end(tmp_path, url, told)
    server.stop()
