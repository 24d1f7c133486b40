"""Who may call, for how long, and what he is told: one guard around every handler.

Source: protocol.md 7 (connections follow the registry at once), interfaces.md I8. A handshake only
proves that somebody holds a key that a member's certificate names *or has signed*; so the
certificate's own fingerprint is looked up at every call, and each second again for calls that are
still open: a connection made before a suspension gives nothing after it.

The guard is the only place that may catch everything. What we raised goes out as its code; what
we did not is logged here and goes out as `internal`, without its text.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, cast

import grpc
import structlog
from google.protobuf.message import DecodeError

from node.adapters.rpc.refusals import status_of
from node.adapters.tls import fingerprint_of_pem
from node.core.errors import ForbiddenError, InvalidError, NodeError, PeerError, UnavailableError
from node.problems import render
from node.services.members import Members

WATCH_S: Final = 1.0
"""How often the callers of open calls are looked up again; I8 allows 5 s."""
UNARY_S: Final = 30.0
TRANSFER_S: Final = 300.0
"""Longest time of one answer, and of one transfer of at most 64 MiB."""
LEAST_S: Final = 0.02
"""A caller with less time left has given up before an answer could reach him."""
TLS_FLOOR: Final = b"TLSv1.3"
DOOR_ONLY: Final = ("/yuanping.v1.SeatService/", "/yuanping.v1.PoolService/Enter")
"""Experts talk with their own centre only: who is called, nobody else may learn."""
TRANSFERS: Final = (
    "/yuanping.v1.BlobService/",
    "/yuanping.v1.PoolService/Disclose",
    "/yuanping.v1.OperatorService/GetEvidence",
)

Context = grpc.aio.ServicerContext[Any, Any]
Admit = Callable[[str, Context], str | None]
"""(method, call) -> member id, or None for the operator. Raises NodeError to refuse."""

_CALLER: ContextVar[str | None] = ContextVar("caller")


def caller() -> str | None:
    """The member that calls, None for the operator. LookupError outside a guarded call."""
    return _CALLER.get()


def admit_operator(method: str, context: Context) -> None:
    """At the door everybody is the operator: the socket's mode lets nobody else in."""


@dataclass(frozen=True, slots=True)
class PeerCheck:
    """Admits active members by the certificate that the handshake has proven."""

    members: Members

    def __call__(self, method: str, context: Context) -> str:
        """The calling member's id.

        Raises PeerError (`peer-unknown`), ForbiddenError (`centre-suspended` or `forbidden`).
        """
        facts = context.auth_context()
        if tuple(facts.get("ssl_tls_version", ())) != (TLS_FLOOR,):
            raise PeerError("this node speaks TLS 1.3 only")
        shown = fingerprint_of_pem(b"".join(facts.get("x509_pem_cert", ())))
        member = self.members.by_fingerprint(shown)
        if member is None:
            raise PeerError(
                f"the certificate you showed has SHA-256 {shown}, and no member of the registry "
                "has that one; compare it with `tls` of your own entry"
            )
        if member.status != "active":
            raise ForbiddenError(
                f"member {member.id} is {member.status} in the registry", code="centre-suspended"
            )
        if method.startswith(DOOR_ONLY):
            raise ForbiddenError("this is for the door of the expert's own centre only")
        return member.id


@dataclass(eq=False, slots=True)
class _Open:
    """A call that is being answered, by the task that answers it."""

    method: str
    context: Context
    task: asyncio.Task[Any]
    refused: NodeError | None = None


@dataclass(slots=True)
class Guard(grpc.aio.ServerInterceptor):
    """Wraps every handler of a server: admission, deadline, errors. Start `watch` beside it."""

    admit: Admit
    watch_s: float = WATCH_S
    open: set[_Open] = field(default_factory=set)
    _made: dict[str, grpc.RpcMethodHandler[Any, Any]] = field(default_factory=dict)

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Give the handler, guarded. A method that nobody serves stays without one."""
        method = handler_call_details.method
        if (known := self._made.get(method)) is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        wrap, behavior = _KINDS[handler.request_streaming, handler.response_streaming](handler)
        guarded = self._guarded(method, handler, behavior)
        made: grpc.RpcMethodHandler[Any, Any] = wrap(
            guarded,
            # The guard itself reads the message: gRPC would do it before anybody was admitted,
            # and tell the caller of malformed bytes what went wrong inside.
            request_deserializer=None,
            response_serializer=handler.response_serializer,
        )
        self._made[method] = made
        return made

    async def watch(self) -> None:
        """For ever: end the open calls of those who may no longer call."""
        while True:
            await asyncio.sleep(self.watch_s)
            for call in [one for one in self.open if one.refused is None]:
                try:
                    self.admit(call.method, call.context)
                except NodeError as error:
                    call.refused = error
                    call.task.cancel()

    def _guarded(
        self, method: str, handler: grpc.RpcMethodHandler[Any, Any], behavior: Callable[..., Any]
    ) -> Callable[[Any, Context], Awaitable[Any]]:
        async def call(request: Any, context: Context) -> Any:  # noqa: ANN401 - any message
            entry = _Open(method, context, _this_task())
            try:
                _CALLER.set(self.admit(method, context))
                self.open.add(entry)
                async with asyncio.timeout(_limit(method, handler, context)):
                    return await _answer(behavior(_read(handler, request), context), context)
            except asyncio.CancelledError:
                if entry.refused is None:
                    raise
                entry.task.uncancel()
                failure: BaseException = entry.refused
            except grpc.aio.AbortError:
                raise
            except Exception as error:  # noqa: BLE001 - the one place that may catch everything
                failure = error
            finally:
                self.open.discard(entry)
            return await _refuse(method, context, failure)

        return call


def _read(handler: grpc.RpcMethodHandler[Any, Any], request: Any) -> Any:  # noqa: ANN401
    """The message, or the messages as they come. Raises InvalidError for bytes that are none."""
    if handler.request_streaming:
        return _read_each(handler, request)
    return _message(handler, request)


async def _read_each(
    handler: grpc.RpcMethodHandler[Any, Any], requests: AsyncIterator[bytes]
) -> AsyncIterator[Any]:
    async for request in requests:
        yield _message(handler, request)


def _message(handler: grpc.RpcMethodHandler[Any, Any], data: bytes) -> Any:  # noqa: ANN401
    if handler.request_deserializer is None:
        return data
    try:
        return handler.request_deserializer(data)
    except DecodeError:
        raise InvalidError("these bytes are no message of this method") from None


async def _answer(work: Any, context: Context) -> Any:  # noqa: ANN401 - any handler's result
    if not isinstance(work, AsyncGenerator):
        return await work
    async with aclosing(work):
        async for message in work:
            await context.write(message)
    return None


async def _refuse(method: str, context: Context, failure: BaseException) -> None:
    shown = _known(failure)
    log = structlog.get_logger("rpc")
    if render(shown).grpc == "INTERNAL":
        log.error("rpc.failed", method=method, exc_info=failure)
    else:
        log.info("rpc.refused", method=method, code=render(shown).code)
    await context.abort_with_status(status_of(shown))


def _known(failure: BaseException) -> BaseException:
    if isinstance(failure, TimeoutError):
        return UnavailableError("this took longer than the node may take for an answer")
    return failure


def _limit(method: str, handler: grpc.RpcMethodHandler[Any, Any], context: Context) -> float | None:
    """Seconds that the call may take; None for followers, who stay."""
    left = cast("float | None", context.time_remaining())  # the stubs forget None
    if left is not None and left < LEAST_S:
        raise UnavailableError("the deadline of this call is over")
    if method.startswith(TRANSFERS):
        return TRANSFER_S
    return None if handler.response_streaming else UNARY_S


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    if task is None:
        raise AssertionError("grpc.aio answers each call in a task of its own")
    return task


_Kind = Callable[[Any], tuple[Callable[..., Any], Callable[..., Any]]]
_KINDS: Final[Mapping[tuple[bool, bool], _Kind]] = {
    (False, False): lambda h: (grpc.unary_unary_rpc_method_handler, h.unary_unary),
    (False, True): lambda h: (grpc.unary_stream_rpc_method_handler, h.unary_stream),
    (True, False): lambda h: (grpc.stream_unary_rpc_method_handler, h.stream_unary),
    (True, True): lambda h: (grpc.stream_stream_rpc_method_handler, h.stream_stream),
}
"""(request streams, response streams) -> how to make such a handler, and what it calls."""
