"""Fixtures of the services' suites: their coroutines run on asyncio, their stores are all three."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from node.adapters.sql.store import SqlStore
from node.services.ports import Store
from tests.simulators import office


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def each_store(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """Offices of this test keep their records in the simulator, and again on each real engine."""
    opened: list[SqlStore] = []

    def sqlite() -> Store:
        opened.append(SqlStore(f"sqlite:///{tmp_path_factory.mktemp('office')}/node.db"))
        return opened[-1]

    def postgresql() -> Store:
        opened.append(SqlStore(request.getfixturevalue("postgres").create()))
        return opened[-1]

    if request.param != "memory":
        made = sqlite if request.param == "sqlite" else postgresql
        monkeypatch.setattr(office, "new_store", made)
    yield
    for store in opened:
        store.close()
