"""Whoever waits hears once: the answer, or why there is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from node.core.errors import UnavailableError
from node.services.promise import fail

pytestmark = pytest.mark.anyio


async def test_a_waiting_caller_raises_what_failed() -> None:
    promise: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    fail(promise, UnavailableError("gone"))
    with pytest.raises(UnavailableError):
        await promise


async def test_who_has_an_answer_keeps_it() -> None:
    promise: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    promise.set_result("answer")
    fail(promise, UnavailableError("gone"))
    assert await promise == "answer"


async def test_end_of_the_work_cancels_the_caller() -> None:
    promise: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    fail(promise, KeyboardInterrupt())
    assert promise.cancelled()
