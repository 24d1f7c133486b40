"""Where a member's duties are done: all that an act needs, gathered once by `bootstrap`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from node.services.calling import Calling
    from node.services.pools import PoolService
    from node.services.ports import Blobs, Chain, Clock, Entropy, Keys, Partner, Store
    from node.services.scribe import Scribe
    from node.services.times import LogTimes

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Desk:
    """A member at work: who it is, its keys, and the ports its acts go through."""

    me: str
    role: str
    clock: Clock
    entropy: Entropy
    keys: Keys
    store: Store
    blobs: Blobs
    chain: Chain
    scribe: Scribe
    pools: PoolService
    calling: Calling
    partners: Mapping[str, Partner]
    times: LogTimes

    async def off(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking port call on a thread."""
        return await asyncio.to_thread(call, *args, **kwargs)

    def salt(self) -> str:
        """32 fresh random bytes, hex."""
        return self.entropy.bytes(32).hex()
