"""The system's clock: one of the two places that may ask for the time.

What an attacker gains who can set this clock: the node's own `received` and `at` may be wrong,
which partners see (protocol 3: cosignatures bind the time); no rule is judged by it alone.
"""

from __future__ import annotations

import time

from node.core.errors import NodeError


class SystemClock:
    """Now, as the operating system says."""

    def now(self) -> int:
        """Give whole seconds since 1970-01-01T00:00:00Z (UTC, rounded down)."""
        return int(time.time())

    def monotonic(self) -> float:
        """Give seconds since some start; never goes back, only differences have a meaning."""
        return time.monotonic()


class ChainClock:
    """The test clock: the newest block's time plus what has passed since (interfaces I0).

    Only with the development chain. It never goes back: a block whose time is behind what was
    told already changes nothing until it is reached. `see` is called with each newest block.
    """

    def __init__(self, system: SystemClock, floor: int = 0) -> None:
        self._system = system
        self._told = floor
        self._block = -1
        self._at = (0, 0.0)

    def see(self, number: int, time_s: int) -> None:
        """Take over a block's time, once, when it is first seen."""
        if number > self._block:
            self._block, self._at = number, (time_s, self._system.monotonic())

    def now(self) -> int:
        """Give the test time, epoch seconds. Raises NodeError (`clock`) before the first block."""
        if self._block < 0:
            raise NodeError("no block has been seen yet", code="clock")
        time_s, at = self._at
        self._told = max(self._told, time_s + int(self._system.monotonic() - at))
        return self._told
