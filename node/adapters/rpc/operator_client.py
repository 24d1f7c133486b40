"""The operator's calls at the door of a node, as commands and the demo make them."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Final, TypeVar

import grpc
from yuanping.v1 import operator_pb2 as pb
from yuanping.v1 import operator_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.refusals import error_of_call
from node.services.ports.operator import Status

CALL_S: Final = 10.0
EVIDENCE_S: Final = 60.0
"""Longest time of one answer, and of one evidence file."""

T = TypeVar("T")


class OperatorDoor:
    """Implements `ports.operator.Operator` over the Unix socket of a node."""

    def __init__(self, socket: Path) -> None:
        """Nothing is asked yet; the node may start later."""
        options = [
            ("grpc.max_receive_message_length", convert.MAX_MESSAGE),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 500),
        ]
        self._channel = grpc.aio.insecure_channel(f"unix:{socket}", options=options)
        self._stub = rpc.OperatorServiceStub(self._channel)
        self._whom = socket.parent.parent.name

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def status(self) -> Status:
        """Where the node stands."""
        found = await self._told(self._stub.GetStatus(pb.GetStatusRequest(), timeout=CALL_S))
        return Status(found.now, found.height, found.outbox, found.uncovered)

    async def open_tender(self, tender: str, ruleset: str) -> str:
        """Open a tender's stream under a rule set (digest); the same stream if asked again."""
        request = pb.OpenTenderRequest(tender=tender, ruleset=ruleset)
        answer = await self._told(self._stub.OpenTender(request, timeout=CALL_S))
        return convert.digest_from(answer.stream, "a stream")

    async def evidence(self, stream: str, reader: str) -> bytes:
        """The evidence file of a tender, cut for a reader."""
        request = pb.GetEvidenceRequest(stream=stream, reader=reader)
        file = convert.Gathered()
        try:
            async for piece in self._stub.GetEvidence(request, timeout=EVIDENCE_S):
                file.add(piece.chunk)
        except grpc.aio.AioRpcError as error:
            raise error_of_call(error, self._whom) from None
        return file.data()

    async def _told(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise error_of_call(error, self._whom) from None
