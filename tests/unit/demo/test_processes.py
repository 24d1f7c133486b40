"""Children on a leash: whatever ends the demo, none is left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from node.cli.demo.processes import Children, Command, environment, failure, tail
from node.core.errors import UnavailableError
from tests.conftest import ROOT

WAIT_S = 15.0
PARENT = """
import sys, time
from pathlib import Path
from node.cli.demo.processes import Children, Command
folder = Path(sys.argv[1])
words = ("chain", "devnet", "--dir", str(folder))
child = Children().start(Command("chain", words, folder / "log"))
print(child.pid, flush=True)
time.sleep(60)
"""


def eventually(is_true: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def children() -> Iterator[Children]:
    """Give children that are stopped at the end."""
    found = Children()
    yield found
    found.stop()


def waiting(folder: Path, name: str = "one") -> Command:
    """A command that runs until it is told to stop."""
    return Command(name, ("chain", "devnet", "--dir", str(folder / name)), folder / f"{name}.log")


def is_ready(folder: Path, pid: int) -> bool:
    path = folder / "pid"
    return path.exists() and path.read_text().strip() == str(pid)


def test_child_stops_well_when_the_leash_is_let_go(tmp_path: Path, children: Children) -> None:
    child = children.start(waiting(tmp_path))
    eventually(lambda: is_ready(tmp_path / "one", child.pid))
    children.stop()
    assert child.process.returncode == 0
    assert "stopped" in child.command.log.read_text() or "已停止" in child.command.log.read_text()


def test_no_child_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}"},
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        eventually(lambda: is_ready(tmp_path, pid))
        parent.kill()
        parent.wait()
    eventually(lambda: not is_alive(pid))


def test_logs_are_read_by_their_owner_alone(tmp_path: Path, children: Children) -> None:
    (tmp_path / "old.log").touch(0o644)
    for log in (tmp_path / "actors" / "bidders.log", tmp_path / "old.log"):
        children.start(Command("x", ("version",), log)).process.wait(WAIT_S)
        assert mode(log) == 0o600
        assert log.read_bytes()
    assert mode(tmp_path / "actors") == 0o700


def test_child_that_fails_is_named_with_the_end_of_its_log(
    tmp_path: Path, children: Children
) -> None:
    command = Command("xian", ("chain", "nonsense"), tmp_path / "node.log")
    child = children.start(command)
    child.process.wait(WAIT_S)
    with pytest.raises(UnavailableError, match=r"xian.*node\.log.*chain nonsense"):
        children.check()
    assert children.stopped() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_child_that_somebody_stopped_is_no_failure(
    tmp_path: Path, children: Children, number: int
) -> None:
    child = children.start(waiting(tmp_path))
    eventually(lambda: is_ready(tmp_path / "one", child.pid))
    assert children.stopped() == []
    child.process.send_signal(number)
    child.process.wait(WAIT_S)
    children.check()
    assert children.stopped() == [child]
    assert child.command.line.startswith("yuanping chain devnet --dir ")


def test_child_that_does_not_stop_is_killed(
    tmp_path: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("node.cli.demo.processes.STOP_S", 0.3)
    child = children.start(waiting(tmp_path))
    eventually(lambda: is_ready(tmp_path / "one", child.pid))
    os.kill(child.pid, signal.SIGSTOP)
    children.stop()
    assert child.process.returncode == -signal.SIGKILL


def test_settings_of_the_caller_do_not_reach_all_nodes() -> None:
    kept = {"PATH": "/bin", "YUANPING_LANG": "zh", "YUANPING_DATA": "/data"}
    dropped = {"YUANPING_HTTP__LISTEN": "127.0.0.1:1", "YUANPING_CONFIG": "x.toml"}
    assert environment(kept | dropped) == kept


def test_log_that_is_missing_or_not_text_still_gives_a_sentence(
    tmp_path: Path, children: Children
) -> None:
    assert tail(tmp_path / "none") == []
    (tmp_path / "log").write_bytes(b"\xff\xfe\n" + b"line\n" * 20)
    assert tail(tmp_path / "log") == ["line"] * 8
    child = children.start(Command("x", ("version",), tmp_path / "x.log"))
    child.process.wait(WAIT_S)
    (tmp_path / "x.log").unlink()
    assert "x" in failure(child)
