"""The development chain's HTTP door: JSON-RPC 2.0 on the loopback interface, nothing else.

A page in a browser cannot use it: only `application/json` is taken, which a foreign page may not
send without asking, and asking is not answered.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Protocol

import msgspec

from chain.errors import ChainUnavailable
from chain.rpc import Request, RpcError

MAX_BODY = 1024 * 1024
MAX_BATCH = 4096
IDLE_S = 300
PARSE_ERROR, INVALID_REQUEST = -32700, -32600
_NO_CALL = ("not a JSON-RPC 2.0 call", b"")


class Call(msgspec.Struct, frozen=True):
    """One JSON-RPC 2.0 call; what else stands in it is passed over."""

    jsonrpc: Literal["2.0"]
    id: int | str
    method: str
    params: msgspec.Raw = msgspec.Raw(b"[]")


class Answering(Protocol):
    """What stands behind the door."""

    def pass_on(self, methods: Sequence[str], body: bytes) -> bytes | None:
        """The JSON-RPC answer to a body that calls these methods; None if it is no mere reader's.

        Raises ChainUnavailable.
        """
        ...

    def answer(self, requests: Sequence[Request]) -> list[Any]:
        """Results in order, an RpcError in the place of each that failed.

        Raises ChainUnavailable if the outcome of any is unknown.
        """
        ...


class Door:
    """A listening door; as a context manager it serves from `with` to its end."""

    def __init__(self, port: int, behind: Answering) -> None:
        """Bind 127.0.0.1:`port` (0: a free one). Raises OSError if the port is taken."""
        handler = type("Handler", (_Handler,), {"behind": behind})
        self._server = _Server(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Door:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - of the base
        """A caller that was killed is no fault of ours; the log keeps what is."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    behind: Answering
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # status line, headers and body leave in one packet
    timeout = IDLE_S

    def do_POST(self) -> None:
        if self.headers.get_content_type() != "application/json":
            self._refuse(415, "Content-Type must be application/json")
            return
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            self._refuse(411, "Content-Length is wanted")
        elif int(length[:12]) > MAX_BODY:
            self._refuse(413, f"more than {MAX_BODY} bytes")
        else:
            self._answer(self.rfile.read(int(length)))

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the journal is the record of what was asked."""

    def _answer(self, body: bytes) -> None:
        try:
            self._reply(200, answer_body(self.behind, body))
        except ChainUnavailable as error:
            self._refuse(503, error.detail)

    def _refuse(self, status: int, message: str) -> None:
        self.close_connection = True  # perhaps the body was not read
        self._reply(status, _dump(_fault(None, RpcError(INVALID_REQUEST, message, b""))))

    def _reply(self, status: int, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


_READ = msgspec.json.Decoder(Call | list[Call])


def answer_body(behind: Answering, body: bytes) -> bytes:
    """Any bytes in, one JSON-RPC answer or batch of answers out.

    What only reads is passed on and its answer given back as it is; but written anew, so that
    nobody behind reads a call in it that we did not.
    """
    try:
        document = _READ.decode(body)
        calls = document if isinstance(document, list) else [document]
        params = [_params(call.params) for call in calls]
    except (msgspec.DecodeError, RecursionError):
        return _dump(_fault(None, _wrong(body)))
    if not 0 < len(calls) <= MAX_BATCH:
        return _dump(_fault(None, RpcError(INVALID_REQUEST, *_NO_CALL)))
    methods = [call.method for call in calls]
    if (passed := behind.pass_on(methods, _dump(document))) is not None:
        return passed
    results = behind.answer(
        [(name, msgspec.json.decode(one)) for name, one in zip(methods, params, strict=True)]
    )
    answers = [_one(call.id, result) for call, result in zip(calls, results, strict=True)]
    return _dump(answers if isinstance(document, list) else answers[0])


def _params(raw: msgspec.Raw) -> msgspec.Raw:
    """The same if it is an array. Raises ValidationError."""
    if not bytes(raw).startswith(b"["):
        raise msgspec.ValidationError("parameters stand in an array")
    return raw


def _wrong(body: bytes) -> RpcError:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return RpcError(PARSE_ERROR, "not JSON", b"")
    return RpcError(INVALID_REQUEST, *_NO_CALL)


def _one(number: object, result: object) -> dict[str, Any]:
    if isinstance(result, RpcError):
        return _fault(number, result)
    return {"jsonrpc": "2.0", "id": number, "result": result}


def _fault(number: object, error: RpcError) -> dict[str, Any]:
    fault: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.data:
        fault["data"] = "0x" + error.data.hex()
    return {"jsonrpc": "2.0", "id": number, "error": fault}


def _dump(document: object) -> bytes:
    return msgspec.json.encode(document)
