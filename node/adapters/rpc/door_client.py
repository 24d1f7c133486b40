"""The door of the own node, for commands and for the programs of buyers, bidders and experts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

import grpc
from yuanping.v1 import blobs_pb2, pools_pb2, records_pb2, seats_pb2

from node.adapters.rpc import convert
from node.adapters.rpc.line import CALL_S, OPTIONS, TRANSFER_S, Line
from node.core.errors import NodeError
from node.core.records.canonical import encode
from node.services.ports import Accepted, Followed, News, StreamRow, Submission, Wanted
from node.services.ports.door import Beat, Call, CallAnswer, Invitation, SeatTaken


class DoorClient:
    """Implements `ports.door.Door` over a node's `door.sock`. Make it inside the event loop.

    A call is made again while the node is away, for some seconds.
    """

    def __init__(self, door: Path) -> None:
        channel = grpc.aio.insecure_channel(f"unix:{door}", options=OPTIONS)
        self._line = Line("the node", channel, excuse=False)

    async def now(self) -> int:
        """The node's clock, epoch seconds."""
        request = records_pb2.GetTimeRequest()
        call = partial(self._line.records.GetTime, request, timeout=CALL_S)
        return (await self._line.ask(call)).now

    async def submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        """Send records; each is answered for itself. Sending again gives the same answers."""
        return await self._line.submit(items)

    async def follow(self, stream: str, after: int, reader: str) -> AsyncIterator[Followed | Beat]:
        """Places with seq > after as `reader` may see them, and the node's time in between."""
        request = records_pb2.FollowRequest(
            stream=stream, after=None if after < 0 else after, reader=reader
        )
        async for answer in self._line.listen(partial(self._line.records.Follow, request)):
            for place in answer.places:
                yield convert.place_from(place)
            yield Beat(answer.now)

    def follow_many(self, wanted: AsyncIterator[Sequence[Wanted]]) -> AsyncIterator[list[News]]:
        """Places of these streams, each as its reader may see it; goes on as they appear."""
        return self._line.follow_many(wanted)

    async def streams(self, reader: str) -> AsyncIterator[StreamRow]:
        """The streams that `reader` may know, then new ones."""
        request = records_pb2.ListStreamsRequest(reader=reader)
        async for answer in self._line.listen(partial(self._line.records.ListStreams, request)):
            for info in answer.streams:
                yield convert.stream_from(info)

    async def receipt(self, record: str) -> str | None:
        """The receipt of a record (C2SP tlog-proof), or None if it is not ready."""
        request = records_pb2.GetReceiptRequest(record=record)
        call = partial(self._line.records.GetReceipt, request, timeout=CALL_S)
        answer = await self._line.ask(call)
        return answer.receipt if answer.HasField("receipt") else None

    async def body(self, record: str, reader: str) -> bytes:
        """The body of a record that was followed without one, once the reader may have it."""
        return await self._line.body(records_pb2.DiscloseRequest(record=record, reader=reader))

    async def put_blob(self, data: bytes) -> str:
        """Store a ciphertext; its SHA-256 in hex."""
        return await self._line.put_blob(data)

    async def get_blob(self, sha256: str) -> bytes:
        """A file by its SHA-256. Raises InvalidError if the node gives another."""
        request = blobs_pb2.GetRequest(sha256=sha256)

        async def once() -> bytes:
            file = convert.Gathered()
            async for piece in self._line.blobs.Get(request, timeout=TRANSFER_S):
                file.add(piece.chunk)
            return file.data()

        data = await self._line.ask(once)
        convert.stored_from(sha256, data)
        return data

    async def enter(self, facts: bytes, signature: bytes) -> None:
        """An expert enters the pool of this centre."""
        request = pools_pb2.EnterRequest(facts=facts, signature=signature)
        await self._line.ask(partial(self._line.pools.Enter, request, timeout=CALL_S))

    async def calls(self, pseudonyms: frozenset[str]) -> AsyncIterator[Call]:
        """Calls for these pseudonyms: those still waiting, then new ones."""
        request = seats_pb2.CallsRequest(pseudonyms=sorted(pseudonyms))
        async for call in self._line.listen(partial(self._line.seats.Calls, request)):
            yield convert.call_from(call)

    async def answer(self, answer: CallAnswer) -> None:
        """Answer a call; again is harmless."""
        request = seats_pb2.AnswerRequest(
            draw=answer.draw,
            person=answer.person,
            accepted=answer.accepted,
            signature=answer.signature,
        )
        await self._line.ask(partial(self._line.seats.Answer, request, timeout=CALL_S))

    async def invitations(self, pseudonyms: frozenset[str]) -> AsyncIterator[Invitation]:
        """Seats drawn for these pseudonyms that are not taken yet, then new ones."""
        request = seats_pb2.InvitationsRequest(pseudonyms=sorted(pseudonyms))
        async for one in self._line.listen(partial(self._line.seats.Invitations, request)):
            yield convert.invitation_from(one)

    async def take_seat(self, taken: SeatTaken) -> Accepted:
        """Take a seat: its record goes to the host, its link stays in the pool."""
        request = seats_pb2.TakeSeatRequest(
            envelope=encode(taken.item.envelope),
            body=taken.item.body,
            link_salt=taken.link_salt,
            signature=taken.signature,
        )
        call = partial(self._line.seats.TakeSeat, request, timeout=CALL_S)
        place = await self._line.ask(call)
        return convert.accepted_from(place.record, place.seq, place.entry)

    async def close(self) -> None:
        """End all calls and the connection."""
        await self._line.close()
