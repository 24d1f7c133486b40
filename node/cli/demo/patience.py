"""A conductor's way to ask a node: one that is away is asked again until it is back.

A node may be killed and started again by hand at any moment of a demo or a replay; that is no
reason to end it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from node.core.errors import UnavailableError

if TYPE_CHECKING:
    from node.services.ports.operator import Operator, Status

T = TypeVar("T")
AWAY_S = 120.0
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class PatientOperator:
    """An `Operator` that is asked again while its node is away, for two minutes at most."""

    door: Operator
    again_s: float = AGAIN_S
    away_s: float = AWAY_S

    async def status(self) -> Status:
        """Where the node stands; asked once: who asks looks again and again himself."""
        return await self.door.status()

    async def open_tender(self, tender: str, ruleset: str) -> str:
        """Open a tender's stream under a rule set (digest); the same stream if asked again."""
        return await self._patiently(lambda: self.door.open_tender(tender, ruleset))

    async def evidence(self, stream: str, reader: str) -> bytes:
        """The evidence file of a tender, cut for a reader."""
        return await self._patiently(lambda: self.door.evidence(stream, reader))

    async def _patiently(self, call: Callable[[], Awaitable[T]]) -> T:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(UnavailableError),
            wait=wait_fixed(self.again_s),
            stop=stop_after_delay(self.away_s),
            reraise=True,
        ):
            with attempt:
                return await call()
        raise AssertionError("tenacity gives up by raising")
