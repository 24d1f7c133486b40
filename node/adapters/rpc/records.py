"""RecordService: wire to application and back; no rule, no SQL, no try."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from yuanping.v1 import records_pb2 as pb
from yuanping.v1 import records_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.feed import Feed
from node.adapters.rpc.interceptors import Context, caller
from node.core.errors import ForbiddenError, InvalidError, NodeError
from node.services.members import Members
from node.services.ports import Accepted, Submission, Wanted
from node.services.ports.door import Application
from node.services.watching import weight_of


@dataclass(frozen=True, slots=True)
class RecordServicer(rpc.RecordServiceServicer):
    """Records, streams and the log, for partners and at the door. `beat_s`: see `Feed`."""

    app: Application
    members: Members
    beat_s: float

    async def Submit(  # noqa: N802 - name set by the proto
        self,
        request: pb.SubmitRequest,
        context: Context,  # noqa: ARG002 - as for all methods here: the guard reads it
    ) -> pb.SubmitResponse:
        """Answer each record."""
        return pb.SubmitResponse(answers=await self._submit(request.items))

    async def SubmitStream(  # noqa: N802
        self,
        request_iterator: AsyncIterator[pb.SubmitStreamRequest],
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.SubmitStreamResponse]:
        """Answer batch after batch."""
        async for request in request_iterator:
            yield pb.SubmitStreamResponse(answers=await self._submit(request.items))

    async def Follow(  # noqa: N802
        self,
        request: pb.FollowRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.FollowResponse]:
        """Show places as they appear, and the time."""
        wanted = self._wanted_one(request)
        places = self.app.follow(wanted.stream, wanted.after, wanted.reader)
        async for group in Feed(places, self.beat_s, weight_of).groups():
            yield pb.FollowResponse(places=map(convert.place_to, group), now=self.app.now())

    async def FollowMany(  # noqa: N802
        self,
        request_iterator: AsyncIterator[pb.FollowManyRequest],
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.FollowManyResponse]:
        """Show places of many streams as they appear."""
        async for message in self.app.follow_many(self._wanted(request_iterator)):
            streams = [
                pb.StreamPlaces(number=number, places=map(convert.place_to, places))
                for number, places in message
            ]
            yield pb.FollowManyResponse(streams=streams, now=self.app.now())

    async def _wanted(
        self, requests: AsyncIterator[pb.FollowManyRequest]
    ) -> AsyncIterator[Sequence[Wanted]]:
        async for request in requests:
            yield [self._wanted_one(one) for one in request.streams]

    def _wanted_one(self, request: pb.FollowRequest) -> Wanted:
        stream = convert.digest_from(request.stream, "a stream")
        after = convert.count_from(request.after, "a place") if request.HasField("after") else -1
        return Wanted(stream, after, self._reader(request))

    async def FollowLog(  # noqa: N802
        self,
        request: pb.FollowLogRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.FollowLogResponse]:
        """Show the log at each quorum."""
        async for part in self.app.follow_log(convert.count_from(request.after, "a size")):
            for piece in convert.parts_to(part):
                yield piece

    async def ListStreams(  # noqa: N802
        self,
        request: pb.ListStreamsRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.ListStreamsResponse]:
        """Name streams as they appear."""
        streams = self.app.streams(self._reader(request), caller())
        async for group in Feed(streams, self.beat_s, lambda _: 1).groups():
            yield pb.ListStreamsResponse(streams=map(convert.stream_to, group))

    async def GetReceipt(  # noqa: N802
        self,
        request: pb.GetReceiptRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.GetReceiptResponse:
        """Give the receipt, if it is ready."""
        record = convert.digest_from(request.record, "a record's id")
        return pb.GetReceiptResponse(receipt=await self.app.receipt(record))

    async def Disclose(  # noqa: N802
        self,
        request: pb.DiscloseRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.DiscloseResponse:
        """Give one body."""
        record = convert.digest_from(request.record, "a record's id")
        return pb.DiscloseResponse(body=await self.app.body(record, self._reader(request)))

    async def GetTime(  # noqa: N802
        self,
        request: pb.GetTimeRequest,  # noqa: ARG002
        context: Context,  # noqa: ARG002
    ) -> pb.GetTimeResponse:
        """Tell the node's time."""
        return pb.GetTimeResponse(now=self.app.now())

    async def _submit(self, items: Sequence[pb.Submission]) -> list[pb.Answer]:
        read = convert.submissions_from(items)
        fit = [item for item in read if isinstance(item, Submission)]
        answers = iter(await self.app.submit(fit, caller()) if fit else ())
        merged: list[Accepted | NodeError] = [
            next(answers) if isinstance(item, Submission) else item for item in read
        ]
        return [convert.answer_to(answer) for answer in merged]

    def _reader(
        self, request: pb.FollowRequest | pb.ListStreamsRequest | pb.DiscloseRequest
    ) -> str:
        """Who reads: the certificate says it; at the door the request, within bounds."""
        peer = caller()
        if peer is not None:
            if request.HasField("reader"):
                raise InvalidError("your certificate says who reads; name no reader")
            return reader_of(self.members, peer)
        reader = convert.reader_from(request.reader or "public")
        own = reader_of(self.members, self.members.me)
        if reader not in ("public", own) and not reader.startswith("bidder:"):
            raise ForbiddenError(f"through this door reads {own}, a bidder or the public")
        return reader


def reader_of(members: Members, member: str) -> str:
    """How the audience table calls a member."""
    entry = members.by_id.get(member)
    regulator = entry is not None and entry.role == "regulator"
    return "regulator" if regulator else f"centre:{member}"
