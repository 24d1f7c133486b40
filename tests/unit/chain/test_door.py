"""The door's form: any bytes in, one JSON-RPC document out; and nothing for pages in a browser."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from chain.door import MAX_BATCH, MAX_BODY, Door, answer_body
from chain.errors import ChainUnavailable
from chain.rpc import Request, Rpc, RpcError


class Echo:
    """Answers with what it was asked; refuses `no`; dies of `die`."""

    def pass_on(self, methods: Sequence[str], body: bytes) -> bytes | None:
        """Passes on what calls `read` only: the body itself."""
        return body if set(methods) == {"read"} else None

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        if any(method == "die" for method, _ in requests):
            raise ChainUnavailable("it died")
        return [
            RpcError(-32000, "no", b"\xab") if method == "no" else [method, list(params)]
            for method, params in requests
        ]


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(0, Echo()) as door:
        yield door


def test_calls_and_batches_come_back_with_their_ids() -> None:
    call = {"jsonrpc": "2.0", "id": 7, "method": "m", "params": [1]}
    one = json.loads(answer_body(Echo(), json.dumps(call).encode()))
    assert one == {"jsonrpc": "2.0", "id": 7, "result": ["m", [1]]}
    batch = [call, {"jsonrpc": "2.0", "id": "x", "method": "no"}]
    two = json.loads(answer_body(Echo(), json.dumps(batch).encode()))
    assert [a["id"] for a in two] == [7, "x"]
    assert two[1]["error"] == {"code": -32000, "message": "no", "data": "0xab"}


def test_what_only_reads_is_passed_on_and_says_nothing_that_was_not_read() -> None:
    """A second method in one call, or a part that we do not know, reaches nobody behind."""
    twice = (
        b'{"jsonrpc":"2.0","id":1,"method":"die","x":[1],"params":[ {"a":1e2} ],"method":"read"}'
    )
    passed = json.loads(answer_body(Echo(), b"[" + twice + b"]"))
    assert passed == [{"jsonrpc": "2.0", "id": 1, "method": "read", "params": [{"a": 100.0}]}]
    with pytest.raises(ChainUnavailable):
        answer_body(Echo(), twice.replace(b'"read"', b'"die"'))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", -32700),
        (b"{", -32700),
        (b"\xff\xfe", -32700),
        (b"[" * 100_000, -32700),
        (b"[]", -32600),
        (b"1", -32600),
        (b"null", -32600),
        (b'{"jsonrpc":"1.0","id":1,"method":"m"}', -32600),
        (b'{"jsonrpc":"2.0","method":"m"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":1}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":[1}', -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"m","params":null}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"m"}', -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"m"},3]', -32600),
        (
            b"[" + b",".join([b'{"jsonrpc":"2.0","id":1,"method":"m"}'] * (MAX_BATCH + 1)) + b"]",
            -32600,
        ),
    ],
    ids=range(16),
)
def test_malformed_bodies_are_answered_and_do_nothing(body: bytes, code: int) -> None:
    answer = json.loads(answer_body(Echo(), body))
    assert answer["error"]["code"] == code
    assert answer["id"] is None


def post(door: Door, body: bytes, **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=5)
    connection.putrequest("POST", "/")
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(body)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_page_in_a_browser_cannot_use_it(door: Door) -> None:
    body = b'{"jsonrpc":"2.0","id":1,"method":"m"}'
    size = str(len(body))
    assert post(door, body, Content_Type="application/json", Content_Length=size) == 200
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert post(door, body, Content_Type=kind, Content_Length=size) == 415


def test_too_large_and_unmeasured_bodies_are_not_read(door: Door) -> None:
    kind = "application/json"
    assert post(door, b"", Content_Type=kind, Content_Length=str(MAX_BODY + 1)) == 413
    assert post(door, b"", Content_Type=kind, Content_Length="9" * 400) == 413
    assert post(door, b"", Content_Type=kind, Content_Length="-1") == 411
    assert post(door, b"", Content_Type=kind) == 411


def test_what_has_no_known_outcome_is_unavailable_not_refused(door: Door) -> None:
    rpc = Rpc(f"http://127.0.0.1:{door.port}")
    assert rpc.call("m", 1) == ["m", [1]]
    with pytest.raises(RpcError, match="no"):
        rpc.call("no")
    with pytest.raises(ChainUnavailable, match="503"):
        rpc.call("die")
    assert rpc.call("m", 2) == ["m", [2]]
    rpc.close()


@pytest.mark.parametrize(
    "answer",
    [b"", b"no", b"[]", b"{}", b'{"id":0}', b'{"id":5,"result":1}', b'{"id":0,"error":3}', b"[[]]"],
)
def test_a_server_that_talks_nonsense_is_unavailable(
    answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rpc, "post", lambda *_: answer)
    with pytest.raises(ChainUnavailable):
        Rpc("http://127.0.0.1:9").call("m")


def test_only_http_addresses_are_endpoints() -> None:
    for url in ("file:///etc/passwd", "127.0.0.1:8545", "ws://h:1"):
        with pytest.raises(ValueError, match="not an HTTP address"):
            Rpc(url)


def test_caller_that_is_killed_leaves_no_fault_in_the_log(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", door.port)) as caller:
        caller.send(b"POST / HTTP/1.1\r\n")
        # Closed so, the other end reads a reset, as after SIGKILL with an answer under way.
        caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert Rpc(f"http://127.0.0.1:{door.port}").call("m") == ["m", []]
    time.sleep(0.1)
    assert capsys.readouterr().err == ""
