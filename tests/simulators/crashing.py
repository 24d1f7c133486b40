"""Killing an actor: a fuse that blows before or after any durable write and any call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


class Killed(BaseException):
    """The program was killed here."""


@dataclass
class Fuse:
    """Blows at the moments that `blows` accepts; moments are counted from 0 over all runs.

    Once blown, nothing of that run may do anything any more, as with a killed process.
    """

    blows: Callable[[int], bool] = lambda _moment: False
    moment: int = 0
    dead: bool = False
    victim: asyncio.Task[Any] | None = None
    kills: list[str] = field(default_factory=list)

    def pass_by(self, what: str) -> None:
        """One moment at which a program can be killed."""
        if self.dead:
            raise Killed(what)
        moment, self.moment = self.moment, self.moment + 1
        if self.blows(moment):
            self.dead = True
            self.kills.append(what)
            if self.victim is not None:
                self.victim.cancel()
            raise Killed(what)


@dataclass
class FusedDrawer:
    """A drawer in memory whose every change can be the last thing a program did."""

    fuse: Fuse = field(default_factory=Fuse)
    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, name: str) -> bytes | None:
        """A file, or None."""
        return self.files.get(name)

    def write(self, name: str, data: bytes) -> None:
        """All of it, or nothing."""
        self.fuse.pass_by(f"before writing {name}")
        self.files[name] = data
        self.fuse.pass_by(f"after writing {name}")

    def remove(self, name: str) -> None:
        """Gone."""
        self.files.pop(name, None)

    def names(self, folder: str) -> list[str]:
        """The files of one folder."""
        inside = [n.removeprefix(folder + "/") for n in self.files if n.startswith(folder + "/")]
        return sorted(name for name in inside if "/" not in name)


async def start_again(fuse: Fuse, program: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a program; start it again whenever the fuse has killed it."""
    while True:
        fuse.dead = False
        running: asyncio.Task[T] = asyncio.create_task(program())
        fuse.victim = running
        try:
            return await running
        except (Killed, asyncio.CancelledError):
            if not fuse.dead:
                running.cancel()
                raise
