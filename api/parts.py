"""What routes are handed: the node's reads, and the gate before costly ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, cast

from fastapi import Depends
from prometheus_client import CollectorRegistry
from starlette.requests import Request

from api.auth import LOOPBACK, Network
from api.limits import Gate
from node.services.reads import Reads

COSTLY_AT_ONCE: Final = 4
"""So many evidence files are made at a time: the node has a session to carry."""


@dataclass(frozen=True)
class Parts:
    """What one application works with."""

    reads: Reads
    registry: CollectorRegistry
    scrapers: Sequence[Network] = LOOPBACK
    costly: Gate = field(default_factory=lambda: Gate(COSTLY_AT_ONCE))


async def parts_of(request: Request) -> Parts:
    """Give the parts of the application that serves this request."""
    return cast("Parts", request.app.state.parts)


async def reads_of(request: Request) -> Reads:
    """Give the reads of the application that serves this request."""
    return (await parts_of(request)).reads


OfParts = Annotated[Parts, Depends(parts_of)]
OfReads = Annotated[Reads, Depends(reads_of)]
