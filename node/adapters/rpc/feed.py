"""What is ready goes out together, and when nothing is, a beat goes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

MOST: Final = 256
"""Items in one group."""
HEAVY: Final = 1024 * 1024
"""A group of so many bytes takes no further item."""
_WAITING: Final = 64


@dataclass(frozen=True, slots=True)
class _End:
    error: Exception | None


@dataclass(frozen=True, slots=True)
class Feed(Generic[T]):
    """Groups of what `source` yields; an empty group after each `beat_s` seconds without any.

    Ends with the source and raises what it raises, after what came before. The source runs ahead
    by at most 64 items, so a reader who is slow holds little.
    """

    source: AsyncIterator[T]
    beat_s: float
    weigh: Callable[[T], int]

    async def groups(self) -> AsyncGenerator[list[T], None]:
        """The groups, in order."""
        queue: asyncio.Queue[T | _End] = asyncio.Queue(_WAITING)
        pump = asyncio.create_task(self._pump(queue))
        try:
            while True:
                group, end = await self._group(queue)
                if group or end is None:
                    yield group
                if end is not None:
                    if end.error is not None:
                        raise end.error
                    return
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _pump(self, queue: asyncio.Queue[T | _End]) -> None:
        error: Exception | None = None
        try:
            async for item in self.source:
                await queue.put(item)
        except Exception as raised:  # noqa: BLE001 - carried over and raised by `groups`
            error = raised
        finally:
            if isinstance(self.source, AsyncGenerator):
                await self.source.aclose()
        await queue.put(_End(error))

    async def _group(self, queue: asyncio.Queue[T | _End]) -> tuple[list[T], _End | None]:
        group: list[T] = []
        weight = 0
        with suppress(asyncio.QueueEmpty, TimeoutError):
            async with asyncio.timeout(self.beat_s):
                item = await queue.get()
            while not isinstance(item, _End):
                group.append(item)
                weight += self.weigh(item)
                if len(group) >= MOST or weight >= HEAVY:
                    return group, None
                item = queue.get_nowait()
            return group, item
        return group, None
