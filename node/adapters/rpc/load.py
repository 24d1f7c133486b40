"""A partner's records as fast as they can be sent: what `yuanping bench` measures a node with.

Messages are made ready before the clock runs, so that what is measured is the node, its connection
and no more of a client than must be. Each answer is looked at: a record that was refused ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import grpc
from yuanping.v1 import records_pb2 as pb

from node.adapters.rpc import convert
from node.adapters.rpc.refusals import error_of_problem
from node.services.ports import Submission

if TYPE_CHECKING:
    Unary = grpc.aio.UnaryUnaryMultiCallable[bytes, int]
RECORDS = "/yuanping.v1.RecordService"
EMPTY = "/bench/Empty"
"""The call of the floor's server, which answers nothing to nothing."""


class Load:
    """Sends messages made ready. Make it inside the event loop."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._stream: grpc.aio.StreamStreamMultiCallable[bytes, int] = channel.stream_stream(
            f"{RECORDS}/SubmitStream", None, _stream_answers
        )
        self._submit: Unary = channel.unary_unary(f"{RECORDS}/Submit", None, _answers)
        self._empty: Unary = channel.unary_unary(EMPTY, None, _nothing)

    @staticmethod
    def message(items: Sequence[Submission]) -> bytes:
        """The bytes of one message with these records, for either call."""
        return pb.SubmitRequest(items=map(convert.submission_to, items)).SerializeToString()

    async def stream(self, messages: Sequence[bytes]) -> int:
        """Send all in one call, without waiting for answers; how many records were accepted."""
        call, done = self._stream(), 0

        async def send() -> None:
            for message in messages:
                await call.write(message)
            await call.done_writing()

        sending = asyncio.create_task(send())
        async for answers in call:
            done += answers
        await sending
        return done

    async def each(self, messages: Sequence[bytes], at_once: int) -> int:
        """Send each in a call of its own, so many at once; how many records were accepted."""
        return await _at_once(self._submit, messages, at_once)

    async def empty(self, calls: int, at_once: int) -> int:
        """The same with nothing to be sent or answered."""
        await _at_once(self._empty, [b""] * calls, at_once)
        return calls

    async def close(self) -> None:
        """End the connection."""
        await self._channel.close()


async def _at_once(call: Unary, messages: Sequence[bytes], workers: int) -> int:
    waiting = iter(messages)

    async def work() -> int:
        return sum([await call(message) for message in waiting])

    return sum(await asyncio.gather(*(work() for _ in range(workers))))


def _answers(data: bytes) -> int:
    return _count(pb.SubmitResponse.FromString(data).answers)


def _stream_answers(data: bytes) -> int:
    return _count(pb.SubmitStreamResponse.FromString(data).answers)


def _count(answers: Sequence[pb.Answer]) -> int:
    """How many records were accepted. Raises what the first one was refused for."""
    for answer in answers:
        if not answer.HasField("accepted"):
            raise error_of_problem(answer.problem)
    return len(answers)


def _nothing(_data: bytes) -> int:
    return 0
