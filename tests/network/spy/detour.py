"""Leads every connection of a process to another party through the test's own proxy.

With CUTTER set to the socket of `tests.network.cutting`, each address that the program is about to
connect to is exchanged for that of a proxy which knows who calls whom.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from tests.network.spy.hooks import Hook

CONDUCTOR = "conductor"
Ask = Callable[[str], str]


def wanted(party: str) -> dict[str, Hook]:
    """The hooks of one process, if there is a proxy; the chain itself calls nobody."""
    words = sys.orig_argv
    name = party or (CONDUCTOR if "demo" in words else "")
    if not name or "CUTTER" not in os.environ:
        return {}
    ask = asking(os.environ["CUTTER"], name)
    return {
        "node.adapters.rpc.client": partner_hook(ask),
        "node.adapters.witness": witness_hook(ask),
        "node.adapters.rpc.door_client": door_hook(ask, "DoorClient"),
        "node.adapters.rpc.operator_client": door_hook(ask, "OperatorDoor"),
        "chain.rpc": chain_hook(ask),
    }


def asking(control: str, party: str) -> Ask:
    """Gives the proxy's address for one of the party's own."""

    def ask(to: str) -> str:
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(control)
            line.sendall(json.dumps({"party": party, "to": to}).encode() + b"\n")
            with line.makefile("rb") as answer:
                return str(json.loads(answer.readline())["via"])

    return ask


def partner_hook(ask: Ask) -> Hook:
    """gRPC to partners: the certificate is still the partner's own."""

    def hook(module: ModuleType) -> None:
        make = module.RpcPartner.__init__

        def init(self: Any, member: Any, keys: Any) -> None:  # noqa: ANN401 - as it is
            make(self, replace(member, endpoint=ask(member.endpoint)), keys)

        module.RpcPartner.__init__ = init

    return hook


def witness_hook(ask: Ask) -> Hook:
    """Cosignatures over HTTP."""

    def hook(module: ModuleType) -> None:
        owner = module.HttpWitness
        post = owner._post

        def detoured(self: Any, url: str, body: bytes) -> Any:  # noqa: ANN401 - as it is
            return post(self, _detoured(url, ask), body)

        owner._post = detoured

    return hook


def chain_hook(ask: Ask) -> Hook:
    """JSON-RPC to the chain."""

    def hook(module: ModuleType) -> None:
        make = module.Rpc.__init__

        def init(self: Any, url: str) -> None:  # noqa: ANN401 - as it is
            make(self, _detoured(url, ask))

        module.Rpc.__init__ = init

    return hook


def door_hook(ask: Ask, kind: str) -> Hook:
    """The door of the own node, a Unix socket."""

    def hook(module: ModuleType) -> None:
        owner = getattr(module, kind)
        make = owner.__init__

        def init(self: Any, door: Path) -> None:  # noqa: ANN401 - as it is
            make(self, Path(ask(f"unix:{door}").removeprefix("unix:")))

        owner.__init__ = init

    return hook


def _detoured(url: str, ask: Ask) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=ask(parts.netloc)).geturl()
