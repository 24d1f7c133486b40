"""OperatorService: served at the door only; no rule, no try."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final

from yuanping.v1 import operator_pb2 as pb
from yuanping.v1 import operator_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.interceptors import Context
from node.core.errors import InvalidError
from node.core.records.kinds.streams import MemberStatus
from node.services.ports.operator import Office

_OP: Final = re.compile(r"[0-9a-f]{1,64}")
_MEMBER: Final = re.compile(r"[a-z][a-z0-9-]{0,31}")
_STATUS: Final[Mapping[str, MemberStatus]] = {"active": "active", "suspended": "suspended"}
_TENDER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class OperatorServicer(rpc.OperatorServiceServicer):
    """What the operator asks of the own node."""

    app: Office

    async def GetStatus(  # noqa: N802 - name set by the proto
        self,
        request: pb.GetStatusRequest,  # noqa: ARG002
        context: Context,  # noqa: ARG002 - as for all methods here: the guard reads it
    ) -> pb.GetStatusResponse:
        """Say where the node stands."""
        found = await self.app.status()
        return pb.GetStatusResponse(
            now=found.now, height=found.height, outbox=found.outbox, uncovered=found.uncovered
        )

    async def OpenTender(  # noqa: N802
        self,
        request: pb.OpenTenderRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.OpenTenderResponse:
        """Open a stream, or name the one that is open."""
        if not _TENDER.fullmatch(request.tender):
            raise InvalidError("a tender's name is 1 to 64 of A-Z, a-z, 0-9, `.`, `_` and `-`")
        ruleset = convert.digest_from(request.ruleset, "a rule set")
        return pb.OpenTenderResponse(stream=await self.app.open_tender(request.tender, ruleset))

    async def GetEvidence(  # noqa: N802
        self,
        request: pb.GetEvidenceRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.GetEvidenceResponse]:
        """Give one file."""
        stream = convert.digest_from(request.stream, "a stream")
        reader = convert.reader_from(request.reader)
        for chunk in convert.pieces_of(await self.app.evidence(stream, reader)):
            yield pb.GetEvidenceResponse(chunk=chunk)

    async def ListMembers(  # noqa: N802
        self,
        request: pb.ListMembersRequest,  # noqa: ARG002
        context: Context,  # noqa: ARG002
    ) -> pb.ListMembersResponse:
        """Say who belongs to the network, and what was proposed."""
        found = await self.app.ballot()
        proposals = [
            pb.Proposal(
                op=one.op,
                member=one.member,
                what=one.what,
                digest=one.digest,
                voters=one.voters,
                open=one.open,
            )
            for one in found.proposals
        ]
        return pb.ListMembersResponse(
            members=found.members, proposals=proposals, needed=found.needed
        )

    async def ProposeMember(  # noqa: N802
        self,
        request: pb.ProposeMemberRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.ProposeMemberResponse:
        """Propose a change."""
        if request.descriptor:
            return pb.ProposeMemberResponse(op=await self.app.propose(request.descriptor))
        if request.status not in _STATUS or not _MEMBER.fullmatch(request.member):
            raise InvalidError("give a descriptor, or a member's id and `active` or `suspended`")
        op = await self.app.propose_status(request.member, _STATUS[request.status])
        return pb.ProposeMemberResponse(op=op)

    async def VoteMember(  # noqa: N802
        self,
        request: pb.VoteMemberRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.VoteMemberResponse:
        """Vote."""
        return pb.VoteMemberResponse(op=await self.app.vote(_op_from(request.op)))

    async def ExecuteMember(  # noqa: N802
        self,
        request: pb.ExecuteMemberRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.ExecuteMemberResponse:
        """Make a change."""
        return pb.ExecuteMemberResponse(op=await self.app.execute(_op_from(request.op)))


def _op_from(op: str) -> str:
    if not _OP.fullmatch(op):
        raise InvalidError("an operation's id is hexadecimal digits")
    return op
