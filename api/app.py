"""The HTTP application of a node (interfaces I7): routes, limits, errors, put together."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from api import contract, refusals
from api.auth import LOOPBACK, Network
from api.limits import Limits
from api.parts import Parts
from api.routers import health, log, pages, public
from api.shield import Shield
from node.services.reads import Reads


def create_app(
    reads: Reads, registry: CollectorRegistry, scrapers: Sequence[Network] = LOOPBACK
) -> FastAPI:
    """Make the application; `scrapers` are the networks that may read `/metrics` directly."""
    app = routes_only()
    app.state.parts = Parts(reads, registry, scrapers)
    return app


def routes_only() -> FastAPI:
    """Make an application that has nothing to read yet: it can only describe itself.

    No page of the documentation of FastAPI is served: those load scripts from elsewhere.
    """
    app = FastAPI(
        openapi_url="/api/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    refusals.install(app)
    contract.install(app)
    for routes in (health, public, log, pages):
        app.include_router(routes.router)
    app.add_middleware(Limits)
    app.add_middleware(Shield)  # added last: outermost
    return app
