"""HTTP inside the node's event loop: uvicorn without signals or access log of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from api.wire import GuardedProtocol
from node.core.errors import ConfigError, NodeError

KEEP_ALIVE_S: Final = 15
STOP_S: Final = 5
BACKLOG: Final = 256
MAX_PORT: Final = 65_535

Start = Callable[[], Awaitable[int]]
Stop = Callable[[], Awaitable[None]]


class EmbeddedServer(uvicorn.Server):
    """A server that leaves signals to the process it is part of."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take over no signal."""
        yield


def serve(app: ASGIApp, host: str, port: int) -> tuple[Start, Stop]:
    """Give `start` and `stop` for an HTTP server in the running event loop.

    `start` returns the port once connections are answered (port 0: a free one); it raises
    ConfigError if the address cannot be had. `stop` lets answers under way end for STOP_S seconds
    and returns when the port is free; stopping twice, or before the start, does nothing.
    """
    server = EmbeddedServer(_config(app))
    tasks: list[asyncio.Task[None]] = []

    async def start() -> int:
        listener = _listen(host, port)
        tasks.append(asyncio.create_task(server.serve(sockets=[listener]), name="http"))
        while not server.started:
            if tasks[0].done():
                await tasks[0]
                raise NodeError("the HTTP server ended at its start")
            await asyncio.sleep(0.01)
        bound: int = listener.getsockname()[1]
        return bound

    async def stop() -> None:
        while tasks:
            server.should_exit = True
            await tasks.pop()

    return start, stop


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=GuardedProtocol,
        ws="none",
        loop="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
    )


def _listen(host: str, port: int) -> socket.socket:
    if port > MAX_PORT:  # the system would take its last 16 bits for another port
        raise ConfigError(f"[http] listen {host}:{port}: ports end at {MAX_PORT}")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, proto)
    except (OSError, UnicodeError):
        raise ConfigError(f"[http] listen {host}:{port}: there is no such address") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigError(f"[http] listen {host}:{port}: {error.strerror}") from None
    return listener
