"""Fixtures of the fault suites: an empty store of each kind; coroutines run on asyncio."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Connection, delete

from node.adapters.sql.remembered import Remembered
from node.adapters.sql.store import SqlStore
from node.adapters.sql.tables import METADATA
from node.services.ports import Store
from tests.simulators.memory_store import MemoryStore


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def empty_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Give what makes an empty store; a store made before is not used any more."""
    if request.param == "memory":
        yield MemoryStore
        return
    if request.param == "postgresql":
        store = SqlStore(request.getfixturevalue("postgres").create())
        yield lambda: emptied(store)
        store.close()
        return
    opened: list[SqlStore] = []
    numbers = count()

    def made() -> Store:
        opened.append(SqlStore(f"sqlite:///{tmp_path}/{next(numbers)}.db"))
        return opened[-1]

    yield made
    for store in opened:
        store.close()


def emptied(store: SqlStore) -> Store:
    """A database without a row; making a new one takes longer."""

    def empty(db: Connection) -> None:
        for table in METADATA.sorted_tables:
            db.execute(delete(table))

    store._database.write(empty)
    store._facts, store._newest = Remembered(), 0
    return store
