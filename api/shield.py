"""The outermost layer: headers of every answer, HEAD, and faults of our own.

Whatever goes wrong inside, nothing of it is told outside: a fault is written to the log and
answered as `internal`.
"""

from __future__ import annotations

import logging
from typing import Final

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.refusals import answer
from node.problems import render

CSP: Final = (
    "default-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; object-src 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)
_LOG: Final = logging.getLogger("api")


class Shield:
    """ASGI: adds `HEADERS`, answers HEAD as GET without its body, catches what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; other kinds of scope are passed on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        outlet = _Outlet(send, bodyless=scope["method"] == "HEAD")
        inner = {**scope, "method": "GET"} if outlet.bodyless else scope
        try:
            await self.app(inner, receive, outlet)
        except ClientDisconnect:
            return  # nobody is there to be answered, and hanging up is no fault of ours
        except Exception as error:  # the last resort: log, tell nothing
            _LOG.error("fault at %s", scope["path"][:200], exc_info=error)
            if outlet.started:
                raise  # half an answer is out: the server cuts the connection
            await answer(render(error))(inner, receive, outlet)


class _Outlet:
    """The way out of one answer."""

    def __init__(self, send: Send, *, bodyless: bool) -> None:
        self.send = send
        self.bodyless = bodyless
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            named = {name.lower() for name, _ in message.get("headers", ())}
            added = [(name, value) for name, value in HEADERS if name not in named]
            message = {**message, "headers": [*message.get("headers", ()), *added]}
        elif self.bodyless and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self.send(message)
