"""Listening at every node's door: the tender's stream at the host's, side and pool streams at each.

A node that is away is asked again until it is back; a record that breaks a rule ends the demo.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from node.core.errors import NodeError, UnavailableError
from node.services.ports.door import Beat

if TYPE_CHECKING:
    from node.cli.demo.watch import Step, Watch
    from node.services.ports import StreamRow
    from node.services.ports.door import Door

AGAIN_S = 0.3


@dataclass(frozen=True, slots=True)
class Case:
    """The tender that is run: its stream, its bids to come, each pool's size, who takes part.

    `members` are all members, the host first and the regulator last.
    """

    stream: str
    bids: int
    pools: Mapping[str, int]
    members: tuple[str, ...]

    @property
    def guests(self) -> frozenset[str]:
        """All but the host."""
        return frozenset(self.members[1:])

    def reader(self, member: str) -> str:
        """As whom a member reads at its own door."""
        return "regulator" if member == self.members[-1] else f"centre:{member}"


@dataclass(slots=True)
class Ears:
    """All that is followed. `heard` gets each record, in the order of its stream."""

    case: Case
    doors: Mapping[str, Door]
    watch: Watch
    heard: Callable[[Step], None] = field(init=False)
    now: int = 0
    failed: NodeError | None = None
    known: set[str] = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def start(self, heard: Callable[[Step], None]) -> None:
        """Listen at every door."""
        self.heard = heard
        for member in self.case.members:
            self._spawn(partial(self._list, member))

    async def close(self) -> None:
        """Listen no more."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    def _spawn(self, once: Callable[[], Awaitable[None]]) -> None:
        self.tasks.add(asyncio.create_task(self._again(once)))

    async def _again(self, once: Callable[[], Awaitable[None]]) -> None:
        while self.failed is None:
            try:
                await once()
            except UnavailableError:
                pass
            except NodeError as error:
                self.failed = error
            await asyncio.sleep(AGAIN_S)

    async def _list(self, member: str) -> None:
        async for row in self.doors[member].streams(self.case.reader(member)):
            if row.keeper == member and row.id not in self.known and self._is_ours(row):
                self.known.add(row.id)
                self._spawn(partial(self._follow, member, row.id))

    def _is_ours(self, row: StreamRow) -> bool:
        return row.kind == "pool" or self.case.stream in (row.id, row.of)

    async def _follow(self, member: str, stream: str) -> None:
        after = self.watch.held(stream) - 1
        async for item in self.doors[member].follow(stream, after, self.case.reader(member)):
            if isinstance(item, Beat):
                self.now = max(self.now, item.now)
                continue
            for step in self.watch.take(stream, item):
                self.heard(step)
