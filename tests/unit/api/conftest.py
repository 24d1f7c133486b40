"""An application over simulated reads, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from node.adapters.telemetry import Telemetry
from tests.simulators.reads import SimulatedReads


@pytest.fixture
def reads() -> SimulatedReads:
    return SimulatedReads()


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
def http(reads: SimulatedReads, telemetry: Telemetry) -> Iterator[TestClient]:
    app = create_app(reads, telemetry.registry)
    with TestClient(app, client=("127.0.0.1", 50000), follow_redirects=False) as client:
        yield client
