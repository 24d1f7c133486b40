"""A proxy between any two parties of a running demo, which drops, delays or cuts what they say.

`tests.network.spy.detour` makes each process ask here for the way to each address it is about to
connect to; so every link is known by who calls, whom, and by what: `xian>zhuzhou grpc`. A link may
be refused (a reset at once), swallowed (nothing arrives, nothing comes back), made deaf (what is
asked arrives, the answers do not) or mute (the other way round), held (all waits and goes on after
the cut) or torn (a reset in the middle of a message). A connection that lost bytes is ended when
its link is mended.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import TracebackType

TORN_AFTER = 700
"""Bytes that a torn connection still lets through each way: less than a handshake or a record."""
CHUNK = 16 * 1024
RESET = struct.pack("ii", 1, 0)


class Mode(Enum):
    """What a link does to what is said over it."""

    OPEN = "open"
    REFUSED = "refused"
    SWALLOWED = "swallowed"
    DEAF = "deaf"
    MUTE = "mute"
    HELD = "held"
    TORN = "torn"


@dataclass(eq=False)
class Connection:
    """Both sockets of one connection, and what is left until it is torn."""

    ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter]
    left: int = TORN_AFTER
    is_spoiled: bool = False

    def drop(self) -> None:
        """Reset it at both ends."""
        for end in self.ends:
            sock = end.get_extra_info("socket")
            if sock is not None and sock.family != socket.AF_UNIX:
                with suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.transport.abort()


@dataclass(eq=False)
class Link:
    """One way between two parties. `name` is `<who>><whom> <by what>`; `passed` counts bytes."""

    name: str
    to: str
    mode: Mode = Mode.OPEN
    via: str = ""
    passed: int = 0
    dropped: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    connections: set[Connection] = field(default_factory=set)

    def set(self, mode: Mode) -> None:
        """Change what it does, also to the connections that stand."""
        self.mode = mode
        for one in list(self.connections):
            one.left = TORN_AFTER
            if mode is Mode.REFUSED or (mode is Mode.OPEN and one.is_spoiled):
                one.drop()
        self.changed.set()
        self.changed.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        with suppress(OSError, asyncio.CancelledError):
            await self._serve(reader, writer)
        writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.mode is Mode.REFUSED:
            self.dropped += 1
            Connection((writer, writer)).drop()
            return
        there, back = await _opened(self.to)
        one = Connection((writer, back))
        self.connections.add(one)
        ways = [
            asyncio.create_task(self._pass(reader, back, one, Mode.SWALLOWED, Mode.MUTE)),
            asyncio.create_task(self._pass(there, writer, one, Mode.SWALLOWED, Mode.DEAF)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.connections.discard(one)
            back.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        one: Connection,
        *lost: Mode,
    ) -> None:
        """What one side says, on to the other, as the link's mode has it."""
        while data := await reader.read(CHUNK):
            while self.mode is Mode.HELD:
                self.dropped += 1
                await self.changed.wait()
            if self.mode in lost:
                self.dropped += len(data)
                one.is_spoiled = True
                continue
            if self.mode is Mode.TORN:
                data, one.left = data[: one.left], one.left - len(data)
            writer.write(data)
            self.passed += len(data)
            if self.mode is Mode.TORN and one.left <= 0:
                self.dropped += 1
                with suppress(OSError):
                    await writer.drain()
                one.drop()
                return
            await writer.drain()


async def _opened(to: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if to.startswith("unix:"):
        return await asyncio.open_unix_connection(to.removeprefix("unix:"))
    host, _, port = to.rpartition(":")
    return await asyncio.open_connection(host, int(port))


class Cutter:
    """All links of one demo, in a thread of their own; a context manager."""

    def __init__(self, folder: Path, site: Path) -> None:
        """`folder` has a short path and is the cutter's own, `site` is the demo's folder."""
        self._folder, self._site = folder, site
        self._links: dict[tuple[str, str], Link] = {}
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def environment(self) -> dict[str, str]:
        """What the processes of the demo must have in their environment."""
        return {"CUTTER": str(self._folder / "ask")}

    @property
    def links(self) -> dict[str, Link]:
        """The links so far, by name."""
        return {link.name: link for link in list(self._links.values())}

    def set(self, links: Iterable[Link], mode: Mode) -> None:
        """Change the mode of links; it holds when this returns."""

        def change() -> None:
            for link in links:
                link.set(mode)

        self._do(change)

    def __enter__(self) -> Cutter:
        """Begin to answer."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End every connection."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _do(self, work: Callable[[], None]) -> None:
        done: Future[None] = Future()

        def run() -> None:
            work()
            done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(10)

    async def _listen(self) -> None:
        ask = str(self._folder / "ask")
        self._servers.append(await asyncio.start_unix_server(self._answer, ask))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = json.loads(await reader.readline())
        link = await self._link(asked["party"], asked["to"])
        writer.write(json.dumps({"via": link.via}).encode() + b"\n")
        await writer.drain()
        writer.close()

    async def _link(self, party: str, to: str) -> Link:
        if (party, to) not in self._links:
            link = self._links[party, to] = Link(f"{party}>{self._name(to)}", to)
            await self._open(link, len(self._links))
        link = self._links[party, to]
        while not link.via:  # another connection of the same party is opening it
            await asyncio.sleep(0.01)
        return link

    async def _open(self, link: Link, number: int) -> None:
        if link.to.startswith("unix:"):
            path = str(self._folder / f"{number}")
            self._servers.append(await asyncio.start_unix_server(link.serve, path))
            link.via = f"unix:{path}"
        else:
            server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
            self._servers.append(server)
            link.via = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    def _name(self, to: str) -> str:
        """Whom an address belongs to, and what is spoken there."""
        if to.startswith("unix:"):
            return f"{Path(to).parents[1].name} door"
        port = int(to.rpartition(":")[2])
        for member, ports in json.loads((self._site / "demo.json").read_bytes())["ports"].items():
            for kind, number in ports.items():
                if number == port:
                    return f"{member} {kind}"
        return "chain rpc"

    async def _end(self) -> None:
        for server in self._servers:
            server.close()
        for link in self._links.values():
            link.set(Mode.REFUSED)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
