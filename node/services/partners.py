"""Connections to partners: made, renewed and cut as the registry says, at once.

A member whose certificate, endpoint or status changed gets a new connection or none; what was
followed over the old one is taken up where our store stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from node.services.following import Following
    from node.services.members import Members
    from node.services.ports import Member, Partner


@dataclass(slots=True)
class Partners:
    """All partners we are connected to."""

    members: Members
    connect: Callable[[Member], Partner]
    following: Callable[[str, Partner], Following]
    by_id: dict[str, Partner]
    _as: dict[str, Member] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def refresh(self) -> None:
        """Bring connections in line with the registry as we see it now."""
        wanted = {member.id: member for member in self.members.partners()}
        for name in list(self._as):
            if wanted.get(name) != self._as[name]:
                await self._drop(name)
        for name, member in wanted.items():
            if name not in self._as:
                self._as[name] = member
                self.by_id[name] = self.connect(member)
                follow = self.following(name, self.by_id[name])
                self._tasks[name] = asyncio.create_task(follow.run(), name=f"follow {name}")

    async def close(self) -> None:
        """Let go of everybody."""
        for name in list(self._as):
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        del self._as[name]
        task, partner = self._tasks.pop(name), self.by_id.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await partner.close()
