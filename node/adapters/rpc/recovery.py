"""RecoveryService: what we hold of a partner's own goes back to it; no rule, no SQL, no try."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from yuanping.v1 import recovery_pb2 as pb
from yuanping.v1 import recovery_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.adapters.rpc.interceptors import Context, caller
from node.core.errors import ForbiddenError, LimitError
from node.services.ports.door import Application

MOST: Final = 65_536
"""Streams named in one request."""


@dataclass(frozen=True, slots=True)
class RecoveryServicer(rpc.RecoveryServiceServicer):
    """Gives each partner what is its own: the certificate says whose that is."""

    app: Application

    async def GetKnown(  # noqa: N802 - name set by the proto
        self,
        request: pb.GetKnownRequest,  # noqa: ARG002
        context: Context,  # noqa: ARG002 - as for all methods here: the guard reads it
    ) -> pb.GetKnownResponse:
        """Say what we know of all logs."""
        known = await self.app.known(_peer())
        logs = (
            pb.KnownLog(origin=k.origin, size=k.size, root=k.root, note=k.note) for k in known.logs
        )
        return pb.GetKnownResponse(logs=logs, old_copy=known.old)

    async def GiveLog(  # noqa: N802
        self,
        request: pb.GiveLogRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.GiveLogResponse]:
        """Give the caller's log."""
        after = convert.count_from(request.after, "a size")
        async for part in self.app.given_log(after, _peer()):
            for piece in convert.parts_to(part):
                yield pb.GiveLogResponse(piece=piece)

    async def GivePlaces(  # noqa: N802
        self,
        request: pb.GivePlacesRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.GivePlacesResponse]:
        """Give the caller's places, one a message."""
        _check_few(len(request.held))
        held = {
            convert.digest_from(one.stream, "a stream"): convert.count_from(one.places, "a count")
            for one in request.held
        }
        async for row, place in self.app.given_places(held, _peer()):
            yield pb.GivePlacesResponse(
                stream=convert.stream_to(row), places=[convert.place_to(place)]
            )

    async def GiveLodged(  # noqa: N802
        self,
        request: pb.GiveLodgedRequest,
        context: Context,  # noqa: ARG002
    ) -> AsyncIterator[pb.GiveLodgedResponse]:
        """Give what we lodged for the caller."""
        _check_few(len(request.streams))
        streams = [convert.digest_from(one, "a stream") for one in request.streams]
        async for item, ciphertext in self.app.given_lodged(streams, _peer()):
            first, *rest = convert.pieces_of(ciphertext or b"")
            yield pb.GiveLodgedResponse(record=convert.submission_to(item), chunk=first)
            for chunk in rest:
                yield pb.GiveLodgedResponse(chunk=chunk)


def _peer() -> str:
    """Who asks. Raises ForbiddenError at the door."""
    peer = caller()
    if peer is None:
        raise ForbiddenError("only members are given back what is theirs")
    return peer


def _check_few(count: int) -> None:
    if count > MOST:
        raise LimitError(f"at most {MOST} streams at once, not {count}")
