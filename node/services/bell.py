"""A bell that says "something changed": a hint to look, never the news itself.

Whoever waits compares what it has with what stands; a ring that is missed costs a look at the
next one or at its time-out, nothing else.
"""

from __future__ import annotations

import asyncio


class Bell:
    """Wakes all who wait. Used on the event loop's thread only."""

    def __init__(self) -> None:
        self._rings = 0
        self._event = asyncio.Event()

    @property
    def rings(self) -> int:
        """How often it rang so far; give it to `wait`."""
        return self._rings

    def ring(self) -> None:
        """Wake all who wait."""
        self._rings += 1
        rung, self._event = self._event, asyncio.Event()
        rung.set()

    async def wait(self, seen: int, timeout_s: float) -> int:
        """Return at once if it rang after `seen`, else at the next ring or the time-out.

        Gives the number of rings, for the next call.
        """
        if self._rings == seen:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._event.wait()
            except TimeoutError:
                pass
        return self._rings
