"""Time and chance that a test moves by hand."""

from __future__ import annotations

from hashlib import sha256

NOON = 1_780_000_000
"""Some POSIX time; the tests count from it."""


class HandClock:
    """Stands still until it is moved."""

    def __init__(self, now: int = NOON) -> None:
        self.at = now

    def now(self) -> int:
        """The time it was set to."""
        return self.at


class SeededEntropy:
    """The same bytes in every run, never the same twice in one."""

    def __init__(self, seed: str = "") -> None:
        self._seed = seed
        self._drawn = 0

    def bytes(self, count: int) -> bytes:
        """The next bytes of the sequence."""
        self._drawn += 1
        drawn = sha256(f"{self._seed} {self._drawn}".encode()).digest()
        while len(drawn) < count:
            drawn += sha256(drawn).digest()
        return drawn[:count]
