"""The real demo in a process of its own, and how to see that nothing of it is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from chain.anvil import anvil_path
from chain.errors import ChainError
from tests.conftest import ROOT

PROGRAM = """\
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
from node.cli.main import run
run()
"""
"""The command as a shell starts it in the background: with SIGINT ignored."""
MEMBERS = ("zhuzhou", "shiyan", "xian", "regulator")
"""The members of the demo's network, its host first."""
DATABASE = "YUANPING_DEMO_DATABASE_URL"
LIMIT_S = 240.0
"""Longest time of one demo, on a machine that does other things as well."""


@dataclass
class Demo:
    """One run of `yuanping demo` that is under way; its output goes to files beside the folder."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def out(self) -> str:
        """What it has written for its reader so far."""
        return self.folder.with_suffix(".out").read_text("utf-8")

    @property
    def err(self) -> str:
        """What it has written to standard error so far."""
        return self.folder.with_suffix(".err").read_text("utf-8")

    @property
    def lines(self) -> list[str]:
        """Its lines so far."""
        return self.out.splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its JSON lines so far; the last one may be half written."""
        whole = self.out.rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def document(self, name: str) -> dict[str, Any]:
        """A JSON file of its folder."""
        found: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        return found

    def until(self, is_true: Callable[[], object]) -> None:
        """Wait until something is true; fail if the demo ends before."""
        end = time.monotonic() + LIMIT_S
        while not is_true():
            assert self.process.poll() is None, self.out[-3000:] + self.err[-3000:]
            assert time.monotonic() < end, self.out[-3000:] + self.err[-3000:]
            time.sleep(0.05)

    def ended(self) -> int:
        """Wait for its end; its exit status."""
        return self.process.wait(LIMIT_S)

    def interrupt(self, number: int = signal.SIGINT) -> int:
        """Send a signal and wait for its end; its exit status."""
        self.process.send_signal(number)
        return self.ended()


SPY = Path(__file__).parent / "spy"


def start_demo(
    folder: Path, *words: str, lang: str = "en", spied: Mapping[str, str] | None = None
) -> Demo:
    """Start `yuanping demo --out folder …`; skip if anvil is missing.

    `spied` is what the hooks of `tests.network.spy` find in the environment of every process.
    """
    try:
        anvil_path()
    except ChainError as error:
        pytest.skip(str(error))
    command = [sys.executable, "-c", PROGRAM, "demo", "--out", str(folder), *words]
    path = f"{ROOT}:{ROOT / 'protos'}"
    with (
        folder.with_suffix(".out").open("wb") as out,
        folder.with_suffix(".err").open("wb") as err,
    ):
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=out,
            stderr=err,
            env={
                **os.environ,
                **(spied or {}),
                "PYTHONPATH": f"{SPY}:{path}" if spied else path,
                "YUANPING_LANG": lang,
            },
            start_new_session=True,
        )
    return Demo(folder, process)


def start_node(config: Path) -> subprocess.Popen[bytes]:
    """`yuanping node run`, started by hand; what it says goes to `by-hand.log` beside the file."""
    with config.with_name("by-hand.log").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "node", "run", "--config", str(config)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}"},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        )


def run_command(*words: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """One command of ours, to its end; relative paths are those of `folder`."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def left_behind(folder: Path) -> list[str]:
    """Command lines of processes that still work in this folder, or on its chain."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in line:
            found.append(line)
    return found


def nobody_is_left(folder: Path) -> bool:
    """Whether all processes of a demo end within some seconds; anvil among them."""
    end = time.monotonic() + 20
    while left_behind(folder):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return not _anvil_of(folder)


def _anvil_of(folder: Path) -> bool:
    state = json.loads((folder / "chain" / "state.json").read_bytes())
    path = Path(f"/proc/{state['anvil_pid']}/cmdline")
    return path.exists() and str(state["anvil_port"]).encode() in path.read_bytes()
