"""The system's clock: one of the two places that may ask for the time.

What an attacker gains who can set this clock: the node's own `received` and `at` may be wrong,
which partners see (protocol 3: cosignatures bind the time); no rule is judged by it alone.
"""

from __future__ import annotations

import time


class SystemClock:
    """Now, as the operating system says."""

    def now(self) -> int:
        """Give whole seconds since 1970-01-01T00:00:00Z (UTC, rounded down)."""
        return int(time.time())

    def monotonic(self) -> float:
        """Give seconds since some start; never goes back, only differences have a meaning."""
        return time.monotonic()
