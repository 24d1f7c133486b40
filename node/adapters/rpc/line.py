"""A line to one node: its stubs, and the one way in which calls are made, ended and made again.

All calls of ours may be made twice: records, files and shares are known by their digest, an answer
given again changes nothing. So a call that nobody answered is tried again within its deadline.
"""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

import grpc
import tenacity
from yuanping.v1 import (
    blobs_pb2,
    blobs_pb2_grpc,
    pools_pb2_grpc,
    records_pb2,
    records_pb2_grpc,
    recovery_pb2_grpc,
    seats_pb2_grpc,
)

from node.adapters.rpc import convert
from node.adapters.rpc.convert import MAX_ITEMS, MAX_MESSAGE
from node.adapters.rpc.refusals import error_of_call
from node.core.errors import InvalidError, NodeError, UnavailableError
from node.services.ports import Accepted, News, Submission, Wanted
from node.services.promise import fail

T = TypeVar("T")

CALL_S: Final = 25.0
"""Longest wait for one answer: a guest's node itself waits 20 s for the host's."""
TRANSFER_S: Final = 300.0
PATIENCE_S: Final = 30.0
"""No retry begins later than this after the first try."""
TRIES: Final = 4
AT_ONCE: Final = 4
"""So many messages with records are under way at once; the rest waits and goes together."""
BATCH_BYTES: Final = 3 * 1024 * 1024
OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_metadata_size", 16 * 1024),
    # Two lines of one process share nothing, not even a connection to the same address.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.enable_http_proxy", 0),
)


class Line:
    """The stubs over one channel. Make it inside the event loop.

    What the node answers is raised as it was said. With `excuse`, `internal` counts as no answer:
    that a partner's node has a fault is no verdict on what we sent.
    """

    def __init__(self, whom: str, channel: grpc.aio.Channel, *, excuse: bool) -> None:
        self.whom = whom
        self._channel = channel
        self._excuse = excuse
        self._waiting: list[_Outgoing] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._senders = 0
        self.doubt = ""  # what to compare where a handshake may have failed: it tells us nothing
        self.records = records_pb2_grpc.RecordServiceStub(channel)
        self.blobs = blobs_pb2_grpc.BlobServiceStub(channel)
        self.pools = pools_pb2_grpc.PoolServiceStub(channel)
        self.seats = seats_pb2_grpc.SeatServiceStub(channel)
        self.recovery = recovery_pb2_grpc.RecoveryServiceStub(channel)

    async def ask(self, call: Callable[[], Awaitable[T]]) -> T:
        """The answer to one call. Raises what was answered, or UnavailableError."""
        async for attempt in tenacity.AsyncRetrying(
            retry=tenacity.retry_if_exception_type(UnavailableError),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=3.0),
            stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_after_delay(PATIENCE_S),
            reraise=True,
        ):
            with attempt:
                return await self.ask_once(call)
        raise AssertionError("tenacity gives up by raising")

    async def ask_once(self, call: Callable[[], Awaitable[T]]) -> T:
        """The same without a second try."""
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            raise self._excused(error_of_call(error, self.whom, self.doubt)) from None

    async def listen(self, call: Callable[[], AsyncIterable[T]]) -> AsyncGenerator[T, None]:
        """What the node goes on telling. Raises as `ask`; UnavailableError if it just ends.

        It is not called again: the listener knows where to go on.
        """
        async with aclosing(self.all_of(call)) as messages:
            async for message in messages:
                yield message
        raise UnavailableError(f"{self.whom} ended the stream")

    async def all_of(self, call: Callable[[], AsyncIterable[T]]) -> AsyncGenerator[T, None]:
        """What the node tells until it has told all. Raises as `ask`."""
        messages = call()
        try:
            async for message in messages:
                yield message
        except grpc.aio.AioRpcError as error:
            raise self._excused(error_of_call(error, self.whom, self.doubt)) from None
        finally:
            if isinstance(messages, grpc.aio.Call):
                messages.cancel()

    async def follow_many(
        self, wanted: AsyncIterator[Sequence[Wanted]]
    ) -> AsyncGenerator[list[News], None]:
        """Follow many streams in one call. Raises as `listen`; InvalidError for what is no answer.

        Places of one stream go up.
        """
        newest: list[int] = []
        call = self.records.FollowMany()

        async def ask() -> None:
            # Written by a task of ours: gRPC would leave its own reading of `wanted` behind.
            async for more in wanted:
                newest.extend(one.after for one in more)
                await call.write(
                    records_pb2.FollowManyRequest(streams=map(convert.wanted_to, more))
                )

        asking = asyncio.create_task(ask())
        try:
            async with aclosing(self.listen(lambda: call)) as answers:
                async for answer in answers:
                    yield [self._news(told, newest) for told in answer.streams]
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def _news(self, told: records_pb2.StreamPlaces, newest: list[int]) -> News:
        if told.number >= len(newest):
            raise InvalidError(f"{self.whom} shows a stream that was not asked for")
        places = [convert.place_from(place) for place in told.places]
        for place in places:
            if place.seq <= newest[told.number]:
                raise InvalidError(f"{self.whom} shows {place.seq} after {newest[told.number]}")
            newest[told.number] = place.seq
        return told.number, places

    async def submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        """Send records; each is answered for itself. What waits together goes in one message."""
        outgoing = _Outgoing(items, asyncio.get_running_loop().create_future())
        self._waiting.append(outgoing)
        if self._senders < AT_ONCE:
            self._senders += 1
            task = asyncio.create_task(self._send_waiting())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return await outgoing.answers

    async def _send_waiting(self) -> None:
        """Send what waits until nothing does; one of at most four that do."""
        try:
            await self._send_all()
        finally:
            # Here, not in a callback of the task: who comes before that must not count on us.
            self._senders -= 1

    async def _send_all(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting, []
            try:
                answers = iter(await self._submit([i for one in together for i in one.items]))
            except BaseException as error:
                for one in together:
                    fail(one.answers, error)
                if not isinstance(error, Exception):
                    raise
                continue
            for one in together:
                found = [next(answers) for _ in one.items]
                if not one.answers.done():
                    one.answers.set_result(found)

    async def _submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        answers: list[Accepted | NodeError] = []
        for batch in _batches(items):
            request = records_pb2.SubmitRequest(items=batch)
            answer = await self.ask(partial(self.records.Submit, request, timeout=CALL_S))
            answers += convert.answers_from(answer.answers, len(batch))
        return [self._excused(one) if isinstance(one, NodeError) else one for one in answers]

    async def body(self, request: records_pb2.DiscloseRequest) -> bytes:
        """One body."""
        answer = await self.ask(partial(self.records.Disclose, request, timeout=CALL_S))
        return convert.body_from(answer.body)

    async def put_blob(self, data: bytes) -> str:
        """Store a file; its SHA-256. Raises InvalidError if the node names another digest."""

        async def once() -> blobs_pb2.PutResponse:
            return await self.blobs.Put(_pieces(data), timeout=TRANSFER_S)

        return convert.stored_from((await self.ask(once)).sha256, data)

    async def close(self) -> None:
        """End all calls and the connection."""
        await self._channel.close()

    def _excused(self, error: NodeError) -> NodeError:
        if self._excuse and type(error) is NodeError:
            return UnavailableError(f"{self.whom} has a fault of its own: {error.detail}")
        return error


@dataclass(frozen=True, slots=True)
class _Outgoing:
    """Records of one caller, and their answers once they have come."""

    items: Sequence[Submission]
    answers: asyncio.Future[list[Accepted | NodeError]]


def _pieces(data: bytes) -> Iterator[blobs_pb2.PutRequest]:
    return (blobs_pb2.PutRequest(chunk=chunk) for chunk in convert.pieces_of(data))


def _batches(items: Sequence[Submission]) -> list[list[records_pb2.Submission]]:
    """Records in batches that fit one message each."""
    found: list[list[records_pb2.Submission]] = []
    weight = BATCH_BYTES
    for item in map(convert.submission_to, items):
        if weight + item.ByteSize() > BATCH_BYTES or len(found[-1]) >= MAX_ITEMS:
            found.append([])
            weight = 0
        found[-1].append(item)
        weight += item.ByteSize()
    return found
