"""The embedded default's notifier: a line on the node's console, for whoever has the telephone.

The line has time and place only: neither project nor person, not even a pseudonym, for a console is
read by everybody in the room. Her own program gets the call through the door (SeatService.Calls).
A centre with a telephone or message gateway puts its own `Notifier` here.
"""

from __future__ import annotations

from collections.abc import Callable

from node.services.ports import Notifier


class ConsoleNotifier:
    """Writes that somebody is to be called."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """`write` takes one line; a node gives its log."""
        self._write = write

    async def call(self, draw: str, pseudonym: str, message: str) -> None:  # noqa: ARG002 - port
        """Write the message alone; which draw and whom is kept by the pool, not by the console."""
        self._write(message)


def console(write: Callable[[str], None]) -> Notifier:
    """The console notifier as the port that services know."""
    return ConsoleNotifier(write)
