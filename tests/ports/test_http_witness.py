"""A witness asked over HTTP: one connection for many questions, a closed one is opened again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from node.adapters.witness import HttpWitness
from node.core.errors import UnavailableError


class Handler(BaseHTTPRequestHandler):
    """Answers what it was asked; `closes` ends the connection after each answer, untold."""

    protocol_version = "HTTP/1.1"
    connections = 0
    closes = False

    def setup(self) -> None:
        type(self).connections += 1
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.closes

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a connection that is kept open must not keep the test waiting


@contextmanager
def served(*, closes: bool) -> Iterator[tuple[str, type[Handler]]]:
    kind = type("One", (Handler,), {"connections": 0, "closes": closes})
    server = _Server(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/witness/add-checkpoint", kind
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("closes", "connections"), [(False, 1), (True, 3)])
def test_connection_serves_as_long_as_it_stands(closes: bool, connections: int) -> None:
    witness = HttpWitness()
    with served(closes=closes) as (url, kind):
        for number in range(3):
            asked = b"question %d" % number
            assert asyncio.run(witness.add_checkpoint(url, asked)) == (200, asked)
        assert kind.connections == connections


def test_witness_that_is_away_is_unavailable() -> None:
    witness = HttpWitness()
    with served(closes=True) as (url, _):
        assert asyncio.run(witness.add_checkpoint(url, b"?"))[0] == 200
    with pytest.raises(UnavailableError):
        asyncio.run(witness.add_checkpoint(url, b"?"))
