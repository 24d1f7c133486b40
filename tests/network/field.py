"""A demo or replay whose programs can be struck at any moment and started again by hand.

All its processes carry the striker of `spy/striking`. Which of them run is read from /proc, as an
operator would with `ps`; one that was killed is started again with the very words it ran with.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chain.anvil import anvil_path
from chain.errors import ChainError
from tests.conftest import ROOT
from tests.network.demo_process import PROGRAM, Demo
from tests.network.spy.striking import program_of

SPY = Path(__file__).parent / "spy"
GONE_S = 30.0
LOOK_S = 0.02


@dataclass(frozen=True, slots=True)
class Running:
    """A process as it runs: what it takes to start it again."""

    pid: int
    words: tuple[str, ...]
    folder: Path
    log: Path


@dataclass(slots=True)
class Field:
    """One network under fire. `command` are the words after `yuanping`, without `--resume`."""

    site: Path
    command: tuple[str, ...]
    bug: str = ""
    by_hand: list[subprocess.Popen[bytes]] = field(default_factory=list)
    demo: Demo | None = None

    @property
    def spy(self) -> Path:
        """Where the strikers look and write."""
        return self.site.with_suffix(".spy")

    @property
    def conductor(self) -> Demo:
        """The command itself."""
        if self.demo is None:
            raise AssertionError("not started")
        return self.demo

    def start(self, *more: str) -> None:
        """Start the command, in a session of its own; skip the test if anvil is missing."""
        try:
            anvil_path()
        except ChainError as error:
            pytest.skip(str(error))
        if self.demo is not None:
            self.demo.process.wait()
        words = (sys.executable, "-c", PROGRAM, *self.command, *more)
        with (
            self.site.with_suffix(".out").open("ab") as out,
            self.site.with_suffix(".err").open("ab") as err,
        ):
            process = subprocess.Popen(
                words, cwd=ROOT, stdout=out, stderr=err, env=self._env(), start_new_session=True
            )
        self.demo = Demo(self.site, process)

    def _env(self) -> dict[str, str]:
        path = f"{SPY}:{ROOT}:{ROOT / 'protos'}"
        return {**os.environ, "PYTHONPATH": path, "KILL_SPY": str(self.spy), "KILL_BUG": self.bug}

    def programs(self) -> dict[str, Running]:
        """Everybody who runs now, by name."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (path / "cmdline").read_bytes().decode().split("\0")[:-1]
                if not any(word.startswith(str(self.site)) for word in words):
                    continue
                if name := program_of(words):
                    log = Path((path / "fd" / "1").readlink())
                    cwd = (path / "cwd").readlink()
                    found[name] = Running(int(path.name), tuple(words), cwd, log)
        return found

    def start_again(self, program: Running) -> None:
        """Start what was killed with the same words; it ends when we do."""
        with program.log.open("ab") as log:
            process = subprocess.Popen(
                program.words,
                cwd=program.folder,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._env(),
                start_new_session=True,
            )
        self.by_hand.append(process)

    def let_go(self) -> None:
        """Stop what was started by hand, in good order."""
        for process in self.by_hand:
            if process.stdin is not None:
                process.stdin.close()
        for process in self.by_hand:
            process.wait(GONE_S)
        self.by_hand.clear()

    def bury(self) -> None:
        """Nothing is left, however a test has ended."""
        for program in self.programs().values():
            with suppress(ProcessLookupError):
                os.kill(program.pid, signal.SIGKILL)
        if self.demo is not None:
            self.demo.process.kill()
            self.demo.process.wait()
        self.let_go()


@contextmanager
def under_fire(site: Path, command: Sequence[str], bug: str = "") -> Iterator[Field]:
    """A network to be started, of which nothing is left afterwards."""
    made = Field(site, tuple(command), bug)
    try:
        yield made
    finally:
        made.bury()


def is_gone(pid: int) -> bool:
    """Whether a process runs no more; its parent may not have looked yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def until_gone(pid: int, seconds: float = GONE_S) -> bool:
    """Wait for its end; whether it has come."""
    end = time.monotonic() + seconds
    while not is_gone(pid):
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_S)
    return True
