"""The floor of `log.accept_one`: a server process of the node's TLS and gRPC with an empty handler.

Started as `python -m node.cli.bench.empty_server KEY CERTIFICATE CLIENTS`: the node's own key and
certificate, and the one certificate that may connect (all PEM files). It prints its port, and ends
when its standard input closes. No guard, no messages to read, nothing behind it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import grpc

from node.adapters.rpc.load import EMPTY
from node.adapters.rpc.server import OPTIONS
from node.cli.demo.leash import hold

if TYPE_CHECKING:
    Handler = grpc.RpcMethodHandler[bytes, bytes]


async def _empty(_request: bytes, _context: object) -> bytes:
    return b""


async def serve(key: Path, certificate: Path, clients: Path) -> None:
    """Serve until the process ends."""
    server = grpc.aio.server(options=OPTIONS)
    _, service, method = EMPTY.split("/")
    empty: Handler = grpc.unary_unary_rpc_method_handler(_empty)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: empty}),)
    )
    credentials = grpc.ssl_server_credentials(
        [(key.read_bytes(), certificate.read_bytes())],
        clients.read_bytes(),
        require_client_auth=True,
    )
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    print(port, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    hold()
    asyncio.run(serve(*map(Path, sys.argv[1:4])))
