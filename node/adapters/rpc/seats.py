"""SeatService: experts' programs at the door of their own centre."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from yuanping.v1 import records_pb2
from yuanping.v1 import seats_pb2 as pb
from yuanping.v1 import seats_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.interceptors import Context
from node.core.errors import LimitError
from node.services.ports.door import Application, CallAnswer, SeatTaken

MOST: Final = 4096
"""Pseudonyms that one program speaks for."""


@dataclass(frozen=True, slots=True)
class SeatServicer(rpc.SeatServiceServicer):
    """Calls, answers, invitations and seats. The guard lets nobody in but through the door."""

    app: Application

    async def Calls(  # noqa: N802 - name set by the proto
        self,
        request: pb.CallsRequest,
        context: Context,  # noqa: ARG002 - as for all methods here: the guard reads it
    ) -> AsyncIterator[pb.CallsResponse]:
        """Call these experts."""
        async for call in self.app.calls(_pseudonyms(request.pseudonyms)):
            yield convert.call_to(call)

    async def Answer(  # noqa: N802
        self,
        request: pb.AnswerRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.AnswerResponse:
        """Take one expert's answer."""
        answer = CallAnswer(
            draw=convert.digest_from(request.draw, "a draw"),
            person=convert.digest_from(request.person, "a person"),
            accepted=request.accepted,
            signature=convert.signature_from(request.signature),
        )
        await self.app.answer(answer)
        return pb.AnswerResponse()

    async def Invitations(  # noqa: N802
        self,
        request: pb.InvitationsRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.InvitationsResponse]:
        """Invite these experts to their seats."""
        async for invitation in self.app.invitations(_pseudonyms(request.pseudonyms)):
            yield convert.invitation_to(invitation)

    async def TakeSeat(  # noqa: N802
        self,
        request: pb.TakeSeatRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.TakeSeatResponse:
        """Seat one expert."""
        item = records_pb2.Submission(envelope=request.envelope, body=request.body)
        taken = SeatTaken(
            convert.submission_from(item),
            convert.digest_from(request.link_salt, "a salt"),
            convert.signature_from(request.signature),
        )
        place = await self.app.take_seat(taken)
        return pb.TakeSeatResponse(record=place.record, seq=place.seq, entry=place.entry)


def _pseudonyms(names: Sequence[str]) -> frozenset[str]:
    if len(names) > MOST:
        raise LimitError(f"at most {MOST} pseudonyms at once, not {len(names)}")
    return frozenset(convert.digest_from(name, "a pseudonym") for name in names)
