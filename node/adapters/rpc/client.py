"""A partner over mutual TLS.

The channel trusts exactly one certificate, the partner's own from the registry: whoever else
answers at that address, another member included, is no partner. When the registry gives a member
another certificate or address, `Partners` closes this one and makes another.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import grpc
from yuanping.v1 import blobs_pb2, pools_pb2, records_pb2

from node.adapters.rpc import convert, recovery_client
from node.adapters.rpc.line import CALL_S, OPTIONS, TRANSFER_S, Line
from node.adapters.tls import der_of, fingerprint, pem_of
from node.core.errors import ConfigError, InvalidError, NodeError
from node.core.records.box import SEALED_SIZE
from node.services.ports import (
    Accepted,
    Followed,
    Keys,
    Known,
    Lodged,
    LogPart,
    Member,
    News,
    StreamRow,
    Submission,
    Wanted,
)


class RpcPartner:
    """Another member's node; implements `ports.Partner`. Make it inside the event loop."""

    def __init__(self, member: Member, keys: Keys) -> None:
        """Raises InvalidError if the registry's certificate is none, ConfigError for our own."""
        channel = channel_to(member.endpoint, member.id, member.tls, keys)
        self._id = member.id
        shown = fingerprint(der_of(keys.tls_cert.read_bytes()))
        self._line = Line(f"member {member.id}", channel, excuse=True)
        self._line.doubt = (
            f"if it is up, it may not know us: compare our certificate's SHA-256 {shown} "
            "with the one the registry names for us"
        )

    async def submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        """Send records; answered each by each. Sending again gives the same answers."""
        return await self._line.submit(items)

    async def streams(self) -> AsyncIterator[StreamRow]:
        """The streams the partner keeps that we may know, then new ones as they appear.

        Raises InvalidError if it names a stream of somebody else.
        """
        listing = partial(self._line.records.ListStreams, records_pb2.ListStreamsRequest())
        async for answer in self._line.listen(listing):
            for row in map(convert.stream_from, answer.streams):
                if row.keeper != self._id:
                    raise InvalidError(f"{self._line.whom} names a stream of {row.keeper}")
                yield replace(row, own=False)

    def follow_many(self, wanted: AsyncIterator[Sequence[Wanted]]) -> AsyncIterator[list[News]]:
        """Places of these streams as the audience table allows; goes on as they appear."""
        return self._line.follow_many(wanted)

    async def follow_log(self, after: int) -> AsyncIterator[LogPart]:
        """The partner's log from size `after` on, at each checkpoint that gets its quorum.

        Raises InvalidError if pieces do not join, LimitError above `MAX_PART` entries at once.
        """
        joined = recovery_client.Joined(self._line.whom, after)
        request = records_pb2.FollowLogRequest(after=after)
        async for piece in self._line.listen(partial(self._line.records.FollowLog, request)):
            if (part := joined.add(piece)) is not None:
                yield part

    async def body(self, record: str) -> bytes:
        """The body of a record that was followed without one, once we may have it."""
        return await self._line.body(records_pb2.DiscloseRequest(record=record))

    async def put_blob(self, data: bytes) -> str:
        """Store a ciphertext with the partner; its SHA-256 in hex."""
        return await self._line.put_blob(data)

    async def shares(self, records: Sequence[str], index: int) -> list[bytes]:
        """Our sealed shares of boxes, in their order, once the releasing record stands."""
        found: list[bytes] = []
        for part in (
            records[at : at + convert.MAX_BOXES] for at in range(0, len(records), convert.MAX_BOXES)
        ):
            request = blobs_pb2.GetSharesRequest(records=part, index=index)
            call = partial(self._line.blobs.GetShares, request, timeout=CALL_S)
            found += (await self._line.ask(call)).sealed
        if [len(one) for one in found] != [SEALED_SIZE] * len(records):
            raise InvalidError(f"{self._line.whom} does not give {len(records)} shares")
        return found

    async def disclose(self, draw: str, payload: bytes) -> None:
        """A pool gives the regulator the salts of its lists at once (protocol 6)."""

        await self._disclose(pools_pb2.PoolServiceDiscloseRequest(draw=draw), payload)

    async def disclose_snapshot(self, root: str, payload: bytes) -> None:
        """A pool gives the regulator the entries of a published snapshot, once."""
        await self._disclose(pools_pb2.PoolServiceDiscloseRequest(snapshot=root), payload)

    async def _disclose(self, first: pools_pb2.PoolServiceDiscloseRequest, payload: bytes) -> None:
        async def once() -> pools_pb2.PoolServiceDiscloseResponse:
            return await self._line.pools.Disclose(_disclosures(first, payload), timeout=TRANSFER_S)

        await self._line.ask(once)

    async def known(self) -> Known:
        """What it knows of every member's log."""
        return await recovery_client.known(self._line)

    def given_log(self, after: int) -> AsyncIterator[LogPart]:
        """Our own log from size `after` on, as it mirrored it; then the end."""
        return recovery_client.given_log(self._line, after)

    def given_places(
        self, held: Mapping[str, int]
    ) -> AsyncIterator[tuple[StreamRow, list[Followed]]]:
        """Places of the streams we keep, beyond how many of each we hold; then the end."""
        return recovery_client.given_places(self._line, held)

    def given_lodged(self, streams: Sequence[str]) -> AsyncIterator[Lodged]:
        """Records that it lodged for these streams of ours; then the end."""
        return recovery_client.given_lodged(self._line, streams)

    async def close(self) -> None:
        """End the connection and everything under way on it."""
        await self._line.close()


def _disclosures(
    first: pools_pb2.PoolServiceDiscloseRequest, payload: bytes
) -> Iterator[pools_pb2.PoolServiceDiscloseRequest]:
    """The payload in pieces; the first one also names what it is about."""
    yield first
    for chunk in convert.pieces_of(payload):
        yield pools_pb2.PoolServiceDiscloseRequest(chunk=chunk)


def channel_to(address: str, name: str, tls: bytes, keys: Keys) -> grpc.aio.Channel:
    """A channel that shows our own certificate and trusts `tls` (DER), whose name is `name`, alone.

    Raises InvalidError if that is no certificate, ConfigError if our own files cannot be read.
    """
    try:
        key, certificate = keys.tls_key.read_bytes(), keys.tls_cert.read_bytes()
    except OSError as error:
        raise ConfigError(f"{error.filename}: {error.strerror}", code="unreadable") from None
    credentials = grpc.ssl_channel_credentials(pem_of(tls), key, certificate)
    options = (*OPTIONS, ("grpc.ssl_target_name_override", name))
    return grpc.aio.secure_channel(address, credentials, options=options)
