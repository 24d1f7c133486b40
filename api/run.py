"""`yuanping node run`: one node, servers and loops in one process, until told to stop.

It stands here and not among the commands because it puts HTTP beside the node: only `api` may.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from node.core.errors import UnavailableError

if TYPE_CHECKING:
    from node.adapters.sql.store import SqlStore
    from node.bootstrap import Node
    from node.settings import Settings

STOPPING = (signal.SIGTERM, signal.SIGINT)
ELECT_S = 0.5
"""How often a standby asks for the database's lock, and how often its holder looks after it."""
RETRY_S = 5.0
"""How long a standby leaves a database alone that does not answer."""
log = structlog.get_logger()


def run(
    config: Annotated[Path, typer.Option(help="配置文件 / The configuration file.")] = Path(
        "config.toml"
    ),
) -> None:
    """Serve until SIGTERM or SIGINT; on PostgreSQL, wait while another process serves this centre.

    Raises ConfigError for configuration, keys or addresses; UnavailableError for chain or store,
    and (`store`) once the connection that held the database's lock is lost.
    """
    from node.adapters.journal import configure
    from node.adapters.memory import keep_freed_memory
    from node.settings import read_settings

    keep_freed_memory()
    settings = read_settings(config)
    configure()
    asyncio.run(_run(settings, config.resolve().parent / "pid"))


async def _run(settings: Settings, pid: Path) -> None:
    """Wait until this process is the one that serves its centre; then serve."""
    from node.adapters.sql.store import SqlStore

    stopping = asyncio.Event()
    for number in STOPPING:
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    store = await asyncio.to_thread(SqlStore, settings.store.database_url)
    try:
        if await _elected(store, stopping):
            note_pid(pid)
            await _serve(settings, store, stopping)
    finally:
        store.close()


def note_pid(path: Path) -> None:
    """Write who serves; for people and the demo. A service's configuration may be read-only."""
    try:
        path.write_text(f"{os.getpid()}\n", "ascii")
    except OSError as error:
        log.info("no-pid-file", detail=f"{path.name} is not written: {error.strerror}")


async def _elected(store: SqlStore, stopping: asyncio.Event) -> bool:
    """Wait for our turn to write; False if we are told to stop before it comes."""
    if await asyncio.to_thread(store.elect):
        return True
    log.info("standby", detail="another process serves this centre; waiting for it to end")
    pause = ELECT_S
    while not await _is_told(stopping, pause):
        try:
            if await asyncio.to_thread(store.elect):
                log.info("elected", detail="this process serves the centre now")
                return True
            pause = ELECT_S
        except UnavailableError as error:
            log.warning("failed", what="standby", code=error.code, detail=str(error))
            pause = RETRY_S
    return False


async def _is_told(stopping: asyncio.Event, within_s: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), within_s)
    return stopping.is_set()


async def _hold(store: SqlStore) -> None:
    """End with UnavailableError once the lock is lost: then another process may write."""
    while True:
        await asyncio.to_thread(store.hold)
        await asyncio.sleep(ELECT_S)


async def _serve(settings: Settings, store: SqlStore, stopping: asyncio.Event) -> None:
    from api.app import create_app
    from api.serve import serve
    from node.bootstrap import build

    node = await _admitted(lambda: build(settings, store), stopping)
    if node is None:
        return
    gc.freeze()  # what a node is made of stays: Python need not look through it again
    host, _, port = settings.http.listen.rpartition(":")
    start, stop = serve(create_app(node.reads, node.telemetry.registry), host, int(port))
    try:
        await start()
        await node.servers.start()
        await _until(stopping, node)
    finally:
        await node.stop()
        await stop()


async def _admitted(build: Callable[[], Awaitable[Node]], stopping: asyncio.Event) -> Node | None:
    """The node as soon as the members have admitted it; None if we are told to stop before."""
    waits = False
    while True:
        try:
            return await build()
        except UnavailableError as error:
            if error.code != "not-admitted":
                raise
            if not waits:
                log.info("waiting", detail=error.detail, advice=f"{error.advice_zh} {error.advice}")
            waits = True
        if await _is_told(stopping, ELECT_S):
            return None


async def _until(stopping: asyncio.Event, node: Node) -> None:
    """Run the loops until we are told to stop, or they fail for good, or may write no more."""
    told = asyncio.create_task(stopping.wait(), name="stopping")
    tasks = {
        asyncio.create_task(node.run(), name="loops"),
        asyncio.create_task(_hold(node.store), name="hold"),
    }
    done, _ = await asyncio.wait({told, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in (told, *tasks):
        task.cancel()
    await asyncio.gather(told, *tasks, return_exceptions=True)
    for task in tasks & done:
        task.result()
