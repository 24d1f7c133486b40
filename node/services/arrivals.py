"""What has come into a queue, taken together."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def arrived(queue: asyncio.Queue[T]) -> list[T]:
    """Wait for something; then everything that is there, in order."""
    found = [await queue.get()]
    while not queue.empty():
        found.append(queue.get_nowait())
    return found
