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
    """All members we are connected to; `by_id` are the partners, those in good standing."""

    members: Members
    connect: Callable[[Member], Partner]
    following: Callable[[str, Partner], Following]
    by_id: dict[str, Partner]
    _connected: dict[str, Partner] = field(default_factory=dict)
    _as: dict[str, Member] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def refresh(self) -> None:
        """Bring connections in line with the registry as we see it now."""
        others = self.members.by_id.items()
        wanted = {name: member for name, member in others if name != self.members.me}
        for name in list(self._as):
            if wanted.get(name) != self._as[name]:
                await self._drop(name)
        for name, member in wanted.items():
            if name not in self._as:
                self._begin(name, member)

    def _begin(self, name: str, member: Member) -> None:
        """Connect to a member; of a suspended one only the log is mirrored, nothing is sent."""
        partner = self._connected[name] = self.connect(member)
        follow = self.following(name, partner)
        is_active = member.status == "active"
        if is_active:
            self.by_id[name] = partner
        follows = follow.run() if is_active else follow.run_log()
        self._as[name] = member
        self._tasks[name] = asyncio.create_task(follows, name=f"follow {name}")

    async def close(self) -> None:
        """Let go of everybody."""
        for name in list(self._as):
            await self._drop(name)

    async def _drop(self, name: str) -> None:
        del self._as[name]
        self.by_id.pop(name, None)
        task, partner = self._tasks.pop(name), self._connected.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await partner.close()
