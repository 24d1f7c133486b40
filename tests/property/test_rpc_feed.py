"""Feed: nothing is lost, doubled or reordered, whatever the rhythm; errors come last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.adapters.rpc import feed
from node.adapters.rpc.feed import Feed

RHYTHM = st.lists(st.tuples(st.integers(1, feed.HEAVY), st.sampled_from([0, 0, 1, 5])), max_size=40)


class Source:
    """Yields numbers with a weight each, pausing as told; knows whether it was closed."""

    def __init__(self, rhythm: list[tuple[int, int]], error: Exception | None = None) -> None:
        self.rhythm, self.error, self.closed = rhythm, error, False

    async def items(self) -> AsyncIterator[tuple[int, int]]:
        """(number, weight)"""
        try:
            for n, (weight, pause) in enumerate(self.rhythm):
                for _ in range(pause):
                    await asyncio.sleep(0)
                yield n, weight
            if self.error is not None:
                raise self.error
        finally:
            self.closed = True


async def gather(source: Source, beat_s: float) -> list[list[tuple[int, int]]]:
    """All groups, until it ends or raises."""
    groups: list[list[tuple[int, int]]] = []
    flow = Feed(source.items(), beat_s, lambda item: item[1])
    try:
        async for group in flow.groups():
            groups.append(group)
    except ValueError:
        groups.append([(-1, 0)])
    return groups


@settings(max_examples=60, deadline=None)
@given(RHYTHM, st.sampled_from([0.0, 10.0]), st.booleans())
def test_feed_keeps_order_and_limits(
    rhythm: list[tuple[int, int]], beat_s: float, fails: bool
) -> None:
    source = Source(rhythm, ValueError("broken") if fails else None)
    groups = asyncio.run(gather(source, beat_s))
    items = [item for group in groups for item in group]
    end = [(-1, 0)] if fails else []
    assert items == [(n, weight) for n, (weight, _) in enumerate(rhythm)] + end
    for group in groups:
        assert len(group) <= feed.MOST
        assert sum(weight for _, weight in group[:-1]) < feed.HEAVY
    assert source.closed


def test_group_takes_no_more_than_the_most() -> None:
    groups = asyncio.run(gather(Source([(1, 0)] * 1000), 10))
    assert sum(map(len, groups)) == 1000
    assert max(map(len, groups)) <= feed.MOST


def test_beats_come_while_the_source_is_silent() -> None:
    async def silent() -> AsyncIterator[int]:
        await asyncio.Event().wait()
        yield 1

    async def beats() -> list[list[int]]:
        flow = Feed(silent(), 0.01, lambda _: 1).groups()
        found = [await anext(flow) for _ in range(3)]
        await flow.aclose()
        return found

    assert asyncio.run(beats()) == [[], [], []]


def test_slow_reader_holds_back_the_source() -> None:
    drawn: list[int] = []

    async def eager() -> AsyncIterator[int]:
        for n in range(10_000):
            drawn.append(n)
            yield n

    async def slow() -> None:
        flow = Feed(eager(), 10, lambda _: feed.HEAVY).groups()
        await anext(flow)
        for _ in range(1000):
            await asyncio.sleep(0)
        await flow.aclose()

    asyncio.run(slow())
    assert 1 < len(drawn) < 200


def test_reader_that_leaves_closes_the_source() -> None:
    source = Source([(1, 0)] * 5000)

    async def leave() -> None:
        flow = Feed(source.items(), 10, lambda item: item[1]).groups()
        assert len(await anext(flow)) >= 1
        await flow.aclose()

    asyncio.run(leave())
    assert source.closed


def test_error_without_items_is_raised() -> None:
    flow = Feed(Source([], ValueError("broken")).items(), 10, lambda item: item[1])

    async def first() -> None:
        await anext(flow.groups())

    with pytest.raises(ValueError, match="broken"):
        asyncio.run(first())
