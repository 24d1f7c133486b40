"""Real servers on loopback and their clients: what goes in comes out, and who asked is known."""

from __future__ import annotations

import asyncio
import dataclasses
import stat
from collections.abc import AsyncIterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar, cast

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from yuanping.v1 import records_pb2 as pb
from yuanping.v1 import records_pb2_grpc as rpc

from node.adapters.rpc import convert, line, server
from node.adapters.rpc.operator_client import OperatorDoor
from node.adapters.rpc.refusals import error_of_problem, problem_of
from node.adapters.rpc.server import Servers
from node.core.errors import (
    ConfigError,
    InvalidError,
    MissingError,
    NodeError,
    RuleError,
    UnavailableError,
)
from node.core.records.envelope import open_envelope
from node.services.members import Members
from node.services.ports import Accepted, Followed, LogPart, StreamRow
from node.services.ports.door import Beat, Call, CallAnswer, Door, Invitation, SeatTaken
from node.services.ports.network import Partner
from node.services.ports.operator import Elector, Operator, Status
from tests.simulators.application import STREAM, SimApplication, places, submission
from tests.simulators.sources import NOON
from tests.simulators.wire import GUEST, HOST, REGULATOR, followed, keys_of, member_of, stage

pytestmark = pytest.mark.anyio
T = TypeVar("T")


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """One event loop for the file: gRPC's poller may still tell a loop what it no longer asks."""
    assert anyio_backend
    yield  # noqa: PT022 - what stays open until the end is the loop


async def first(source: AsyncIterator[T], count: int) -> list[T]:
    """The first things of a stream that goes on; the stream is closed."""
    found: list[T] = []
    async with asyncio.timeout(10):
        async for item in source:
            found.append(item)
            if len(found) == count:
                break
    await source.aclose()  # type: ignore[attr-defined]  # all of ours are generators
    return found


async def collect(source: AsyncIterator[T], found: list[T]) -> None:
    """Take all that comes, until it raises."""
    async for item in source:
        found.append(item)


async def test_partner_submits_a_batch_and_each_record_is_answered_for_itself(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as node:
        items = [submission(n) for n in range(3)]
        ids = [open_envelope(item.envelope).id for item in items]
        node.app.refused[ids[1]] = RuleError("the window is over", article="招标投标法 34")
        partner: Partner = node.guest()
        good, bad, last = await partner.submit(items)
        assert good == Accepted(ids[0], 3, "e" * 64)
        assert last == Accepted(ids[2], 3, "e" * 64)
        assert isinstance(bad, RuleError)
        assert (bad.code, bad.detail, bad.article) == (
            "rule",
            "the window is over",
            "招标投标法 34",
        )
        assert node.app.asked == [("submit", "3", GUEST)]


async def test_large_batches_are_sent_in_messages_that_fit(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        body = b"b" * (250 * 1024)
        items = [submission(n, body=body) for n in range(30)]
        small = [submission(n) for n in range(300)]
        assert len(await node.guest().submit(items)) == 30
        assert len(await node.guest().submit(small)) == 300
        sizes = [int(words[1]) for words in node.app.asked]
        assert sum(sizes) == 330
        assert max(sizes) <= convert.MAX_ITEMS
        assert len(sizes) > 3


async def test_records_that_wait_together_go_in_one_message(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.hold = asyncio.Event()
        partner = node.guest()
        calls = [asyncio.create_task(partner.submit([submission(n)])) for n in range(60)]
        async with asyncio.timeout(5):
            while not node.app.asked:
                await asyncio.sleep(0.01)
        calls += [asyncio.create_task(partner.submit([submission(n)])) for n in range(60, 80)]
        await asyncio.sleep(0.1)
        node.app.hold.set()
        answers = [found for call in calls for found in await call]
        wanted = [open_envelope(submission(n).envelope).id for n in range(80)]
        assert [one.record for one in answers if isinstance(one, Accepted)] == wanted
        assert len(node.app.asked) <= line.AT_ONCE


async def test_partner_follows_places_and_sees_only_what_its_certificate_may(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as node:
        node.app.shown = places(300, body=b"x" * 20_000)
        node.app.shown[7] = dataclasses.replace(node.app.shown[7], body=None)
        found = await first(followed(node.guest(), STREAM, 4), 295)
        assert found == node.app.shown[5:]
        assert all(a.seq + 1 == b.seq for a, b in pairwise(found))
        await first(followed(node.partner(keys_of(tmp_path, REGULATOR)), STREAM, -1), 300)
        asked = {words for words in node.app.asked if words[0] == "follow"}
        assert asked == {
            ("follow", STREAM, "4", f"centre:{GUEST}"),
            ("follow", STREAM, "-1", "regulator"),
        }


async def test_followed_stream_tells_the_time_while_nothing_happens(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.shown = places(2)
        door: Door = node.door()
        heard = await first(door.follow(STREAM, -1, "public"), 5)
        assert heard[:2] == node.app.shown
        assert heard[2:] == [Beat(NOON)] * 3
        node.app.at += 5
        assert await first(door.follow(STREAM, 1, "bidder:" + "a" * 64), 1) == [Beat(NOON + 5)]
        assert await door.now() == NOON + 5


async def test_closed_follower_stops_what_feeds_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.shown = places(1)
        await first(followed(node.guest(), STREAM, -1), 1)
        async with asyncio.timeout(5):
            while not node.app.cancelled:
                await asyncio.sleep(0.01)


async def test_log_comes_in_pieces_and_is_whole_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "MAX_ENTRIES", 4)
    async with stage(tmp_path) as node:
        entries = tuple(sha256(b"%d" % n).digest() for n in range(20))
        node.app.parts = [
            LogPart(0, entries[:4], "note 4"),
            LogPart(4, entries[4:13], "note 13"),
            LogPart(13, entries[13:], "note 20"),
        ]
        assert await first(node.guest().follow_log(0), 3) == node.app.parts
        assert await first(node.guest().follow_log(13), 1) == node.app.parts[2:]


async def test_streams_are_listed_as_the_partners_own(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.listed = [
            StreamRow("1" * 64, "tender", HOST, own=True, tender="桥-2026"),
            StreamRow("2" * 64, "side", HOST, own=True, of="3" * 64),
        ]
        theirs = await first(node.guest().streams(), 2)
        assert theirs == [dataclasses.replace(row, own=False) for row in node.app.listed]
        assert await first(node.door().streams(f"centre:{HOST}"), 2) == node.app.listed
        assert node.app.asked == [
            ("streams", f"centre:{GUEST}", GUEST),
            ("streams", f"centre:{HOST}", "None"),
        ]


async def test_files_and_shares_arrive_unchanged(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        door, guest = node.door(), node.guest()
        for data in (b"", b"x", bytes(range(256)) * 4096 * 5):
            name = await guest.put_blob(data)
            assert name == sha256(data).hexdigest()
            assert node.app.blobs[name] == data
            assert await door.get_blob(name) == data
        assert await guest.shares(["a" * 64, "b" * 64], 3) == [b"\x03" * 112] * 2
        with pytest.raises(MissingError):
            await door.get_blob("f" * 64)


async def test_regulator_hears_the_lists_of_a_draw(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        payload = b"p" * 700_000
        await node.guest().disclose("d" * 64, payload)
        await node.guest().disclose_snapshot("e" * 64, b"entries")
        assert node.app.disclosed == [("d" * 64, payload, GUEST), ("e" * 64, b"entries", GUEST)]


async def test_receipts_and_bodies_come_when_they_are_ready(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        door = node.door()
        assert await door.receipt("a" * 64) is None
        node.app.receipts["a" * 64] = "c2sp.org/tlog-proof@v1\n…"
        assert await door.receipt("a" * 64) == "c2sp.org/tlog-proof@v1\n…"
        assert await door.body("a" * 64, "public") == b"{}"
        assert await node.guest().body("a" * 64) == b"{}"
        assert ("body", "a" * 64, f"centre:{GUEST}") in node.app.asked


async def test_experts_programs_reach_their_pool(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        door = node.door()
        her, other = "1" * 64, "2" * 64
        call = Call("d" * 64, 0, "a" * 64, her, "明日九时", "tomorrow at nine", NOON)
        seat = Invitation(STREAM, "d" * 64, "1", "a" * 64, "b" * 64, her)
        node.app.called = [dataclasses.replace(call, pseudonym=other), call]
        node.app.invited = [seat]
        assert await first(door.calls(frozenset({her})), 1) == [call]
        answer = CallAnswer("d" * 64, "a" * 64, accepted=True, signature=b"s" * 64)
        await door.answer(answer)
        assert await first(door.invitations(frozenset({her})), 1) == [seat]
        taken = SeatTaken(dataclasses.replace(submission(1), sealed=()), "c" * 64, b"s" * 64)
        place = await door.take_seat(taken)
        await door.enter(b"{}", b"s" * 64)
        assert place.record == open_envelope(taken.item.envelope).id
        assert (node.app.answered, node.app.taken) == ([answer], [taken])
        assert node.app.entered == [(b"{}", b"s" * 64)]


async def test_operator_asks_at_the_door(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        door = OperatorDoor(node.door_path)
        node.closing.push_async_callback(door.close)
        operator: Operator = door
        assert await operator.status() == Status(NOON, 1, 2, 3)
        assert await operator.open_tender("bridge", "a" * 64) == STREAM
        assert await operator.evidence(STREAM, "public") == b'{"reader":"public"}'


async def test_operator_votes_at_the_door(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        door = OperatorDoor(node.door_path)
        node.closing.push_async_callback(door.close)
        elector: Elector = door
        assert await elector.ballot() == await node.app.ballot()
        assert await elector.propose(b"{}") == "a" * 64
        assert await elector.propose_status("luoyang", "suspended") == "b" * 64
        assert await elector.vote("a" * 8) == await elector.execute("a" * 64) == "a" * 64
        with pytest.raises(InvalidError):
            await elector.vote("no number")
        with pytest.raises(InvalidError):
            await elector.propose(b"")


async def test_many_batches_go_over_one_stream(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        stub = rpc.RecordServiceStub(node.channel(keys_of(tmp_path, GUEST)))
        requests = [
            pb.SubmitStreamRequest(items=[convert.submission_to(submission(n))]) for n in range(5)
        ]
        records = [
            answer.answers[0].accepted.record async for answer in stub.SubmitStream(iter(requests))
        ]
        assert records == [open_envelope(submission(n).envelope).id for n in range(5)]


async def test_client_goes_on_when_the_node_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "TRIES", 2)
    async with stage(tmp_path) as node:
        door, guest = node.door(), node.guest()
        assert await door.now() == NOON
        await guest.body("a" * 64)
        await node.servers.stop(0)
        with pytest.raises(UnavailableError):
            await guest.body("a" * 64)
        with pytest.raises(UnavailableError):
            await door.now()
        again = dataclasses.replace(
            node.servers,
            listen=f"127.0.0.1:{node.port}",
            _running=[],
            _watch=[],
            _health=[],
            _door_is_ours=False,
        )
        await again.start()
        node.closing.push_async_callback(again.stop, 0)
        monkeypatch.setattr(line, "TRIES", 6)
        assert await door.now() == NOON
        await guest.body("a" * 64)


async def test_follower_is_told_when_its_stream_breaks(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.shown = places(1)
        following = followed(node.guest(), STREAM, -1)
        assert await anext(following) == node.app.shown[0]
        await node.servers.stop(0)
        with pytest.raises(UnavailableError):
            await anext(following)
        node.app.endless = False


async def test_stream_that_ends_by_itself_is_no_end_of_the_matter(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.endless, node.app.shown = False, places(2)
        found: list[Followed] = []
        with pytest.raises(UnavailableError, match="ended the stream"):
            await collect(followed(node.guest(), STREAM, -1), found)
        assert found == node.app.shown


async def test_error_in_a_stream_comes_after_what_was_shown(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        node.app.shown, node.app.raises = places(3), MissingError("no such stream")
        found: list[Followed] = []
        with pytest.raises(MissingError, match="no such stream"):
            await collect(followed(node.guest(), STREAM, -1), found)
        assert found == node.app.shown


async def test_door_is_for_its_owner_only(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        mode = node.door_path.lstat().st_mode
        assert stat.S_ISSOCK(mode)
        assert stat.S_IMODE(mode) == 0o600
    assert not node.door_path.exists()


async def test_killed_nodes_door_is_opened_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        kept = tmp_path / "left.sock"
        node.door_path.rename(kept)
    kept.rename(node.door_path)  # what a killed process leaves
    async with stage(tmp_path) as node:
        assert await node.door().now() == NOON


async def test_addresses_that_cannot_be_had_are_named(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        taken = f"127.0.0.1:{node.port}"
        for listen, door in (
            (taken, tmp_path / "other.sock"),
            ("127.0.0.1:0", tmp_path / ("d" * 120)),
            ("127.0.0.1:0", tmp_path / f"keys-{HOST}" / "tls.crt"),
        ):
            other = Servers(node.app, node.app, node.members, keys_of(tmp_path, HOST), listen, door)
            with pytest.raises(ConfigError) as caught:
                await other.start()
            assert str(door) in caught.value.detail or listen in caught.value.detail
        assert (tmp_path / f"keys-{HOST}" / "tls.crt").exists()
        assert await node.door().now() == NOON


async def test_node_that_cannot_start_leaves_the_door_of_another_alone(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        twin = Servers(
            node.app,
            node.app,
            node.members,
            keys_of(tmp_path, HOST),
            f"127.0.0.1:{node.port}",
            node.door_path,
        )
        with pytest.raises(ConfigError):
            await twin.start()
        assert await node.door().now() == NOON


async def test_registry_admits_and_renews_at_once(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        new = keys_of(tmp_path, "yueyang")
        stranger = node.partner(new)
        with pytest.raises(UnavailableError):
            await stranger.body("a" * 64)
        node.put(member_of("yueyang", new))
        assert await node.partner(new).body("a" * 64) == b"{}"
        renewed = keys_of(tmp_path, GUEST, "-new")
        node.put(member_of(GUEST, renewed))
        assert await node.partner(renewed).body("a" * 64) == b"{}"
        with pytest.raises(UnavailableError):
            await node.guest().body("a" * 64)


async def test_own_certificate_is_renewed_without_a_restart(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        renewed = keys_of(tmp_path, HOST, "-new")
        guest = keys_of(tmp_path, GUEST)
        for name in ("tls.key", "tls.crt"):
            path = tmp_path / f"keys-{HOST}" / name
            path.write_bytes((tmp_path / f"keys-{HOST}-new" / name).read_bytes())
        endpoint = node.host().endpoint
        with pytest.raises(UnavailableError):
            await node.partner(guest).body("a" * 64)
        to = member_of(HOST, renewed, endpoint=endpoint)
        assert await node.partner(guest, to=to).body("a" * 64) == b"{}"


async def test_certificate_that_cannot_be_read_keeps_nobody_else_out(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        broken = dataclasses.replace(node.members.by_id[REGULATOR], tls=b"no certificate")
        node.put(broken)
        assert await node.guest().body("a" * 64) == b"{}"


async def test_health_and_reflection_answer_on_both_servers(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        for channel in (node.channel(), node.channel(keys_of(tmp_path, GUEST))):
            health: Any = health_pb2_grpc.HealthStub(channel)
            found = await health.Check(health_pb2.HealthCheckRequest(service=""))
            assert found.status == health_pb2.HealthCheckResponse.SERVING
            seen = await first(aiter(health.Watch(health_pb2.HealthCheckRequest())), 1)
            assert seen[0].status == health_pb2.HealthCheckResponse.SERVING
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(cast("grpc.Channel", channel))
            ask = reflection_pb2.ServerReflectionRequest(list_services="")
            answers = [one async for one in stub.ServerReflectionInfo(iter([ask]))]
            names = {service.name for service in answers[0].list_services_response.service}
            assert set(server.SERVICES) <= names


async def test_methods_that_nobody_serves_are_unimplemented(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        channel = node.channel(keys_of(tmp_path, GUEST))
        call: Any = channel.unary_unary("/yuanping.v1.RecordService/No")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call(b"")
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_servers_need_no_members_to_start(tmp_path: Path) -> None:
    app = SimApplication()
    servers = Servers(
        app, app, Members(HOST), keys_of(tmp_path, HOST), "127.0.0.1:0", tmp_path / "d.sock"
    )
    try:
        assert await servers.start() > 0
    finally:
        await servers.stop(0)


def test_every_error_comes_back_as_what_it_was() -> None:
    kinds = [NodeError]
    while kinds:
        kind = kinds.pop()
        kinds += [one for one in kind.__subclasses__() if one.__module__ == NodeError.__module__]
        back = error_of_problem(problem_of(kind("why", article="art. 1")))
        if problem_of(kind("why")).status == "INTERNAL":
            assert type(back) is NodeError
            continue
        assert (type(back), back.code, back.detail) == (kind, kind.default, "why")
        assert back.article == "art. 1"
