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
TRIES: Final = 1000


def free_port(taken: Collection[int] = ()) -> int:
    """A TCP port that nobody listens on now and that is not among `taken`.

    Raises ChainError if none is found.
    """
    for _ in range(TRIES):
        number = LOWEST + int.from_bytes(os.urandom(4), "big") % (HIGHEST - LOWEST)
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
