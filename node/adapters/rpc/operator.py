"""OperatorService: served at the door only; no rule, no try."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from yuanping.v1 import operator_pb2 as pb
from yuanping.v1 import operator_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.interceptors import Context
from node.core.errors import InvalidError
from node.services.ports.operator import Operator

_TENDER: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class OperatorServicer(rpc.OperatorServiceServicer):
    """What the operator asks of the own node."""

    app: Operator

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
