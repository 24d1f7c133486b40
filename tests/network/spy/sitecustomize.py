"""Records every message of a process at its own end; Python imports this by itself when it starts.

Put its folder first on PYTHONPATH and set LEAK_SPY to a folder. Each process of nodes and actors
then writes `<party>/<pid>.jsonl` there: one JSON object a message, `data` in hex as it goes over
the wire before it is encrypted, or after it is decrypted. The program itself knows nothing of it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.network.spy import detour, hooks, planted, wrong_clock

Codec = Callable[[Any], Any]
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class Notes:
    """The file that messages are written to; opened anew by each process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / f"{os.getpid()}.jsonl").open("a", encoding="ascii")

    def write(self, where: str, data: bytes) -> None:
        """Note one message, at once on its way to the disk."""
        self._file.write(json.dumps({"where": where, "data": bytes(data).hex()}) + "\n")
        self._file.flush()


def _noting(codec: Codec | None, note: Callable[[bytes], None], *, reads: bool) -> Codec | None:
    """The same serializer or deserializer, that notes the bytes."""
    if codec is None or getattr(codec, "is_noting", False):
        return codec

    def noting(value: Any) -> Any:  # noqa: ANN401 - any message
        if reads:
            note(value)
        made = codec(value)
        if not reads:
            note(made)
        return made

    noting.is_noting = True  # type: ignore[attr-defined]
    return noting


def server_hook(notes: Notes) -> Callable[[ModuleType], None]:
    """Notes what handlers read and answer."""

    def hook(grpc: ModuleType) -> None:
        for kind in KINDS:
            name = f"{kind}_rpc_method_handler"
            setattr(grpc, name, _handler(getattr(grpc, name), notes))

    return hook


def _handler(make: Callable[..., Any], notes: Notes) -> Callable[..., Any]:
    def made(
        behavior: Any,  # noqa: ANN401 - any handler
        request_deserializer: Codec | None = None,
        response_serializer: Codec | None = None,
    ) -> Any:  # noqa: ANN401
        asked = _noting(request_deserializer, lambda d: notes.write("server reads", d), reads=True)
        told = _noting(response_serializer, lambda d: notes.write("server says", d), reads=False)
        return make(behavior, asked, told)

    return made


def client_hook(notes: Notes) -> Callable[[ModuleType], None]:
    """Notes what a channel says and is answered."""

    def hook(module: ModuleType) -> None:
        for kind in KINDS:
            setattr(module.Channel, kind, _method(getattr(module.Channel, kind), notes))

    return hook


def _method(make: Callable[..., Any], notes: Notes) -> Callable[..., Any]:
    def made(
        self: Any,  # noqa: ANN401 - a channel
        method: str,
        request_serializer: Codec | None = None,
        response_deserializer: Codec | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        def note(way: str) -> Callable[[bytes], None]:
            return lambda data: notes.write(f"client {way} {method}", data)

        said = _noting(request_serializer, note("says"), reads=False)
        told = _noting(response_deserializer, note("reads"), reads=True)
        return make(self, method, said, told, **options)

    return made


def witness_hook(notes: Notes, end: str, kind: str) -> Callable[[ModuleType], None]:
    """Notes the witness calls over HTTP: checkpoints there, cosignatures back."""

    def hook(module: ModuleType) -> None:
        owner = getattr(module, kind)
        ask = owner.add_checkpoint

        async def add_checkpoint(self: Any, *words: Any) -> Any:  # noqa: ANN401
            notes.write(f"{end} witness asks", words[-1])
            answer = await ask(self, *words)
            notes.write(f"{end} witness says", repr(answer).encode())
            return answer

        owner.add_checkpoint = add_checkpoint

    return hook


def hearing(party: str) -> dict[str, hooks.Hook]:
    """The hooks of a process that is to be listened to."""
    if not (party and "LEAK_SPY" in os.environ):
        return {}
    notes = Notes(Path(os.environ["LEAK_SPY"]) / party)
    return {
        "grpc": server_hook(notes),
        "grpc.aio._channel": client_hook(notes),
        "node.adapters.witness": witness_hook(notes, "client", "HttpWitness"),
        "node.services.witness": witness_hook(notes, "server", "WitnessDesk"),
    }


def striking() -> dict[str, hooks.Hook]:
    """The hooks of a process that is to be killed at a durable write."""
    if "KILL_SPY" not in os.environ:
        return {}
    from tests.network.spy.striking import hooks_of, program_of

    program = os.environ.get("KILL_AS") or program_of(sys.orig_argv)
    return dict(hooks_of(Path(os.environ["KILL_SPY"]), program)) if program else {}


def begin() -> None:
    """Set the hooks that this process is to have."""
    party = hooks.party_of(sys.orig_argv)
    hooks.install(striking())
    hooks.install(hearing(party))
    hooks.install(detour.wanted(party))
    hooks.install(wrong_clock.wanted(party))
    hooks.install(planted.wanted(party))


begin()
