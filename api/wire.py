"""The bytes before there is a request: slow, endless or malformed heads, too many connections.

The HTTP parser itself (httptools) has no such bounds: a connection that sends a byte a minute, or
a header without an end, would be kept for ever.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from api.limits import MAX_HEAD, MAX_TARGET
from api.refusals import PROBLEM_JSON, body_of, with_status
from node.core.errors import InvalidError, LimitError, UnavailableError
from node.problems import Problem, render

MAX_CONNECTIONS: Final = 512
HEAD_S: Final = 10.0
"""Seconds in which a request's head must be complete."""
MAX_HEAD_BYTES: Final = 2 * (MAX_HEAD + MAX_TARGET)
"""Bytes of a head that are read at all; a shorter one that is too long is told so exactly."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection, with bounds until the head of each request is complete."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(*args, **kwargs)
        self.in_head = True
        self.head_bytes = 0
        self.head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to count; one connection too many is told so."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self.refuse(render(UnavailableError("too many connections")))
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._end_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse, and count the bytes of a head that has no end yet."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self.head_bytes += len(data) if self.in_head else 0
        if self.head_bytes > MAX_HEAD_BYTES:
            self.refuse(with_status(LimitError("the head of the request is too large"), 431))

    def on_message_begin(self) -> None:
        """Begin to wait for a head."""
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._end_head()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Go on, but not with a client that was answered before it sent all it promised."""
        unread = self.cycle.response_complete and self.cycle.more_body
        super().on_response_complete()
        if unread:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the name is uvicorn's
        """Answer what is no HTTP."""
        self.refuse(render(InvalidError("this is no HTTP request")))

    def refuse(self, problem: Problem) -> None:
        """Answer by a problem document before there is a request, and end the connection."""
        if self.transport.is_closing():
            return
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is None or cycle.response_complete:
            body = body_of(problem)
            head = (
                f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n"
                f"content-type: {PROBLEM_JSON}\r\ncontent-length: {len(body)}\r\n"
                "x-content-type-options: nosniff\r\ncache-control: no-store\r\n"
                "connection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()

    def _await_head(self) -> None:
        self._end_head()
        self.in_head, self.head_bytes = True, 0
        self.head_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _end_head(self) -> None:
        self.in_head = False
        if self.head_timer is not None:
            self.head_timer.cancel()
            self.head_timer = None
