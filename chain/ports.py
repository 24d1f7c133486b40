"""Ports of the loopback interface that stay ours while we are away."""

from __future__ import annotations

import os
import socket
from collections.abc import Collection
from typing import Final

from chain.errors import ChainError

LOWEST: Final = 20_000
HIGHEST: Final = 32_000
"""Below what systems give to outgoing connections (Linux from 32768, macOS from 49152): such a
connection may have any number in that range, and a server that is started again then finds its
port in use."""
STRIDE: Final = 97


def free_port(taken: Collection[int] = ()) -> int:
    """A TCP port that nobody listens on now and that is not among `taken`.

    Each process begins its search elsewhere, so that two that start at once rarely meet. Raises
    ChainError if none is found.
    """
    width = HIGHEST - LOWEST
    for step in range(width):
        number = LOWEST + (os.getpid() * STRIDE + step) % width
        if number not in taken and _is_free(number):
            return number
    raise ChainError(f"no port between {LOWEST} and {HIGHEST} is free")


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", number))
        except OSError:
            return False
        return True
