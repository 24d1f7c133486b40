"""A bell wakes those who listen to what changed, and loses nothing that rang in between."""

from __future__ import annotations

import asyncio

import pytest

from node.services.bell import ANY, QUORUM, Bell

pytestmark = pytest.mark.anyio


async def test_ear_hears_its_topics_only_each_once_and_oldest_first() -> None:
    bell = Bell()
    with bell.listen("a", "b") as ear, bell.listen(ANY) as all_of_it:
        bell.ring("b", "c")
        bell.ring("a", "b")
        assert await ear.heard(0) == ["b", "a"]
        assert await ear.heard(0) == []
        assert all_of_it.taken() == ["b", "c", "a"]


async def test_ring_while_somebody_looks_is_heard_at_the_next_turn() -> None:
    bell = Bell()
    with bell.listen(QUORUM) as ear:
        bell.ring(QUORUM)
        assert await ear.heard(0) == [QUORUM]
        bell.ring(QUORUM)  # it is looking now
        async with asyncio.timeout(1):
            assert await ear.heard(60) == [QUORUM]


async def test_ear_may_listen_to_more_and_hears_nothing_once_it_is_closed() -> None:
    bell = Bell()
    with bell.listen() as ear:
        bell.ring("a")
        ear.also("a")
        bell.ring("a")
        assert ear.taken() == ["a"]
    bell.ring("a")
    assert ear.taken() == []
