"""The operator's calls at the door of a node, as commands and the demo make them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

import grpc
from yuanping.v1 import operator_pb2 as pb
from yuanping.v1 import operator_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.line import CALL_S, OPTIONS, Line
from node.core.records.kinds.streams import MemberStatus
from node.services.ports.operator import Ballot, Proposal, Status

EVIDENCE_S: Final = 60.0
"""Longest time of one evidence file."""


class OperatorDoor:
    """Implements `ports.operator.Operator` over a node's `door.sock`. Make it in the event loop."""

    def __init__(self, door: Path) -> None:
        channel = grpc.aio.insecure_channel(f"unix:{door}", options=OPTIONS)
        self._line = Line("the node", channel, excuse=False)
        self._stub = rpc.OperatorServiceStub(channel)

    async def close(self) -> None:
        """Close the connection."""
        await self._line.close()

    async def status(self) -> Status:
        """Where the node stands; asked once: who asks asks again."""
        call = partial(self._stub.GetStatus, pb.GetStatusRequest(), timeout=CALL_S)
        found = await self._line.ask_once(call)
        return Status(found.now, found.height, found.outbox, found.uncovered)

    async def open_tender(self, tender: str, ruleset: str) -> str:
        """Open a tender's stream under a rule set (digest); the same stream if asked again."""
        request = pb.OpenTenderRequest(tender=tender, ruleset=ruleset)
        call = partial(self._stub.OpenTender, request, timeout=CALL_S)
        return convert.digest_from((await self._line.ask(call)).stream, "a stream")

    async def evidence(self, stream: str, reader: str) -> bytes:
        """The evidence file of a tender, cut for a reader."""
        request = pb.GetEvidenceRequest(stream=stream, reader=reader)

        async def once() -> bytes:
            file = convert.Gathered()
            async for piece in self._stub.GetEvidence(request, timeout=EVIDENCE_S):
                file.add(piece.chunk)
            return file.data()

        return await self._line.ask(once)

    async def ballot(self) -> Ballot:
        """The members, and every change that was proposed."""
        call = partial(self._stub.ListMembers, pb.ListMembersRequest(), timeout=CALL_S)
        found = await self._line.ask(call)
        proposals = tuple(
            Proposal(one.op, one.member, one.what, one.digest, tuple(one.voters), one.open)
            for one in found.proposals
        )
        return Ballot(tuple(found.members), proposals, found.needed)

    async def propose(self, descriptor: bytes) -> str:
        """Propose to admit or change a member, with our vote; gives the operation's id."""
        return await self._propose(pb.ProposeMemberRequest(descriptor=descriptor))

    async def propose_status(self, member: str, status: MemberStatus) -> str:
        """Propose to suspend a member, or to take it back; gives the operation's id."""
        return await self._propose(pb.ProposeMemberRequest(member=member, status=status))

    async def vote(self, op: str) -> str:
        """Vote for an operation, named by its first digits at least; gives its id."""
        call = partial(self._stub.VoteMember, pb.VoteMemberRequest(op=op), timeout=CALL_S)
        return convert.digest_from((await self._line.ask(call)).op, "an operation")

    async def execute(self, op: str) -> str:
        """Make a change that has its votes; gives its id. Asked once: it is no change twice."""
        call = partial(self._stub.ExecuteMember, pb.ExecuteMemberRequest(op=op), timeout=CALL_S)
        return convert.digest_from((await self._line.ask_once(call)).op, "an operation")

    async def _propose(self, request: pb.ProposeMemberRequest) -> str:
        call = partial(self._stub.ProposeMember, request, timeout=CALL_S)
        return convert.digest_from((await self._line.ask(call)).op, "an operation")
