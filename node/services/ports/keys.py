"""Time, chance and private keys, as use cases are handed them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from node.core.records.keys import Signer


class Clock(Protocol):
    """One source of time. It never goes below the newest time the node stored."""

    def now(self) -> int:
        """Epoch seconds, UTC. Raises NodeError (`clock`) if no time can be had."""
        ...


class Entropy(Protocol):
    """One source of chance."""

    def bytes(self, count: int) -> bytes:
        """Fresh random bytes from the operating system."""
        ...


@dataclass(frozen=True, slots=True)
class Keys:
    """A member's private keys, each used in one role only. Never printed, never logged."""

    record: Signer
    log: Signer
    witness: Signer
    box: bytes = field(repr=False)
    chain: bytes = field(repr=False)
    tls_key: Path = field(repr=False)
    tls_cert: Path = field(repr=False)
