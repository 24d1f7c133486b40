"""Seeded chance: the same bytes at every run. Never a source of real keys."""

from __future__ import annotations

from hashlib import sha256

from node.core.records.keys import Signer, Suite, signer_from_seed


class Chance:
    """A stream of bytes that follows from its name alone."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def draw(self, count: int) -> bytes:
        """The next `count` bytes."""
        found = b""
        while len(found) < count:
            self._count += 1
            found += sha256(f"{self._name}/{self._count}".encode()).digest()
        return found[:count]

    def salt(self) -> str:
        """32 bytes in hex."""
        return self.draw(32).hex()

    def signer(self, suite: Suite = "ed25519") -> Signer:
        """A fresh signer."""
        return signer_from_seed(suite, self.draw(32))
