"""How much one request, and all of them together, may take.

Source: architecture 1: an outsider must not be able to stop a session by asking. Each bound is
far above what our own programs need. Sizes are bytes, times seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.refusals import answer, with_status
from node.core.errors import LimitError, MissingError, NodeError, UnavailableError
from node.core.log.witness import MAX_BODY_BYTES
from node.problems import Problem, render

MAX_TARGET: Final = 4096
"""Path and query."""
MAX_HEAD: Final = 16_384
"""All header names and values."""
MAX_BODY: Final = MAX_BODY_BYTES
"""The largest body there is: add-checkpoint's."""
MAX_AT_ONCE: Final = 128
"""Requests that are being answered."""
TIMEOUT_S: Final = 60.0
"""From the request's head to the begin of its answer."""
SENDING_S: Final = 900.0
"""From there to its end: the largest evidence file over a slow line."""


class Limits:
    """ASGI: refuses what is too long, too many or too slow before anything is read of it."""

    def __init__(
        self, app: ASGIApp, *, at_once: int = MAX_AT_ONCE, timeout_s: float = TIMEOUT_S
    ) -> None:
        self.app = app
        self.timeout_s = timeout_s
        self.gate = Gate(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of scope are passed on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = unfit(scope)
        if refusal is not None:
            await answer(refusal)(scope, receive, send)
            return
        try:
            async with self.gate.enter():
                await self._in_time(scope, receive, send)
        except UnavailableError as error:
            await answer(render(error))(scope, receive, send)

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            if not started:
                clock.reschedule(asyncio.get_running_loop().time() + SENDING_S)
            started = True
            await send(message)

        try:
            async with asyncio.timeout(self.timeout_s) as clock:
                await self.app(scope, receive, watched)
        except TimeoutError:
            if not clock.expired() or started:
                raise
            raise UnavailableError("the request took too long") from None


class Gate:
    """Lets so many in at once; the others are told to come back, not made to wait."""

    def __init__(self, at_once: int) -> None:
        self.free = at_once

    @asynccontextmanager
    async def enter(self) -> AsyncIterator[None]:
        """Take a place for the block. Raises UnavailableError if all are taken."""
        if self.free <= 0:
            raise UnavailableError("the node is busy")
        self.free -= 1
        try:
            yield
        finally:
            self.free += 1


def unfit(scope: Scope) -> Problem | None:
    """Say what of a request's head is too long, promises too long a body, or names nothing.

    A control character names nothing here: a route's pattern ends before a last line feed, so
    that `/healthz%0a` would be taken for `/healthz`, and one tile would have two addresses.
    """
    if not scope["path"].isprintable():
        return render(MissingError("there is nothing at this address"))
    target = len(scope.get("raw_path") or b"") + len(scope.get("query_string", b""))
    if target > MAX_TARGET:
        return with_status(LimitError(f"an address has at most {MAX_TARGET} bytes"), 414)
    head = sum(len(name) + len(value) for name, value in scope["headers"])
    if head > MAX_HEAD:
        return with_status(LimitError(f"headers have at most {MAX_HEAD} bytes"), 431)
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    if any(not v.isdigit() or len(v) > 18 or int(v) > MAX_BODY for v in lengths):
        return render(_too_large())
    return None


async def read_body(request: Request) -> bytes:
    """Read a request's body, at most MAX_BODY bytes. Raises LimitError as soon as it is longer."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise _too_large()
    return bytes(body)


def _too_large() -> NodeError:
    return LimitError(f"a body has at most {MAX_BODY} bytes")
