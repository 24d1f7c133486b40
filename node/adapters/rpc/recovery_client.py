"""A partner's RecoveryService as the member asks it that lost something."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, TypeVar

from yuanping.v1 import records_pb2
from yuanping.v1 import recovery_pb2 as pb

from node.adapters.rpc import convert
from node.adapters.rpc.line import CALL_S, Line
from node.core.errors import InvalidError, LimitError, UnavailableError
from node.services.ports import Followed, Known, KnownLog, Lodged, LogPart, StreamRow, Submission

MAX_PART: Final = 2**21
"""Entries of one stretch of a log (64 MiB); a node publishes far smaller ones."""
MAX_LOGS: Final = 1024
MAX_NOTE: Final = 64 * 1024
MAX_PLACES: Final = 2**18
"""Places of one answer; what is beyond is asked for again once these are stored."""
SILENT_S: Final = 30.0
GIVEN_S: Final = 300.0
"""How long a partner may say nothing, and how long it may go on: one that never ends must not keep
us from asking the others. What it told until then counts."""

T = TypeVar("T")


class Joined:
    """Pieces of a log as they come; gives a part once its note is there."""

    def __init__(self, whom: str, after: int) -> None:
        self._whom, self._start = whom, after
        self._entries: list[bytes] = []

    def add(self, piece: records_pb2.FollowLogResponse) -> LogPart | None:
        """Take a piece. Raises InvalidError if it does not join, LimitError above `MAX_PART`."""
        if piece.start != self._start + len(self._entries):
            raise InvalidError(f"{self._whom} shows a log from {piece.start} on")
        self._entries += convert.entries_from(piece)
        if len(self._entries) > MAX_PART:
            raise LimitError(f"{self._whom} shows more than {MAX_PART} entries at once")
        if not piece.HasField("note"):
            return None
        part = LogPart(self._start, tuple(self._entries), piece.note)
        self._start += len(self._entries)
        self._entries = []
        return part


async def known(line: Line) -> Known:
    """What the partner knows of all logs. Raises InvalidError for what is no answer."""
    answer = await line.ask(partial(line.recovery.GetKnown, pb.GetKnownRequest(), timeout=CALL_S))
    if len(answer.logs) > MAX_LOGS:
        raise InvalidError(f"{line.whom} knows of more than {MAX_LOGS} logs")
    return Known(tuple(_known_from(one) for one in answer.logs), old=answer.old_copy)


async def given_log(line: Line, after: int) -> AsyncIterator[LogPart]:
    """Our own log from size `after` on, as the partner mirrored it."""
    joined = Joined(line.whom, after)
    call = partial(line.recovery.GiveLog, pb.GiveLogRequest(after=after))
    async for answer in _told(line, call):
        if (part := joined.add(answer.piece)) is not None:
            yield part


async def given_places(
    line: Line, held: Mapping[str, int]
) -> AsyncIterator[tuple[StreamRow, list[Followed]]]:
    """Places of our own streams as the partner holds them."""
    named = [pb.HeldStream(stream=name, places=count) for name, count in held.items()]
    call = partial(line.recovery.GivePlaces, pb.GivePlacesRequest(held=named))
    count = 0
    async for answer in _told(line, call):
        count += max(1, len(answer.places))
        if count > MAX_PLACES:
            raise LimitError(f"{line.whom} gives more than {MAX_PLACES} places at once")
        row = convert.stream_from(answer.stream)
        yield row, [convert.place_from(place) for place in answer.places]


async def given_lodged(line: Line, streams: Sequence[str]) -> AsyncIterator[Lodged]:
    """What the partner lodged for these streams of ours."""
    call = partial(line.recovery.GiveLodged, pb.GiveLodgedRequest(streams=streams))
    item: Submission | None = None
    file = convert.Gathered()
    async for answer in _told(line, call):
        if answer.HasField("record"):
            if item is not None:
                yield item, file.data() or None
            item, file = convert.submission_from(answer.record), convert.Gathered()
        if item is None:
            raise InvalidError(f"{line.whom} gives a file without its record")
        file.add(answer.chunk)
    if item is not None:
        yield item, file.data() or None


async def _told(line: Line, call: Callable[[], AsyncIterable[T]]) -> AsyncIterator[T]:
    """All that it tells. Raises UnavailableError if it takes too long."""
    clock = asyncio.get_running_loop().time
    end = clock() + GIVEN_S
    async with aclosing(line.all_of(call)) as messages:
        while True:
            try:
                async with asyncio.timeout_at(min(clock() + SILENT_S, end)):
                    message = await anext(messages)
            except StopAsyncIteration:
                return
            except TimeoutError:
                told = f"{line.whom} takes too long to tell what it holds"
                raise UnavailableError(told) from None
            yield message


def _known_from(one: pb.KnownLog) -> KnownLog:
    if len(one.note) > MAX_NOTE or len(one.origin) > MAX_NOTE:
        raise LimitError(f"a note has at most {MAX_NOTE} characters")
    size = convert.count_from(one.size, "a size")
    root = convert.digest_from(one.root, "a root") if size else ""
    return KnownLog(one.origin, size, root, one.note)
