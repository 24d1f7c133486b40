"""Every error face: one form, a permanent code, advice in two languages, nothing of the inside."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from api.app import create_app
from api.limits import MAX_HEAD, MAX_TARGET, Gate, Limits
from api.parts import Parts
from api.shield import HEADERS, Shield
from node.adapters.telemetry import Telemetry
from node.core.errors import ConfigError, NodeError, UnavailableError
from tests.simulators.reads import SimulatedReads

MEMBERS = {"type", "status", "code", "detail", "advice", "advice_zh"}
SECRET = "hunter2"


def check_problem(said: object, status: int, code: str) -> None:
    response = said
    assert hasattr(response, "json")
    assert hasattr(response, "headers")
    assert hasattr(response, "status_code")
    body = response.json()
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert set(body) == MEMBERS
    assert body["type"] == f"urn:yuanping:problem:{code}"
    assert body["advice"]
    assert any("\u4e00" <= c <= "\u9fff" for c in body["advice_zh"])
    for name, value in HEADERS:
        assert response.headers[name.decode()] == value.decode()


@pytest.mark.parametrize(
    "path",
    [
        "/none",
        "/docs",
        "/redoc",
        "/openapi.json",
        "/api/v1/",
        "/api/v1/node/",
        "/log/",
        "//evil.example/",
        "/log/checkpoint/",
        "/healthz%00",
        "/healthz%0a",
        "/witness/" + "a" * 64 + "/checkpoint",
    ],
)
def test_no_such_address(http: TestClient, path: str) -> None:
    check_problem(http.get(f"http://testserver{path}"), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/healthz", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/v1/tenders/B194", "GET, HEAD, OPTIONS"),
        ("PUT", "/log/tile/0/000", "GET, HEAD, OPTIONS"),
        ("GET", "/witness/add-checkpoint", "OPTIONS, POST"),
        ("TRACE", "/", "GET, HEAD, OPTIONS"),
        ("PROPFIND", "/", "GET, HEAD, OPTIONS"),
    ],
)
def test_other_method_names_those_there_are(
    http: TestClient, method: str, path: str, allow: str
) -> None:
    said = http.request(method, path)
    check_problem(said, 405, "method")
    assert said.headers["allow"] == allow


def test_options_are_told(http: TestClient) -> None:
    for path, allow in (("/healthz", "GET, HEAD, OPTIONS"), ("/witness/add-checkpoint", "POST")):
        said = http.options(path)
        assert (said.status_code, said.content) == (204, b"")
        assert allow in said.headers["allow"]
        assert "access-control-allow-origin" not in said.headers
    check_problem(http.options("/none"), 404, "not-found")


@pytest.mark.parametrize("path", ["/", "/healthz", "/api/v1/node", "/none", "/api/v1/openapi.json"])
def test_head_is_get_without_its_body(http: TestClient, path: str) -> None:
    head, get = http.head(path), http.get(path)
    assert head.status_code == get.status_code
    assert head.content == b""
    assert head.headers == get.headers
    assert int(head.headers["content-length"]) == len(get.content)


def test_head_of_what_has_no_get_is_another_method(http: TestClient) -> None:
    assert http.head("/witness/add-checkpoint").status_code == 405


def test_address_too_long(http: TestClient) -> None:
    assert http.get("/" + "a" * (MAX_TARGET - 1)).status_code == 404
    check_problem(http.get("/" + "a" * MAX_TARGET), 414, "limit")
    check_problem(http.get("/?lang=" + "a" * MAX_TARGET), 414, "limit")


def test_headers_too_large(http: TestClient) -> None:
    check_problem(http.get("/healthz", headers={"x": "a" * MAX_HEAD}), 431, "limit")
    check_problem(http.get("/healthz", headers={"Accept-Language": "a" * MAX_HEAD}), 431, "limit")


@pytest.mark.parametrize(
    "fault",
    [
        ValueError(SECRET),
        KeyError(SECRET),
        ConfigError(SECRET),
        NodeError(SECRET),
        RecursionError(SECRET),
        TimeoutError(SECRET),
    ],
)
def test_fault_of_our_own_tells_nothing_outside(
    http: TestClient, reads: SimulatedReads, fault: Exception
) -> None:
    reads.fault = fault
    said = http.get("/api/v1/node")
    check_problem(said, 500, "internal")
    assert SECRET not in said.text
    assert SECRET not in repr(said.headers)


@pytest.mark.parametrize(("status", "code"), [(400, "form"), (418, "form"), (502, "internal")])
def test_error_of_the_library_has_our_face(reads: SimulatedReads, status: int, code: str) -> None:
    app = create_app(reads, Telemetry().registry)

    @app.get("/planted")
    async def planted() -> None:
        raise HTTPException(status, SECRET)

    said = TestClient(app).get("/planted")
    check_problem(said, status if status < 500 else 500, code)
    assert SECRET not in said.text


def test_fault_is_written_to_the_log(
    http: TestClient, reads: SimulatedReads, caplog: pytest.LogCaptureFixture
) -> None:
    reads.fault = ValueError("broken")
    with caplog.at_level(logging.ERROR):
        http.get("/api/v1/node")
    assert "fault at /api/v1/node" in caplog.text


def test_so_many_costly_reads_at_once_and_no_more(reads: SimulatedReads) -> None:
    app = create_app(reads, Telemetry().registry)
    parts: Parts = app.state.parts
    reads.evidences["B194", "public"] = b"{}"
    client = TestClient(app)
    parts.costly.free = 0
    check_problem(client.get("/api/v1/tenders/B194/evidence"), 503, "unavailable")
    parts.costly.free = 1
    for _ in range(3):  # the place is given back each time, also after a refusal
        assert client.get("/api/v1/tenders/B194/evidence").status_code == 200
        assert client.get("/api/v1/tenders/B193/evidence").status_code == 409
    assert parts.costly.free == 1


def test_gate_gives_places_back_after_a_fault() -> None:
    gate = Gate(1)

    async def fail() -> None:
        async with gate.enter():
            with pytest.raises(UnavailableError):
                async with gate.enter():
                    pass
            raise ValueError

    for _ in range(2):
        with pytest.raises(ValueError, match=r"^$"):
            asyncio.run(fail())
    assert gate.free == 1


def test_too_many_requests_are_told_to_come_back() -> None:
    said = TestClient(Shield(Limits(quick, at_once=0))).get("/")
    check_problem(said, 503, "unavailable")
    assert said.headers["retry-after"] == "5"


def test_request_that_takes_too_long_is_ended() -> None:
    said = TestClient(Shield(Limits(endless, timeout_s=0.05))).get("/")
    check_problem(said, 503, "unavailable")


def test_answer_that_began_in_time_may_go_on() -> None:
    said = TestClient(Shield(Limits(slow, timeout_s=0.05))).get("/")
    assert (said.status_code, said.content) == (200, b"ab")


def test_fault_in_the_middle_of_an_answer_cuts_it() -> None:
    with pytest.raises(ValueError, match="middle"):
        TestClient(Shield(Limits(broken))).get("/")


def test_layers_pass_on_what_is_no_request() -> None:
    seen: list[str] = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope["type"])

    async def nothing(_message: Message | None = None) -> Message:
        return {"type": "lifespan.startup"}

    async def sent(_message: Message) -> None:
        return None

    asyncio.run(Shield(Limits(app))({"type": "lifespan"}, nothing, sent))
    assert seen == ["lifespan"]


async def quick(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ab"})


async def endless(_scope: Scope, _receive: Receive, _send: Send) -> None:
    await asyncio.sleep(3600)


async def slow(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"a", "more_body": True})
    await asyncio.sleep(0.15)
    await send({"type": "http.response.body", "body": b"b"})


async def broken(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ValueError("middle")


def test_problem_is_compact_utf8(http: TestClient) -> None:
    said = http.get("/none")
    assert "没有此对象".encode() in said.content
    assert json.loads(said.content)["status"] == 404
