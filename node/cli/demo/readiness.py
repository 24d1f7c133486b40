"""Waiting until every node says that it is ready (interfaces I7, `/readyz`)."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from node.cli.language import say
from node.core.errors import UnavailableError

if TYPE_CHECKING:
    from node.cli.demo.processes import Children

READY_S = 120.0
POLL_S = 0.1
TIMEOUT_S = 2.0
OK = 200


def wait_until_ready(addresses: Mapping[str, str], children: Children) -> None:
    """Return when all nodes answer 200.

    `addresses`: member -> host:port. Raises UnavailableError naming a child that ended, or the
    nodes that are not ready in time and what they say.
    """
    end = time.monotonic() + READY_S
    waiting = dict(addresses)
    said: dict[str, str] = {}
    while waiting:
        children.check()
        said = {name: _ask(address) for name, address in waiting.items()}
        waiting = {name: waiting[name] for name, words in said.items() if words}
        if time.monotonic() > end:
            complaint = _complaint({name: said[name] for name in waiting})
            raise UnavailableError(complaint, code="demo")
        if waiting:
            time.sleep(POLL_S)


def _ask(address: str) -> str:
    """Give nothing if the node is ready, else what it said."""
    connection = http.client.HTTPConnection(address, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        body = answer.read().decode("utf-8", errors="replace")
        return "" if answer.status == OK else body
    except (OSError, http.client.HTTPException) as error:
        return f"{type(error).__name__}"
    finally:
        connection.close()


def _complaint(said: Mapping[str, str]) -> str:
    told = "; ".join(f"{name}: {words}" for name, words in said.items())
    return say(f"节点未就绪：{told}", f"nodes are not ready: {told}")
