"""BlobService: files by digest, in pieces, and the holders' sealed shares."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

from yuanping.v1 import blobs_pb2 as pb
from yuanping.v1 import blobs_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.interceptors import Context, caller
from node.services.ports.door import Application

AT_ONCE: Final = 4
"""Files that one caller brings or takes at once: each may be 64 MiB in memory."""


def _slots() -> defaultdict[str | None, asyncio.Semaphore]:
    return defaultdict(lambda: asyncio.Semaphore(AT_ONCE))


@dataclass(frozen=True, slots=True)
class BlobServicer(rpc.BlobServiceServicer):
    """Files and shares. A caller with too many files at once waits; others do not."""

    app: Application
    slots: defaultdict[str | None, asyncio.Semaphore] = field(default_factory=_slots)

    async def Put(  # noqa: N802 - name set by the proto
        self,
        request_iterator: AsyncIterator[pb.PutRequest],
        context: Context,  # noqa: ARG002 - as for all methods here: the guard reads it
    ) -> pb.PutResponse:
        """Keep one file."""
        async with self.slots[caller()]:
            file = convert.Gathered()
            async for piece in request_iterator:
                file.add(piece.chunk)
            return pb.PutResponse(sha256=await self.app.put_blob(file.data(), caller()))

    async def Get(  # noqa: N802
        self,
        request: pb.GetRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.GetResponse]:
        """Give one file."""
        name = convert.digest_from(request.sha256, "a file's name")
        async with self.slots[caller()]:
            for chunk in convert.pieces_of(await self.app.get_blob(name, caller())):
                yield pb.GetResponse(chunk=chunk)

    async def GetShares(  # noqa: N802
        self,
        request: pb.GetSharesRequest,
        context: Context,  # noqa: ARG002
    ) -> pb.GetSharesResponse:
        """Give the caller its shares."""
        records = convert.boxes_from(request.records)
        index = convert.index_from(request.index)
        return pb.GetSharesResponse(sealed=await self.app.shares(records, index, caller()))
