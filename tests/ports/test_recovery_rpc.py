"""What a member is given back, over real servers: its own by its certificate, nobody else's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from yuanping.v1 import recovery_pb2 as pb
from yuanping.v1 import recovery_pb2_grpc as rpc

from node.adapters.rpc import convert
from node.core.errors import InvalidError, LimitError, UnavailableError
from node.services.ports import Known, KnownLog, LogPart, StreamRow
from tests.simulators.application import places, submission
from tests.simulators.wire import GUEST, HOST, Stage, stage

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", autouse=True)
async def one_loop(anyio_backend: str) -> AsyncIterator[None]:
    """One event loop for the file: gRPC's poller may still tell a loop what it no longer asks."""
    assert anyio_backend
    yield  # noqa: PT022 - what stays open until the end is the loop


async def test_all_that_is_given_arrives_unchanged_and_ends(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        entries = tuple(bytes([n]) * 32 for n in range(20))
        node.app.logs = [KnownLog("a/log", 0, "", ""), KnownLog("b/log", 7, "1" * 64, "note\n")]
        node.app.parts = [LogPart(0, entries[:4], "note 4"), LogPart(4, entries[4:], "note 20")]
        node.app.listed = [StreamRow("1" * 64, "tender", GUEST, own=False, tender="桥-2026")]
        node.app.shown = [*places(3), *places(5, body=None)[3:]]
        cipher = bytes(range(256)) * 4096 * 3
        node.app.lodged = [(submission(1), cipher), (submission(2), None), (submission(3), b"x")]
        guest = node.guest()
        assert await guest.known() == Known(tuple(node.app.logs))
        node.app.old = True
        assert (await guest.known()).old
        assert [part async for part in guest.given_log(0)] == node.app.parts
        assert [part async for part in guest.given_log(4)] == node.app.parts[1:]
        given = [one async for one in guest.given_places({"1" * 64: 1})]
        assert [row for row, _ in given] == node.app.listed * 4
        assert [place for _, found in given for place in found] == node.app.shown[1:]
        lodged = [one async for one in guest.given_lodged(["1" * 64])]
        assert lodged == node.app.lodged
        assert node.app.asked == [
            ("known", GUEST),
            ("known", GUEST),
            ("given_log", "0", GUEST),
            ("given_log", "4", GUEST),
            ("given_places", str([("1" * 64, 1)]), GUEST),
            ("given_lodged", "1", GUEST),
        ]


async def test_nobody_is_served_at_the_door(tmp_path: Path) -> None:
    """The operator's programs are many; a member's own goes to the member's node alone."""
    async with stage(tmp_path) as node:
        stub = rpc.RecoveryServiceStub(node.channel())
        calls: list[Any] = [
            stub.GetKnown(pb.GetKnownRequest()),
            anext(aiter(stub.GiveLog(pb.GiveLogRequest()))),
            anext(aiter(stub.GivePlaces(pb.GivePlacesRequest()))),
            anext(aiter(stub.GiveLodged(pb.GiveLodgedRequest()))),
        ]
        for call in calls:
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
            assert caught.value.code() is grpc.StatusCode.PERMISSION_DENIED
        assert node.app.asked == []


async def test_requests_and_answers_that_are_none_are_refused(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        guest = node.guest()
        node.app.logs = [KnownLog("a/log", 7, "no root", "")]
        with pytest.raises(InvalidError):
            await guest.known()
        node.app.logs = [KnownLog("a/log", 0, "", "x" * 70_000)]
        with pytest.raises(LimitError):
            await guest.known()
        entries = tuple(bytes([n]) * 32 for n in range(4))
        node.app.parts = [LogPart(0, entries, "note 4"), LogPart(8, entries, "note 12")]
        with pytest.raises(InvalidError, match="from 8 on"):
            [part async for part in guest.given_log(0)]
        with pytest.raises(InvalidError):
            [one async for one in guest.given_places({"no stream": 1})]
        await too_many(node)


async def too_many(node: Stage) -> None:
    streams = ["1" * 64] * 65_537
    with pytest.raises(LimitError):
        [one async for one in node.guest().given_lodged(streams)]
    assert sum(map(len, streams)) < convert.MAX_MESSAGE
    await asyncio.sleep(0)
    assert node.host().id == HOST


async def test_partner_that_says_no_more_or_never_ends_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []

    async def ask(node: Stage) -> None:
        async for _, given in node.guest().given_places({}):
            found.extend(place.seq for place in given)

    async with stage(tmp_path) as node:
        node.app.listed = [StreamRow("1" * 64, "tender", HOST, own=True)]
        node.app.shown = list(places(3))
        node.app.stops = asyncio.Event()
        monkeypatch.setattr("node.adapters.rpc.recovery_client.SILENT_S", 0.5)
        with pytest.raises(UnavailableError, match="takes too long"):
            await ask(node)
        assert found == [0, 1, 2], "what was told until then counts"
        node.app.stops.set()
        monkeypatch.setattr("node.adapters.rpc.recovery_client.MAX_PLACES", 2)
        with pytest.raises(LimitError, match="more than 2 places"):
            await ask(node)
