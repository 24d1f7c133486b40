"""Strikes its own process at one durable write, and notes what it was answered.

`sitecustomize` sets these hooks in every process of ours if KILL_SPY names a folder. Below it:

    arm/<program>      JSON Blow, put there by the killer; <program>.fallen: where it has struck
    writes/<program>/  one empty file a name of a durable write that this program has passed
    answers/<program>/ a file a process: each place that a node has acknowledged to it

A write's name is the function that asked for it and what it did: `SqlStore.commit`, or
`FileBlobs._replace fsync`. How it is struck is as in `tests/simulators/faults.py`.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from types import FrameType, ModuleType
from typing import Any

ANY = "*"
KILLED = ("killed-before", "killed-after")
FAILED = ("lost", "kept")
LATE_S = 0.3
"""How long after its answer a commit of the planted bug happens."""
_ON_BEHALF = {"sync_folder", "_sync_folder", "Path.replace", "Path.rename"} | {
    "SqlStore._write_facts",
}


@dataclass(frozen=True, slots=True)
class Blow:
    """Strike the `nth` write of this name (or any) from now on, in this way."""

    name: str
    nth: int
    how: str

    def encode(self) -> str:
        """As it lies in its file."""
        return json.dumps(asdict(self))


def program_of(words: Sequence[str]) -> str:
    """Which program of a network a command line starts: a member's id, `chain`, an actor's name,
    `crowd`, `conductor`; nothing if none of them.
    """
    if {"run", "--config"} <= set(words):
        return Path(_after(words, "--config")).parent.name
    if {"devnet", "--dir"} <= set(words):
        return "chain"
    if {"actors", "--dir"} <= set(words):
        return "crowd" if "crowd" in words else Path(_after(words, "--dir")).name
    if "--out" in words and {"replay", "demo"} & set(words):
        return "conductor"
    return ""


def _after(words: Sequence[str], option: str) -> str:
    return words[words.index(option) + 1]


class Striker:
    """The one of this process."""

    def __init__(self, folder: Path, program: str) -> None:
        self._arm = folder / "arm" / program
        self._passed = folder / "writes" / program
        self._lock = Lock()
        self._armed: Blow | None = None
        self._count = 0
        self._names: set[str] = set()
        for one in (self._arm.parent, self._passed):
            one.mkdir(parents=True, exist_ok=True)

    def next_blow(self, name: str) -> str:
        """How this write is struck now, or nothing."""
        with self._lock:
            self._note(name)
            try:
                blow = Blow(**json.loads(self._arm.read_text("ascii")))
            except (OSError, ValueError):
                self._armed = None
                return ""
            if blow != self._armed:
                self._armed, self._count = blow, 0
            if blow.name not in (ANY, name):
                return ""
            self._count += 1
            if self._count < blow.nth:
                return ""
            return self._claimed(blow, name)

    def _claimed(self, blow: Blow, name: str) -> str:
        """The blow falls, unless the killer has taken it back meanwhile."""
        self._armed = None
        try:
            os.rename(self._arm, self._arm.with_suffix(".falling"))
        except FileNotFoundError:
            return ""
        self._arm.with_suffix(".falling").unlink()
        self._arm.with_suffix(".fallen").write_text(name, "ascii")
        return blow.how

    def _note(self, name: str) -> None:
        if name not in self._names:
            self._names.add(name)
            (self._passed / name).touch()

    @contextmanager
    def around(self, name: str, error: Callable[[], Exception]) -> Iterator[None]:
        """One durable write; `error` is what its caller would see of a bad disk."""
        how = self.next_blow(name)
        if how == "killed-before":
            kill_self()
        if how == "lost":
            raise error()
        yield
        if how == "killed-after":
            kill_self()
        if how == "kept":
            raise error()


def kill_self() -> None:
    """As `kill -9` from outside: nothing more is done."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def caller(depth: int) -> str:
    """The function that asked, above those that only do it on its behalf."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and frame.f_code.co_qualname in _ON_BEHALF:
        frame = frame.f_back
    return frame.f_code.co_qualname if frame is not None else "?"


def strike_files(striker: Striker) -> None:
    """Watch fsync and rename of the whole process; SQLite's own are its commits."""
    for name in ("fsync", "replace"):
        _strike_file(striker, name)


def _strike_file(striker: Striker, name: str) -> None:
    done = getattr(os, name)

    def watched(*words: Any, **options: Any) -> Any:  # noqa: ANN401 - passed on
        with striker.around(f"{caller(2)} {name}", _bad_disk):
            return done(*words, **options)

    setattr(os, name, watched)


def _bad_disk() -> Exception:
    return OSError(errno.EIO, os.strerror(errno.EIO))


def database_hook(striker: Striker) -> Callable[[ModuleType], None]:
    """Watch every transaction that writes."""

    def hook(module: ModuleType) -> None:
        write = module.Database.write

        def watched(self: Any, *words: Any) -> Any:  # noqa: ANN401 - passed on
            with striker.around(caller(2), _bad_store):
                return write(self, *words)

        module.Database.write = watched

    return hook


def drawer_hook(striker: Striker) -> Callable[[ModuleType], None]:
    """Watch every write of the crowd's drawer: it is one commit of SQLite."""

    def hook(module: ModuleType) -> None:
        write = module.SqliteDrawer.write

        def watched(self: Any, name: str, data: bytes) -> None:  # noqa: ANN401 - a drawer
            with striker.around("SqliteDrawer.write", _bad_store):
                write(self, name, data)

        module.SqliteDrawer.write = watched

    return hook


def _bad_store() -> Exception:
    from node.core.errors import UnavailableError

    return UnavailableError("the disk failed", code="store")


def line_hook(note: Callable[[Any], None]) -> Callable[[ModuleType], None]:
    """Note each acceptance before whoever asked hears of it."""

    def hook(module: ModuleType) -> None:
        submit = module.Line._submit

        async def noted(self: Any, items: Any) -> Any:  # noqa: ANN401 - as it is
            answers = await submit(self, items)
            for answer in answers:
                note(answer)
            return answers

        module.Line._submit = noted

    return hook


def door_hook(note: Callable[[Any], None]) -> Callable[[ModuleType], None]:
    """The same for seats, which are taken at the own centre's door."""

    def hook(module: ModuleType) -> None:
        take_seat = module.DoorClient.take_seat

        async def noted(self: Any, taken: Any) -> Any:  # noqa: ANN401 - as it is
            answer = await take_seat(self, taken)
            note(answer)
            return answer

        module.DoorClient.take_seat = noted

    return hook


def answers_in(folder: Path) -> Callable[[Any], None]:
    """Notes acceptances in a file of this process; in the kernel's hands when it returns."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{os.getpid()}-{time.time_ns()}.jsonl"
    file = path.open("ab", buffering=0)

    def note(answer: Any) -> None:  # noqa: ANN401 - Accepted or an error
        if hasattr(answer, "entry"):
            file.write(json.dumps([answer.record, answer.seq, answer.entry]).encode() + b"\n")

    return note


def planted_bug(module: ModuleType) -> None:
    """ANSWER BEFORE COMMIT: the store says that it has written what it writes a little later."""
    from concurrent.futures import ThreadPoolExecutor

    commit, worker = module.SqlStore.commit, ThreadPoolExecutor(1)

    def late(self: Any, batch: Any) -> None:  # noqa: ANN401 - a store, a batch
        time.sleep(LATE_S)
        commit(self, batch)

    def answered(self: Any, batch: Any) -> None:  # noqa: ANN401
        worker.submit(late, self, batch)

    module.SqlStore.commit = answered


def hooks_of(folder: Path, program: str) -> dict[str, Callable[[ModuleType], None]]:
    """Module -> what to do with it once it is loaded; files are watched from now on."""
    striker, note = Striker(folder, program), answers_in(folder / "answers" / program)
    strike_files(striker)
    hooks = {
        "node.adapters.sql.engine": database_hook(striker),
        "node.adapters.sqlite_drawer": drawer_hook(striker),
        "node.adapters.rpc.line": line_hook(note),
        "node.adapters.rpc.door_client": door_hook(note),
    }
    if os.environ.get("KILL_BUG") == program:
        hooks["node.adapters.sql.store"] = planted_bug
    return hooks
