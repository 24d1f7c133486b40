"""`/healthz`, `/readyz`, `/metrics`: what operators and their programs ask."""

from __future__ import annotations

from dataclasses import asdict
from typing import Literal

from fastapi import APIRouter, Request, Response
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic.dataclasses import dataclass

from api.auth import check_scraper
from api.contract import ALWAYS, problems, raw
from api.parts import OfParts, OfReads
from api.refusals import answer
from node.core.errors import UnavailableError
from node.problems import render
from node.services.reads import Check


@dataclass(frozen=True)
class Health:
    """The process answers."""

    status: Literal["ok"]


@dataclass(frozen=True)
class Readiness:
    """Everything that a node needs is known."""

    ready: Literal[True]
    checks: list[Check]


router = APIRouter(tags=["health"], responses=problems(ALWAYS))


@router.get("/healthz")
async def healthz() -> Health:
    """Say that the process runs; nothing is asked of anybody."""
    return Health("ok")


@router.get("/readyz", response_model=Readiness)
async def readyz(reads: OfReads) -> Response | Readiness:
    """Say whether database, log, clock, chain view and partners are as they must be.

    If not, the problem document carries `ready` and `checks` too.
    """
    checks = await reads.ready()
    failed = [check.name for check in checks if not check.ok]
    if checks and not failed:
        return Readiness(True, checks)
    problem = render(UnavailableError(f"not ready: {', '.join(failed) or 'nothing was checked'}"))
    return answer(problem, {"ready": False, "checks": [asdict(check) for check in checks]})


@router.get(
    "/metrics",
    response_class=Response,
    responses=raw("text/plain", "Prometheus' text format.") | problems([403]),
)
async def metrics(request: Request, parts: OfParts) -> Response:
    """Give the metrics to the node's own scrapers: they could be used to count bids."""
    check_scraper(request, parts.scrapers)
    text = generate_latest(parts.registry)
    return Response(text, headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_LATEST)
