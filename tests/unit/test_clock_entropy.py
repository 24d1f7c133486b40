"""The two doors for time and chance."""

from __future__ import annotations

import time

from node.adapters.clock import SystemClock
from node.adapters.entropy import SystemEntropy


def test_now_is_whole_seconds_of_the_system() -> None:
    before = int(time.time())
    now = SystemClock().now()
    assert type(now) is int
    assert before <= now <= time.time()


def test_monotonic_never_goes_back() -> None:
    clock = SystemClock()
    seen = [clock.monotonic() for _ in range(100)]
    assert seen == sorted(seen)


def test_bytes_are_as_many_as_asked_and_never_the_same() -> None:
    entropy = SystemEntropy()
    assert [len(entropy.bytes(n)) for n in (0, 1, 32, 1000)] == [0, 1, 32, 1000]
    assert len({entropy.bytes(16) for _ in range(1000)}) == 1000
