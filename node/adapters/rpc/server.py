"""The node's two gRPC servers: for partners over mutual TLS 1.3, and the operator's door.

Trust: partners are who the registry says (interceptors.py); at the door stands whoever the
operating system lets write to a socket of mode 0600, so an attacker who has the node's own user
has the node. Both serve the same services, health and reflection.
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from yuanping.v1 import (
    blobs_pb2,
    blobs_pb2_grpc,
    operator_pb2,
    operator_pb2_grpc,
    pools_pb2,
    pools_pb2_grpc,
    records_pb2,
    records_pb2_grpc,
    recovery_pb2,
    recovery_pb2_grpc,
    seats_pb2,
    seats_pb2_grpc,
)

from node.adapters.rpc.blobs import BlobServicer
from node.adapters.rpc.convert import MAX_MESSAGE
from node.adapters.rpc.interceptors import Admit, Guard, PeerCheck, admit_operator
from node.adapters.rpc.operator import OperatorServicer
from node.adapters.rpc.pools import PoolServicer
from node.adapters.rpc.records import RecordServicer
from node.adapters.rpc.recovery import RecoveryServicer
from node.adapters.rpc.seats import SeatServicer
from node.adapters.tls import pem_of
from node.core.errors import ConfigError, InvalidError
from node.services.members import Members
from node.services.ports import Keys
from node.services.ports.door import Application
from node.services.ports.operator import Office

DOOR_BEAT_S: Final = 0.5
"""How often programs at the door hear the time: they act by the node's clock."""
PARTNER_BEAT_S: Final = 5.0
SERVICES: Final = (
    records_pb2.DESCRIPTOR.services_by_name["RecordService"].full_name,
    pools_pb2.DESCRIPTOR.services_by_name["PoolService"].full_name,
    seats_pb2.DESCRIPTOR.services_by_name["SeatService"].full_name,
    blobs_pb2.DESCRIPTOR.services_by_name["BlobService"].full_name,
    recovery_pb2.DESCRIPTOR.services_by_name["RecoveryService"].full_name,
    health.SERVICE_NAME,
    reflection.SERVICE_NAME,
)
OPERATOR: Final = operator_pb2.DESCRIPTOR.services_by_name["OperatorService"].full_name
OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.max_concurrent_streams", 4096),
    # Two processes must never share one port: records would go to either.
    ("grpc.so_reuseport", 0),
)
PARTNER_OPTIONS: Final = (
    # A connection is made anew after ten minutes: a handshake shows what changed meanwhile.
    ("grpc.max_connection_age_ms", 600_000),
    ("grpc.max_connection_age_grace_ms", 10_000),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_ping_strikes", 3),
)
# sun_path of Linux and macOS, without the closing zero of the shorter one.
MAX_SOCKET_PATH: Final = 103

_Certificate = tuple[bytes, bytes, tuple[bytes, ...]]


@dataclass(slots=True)
class Handshakes:
    """What each handshake goes by: our own certificate files, and the registry as it is now.

    Roots are the certificates of *all* members, suspended ones too: those are told so by the
    guard (I8), which an abort in the handshake could not do.
    """

    keys: Keys
    members: Members
    given: _Certificate | None = None

    def current(self) -> grpc.ServerCertificateConfiguration:
        """The configuration now. Raises ConfigError if our own files cannot be read."""
        found = self._found()
        self.given = found
        return self._configuration(found)

    def changed(self) -> grpc.ServerCertificateConfiguration:
        """A new configuration, or None to go on with the last one. Called on gRPC's threads."""
        found = self._found()
        if found == self.given:
            return cast("grpc.ServerCertificateConfiguration", None)  # the stubs forget None
        self.given = found
        return self._configuration(found)

    def _found(self) -> _Certificate:
        ders = sorted(member.tls for member in self.members.by_id.values())
        try:
            key, certificate = self.keys.tls_key.read_bytes(), self.keys.tls_cert.read_bytes()
        except OSError as error:
            raise ConfigError(f"{error.filename}: {error.strerror}") from None
        return key, certificate, tuple(ders)

    def _configuration(self, found: _Certificate) -> grpc.ServerCertificateConfiguration:
        key, certificate, ders = found
        # Without any root nobody could be refused: our own certificate is always one.
        roots = b"".join(map(_pem_or_none, ders)) + certificate
        return grpc.ssl_server_certificate_configuration([(key, certificate)], roots)


@dataclass(slots=True)
class Servers:
    """Both servers of a node. `listen` is host:port (port 0: a free one), `door` the socket."""

    app: Application
    operator: Office
    members: Members
    keys: Keys
    listen: str
    door: Path
    _door_is_ours: bool = False
    _running: list[grpc.aio.Server] = field(default_factory=list)
    _watch: list[asyncio.Task[None]] = field(default_factory=list)
    _health: list[health.aio.HealthServicer] = field(default_factory=list)

    async def start(self) -> int:
        """Open both; gives the port of the partners' server.

        Raises ConfigError if an address cannot be had.
        """
        try:
            return await self._start()
        except BaseException:
            await self.stop(0)
            raise

    async def _start(self) -> int:
        _check_door(self.door)
        secure = self._server(PeerCheck(self.members), PARTNER_BEAT_S, PARTNER_OPTIONS)
        reflection.enable_server_reflection(SERVICES, secure)
        operator = self._server(admit_operator, DOOR_BEAT_S, ())
        operator_pb2_grpc.add_OperatorServiceServicer_to_server(
            OperatorServicer(self.operator), operator
        )
        reflection.enable_server_reflection((*SERVICES, OPERATOR), operator)
        handshakes = Handshakes(self.keys, self.members)
        credentials = grpc.dynamic_ssl_server_credentials(
            handshakes.current(), handshakes.changed, require_client_authentication=True
        )
        port = _bind(self.listen, lambda: secure.add_secure_port(self.listen, credentials))
        _bind_door(self.door, operator)
        self._door_is_ours = True
        for server in self._running:
            await server.start()
        for service in self._health:
            await service.set("", health_pb2.HealthCheckResponse.SERVING)
        return port

    async def stop(self, grace_s: float = 1.0) -> None:
        """Close both: no new calls, open ones get `grace_s` seconds; the socket is gone after."""
        for service in self._health:
            await service.enter_graceful_shutdown()
        await asyncio.gather(*(server.stop(grace_s) for server in self._running))
        for task in self._watch:
            task.cancel()
        await asyncio.gather(*self._watch, return_exceptions=True)
        if self._door_is_ours:
            self.door.unlink(missing_ok=True)

    def _server(
        self, admit: Admit, beat_s: float, options: tuple[tuple[str, int], ...]
    ) -> grpc.aio.Server:
        guard = Guard(admit)
        server = grpc.aio.server(interceptors=[guard], options=(*OPTIONS, *options))
        records_pb2_grpc.add_RecordServiceServicer_to_server(
            RecordServicer(self.app, self.members, beat_s), server
        )
        pools_pb2_grpc.add_PoolServiceServicer_to_server(PoolServicer(self.app), server)
        seats_pb2_grpc.add_SeatServiceServicer_to_server(SeatServicer(self.app), server)
        blobs_pb2_grpc.add_BlobServiceServicer_to_server(BlobServicer(self.app), server)
        recovery_pb2_grpc.add_RecoveryServiceServicer_to_server(RecoveryServicer(self.app), server)
        service = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(service, server)
        self._running.append(server)
        self._health.append(service)
        self._watch.append(asyncio.create_task(guard.watch()))
        return server


def _pem_or_none(der: bytes) -> bytes:
    """A certificate that cannot be read lets nobody in, and must not keep the others out."""
    try:
        return pem_of(der)
    except InvalidError:
        return b""


def _check_door(door: Path) -> None:
    if len(os.fsencode(door)) > MAX_SOCKET_PATH:
        raise ConfigError(
            f"{door}: too long for a Unix socket; move the data folder to a path of at most "
            f"{MAX_SOCKET_PATH - len('/door.sock')} bytes"
        )
    if door.exists() and not stat.S_ISSOCK(door.lstat().st_mode):
        raise ConfigError(f"{door}: something else lies where the door should be")


def _bind_door(door: Path, server: grpc.aio.Server) -> None:
    # By the mask, not by chmod after it: nobody else may come in for a moment either.
    before = os.umask(0o177)
    try:
        _bind(str(door), lambda: server.add_insecure_port(f"unix:{door}"))
    finally:
        os.umask(before)


def _bind(address: str, bind: Callable[[], int]) -> int:
    try:
        return bind()
    except RuntimeError:
        raise ConfigError(f"cannot listen on {address}: it is taken or not ours") from None
