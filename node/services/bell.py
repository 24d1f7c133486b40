"""A bell that says what changed: a hint to look, never the news itself.

Whoever waits compares what it has with what stands; a ring that is missed costs a look at the
next one or at its time-out, nothing else. A topic is a stream's id or one of the names below, so
that a change in one of a thousand streams wakes those who look at that one only.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final, Self

ANY: Final = "*"
"""Hears every ring."""
STREAMS: Final = "streams"
"""A stream is new, or has been told its tender's name."""
TICK: Final = "tick"
"""Our log has a new checkpoint."""
QUORUM: Final = "quorum"
"""A checkpoint of our log has its quorum."""
CHAIN: Final = "chain"
"""There is a newer block."""
POOL: Final = "pool"
"""Our pool has a new entry, call or answer, or a pool has told us of its draw."""


class Bell:
    """Wakes those who listen to a topic. Used on the event loop's thread only."""

    def __init__(self) -> None:
        self._ears: dict[str, set[Ear]] = {}

    def ring(self, *topics: str) -> None:
        """Wake all who listen to one of these, and those who hear everything."""
        for topic in topics:
            for ear in self._ears.get(topic, ()):
                ear.tell(topic)
            for ear in self._ears.get(ANY, ()):
                ear.tell(topic)

    def listen(self, *topics: str) -> Ear:
        """Listen from now on, until the ear is closed."""
        ear = Ear(self)
        ear.also(*topics)
        return ear

    def tell(self, ear: Ear, topic: str) -> None:
        """From now on let an ear hear this topic too."""
        self._ears.setdefault(topic, set()).add(ear)

    def forget(self, ear: Ear) -> None:
        """Tell an ear nothing more."""
        for topic in ear.topics:
            listening = self._ears.get(topic, set())
            listening.discard(ear)
            if not listening:
                self._ears.pop(topic, None)


class Ear(AbstractContextManager["Ear"]):
    """What one listener has heard and not taken yet."""

    def __init__(self, bell: Bell) -> None:
        self.topics: set[str] = set()
        self._bell = bell
        self._heard: dict[str, None] = {}
        self._event = asyncio.Event()

    def also(self, *topics: str) -> None:
        """Listen to these too."""
        for topic in topics:
            self.topics.add(topic)
            self._bell.tell(self, topic)

    def tell(self, topic: str) -> None:
        """Remember a ring."""
        self._heard[topic] = None
        self._event.set()

    def taken(self) -> list[str]:
        """What rang since the last time this was asked, each topic once, oldest first."""
        heard, self._heard = list(self._heard), {}
        self._event.clear()
        return heard

    async def heard(self, timeout_s: float) -> list[str]:
        """The same, once something rang; an empty list after the time-out."""
        if not self._heard:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._event.wait()
            except TimeoutError:
                pass
        return self.taken()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bell.forget(self)
