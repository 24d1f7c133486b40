"""The demo's children: started on a leash, watched, stopped in reverse order with a deadline.

Each child has its own folder, log file and pid file. A child that ended by itself is a failure that
names it and quotes its log; one that somebody killed may be started again by hand, and is waited
for.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BufferedWriter
from pathlib import Path

from node.cli.language import say
from node.core.errors import UnavailableError

STOP_S = 10.0
"""How long one child may take to stop before it is killed."""
LOG_LINES = 8
ACTORS = "actors"
SOMEBODY = (-signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT)
"""How a child ends that somebody else's signal has ended."""
PREFIX, DELIMITER = "YUANPING_", "__"
PROFILE = "YUANPING_PROFILE"


@dataclass(frozen=True, slots=True)
class Command:
    """What one child runs: its name, the words after `yuanping`, and its log file."""

    name: str
    words: tuple[str, ...]
    log: Path

    @property
    def line(self) -> str:
        """The line that starts it by hand."""
        return " ".join(("yuanping", *self.words))


@dataclass(slots=True)
class Child:
    """One running child."""

    command: Command
    process: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def was_stopped(self) -> bool:
        """Whether somebody else stopped or killed it; only actors end well by themselves."""
        status = self.process.poll()
        return status in SOMEBODY or (status == 0 and self.command.words[0] != ACTORS)

    @property
    def has_failed(self) -> bool:
        """Whether it ended by itself and not well."""
        return self.process.poll() not in (None, 0, *SOMEBODY)

    def ask_to_stop(self) -> None:
        """Let go of the leash."""
        if self.process.stdin is not None:
            self.process.stdin.close()

    def wait(self, seconds: float) -> None:
        """Wait until it is gone; kill it when the time is over."""
        try:
            self.process.wait(max(0.0, seconds))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(slots=True)
class Children:
    """All children, in the order they were started.

    In `profile` they tell of their CPU time. Each holds the files `shared`, too.
    """

    running: list[Child] = field(default_factory=list)
    profile: Path | None = None
    shared: tuple[int, ...] = ()

    def start(self, command: Command) -> Child:
        """Start one child; its output goes to the end of its log, which its owner alone reads."""
        with private_log(command.log) as log:
            process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-m", "node.cli.demo.leash", *command.words],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=self._environment(),
                pass_fds=self.shared,
                start_new_session=True,  # a Ctrl-C reaches the demo alone, which stops them
            )
        child = Child(command, process)
        self.running.append(child)
        return child

    def _environment(self) -> dict[str, str]:
        """What a child of ours finds there."""
        found = environment(os.environ)
        return found if self.profile is None else found | {PROFILE: str(self.profile)}

    def stop(self) -> None:
        """Stop all: the last that was started first, what depends before what it depends on."""
        groups = _by_kind(self.running)
        for group in reversed(groups):
            for child in group:
                child.ask_to_stop()
            end = time.monotonic() + STOP_S
            for child in group:
                child.wait(end - time.monotonic())
        self.running.clear()

    def check(self) -> None:
        """Raise UnavailableError naming a child that ended badly, with the end of its log."""
        for child in self.running:
            if child.has_failed:
                raise UnavailableError(failure(child), code="demo")

    def stopped(self) -> list[Child]:
        """Children that somebody stopped and that may be started again by hand."""
        return [child for child in self.running if child.was_stopped]


def private_log(path: Path) -> BufferedWriter:
    """Open a log at its end: mode 0600, in a folder of mode 0700 if it is made here.

    Actors log what they are about to say, nodes who came to them.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.fchmod(handle, 0o600)  # what an older demo left may have another mode
    return os.fdopen(handle, "ab")


def failure(child: Child) -> str:
    """Say which child ended, how, and what its log says last."""
    status = child.process.poll()
    lines = tail(child.command.log)
    log = " | ".join(lines) or say("（空）", "(empty)")
    return say(
        f"进程 {child.command.name} 已退出（{status}）。日志 {child.command.log} 末尾：{log}",
        f"process {child.command.name} ended ({status}); end of {child.command.log}: {log}",
    )


def tail(log: Path, lines: int = LOG_LINES) -> list[str]:
    """The last lines of a log."""
    try:
        text = log.read_text("utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()][-lines:]


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a child: without settings meant for one node of the caller's."""
    return {
        name: value
        for name, value in environ.items()
        if not (name.startswith(PREFIX) and (DELIMITER in name or name == "YUANPING_CONFIG"))
    }


def _by_kind(children: Sequence[Child]) -> list[list[Child]]:
    """Group neighbours whose command begins alike: actors, nodes and the chain, as started."""
    groups: list[list[Child]] = []
    for child in children:
        if groups and groups[-1][0].command.words[0] == child.command.words[0]:
            groups[-1].append(child)
        else:
            groups.append([child])
    return groups
