"""The line to one node: what waits is sent, whenever it is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import grpc
import pytest

from node.adapters.rpc.line import AT_ONCE, Line
from node.core.errors import NodeError
from node.services.ports import Accepted, Submission
from tests.simulators.application import submission

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_record_said_the_moment_all_senders_end_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = Line("the node", grpc.aio.insecure_channel("unix:/nowhere"), excuse=False)
    answered, sent = asyncio.Event(), list[int]()

    async def send(items: Sequence[Submission]) -> list[Accepted | NodeError]:
        sent.append(len(items))
        await answered.wait()
        return [Accepted("a" * 64, 1, "b" * 64) for _ in items]

    async def say(count: int) -> None:
        for number in range(count):  # the second one before any callback of the sender has run
            await line.submit([submission(number + 1)])

    monkeypatch.setattr(line, "_submit", send)
    speakers = []
    for number in range(AT_ONCE):
        speakers.append(asyncio.create_task(say(1 if number else 2)))
        while len(sent) <= number:
            await asyncio.sleep(0)
    answered.set()
    async with asyncio.timeout(5):
        await asyncio.gather(*speakers)
    assert sum(sent) == AT_ONCE + 1
    await line.close()
