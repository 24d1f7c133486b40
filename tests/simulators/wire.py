"""A node's real servers on loopback with a simulated inside, and the members who call them."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from node.adapters.keys import load_keys, make_keys
from node.adapters.rpc.client import RpcPartner
from node.adapters.rpc.door_client import DoorClient
from node.adapters.rpc.server import Servers
from node.adapters.tls import der_of, pem_of
from node.services.members import Members
from node.services.ports import Followed, Keys, Member, Wanted
from tests.simulators.application import SimApplication
from tests.simulators.sources import SeededEntropy

HOST, GUEST, REGULATOR = "zhuzhou", "chenzhou", "hunan"
LOCAL = ("grpc.use_local_subchannel_pool", 1)


def keys_of(folder: Path, name: str, seed: str = "") -> Keys:
    """A member's keys; the same call gives the same ones."""
    where = folder / f"keys-{name}{seed}"
    if where.exists():
        return load_keys(where)
    return make_keys(where, name, SeededEntropy(name + seed), int(time.time()))


def member_of(name: str, keys: Keys, *, endpoint: str = "", status: str = "active") -> Member:
    """A member as the registry names it."""
    return Member(
        id=name,
        role="regulator" if name == REGULATOR else "centre",
        status=status,
        account="",
        endpoint=endpoint,
        http="",
        origin="",
        witness="",
        tls=der_of(keys.tls_cert.read_bytes()),
        keys=(),
        name_zh=name,
        name_en=name,
    )


@dataclass(slots=True)
class Stage:
    """One node's servers, running; calls to it are closed with it."""

    folder: Path
    app: SimApplication
    members: Members
    servers: Servers
    port: int
    closing: AsyncExitStack = field(repr=False)

    @property
    def door_path(self) -> Path:
        """The node's socket."""
        return self.servers.door

    def host(self) -> Member:
        """The node as its registry entry names it."""
        entry = self.members.by_id[self.members.me]
        return dataclasses.replace(entry, endpoint=f"127.0.0.1:{self.port}")

    def partner(self, keys: Keys, *, to: Member | None = None) -> RpcPartner:
        """The node, called with somebody's keys."""
        made = RpcPartner(to or self.host(), keys)
        self.closing.push_async_callback(made.close)
        return made

    def guest(self) -> RpcPartner:
        """The node, called by its guest."""
        return self.partner(keys_of(self.folder, GUEST))

    def door(self) -> DoorClient:
        """The node's door."""
        made = DoorClient(self.door_path)
        self.closing.push_async_callback(made.close)
        return made

    def channel(self, keys: Keys | None = None) -> grpc.aio.Channel:
        """A bare channel: as a member, or at the door."""
        if keys is None:
            made = grpc.aio.insecure_channel(f"unix:{self.door_path}", options=[LOCAL])
        else:
            entry = self.host()
            credentials = grpc.ssl_channel_credentials(
                pem_of(entry.tls), keys.tls_key.read_bytes(), keys.tls_cert.read_bytes()
            )
            options = [LOCAL, ("grpc.ssl_target_name_override", entry.id)]
            made = grpc.aio.secure_channel(entry.endpoint, credentials, options=options)
        self.closing.push_async_callback(made.close)
        return made

    def put(self, member: Member) -> None:
        """Change one entry of the registry, as the chain's view does: at once."""
        self.members.by_id = {**self.members.by_id, member.id: member}

    def remove(self, name: str) -> None:
        """Take a member out of the registry."""
        self.members.by_id = {k: v for k, v in self.members.by_id.items() if k != name}


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """A host with a guest and a regulator in its registry."""
    keys = {name: keys_of(folder, name) for name in (HOST, GUEST, REGULATOR)}
    members = Members(HOST, by_id={name: member_of(name, key) for name, key in keys.items()})
    app = SimApplication()
    servers = Servers(app, app, members, keys[HOST], "127.0.0.1:0", folder / "door.sock")
    port = await servers.start()
    async with AsyncExitStack() as closing:
        closing.push_async_callback(servers.stop, 0.1)
        yield Stage(folder, app, members, servers, port, closing)


async def followed(partner: RpcPartner, stream: str, after: int) -> AsyncIterator[Followed]:
    """The places of one stream, as a partner gives them."""

    async def wanted() -> AsyncIterator[list[Wanted]]:
        yield [Wanted(stream, after)]
        await asyncio.Event().wait()

    messages = partner.follow_many(wanted())
    assert isinstance(messages, AsyncGenerator)
    async with aclosing(messages):
        async for message in messages:
            for _, places in message:
                for place in places:
                    yield place
