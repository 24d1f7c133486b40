"""PoolService: what enters a pool, and what pools owe a regulator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from yuanping.v1 import pools_pb2 as pb
from yuanping.v1 import pools_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.interceptors import Context, caller
from node.core.errors import ForbiddenError, InvalidError
from node.services.ports.door import Application


@dataclass(frozen=True, slots=True)
class PoolServicer(rpc.PoolServiceServicer):
    """The pool of this centre, and a regulator's desk."""

    app: Application

    async def Enter(  # noqa: N802 - name set by the proto
        self,
        request: pb.EnterRequest,
        context: Context,  # noqa: ARG002 - as for all methods here: the guard reads it
    ) -> pb.EnterResponse:
        """An expert enters."""
        facts = convert.body_from(request.facts)
        await self.app.enter(facts, convert.signature_from(request.signature))
        return pb.EnterResponse()

    async def Disclose(  # noqa: N802
        self,
        request_iterator: AsyncIterator[pb.PoolServiceDiscloseRequest],
        context: Context,  # noqa: ARG002
    ) -> pb.PoolServiceDiscloseResponse:
        """A pool opens a snapshot, or its lists of one draw, to us."""
        peer = caller()
        if peer is None:
            raise ForbiddenError("a pool discloses with its own certificate, not at the door")
        draw, snapshot, file = "", "", convert.Gathered()
        async for piece in request_iterator:
            if piece.HasField("draw") + piece.HasField("snapshot") != (not (draw or snapshot)):
                raise InvalidError("the first piece, and no other, names the draw or the snapshot")
            draw, snapshot = draw or piece.draw, snapshot or piece.snapshot
            file.add(piece.chunk)
        if snapshot:
            root = convert.digest_from(snapshot, "a snapshot")
            await self.app.disclose_snapshot(root, file.data(), peer)
        else:
            await self.app.disclose(convert.digest_from(draw, "a draw"), file.data(), peer)
        return pb.PoolServiceDiscloseResponse()
