"""Plain JSON-RPC 2.0 over HTTP: kept-open connections, batches, no retry.

Trust: an endpoint may lie about everything. What matters is proven from its answers elsewhere;
here only the form is checked.
"""

from __future__ import annotations

import http.client
import socket
import weakref
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec

from chain.errors import ChainError, ChainUnavailable

TIMEOUT_S = 30
HTTP_SERVER_ERROR = 500
MAX_ANSWER = 256 * 1024 * 1024
Request = tuple[str, Sequence[Any]]
"""Method and parameters."""
_NO_ANSWER = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


class RpcError(ChainError):
    """The endpoint's own error object; `data` is the revert data where it gave some."""

    def __init__(self, code: int, message: str, data: bytes) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data


class Rpc:
    """One endpoint. Thread-safe: each call takes an idle connection or opens one."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an HTTP address: {url}")
        self._kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        self._host, self._port = parts.hostname, parts.port
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._idle: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close_all, self._idle)

    def call(self, method: str, *params: Any) -> Any:  # noqa: ANN401 - a JSON value
        """The result of one call. Raises RpcError, or ChainUnavailable without an answer."""
        return self.batch([(method, params)])[0]

    def batch(self, requests: Sequence[Request]) -> list[Any]:
        """The results in the order of the requests; the first error among them is raised."""
        answers = self.answers(requests)
        for answer in answers:
            if isinstance(answer, RpcError):
                raise answer
        return answers

    def answers(self, requests: Sequence[Request]) -> list[Any]:
        """Like `batch`, but an error stands as an RpcError in its request's place."""
        calls = [
            {"jsonrpc": "2.0", "id": i, "method": method, "params": list(params)}
            for i, (method, params) in enumerate(requests)
        ]
        raw = self.post(msgspec.json.encode(calls[0] if len(calls) == 1 else calls))
        try:
            document = msgspec.json.decode(raw)
            listed = document if isinstance(document, list) else [document]
            if len(calls) > 1 and isinstance(document, dict):
                # One error for the whole batch, say because it was too large.
                raise _error_of(document["error"])
            by_id = {a["id"]: a for a in listed}
            return [_result_of(by_id[i]) for i in range(len(calls))]
        except (msgspec.DecodeError, *_NO_ANSWER) as error:
            raise ChainUnavailable(
                f"{self._host}:{self._port} answers no JSON-RPC: {error}"
            ) from None

    def close(self) -> None:
        """Close the connections that nobody uses now; the next call opens a new one."""
        _close_all(self._idle)

    def post(self, body: bytes) -> bytes:
        """What the endpoint answers to these bytes. Raises ChainUnavailable without an answer."""
        connection = None
        try:
            connection = self._connection()
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            raw = response.read(MAX_ANSWER)
        except (OSError, http.client.HTTPException) as error:
            if connection is not None:
                connection.close()
            where = f"{self._host}:{self._port}"
            raise ChainUnavailable(f"{where} does not answer: {error!r}") from None
        if response.status >= HTTP_SERVER_ERROR:
            connection.close()
            raise ChainUnavailable(f"{self._host}:{self._port} answers HTTP {response.status}")
        if response.isclosed() and not response.will_close:
            self._idle.append(connection)
        else:
            connection.close()
        return raw

    def _connection(self) -> http.client.HTTPConnection:
        while self._idle:
            try:
                held = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if held.sock is not None and not _is_dropped(held.sock):
                return held
            held.close()
        fresh = self._kind(self._host, self._port, timeout=TIMEOUT_S)
        fresh.connect()
        fresh.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return fresh


def _close_all(idle: list[http.client.HTTPConnection]) -> None:
    while idle:
        idle.pop().close()


def _is_dropped(sock: socket.socket) -> bool:
    """Whether the other side has closed a connection that waits for us.

    Looked at before sending, since a call that may have arrived must not be sent twice blindly.
    """
    sock.setblocking(False)
    try:
        return len(sock.recv(1, socket.MSG_PEEK)) == 0
    except (BlockingIOError, InterruptedError):
        return False
    except OSError:
        return True
    finally:
        sock.settimeout(TIMEOUT_S)


def _result_of(answer: dict[str, Any]) -> Any:  # noqa: ANN401 - a JSON value
    if answer.get("error") is not None:
        return _error_of(answer["error"])
    return answer["result"]


def _error_of(error: dict[str, Any]) -> RpcError:
    data = error.get("data")
    hexed = data if isinstance(data, str) and data.startswith("0x") else "0x"
    return RpcError(int(error["code"]), str(error["message"]), bytes.fromhex(hexed[2:]))
