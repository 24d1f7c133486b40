"""Facts that were read or written lately: most are asked for again within the second.

Only the process that writes the database asks here, and each of its writes is told here in the
order of their commits: so what is remembered is what stands. After a write of unknown outcome its
keys are forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

MOST: Final = 16 * 1024 * 1024
"""Characters of keys and values; with more than that all are forgotten."""


@dataclass(slots=True)
class Remembered:
    """Key -> value, or None for a fact that does not stand. Safe for threads."""

    _facts: dict[str, str | None] = field(default_factory=dict)
    _size: int = 0
    _writes: int = 0
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: str, read: Callable[[], str | None]) -> str | None:
        """The fact, from memory or as `read` gives it."""
        with self._lock:
            if key in self._facts:
                return self._facts[key]
            writes = self._writes
        value = read()
        with self._lock:
            # Another thread's write in between may be newer than what was read.
            if writes == self._writes:
                self._put(key, value)
        return value

    def wrote(self, facts: Mapping[str, str]) -> None:
        """Take over what now stands in the database."""
        with self._lock:
            self._writes += 1
            for key, value in facts.items():
                self._put(key, value)

    def forget(self, keys: Iterable[str]) -> None:
        """Ask the database again for these."""
        with self._lock:
            self._writes += 1
            for key in keys:
                self._pop(key)

    def _put(self, key: str, value: str | None) -> None:
        self._pop(key)
        self._size += _length(key, value)
        if self._size > MOST:
            self._facts.clear()
            self._size = _length(key, value)
        self._facts[key] = value

    def _pop(self, key: str) -> None:
        if key in self._facts:
            self._size -= _length(key, self._facts.pop(key))


def _length(key: str, value: str | None) -> int:
    return len(key) + len(value or "")
