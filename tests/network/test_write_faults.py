"""The fault table on a real process and a real disk: every write may fail or be the last.

Failed, failed but persisted, killed before, killed after; the same folder all along. Whatever was
answered before stands, at the place that was named, once.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from node.adapters.sql.store import SqlStore
from tests.conftest import ROOT
from tests.network.field import SPY
from tests.network.killing import arm
from tests.network.spy.striking import FAILED, KILLED, Blow
from tests.network.test_store_kill import check_told, note
from tests.simulators.fsck import check_store
from tests.simulators.people import HOST, log_vkey

pytestmark = pytest.mark.network
WRITES = (
    "SqlStore.commit",
    "SqlStore.publish",
    "SqlStore.set_quorum",
    "FileBlobs._replace fsync",
    "FileBlobs._replace replace",
    "FileBlobs._write fsync",
)
"""The durable writes of a host that are made again and again."""


def struck(folder: Path, blow: Blow, bids: int) -> list[str]:
    """What a process said that was struck at one of its writes."""
    spy, url = folder / "spy", f"sqlite:///{folder}/node.db"
    arm(spy / "arm" / "host", blow)
    path = os.pathsep.join((str(SPY), str(ROOT), str(ROOT / "protos")))
    done = subprocess.run(
        [sys.executable, "-m", "tests.network.accepting", str(folder), str(bids), url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path, "KILL_SPY": str(spy), "KILL_AS": "host"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert (spy / "arm" / "host.fallen").read_text("ascii") == blow.name
    # Where a write fails the play ends as it likes; only kill -9 must look like one.
    assert blow.how in FAILED or done.returncode == -signal.SIGKILL
    return done.stdout[: done.stdout.rfind("\n") + 1].splitlines()


def test_every_write_of_a_real_process_may_fail_or_be_the_last(tmp_path: Path) -> None:
    told: dict[str, tuple[int, str]] = {}
    table = [Blow(name, 3, how) for name in WRITES for how in (*KILLED, *FAILED)]
    for number, blow in enumerate(table, 1):
        note(told, struck(tmp_path, blow, 16 * number))
        store = SqlStore(f"sqlite:///{tmp_path}/node.db")
        check_told(store, told)
        check_store(store, log_vkey(HOST))
        store.close()
    assert len(told) > len(table)
