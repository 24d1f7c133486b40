"""`yuanping node run`: one node, servers and loops in one process, until told to stop.

It stands here and not among the commands because it puts HTTP beside the node: only `api` may.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from node.bootstrap import Node
    from node.settings import Settings

GC_THRESHOLD = (50_000, 20, 50)
"""A node holds many values for long and makes few circles: Python would look for them too often."""
STOPPING = (signal.SIGTERM, signal.SIGINT)


def run(
    config: Annotated[Path, typer.Option(help="配置文件 / The configuration file.")] = Path(
        "config.toml"
    ),
) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises ConfigError for configuration, keys or addresses; UnavailableError for chain or store.
    """
    from node.adapters.journal import configure
    from node.settings import read_settings

    settings = read_settings(config)
    configure()
    gc.set_threshold(*GC_THRESHOLD)
    (config.resolve().parent / "pid").write_text(f"{os.getpid()}\n", "ascii")
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    from api.app import create_app
    from api.serve import serve
    from node.bootstrap import build

    stopping = asyncio.Event()
    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    node = await build(settings)
    host, _, port = settings.http.listen.rpartition(":")
    start, stop = serve(create_app(node.reads, node.telemetry.registry), host, int(port))
    try:
        await start()
        await node.servers.start()
        await _until(stopping, node)
    finally:
        await node.stop()
        await stop()


async def _until(stopping: asyncio.Event, node: Node) -> None:
    """Run the loops until we are told to stop, or one of them fails for good."""
    loops = asyncio.create_task(node.run(), name="loops")
    told = asyncio.create_task(stopping.wait(), name="stopping")
    done, _ = await asyncio.wait({loops, told}, return_when=asyncio.FIRST_COMPLETED)
    for task in (loops, told):
        task.cancel()
    await asyncio.gather(loops, told, return_exceptions=True)
    if loops in done:
        loops.result()
