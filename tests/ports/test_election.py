"""Who may write: one process of a centre at a time, on either engine."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import suppress

import pytest

from node.adapters.sql.store import SqlStore
from node.core.errors import UnavailableError
from node.services.ports import Batch, Task
from tests.conftest import ROOT

HOLDER = """\
import sys
from node.adapters.sql.store import SqlStore
store = SqlStore(sys.argv[1])
store.put_fact("by", "holder")
print("holds", flush=True)
sys.stdin.read()
"""
TAKEOVER_S = 10.0


def hold(url: str) -> subprocess.Popen[str]:
    """Another process that writes on this database until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "holds\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def is_elected(store: SqlStore) -> bool:
    """Ask for the lock once; on a file, which nobody waits for, a refusal is a no."""
    with suppress(UnavailableError):
        return store.elect()
    return False


def refused(store: SqlStore) -> UnavailableError:
    with pytest.raises(UnavailableError) as caught:
        store.put_fact("by", "second")
    return caught.value


def test_second_writer_is_refused_reads_and_follows_the_first(database_url: str) -> None:
    first, second = SqlStore(database_url), SqlStore(database_url)
    first.commit(Batch(tasks=(Task("a", "1", {}, 0),)))
    assert first.elect()
    assert not is_elected(second)
    assert refused(second).code == "in-use"
    assert [task.key for task in second.tasks()] == ["1"]
    assert second.fact("by") is None
    first.hold()
    second.hold()
    first.close()
    assert second.elect()
    second.put_fact("by", "second")
    second.close()


def test_killed_writer_is_followed_within_seconds(database_url: str) -> None:
    holder = hold(database_url)
    store = SqlStore(database_url)
    assert not is_elected(store)
    assert store.fact("by") == "holder"
    kill(holder)
    end = time.monotonic() + TAKEOVER_S
    while not is_elected(store):
        assert time.monotonic() < end
        time.sleep(0.02)
    store.put_fact("by", "second")
    store.close()


def test_process_that_holds_a_file_is_named(database_url: str) -> None:
    holder = hold(database_url)
    store = SqlStore(database_url)
    named = f"process {holder.pid}" if database_url.startswith("sqlite") else "another process"
    assert named in str(refused(store))
    kill(holder)
    store.close()
