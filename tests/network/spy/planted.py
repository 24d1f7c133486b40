"""Bugs that are planted to show that a test would see them: PLANTED names whose, and which."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from tests.network.spy.hooks import Hook


def wanted(party: str) -> dict[str, Hook]:
    """The hook of one process, if a bug is to be planted there."""
    whose, _, name = os.environ.get("PLANTED", "").partition(": ")
    return BUGS[name] if party and whose == party else {}


def send_once(module: ModuleType) -> None:
    """What a host did not answer is taken as sent."""
    owner = module.Lodging
    send = owner._send

    async def forgetful(self: Any, host: str, tasks: Sequence[Any]) -> bool:  # noqa: ANN401
        if not await send(self, host, tasks):
            keys = [task.key for task in tasks]
            await self.desk.off(self.desk.store.done, "submit", keys)
            for key in keys:
                (await self._open()).pop(key, None)
        return True

    owner._send = forgetful


BUGS: dict[str, dict[str, Hook]] = {"send once": {"node.services.lodging": send_once}}
