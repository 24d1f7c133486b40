"""Attacks on the wire: who is not a partner, who no longer is, and what a partner may try."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from google.protobuf.message import Message
from grpc_status import rpc_status
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yuanping.v1 import (
    blobs_pb2,
    blobs_pb2_grpc,
    operator_pb2,
    operator_pb2_grpc,
    pools_pb2,
    pools_pb2_grpc,
    records_pb2,
    records_pb2_grpc,
    recovery_pb2,
    seats_pb2,
    seats_pb2_grpc,
)

from node.adapters.rpc import convert, interceptors, line
from node.adapters.rpc.blobs import AT_ONCE
from node.adapters.rpc.client import RpcPartner
from node.adapters.rpc.refusals import error_of_call
from node.adapters.rpc.seats import MOST
from node.adapters.tls import der_of, fingerprint
from node.core.errors import (
    ADVICE,
    ForbiddenError,
    InvalidError,
    LimitError,
    NodeError,
    PeerError,
    UnavailableError,
)
from node.core.records.envelope import MAX_BODY, open_envelope
from node.services.ports import Followed, Keys
from tests.simulators.application import STREAM, places, submission
from tests.simulators.wire import GUEST, HOST, Stage, followed, keys_of, member_of, stage

pytestmark = pytest.mark.anyio
RECORD = "a" * 64


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """One event loop for the file: gRPC's poller may still tell a loop what it no longer asks."""
    assert anyio_backend
    yield  # noqa: PT022 - what stays open until the end is the loop


def issued_by(issuer: Keys, folder: Path, name: str) -> Keys:
    """A certificate that a member's key signed for a new key, although it may not."""
    key = ec.generate_private_key(ec.SECP256R1())
    parent = x509.load_pem_x509_certificate(issuer.tls_cert.read_bytes())
    signer = load_pem_private_key(issuer.tls_key.read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    now = datetime.fromtimestamp(time.time(), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(parent.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(signer, SHA256())
    )
    paths = folder / f"{name}.issued.key", folder / f"{name}.issued.crt"
    paths[0].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    paths[1].write_bytes(certificate.public_bytes(Encoding.PEM))
    return dataclasses.replace(issuer, tls_key=paths[0], tls_cert=paths[1])


async def test_stranger_is_refused_in_the_handshake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "TRIES", 1)
    async with stage(tmp_path) as node:
        stranger = keys_of(tmp_path, "stranger")
        with pytest.raises(UnavailableError) as caught:
            await node.partner(stranger).body(RECORD)
        assert node.app.asked == []
        assert fingerprint(der_of(stranger.tls_cert.read_bytes())) in caught.value.detail
        assert "registry" in caught.value.detail


async def test_nobody_comes_without_a_certificate(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        root = keys_of(tmp_path, HOST).tls_cert.read_bytes()
        options = [("grpc.ssl_target_name_override", HOST)]
        channel = grpc.aio.secure_channel(
            node.host().endpoint, grpc.ssl_channel_credentials(root), options=options
        )
        node.closing.push_async_callback(channel.close)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await records_pb2_grpc.RecordServiceStub(channel).GetTime(records_pb2.GetTimeRequest())
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


async def test_member_cannot_make_members_with_its_own_key(tmp_path: Path) -> None:
    """TLS lets a certificate through that a member's key has signed; the fingerprint does not."""
    async with stage(tmp_path) as node:
        child = issued_by(keys_of(tmp_path, GUEST), tmp_path, "branch")
        shown = fingerprint(der_of(child.tls_cert.read_bytes()))
        with pytest.raises(PeerError) as caught:
            await node.partner(child).body(RECORD)
        assert caught.value.code == "peer-unknown"
        assert shown in caught.value.detail
        assert "registry" in caught.value.detail
        assert node.app.asked == []


async def test_connection_made_before_does_not_outlive_the_registry_entry(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        guest = node.guest()
        assert await guest.body(RECORD) == b"{}"
        shown = fingerprint(node.members.by_id[GUEST].tls)
        node.remove(GUEST)
        with pytest.raises(PeerError, match=shown):
            await guest.body(RECORD)


async def test_suspended_member_is_told_so_on_every_new_connection(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.put(member_of(GUEST, keys_of(tmp_path, GUEST), status="suspended"))
        with pytest.raises(ForbiddenError) as caught:
            await node.guest().body(RECORD)
        assert caught.value.code == "centre-suspended"


@pytest.mark.parametrize("idle", [True, False])
async def test_open_streams_of_a_suspended_member_end_within_five_seconds(
    tmp_path: Path, *, idle: bool
) -> None:
    async with stage(tmp_path) as node:
        node.app.shown = places(1)
        if not idle:
            many = places(1)[0]
            node.app.follow = lambda *_: endless(many)  # type: ignore[method-assign]
        following = followed(node.guest(), STREAM, -1)
        await anext(following)
        node.put(member_of(GUEST, keys_of(tmp_path, GUEST), status="suspended"))
        start = time.monotonic()
        with pytest.raises((ForbiddenError, InvalidError)) as caught:
            await asyncio.wait_for(drain(following), 8)
        assert time.monotonic() - start < 5
        if idle:
            assert caught.value.code == "centre-suspended"


async def drain(source: AsyncIterator[Any]) -> None:
    """Take all that still comes."""
    async for _ in source:
        pass


async def endless(place: Followed) -> AsyncIterator[Followed]:
    """The same place for ever, as fast as it is taken."""
    while True:
        yield place
        await asyncio.sleep(0)


async def test_suspended_member_that_does_not_read_cannot_keep_its_stream_open(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as node:
        big = places(1, body=b"x" * 200_000)[0]
        node.app.follow = lambda *_: endless(big)  # type: ignore[method-assign]
        stub = records_pb2_grpc.RecordServiceStub(node.channel(keys_of(tmp_path, GUEST)))
        call = stub.Follow(records_pb2.FollowRequest(stream=STREAM))
        await call.read()
        await asyncio.sleep(0.5)  # its window is full now: the server waits to write
        node.put(member_of(GUEST, keys_of(tmp_path, GUEST), status="suspended"))
        guard = guards_of(node)
        async with asyncio.timeout(5):
            while any(one.open for one in guard):
                await asyncio.sleep(0.05)
        with pytest.raises(grpc.aio.AioRpcError):
            await read_all(call)


async def read_all(call: grpc.aio.UnaryStreamCall[Any, Any]) -> None:
    """Take all that still comes."""
    while await call.read() is not grpc.aio.EOF:
        pass


def guards_of(node: Stage) -> list[interceptors.Guard]:
    """The guards of a node's servers, through the tasks that watch."""
    frames = [task.get_coro() for task in node.servers._watch]
    return [coro.cr_frame.f_locals["self"] for coro in frames]  # type: ignore[union-attr]


async def test_long_answer_to_a_suspended_member_is_cut_off(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.hold = asyncio.Event()
        asking = asyncio.create_task(node.guest().submit([submission(1)]))
        while not node.app.asked:
            await asyncio.sleep(0.01)
        node.put(member_of(GUEST, keys_of(tmp_path, GUEST), status="suspended"))
        async with asyncio.timeout(5):
            with pytest.raises(ForbiddenError) as caught:
                await asking
        assert caught.value.code == "centre-suspended"


@pytest.mark.parametrize(
    ("version", "served"), [(ssl.TLSVersion.TLSv1_2, False), (ssl.TLSVersion.TLSv1_3, True)]
)
async def test_partner_of_an_older_tls_is_refused(
    tmp_path: Path, version: ssl.TLSVersion, *, served: bool
) -> None:
    async with stage(tmp_path) as node:
        keys = keys_of(tmp_path, GUEST)
        answer = await asyncio.to_thread(get_time_by_hand, node.port, keys, version)
        assert (b"TLS 1.3 only" in answer) != served
        assert (b"grpc-status" in answer) or served


def get_time_by_hand(port: int, keys: Keys, version: ssl.TLSVersion) -> bytes:
    """GetTime over HTTP/2 written by hand, because no gRPC client can be held at TLS 1.2."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(keys.tls_cert, keys.tls_key)
    context.minimum_version = context.maximum_version = version
    path = b"/yuanping.v1.RecordService/GetTime"
    pairs = [(b":method", b"POST"), (b":scheme", b"https"), (b":path", path)]
    pairs += [(b":authority", b"zhuzhou"), (b"te", b"trailers")]
    pairs += [(b"content-type", b"application/grpc")]
    # HPACK: literal fields without indexing, names and values without Huffman coding.
    block = b"".join(
        b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value for name, value in pairs
    )

    def frame(kind: int, flags: int, stream: int, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data))[1:]
            + bytes([kind, flags])
            + struct.pack(">I", stream)
            + data
        )

    sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"")
    sent += frame(1, 4, 1, block) + frame(0, 1, 1, bytes(5))
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
        context.wrap_socket(plain) as secure,
    ):
        assert (secure.version() == "TLSv1.2") == (version == ssl.TLSVersion.TLSv1_2)
        secure.sendall(sent)
        answer = b""
        while b"grpc-status" not in answer and (part := secure.recv(65536)):
            answer += part
        return answer


async def test_another_member_at_the_address_is_no_partner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host's address is taken over by a member with a valid certificate of its own."""
    monkeypatch.setattr(line, "TRIES", 1)
    async with stage(tmp_path) as node:
        expected = member_of(GUEST, keys_of(tmp_path, GUEST), endpoint=node.host().endpoint)
        with pytest.raises(UnavailableError):
            await node.partner(keys_of(tmp_path, "hunan"), to=expected).submit([submission(1)])
        assert node.app.asked == []


async def test_certificate_in_another_members_name_is_no_partner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key may sign for itself in any name: the client trusts the one certificate, not names."""
    monkeypatch.setattr(line, "TRIES", 1)
    async with stage(tmp_path) as node:
        forged = keys_of(tmp_path, HOST, "-forged")
        to = member_of(HOST, forged, endpoint=node.host().endpoint)
        with pytest.raises(UnavailableError):
            await node.partner(keys_of(tmp_path, GUEST), to=to).submit([submission(1)])
        assert node.app.asked == []


@pytest.mark.parametrize("at_door", [True, False])
async def test_message_over_the_limit_is_refused_before_anybody_reads_it(
    tmp_path: Path, *, at_door: bool
) -> None:
    async with stage(tmp_path) as node:
        channel = node.channel(None if at_door else keys_of(tmp_path, GUEST))
        stub = records_pb2_grpc.RecordServiceStub(channel)
        item = records_pb2.Submission(body=b"x" * (convert.MAX_MESSAGE + 1))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Submit(records_pb2.SubmitRequest(items=[item]))
        assert isinstance(error_of_call(caught.value, "it"), LimitError)
        assert node.app.asked == []


async def test_file_over_the_limit_is_refused_while_it_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "MAX_BLOB", 1_000_000)
    async with stage(tmp_path) as node:
        with pytest.raises(LimitError):
            await node.guest().put_blob(bytes(1_000_001))
        with pytest.raises(LimitError):
            await node.guest().disclose("d" * 64, bytes(1_000_001))
        assert len(await node.guest().put_blob(bytes(1_000_000))) == 64
        assert [words[0] for words in node.app.asked] == ["put_blob"]


async def test_one_bad_record_of_a_batch_harms_no_other(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        good = convert.submission_to(submission(1))
        bad = [
            records_pb2.Submission(envelope=b"{", body=good.body),
            records_pb2.Submission(envelope=good.envelope + b" ", body=good.body),
            records_pb2.Submission(envelope=good.envelope, body=bytes(MAX_BODY + 1)),
            records_pb2.Submission(envelope=good.envelope, sealed=[b"short"]),
            records_pb2.Submission(envelope=b"x" * 20_000),
        ]
        stub = records_pb2_grpc.RecordServiceStub(node.channel(keys_of(tmp_path, GUEST)))
        answer = await stub.Submit(records_pb2.SubmitRequest(items=[good, *bad, good]))
        assert [one.WhichOneof("outcome") for one in answer.answers] == [
            "accepted",
            *["problem"] * len(bad),
            "accepted",
        ]
        codes = [one.problem.code for one in answer.answers[1:-1]]
        assert codes == ["form", "form", "limit", "form", "limit"]
        assert node.app.asked == [("submit", "2", GUEST)]


async def test_partner_cannot_read_as_somebody_else(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        stub = records_pb2_grpc.RecordServiceStub(node.channel(keys_of(tmp_path, GUEST)))
        for reader in ("regulator", f"centre:{HOST}", ""):
            request = records_pb2.FollowRequest(stream=STREAM, reader=reader)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await stub.Follow(request).read()
            assert error_of_call(caught.value, "it").code == "form"
        assert node.app.asked == []


async def test_door_reads_for_its_own_centre_only(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        for reader in ("regulator", f"centre:{GUEST}"):
            with pytest.raises(ForbiddenError):
                await anext(node.door().follow(STREAM, -1, reader))
        for reader in ("host", "bidder:x", "centre:"):
            with pytest.raises(InvalidError):
                await anext(node.door().follow(STREAM, -1, reader))
        assert node.app.asked == []


async def test_partner_learns_nothing_of_a_pools_experts(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.endless = False
        channel = node.channel(keys_of(tmp_path, GUEST))
        seats = seats_pb2_grpc.SeatServiceStub(channel)
        asks: list[Callable[[], Any]] = [
            lambda: seats.Calls(seats_pb2.CallsRequest(pseudonyms=["1" * 64])).read(),
            lambda: seats.Invitations(seats_pb2.InvitationsRequest()).read(),
            lambda: seats.Answer(seats_pb2.AnswerRequest()),
            lambda: seats.TakeSeat(seats_pb2.TakeSeatRequest()),
            lambda: pools_pb2_grpc.PoolServiceStub(channel).Enter(pools_pb2.EnterRequest()),
        ]
        for ask in asks:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask()
            assert error_of_call(caught.value, "it").code == "forbidden"
        operator = operator_pb2_grpc.OperatorServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await operator.GetStatus(operator_pb2.GetStatusRequest())
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
        assert node.app.asked == []


SECRET = "the share is 1234 in /var/lib/node"


async def test_unexpected_failure_tells_nothing_of_itself(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        stub = records_pb2_grpc.RecordServiceStub(node.channel())
        blobs = blobs_pb2_grpc.BlobServiceStub(node.channel())
        node.app.raises = RuntimeError(SECRET)
        item = convert.submission_to(submission(1))
        asks: list[Callable[[], Any]] = [
            lambda: stub.Submit(records_pb2.SubmitRequest(items=[item])),
            lambda: stub.Follow(records_pb2.FollowRequest(stream=STREAM)).read(),
            lambda: stub.FollowLog(records_pb2.FollowLogRequest()).read(),
            lambda: stub.ListStreams(records_pb2.ListStreamsRequest()).read(),
            lambda: stub.SubmitStream(iter([records_pb2.SubmitStreamRequest(items=[item])])).read(),
            lambda: blobs.Put(iter([blobs_pb2.PutRequest(chunk=b"x")])),
        ]
        for ask in asks:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await ask()
            error = caught.value
            assert error.code() == grpc.StatusCode.INTERNAL
            assert error_of_call(error, "it").code == "internal"
            assert SECRET not in repr(error) + str(error.trailing_metadata())
            assert "1234" not in repr(error) + str(error.trailing_metadata())


async def test_fault_of_a_partner_is_no_verdict_on_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "TRIES", 1)
    async with stage(tmp_path) as node:
        record = submission(1)
        node.app.raises = RuntimeError(SECRET)
        with pytest.raises(UnavailableError):
            await node.guest().submit([record])
        node.app.raises = None
        node.app.refused = {open_envelope(record.envelope).id: NodeError("broken inside")}
        answers = await node.guest().submit([record])
        assert isinstance(answers[0], UnavailableError)


async def test_answer_that_takes_too_long_frees_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interceptors, "UNARY_S", 0.2)
    async with stage(tmp_path) as node:
        node.app.hold = asyncio.Event()
        stub = records_pb2_grpc.RecordServiceStub(node.channel())
        item = convert.submission_to(submission(1))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Submit(records_pb2.SubmitRequest(items=[item]), timeout=5)
        assert "longer than the node may take" in str(caught.value.details())


async def test_one_caller_cannot_fill_the_memory_with_files(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.hold = asyncio.Event()
        guest = node.guest()
        calls = [asyncio.create_task(guest.put_blob(b"%d" % n)) for n in range(AT_ONCE * 2)]
        await asyncio.sleep(0.5)
        assert len(node.app.asked) == AT_ONCE
        # The files of others are not kept waiting by them.
        assert len(await asyncio.wait_for(node.door().put_blob(b"mine"), 5)) == 64
        node.app.hold.set()
        assert len(set(await asyncio.gather(*calls))) == AT_ONCE * 2


def disclosure(*draws: str | None) -> Iterator[pools_pb2.PoolServiceDiscloseRequest]:
    """Pieces of which some name a draw."""
    return (pools_pb2.PoolServiceDiscloseRequest(draw=draw, chunk=b"x") for draw in draws)


@pytest.mark.parametrize(
    "draws", [(), (None,), (None, "d" * 64), ("d" * 64, "d" * 64), ("d" * 64, "e" * 64), ("d",)]
)
async def test_lists_are_disclosed_for_one_draw(
    tmp_path: Path, draws: tuple[str | None, ...]
) -> None:
    async with stage(tmp_path) as node:
        stub = pools_pb2_grpc.PoolServiceStub(node.channel(keys_of(tmp_path, GUEST)))
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Disclose(disclosure(*draws))
        assert error_of_call(caught.value, "it").code == "form"
        assert node.app.disclosed == []


async def test_lists_are_disclosed_by_a_member_only(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        stub = pools_pb2_grpc.PoolServiceStub(node.channel())
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Disclose(disclosure("d" * 64, None))
        assert error_of_call(caught.value, "it").code == "forbidden"
        assert node.app.disclosed == []


async def test_program_speaks_for_so_many_experts_only(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.endless = False
        many = frozenset(sha256(b"%d" % n).hexdigest() for n in range(MOST + 1))
        with pytest.raises(LimitError):
            await drain(node.door().calls(many))
        with pytest.raises(LimitError):
            await drain(node.door().invitations(many))
        assert node.app.asked == []


TEXT = st.one_of(st.text(max_size=80), st.sampled_from(["a" * 64, "A" * 64, "public", "0"]))
BYTES = st.one_of(st.binary(max_size=300), st.just(convert.submission_to(submission(1)).envelope))
NUMBER = st.integers(0, 2**32 - 1)
LARGE = st.integers(0, 2**64 - 1)
ITEM = st.builds(
    records_pb2.Submission,
    envelope=BYTES,
    body=BYTES,
    sealed=st.lists(st.one_of(BYTES, st.just(bytes(112))), max_size=3),
)
READER = st.one_of(st.none(), TEXT, st.just("bidder:" + "a" * 64))
FOLLOW = st.builds(
    records_pb2.FollowRequest, stream=TEXT, after=st.one_of(st.none(), LARGE), reader=READER
)
MESSAGES: dict[str, st.SearchStrategy[Message]] = {
    "RecordService/Submit": st.builds(records_pb2.SubmitRequest, items=st.lists(ITEM, max_size=3)),
    "RecordService/Follow": FOLLOW,
    "RecordService/FollowMany": st.builds(
        records_pb2.FollowManyRequest, streams=st.lists(FOLLOW, max_size=3)
    ),
    "RecordService/FollowLog": st.builds(records_pb2.FollowLogRequest, after=LARGE),
    "RecordService/ListStreams": st.builds(records_pb2.ListStreamsRequest, reader=READER),
    "RecordService/GetReceipt": st.builds(records_pb2.GetReceiptRequest, record=TEXT),
    "RecordService/Disclose": st.builds(records_pb2.DiscloseRequest, record=TEXT, reader=READER),
    "PoolService/Enter": st.builds(pools_pb2.EnterRequest, facts=BYTES, signature=BYTES),
    "PoolService/Disclose": st.builds(
        pools_pb2.PoolServiceDiscloseRequest,
        draw=st.one_of(st.none(), TEXT),
        chunk=BYTES,
        snapshot=st.one_of(st.none(), TEXT),
    ),
    "SeatService/Calls": st.builds(seats_pb2.CallsRequest, pseudonyms=st.lists(TEXT, max_size=3)),
    "SeatService/Answer": st.builds(
        seats_pb2.AnswerRequest,
        draw=TEXT,
        person=TEXT,
        accepted=st.booleans(),
        signature=st.one_of(BYTES, st.just(bytes(64))),
    ),
    "SeatService/Invitations": st.builds(
        seats_pb2.InvitationsRequest, pseudonyms=st.lists(TEXT, max_size=3)
    ),
    "SeatService/TakeSeat": st.builds(
        seats_pb2.TakeSeatRequest,
        envelope=BYTES,
        body=BYTES,
        link_salt=TEXT,
        signature=st.one_of(BYTES, st.just(bytes(64))),
    ),
    "BlobService/Put": st.builds(blobs_pb2.PutRequest, chunk=BYTES),
    "BlobService/Get": st.builds(blobs_pb2.GetRequest, sha256=TEXT),
    "BlobService/GetShares": st.builds(
        blobs_pb2.GetSharesRequest, records=st.lists(TEXT, max_size=3), index=NUMBER
    ),
    "RecoveryService/GiveLog": st.builds(recovery_pb2.GiveLogRequest, after=LARGE),
    "RecoveryService/GivePlaces": st.builds(
        recovery_pb2.GivePlacesRequest,
        held=st.lists(st.builds(recovery_pb2.HeldStream, stream=TEXT, places=LARGE), max_size=3),
    ),
    "RecoveryService/GiveLodged": st.builds(
        recovery_pb2.GiveLodgedRequest, streams=st.lists(TEXT, max_size=3)
    ),
    "OperatorService/OpenTender": st.builds(
        operator_pb2.OpenTenderRequest, tender=TEXT, ruleset=TEXT
    ),
    "OperatorService/GetEvidence": st.builds(
        operator_pb2.GetEvidenceRequest, stream=TEXT, reader=TEXT
    ),
    "OperatorService/ProposeMember": st.builds(
        operator_pb2.ProposeMemberRequest, descriptor=BYTES, member=TEXT, status=TEXT
    ),
    "OperatorService/VoteMember": st.builds(operator_pb2.VoteMemberRequest, op=TEXT),
    "OperatorService/ExecuteMember": st.builds(operator_pb2.ExecuteMemberRequest, op=TEXT),
}
STREAMS_IN = {"PoolService/Disclose", "BlobService/Put"}
STREAMS_BOTH = {"RecordService/FollowMany"}


def test_every_method_with_a_message_is_attacked() -> None:
    files = [
        records_pb2.DESCRIPTOR,
        pools_pb2.DESCRIPTOR,
        seats_pb2.DESCRIPTOR,
        blobs_pb2.DESCRIPTOR,
        recovery_pb2.DESCRIPTOR,
        operator_pb2.DESCRIPTOR,
    ]
    served = {
        f"{service.name}/{method.name}"
        for file in files
        for service in file.services_by_name.values()
        for method in service.methods
        if method.input_type.fields
    }
    # SubmitStream reads its messages by the same function as Submit.
    assert served - {"RecordService/SubmitStream"} == set(MESSAGES)


@pytest.mark.parametrize("method", MESSAGES)
def test_hostile_fields_meet_our_codes_only(
    tmp_path_factory: pytest.TempPathFactory, method: str
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    with asyncio.Runner() as runner:
        context = stage(folder)
        node = runner.run(context.__aenter__())
        node.app.endless = False
        channels = [node.channel(), node.channel(keys_of(folder, GUEST))]

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(MESSAGES[method], st.binary(max_size=60), st.sampled_from(channels))
        def attack(message: Message, noise: bytes, channel: grpc.aio.Channel) -> None:
            runner.run(shoot(channel, method, [message.SerializeToString(), noise]))

        try:
            attack()
        finally:
            runner.run(context.__aexit__(None, None, None))


Raw = Callable[..., Any]
NOT_SENT = "Internal error from Core"
"""What our own side says where the node had answered before the rest of a call was sent."""


async def shoot(channel: grpc.aio.Channel, method: str, messages: list[bytes]) -> None:
    """Send raw messages; what comes back is an answer or one of our codes."""
    path = f"/yuanping.v1.{method}"
    many: Raw = channel.stream_unary(path)
    both: Raw = channel.stream_stream(path)
    one: Raw = channel.unary_stream(path)
    for message in messages:
        try:
            if method in STREAMS_BOTH:
                async for _ in both(iter([message, message]), timeout=10):
                    pass
            elif method in STREAMS_IN:
                await many(iter([message, message]), timeout=10)
            else:
                async for _ in one(message, timeout=10):
                    pass
        except grpc.aio.AioRpcError as error:
            check_refusal(error, message)


def check_refusal(error: grpc.aio.AioRpcError, message: bytes) -> None:
    """Our own code, and never `internal`; or what gRPC itself says of a method nobody serves."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]  # it reads what both have
    if error.details() == NOT_SENT:
        return
    if status is None:
        assert error.code() == grpc.StatusCode.UNIMPLEMENTED, (error, message)
        return
    found = error_of_call(error, "it")
    assert found.code in ADVICE
    assert found.code != "internal", (error, message)


class Liar(grpc.GenericRpcHandler):
    """A member's node that answers every method with what was put in for it."""

    def __init__(self, answers: dict[str, list[Message]]) -> None:
        self.answers = answers

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """The lie for one method."""
        lies = self.answers[handler_call_details.method.rpartition("/")[2]]

        async def answer(requests: AsyncIterator[bytes], _: object) -> AsyncIterator[bytes]:
            await anext(requests)
            for message in lies:
                yield message.SerializeToString()

        return grpc.stream_stream_rpc_method_handler(answer)


@asynccontextmanager
async def liar(folder: Path, **answers: list[Message]) -> AsyncIterator[RpcPartner]:
    """A partner of ours, with a certificate that the registry names, that lies."""
    theirs, ours = keys_of(folder, HOST), keys_of(folder, GUEST)
    node = grpc.aio.server()
    node.add_generic_rpc_handlers((Liar(answers),))
    pair = (theirs.tls_key.read_bytes(), theirs.tls_cert.read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], root_certificates=ours.tls_cert.read_bytes(), require_client_auth=True
    )
    port = node.add_secure_port("127.0.0.1:0", credentials)
    await node.start()
    partner = RpcPartner(member_of(HOST, theirs, endpoint=f"127.0.0.1:{port}"), ours)
    try:
        yield partner
    finally:
        await partner.close()
        await node.stop(0)


def answer_of(record: str = RECORD, seq: int = 1, entry: str = "e" * 64) -> records_pb2.Answer:
    """An answer to one record."""
    return records_pb2.Answer(accepted=records_pb2.Accepted(record=record, seq=seq, entry=entry))


PLACES = [convert.place_to(place) for place in places(3)]


def changed(place: records_pb2.Place, **members: int | bytes) -> records_pb2.Place:
    """A place with other members."""
    made = records_pb2.Place()
    made.CopyFrom(place)
    for name, value in members.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    "answer",
    [
        records_pb2.SubmitResponse(),
        records_pb2.SubmitResponse(answers=[answer_of(), answer_of()]),
        records_pb2.SubmitResponse(answers=[records_pb2.Answer()]),
        records_pb2.SubmitResponse(answers=[answer_of(record="a")]),
        records_pb2.SubmitResponse(answers=[answer_of(entry="E" * 64)]),
        records_pb2.SubmitResponse(answers=[answer_of(seq=2**53)]),
    ],
)
async def test_false_answer_to_a_record_is_seen(tmp_path: Path, answer: Message) -> None:
    async with liar(tmp_path, Submit=[answer]) as partner:
        with pytest.raises(InvalidError):
            await partner.submit([submission(1)])


async def test_words_of_another_node_cannot_command_a_terminal(tmp_path: Path) -> None:
    problem = records_pb2.Problem(
        code="no-such-code", status="FAILED_PRECONDITION", detail="\x1b[2J\x07" + "x" * 9999
    )
    answer = records_pb2.SubmitResponse(answers=[records_pb2.Answer(problem=problem)])
    async with liar(tmp_path, Submit=[answer]) as partner:
        refused = (await partner.submit([submission(1)]))[0]
        assert isinstance(refused, NodeError)
        assert refused.code == "state"
        assert refused.detail.startswith("no-such-code: ?[2J?x")
        assert refused.detail.isprintable()
        assert len(refused.detail) < 600


@pytest.mark.parametrize(
    "shown",
    [
        [PLACES[1], PLACES[0]],
        [PLACES[0], PLACES[0]],
        [changed(PLACES[0], seq=1)],
        [changed(PLACES[0], what=b"{}")],
        [changed(PLACES[0], where=PLACES[0].where + b" ")],
        [changed(PLACES[0], envelope=b"")],
        [changed(PLACES[0], what=b"x" * 2000)],
        [changed(PLACES[0], body=bytes(MAX_BODY + 1))],
    ],
)
async def test_false_places_are_seen(tmp_path: Path, shown: list[records_pb2.Place]) -> None:
    streams = [records_pb2.StreamPlaces(number=0, places=shown)]
    answer = records_pb2.FollowManyResponse(streams=streams)
    async with liar(tmp_path, FollowMany=[answer]) as partner:
        with pytest.raises((InvalidError, LimitError)):
            await drain(followed(partner, STREAM, -1))


def piece(start: int, size: int, note: str | None = "note") -> records_pb2.FollowLogResponse:
    """A piece of a log."""
    return records_pb2.FollowLogResponse(start=start, entries=bytes(size), note=note)


@pytest.mark.parametrize(
    "pieces",
    [
        [piece(1, 32)],
        [piece(0, 33)],
        [piece(0, 32), piece(0, 32)],
        [piece(0, 64, None), piece(1, 32)],
        [piece(0, 32 * 8, None), piece(8, 32 * 8, None), piece(16, 32)],
        [piece(0, 32 * 9)],
    ],
)
async def test_false_pieces_of_a_log_are_seen(
    tmp_path: Path, pieces: list[Message], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "MAX_ENTRIES", 8)
    monkeypatch.setattr("node.adapters.rpc.recovery_client.MAX_PART", 16)
    async with liar(tmp_path, FollowLog=pieces) as partner:
        with pytest.raises((InvalidError, LimitError)):
            await drain(partner.follow_log(0))


@pytest.mark.parametrize(
    "info",
    [
        records_pb2.StreamInfo(id="1" * 64, kind="tender", keeper=GUEST),
        records_pb2.StreamInfo(id="1" * 63, kind="tender", keeper=HOST),
        records_pb2.StreamInfo(id="1" * 64, kind="diary", keeper=HOST),
        records_pb2.StreamInfo(id="1" * 64, kind="side", keeper=HOST),
        records_pb2.StreamInfo(id="1" * 64, kind="pool", keeper=HOST, of="2" * 64),
        records_pb2.StreamInfo(id="1" * 64, kind="tender", keeper=HOST, tender="\x1b[2J"),
        records_pb2.StreamInfo(id="1" * 64, kind="tender", keeper="../" + HOST),
    ],
)
async def test_false_streams_are_seen(tmp_path: Path, info: records_pb2.StreamInfo) -> None:
    listing = records_pb2.ListStreamsResponse(streams=[info])
    async with liar(tmp_path, ListStreams=[listing]) as partner:
        with pytest.raises(InvalidError):
            await drain(partner.streams())


async def test_file_that_was_not_kept_is_seen(tmp_path: Path) -> None:
    put = blobs_pb2.PutResponse(sha256="f" * 64)
    async with liar(tmp_path, Put=[put]) as partner:
        with pytest.raises(InvalidError):
            await partner.put_blob(b"data")


@pytest.mark.parametrize("given", [[b"short"], [], [b"\1" * 112] * 2])
async def test_shares_that_are_none_or_too_few_or_too_many_are_seen(
    tmp_path: Path, given: list[bytes]
) -> None:
    async with liar(tmp_path, GetShares=[blobs_pb2.GetSharesResponse(sealed=given)]) as partner:
        with pytest.raises(InvalidError):
            await partner.shares([RECORD], 1)
