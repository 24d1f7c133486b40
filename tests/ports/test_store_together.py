"""Writes that share a transaction, and facts that are remembered: nobody hears what is not so."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event, Lock

import pytest
from sqlalchemy import Connection, event

from node.adapters.sql import aside
from node.adapters.sql.remembered import MOST, Remembered
from node.adapters.sql.store import SqlStore
from node.adapters.sql.together import Together
from node.core.errors import UnavailableError
from node.services.ports import Batch

WAITERS = 12


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:
    opened = SqlStore(database_url)
    yield opened
    opened.close()


def held(store: SqlStore, threads: ThreadPoolExecutor) -> tuple[Event, Future[None]]:
    """One write that holds the database until the event is set, so that others must wait."""
    begun, go = Event(), Event()

    def work(_db: Connection) -> None:
        begun.set()
        assert go.wait(10)

    first = threads.submit(store._database.write, work)
    assert begun.wait(10)
    return go, first


def waiting(store: SqlStore, count: int) -> None:
    wait_for(store._database._together, count)


def wait_for(together: Together, count: int) -> None:
    """Until so many wait for whoever writes; they do so at once, or something is wrong."""
    end = time.monotonic() + 10
    while len(together._waiting) < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def commits(store: SqlStore) -> list[int]:
    seen: list[int] = []
    event.listen(store._database.engine, "commit", lambda _connection: seen.append(1))
    return seen


def test_writes_that_wait_share_one_commit(store: SqlStore) -> None:
    with ThreadPoolExecutor(WAITERS + 1) as threads:
        go, first = held(store, threads)
        others = [threads.submit(store.put_fact, f"k{i}", str(i)) for i in range(WAITERS)]
        waiting(store, WAITERS)
        seen = commits(store)
        go.set()
        for one in (first, *others):
            one.result(10)
    assert len(seen) == 2, "the one that held the database, and all others together"
    assert store.facts("k") == {f"k{i}": str(i) for i in range(WAITERS)}


def test_work_that_fails_harms_no_other_and_leaves_nothing(store: SqlStore) -> None:
    def fails(db: Connection) -> None:
        aside.put_facts(db, {"half": "done"})
        raise ValueError("this one")

    with ThreadPoolExecutor(WAITERS + 2) as threads:
        go, first = held(store, threads)
        bad = threads.submit(store._database.write, fails)
        others = [threads.submit(store.put_fact, f"k{i}", str(i)) for i in range(WAITERS)]
        waiting(store, WAITERS + 1)
        go.set()
        for one in (first, *others):
            one.result(10)
        with pytest.raises(ValueError, match="this one"):
            bad.result(10)
    assert store.fact("half") is None
    assert set(store.facts("")) == {f"k{i}" for i in range(WAITERS)}


def test_commit_of_unknown_outcome_is_told_to_all_and_never_done_twice() -> None:
    done: list[str] = []
    heard: list[str] = []

    def told() -> None:
        heard.append("committed")

    def transaction(run: Callable[[Connection], None]) -> None:
        run(None)  # type: ignore[arg-type]
        raise UnavailableError("nobody knows", code="store")

    lock = Lock()
    together = Together(transaction, lock)
    with ThreadPoolExecutor(2) as threads:
        with lock:
            both = [
                threads.submit(together.write, lambda _db, n=n: done.append(n), told) for n in "ab"
            ]
            wait_for(together, 2)
        for one in both:
            with pytest.raises(UnavailableError):
                one.result(10)
    assert sorted(done) == ["a", "b"]
    assert not heard, "nobody keeps in memory what may not stand"


def test_fact_is_read_once_and_written_through(store: SqlStore) -> None:
    assert store.fact("a") is None
    store.put_fact("a", "1")
    assert store.fact("a") == "1"
    store.commit(Batch(facts={"a": "2"}))
    assert store.fact("a") == "2"


def test_memory_of_facts_changes_in_the_order_of_their_commits(store: SqlStore) -> None:
    told: list[bool] = []

    class Noting(Remembered):
        def wrote(self, facts: Mapping[str, str]) -> None:
            told.append(store._database._lock.locked())
            super().wrote(facts)

    store._facts = Noting()
    store.put_fact("a", "1")
    store.commit(Batch(facts={"a": "2"}))
    assert told == [True, True], "between commit and memory nobody else may commit"
    assert store.fact("a") == "2"


def test_fact_that_changes_while_it_is_read_is_not_remembered_as_it_was() -> None:
    facts = Remembered()

    def read() -> str:
        facts.wrote({"a": "new"})
        return "old"

    assert facts.get("a", read) == "old"
    assert facts.get("a", lambda: "asked again") == "new"


def test_fact_is_asked_for_anew_after_a_write_of_unknown_outcome(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put_fact("a", "1")
    real = store._database._together.transaction

    def committed_but_lost(run: Callable[[Connection], None]) -> None:
        real(run)
        raise UnavailableError("the answer was lost", code="store")

    monkeypatch.setattr(store._database._together, "transaction", committed_but_lost)
    with pytest.raises(UnavailableError):
        store.put_fact("a", "2")
    assert store.fact("a") == "2"


def test_memory_is_bounded() -> None:
    facts = Remembered()
    for i in range(20):
        facts.wrote({str(i): "v" * (MOST // 8)})
    assert 0 < sum(len(value or "") for value in facts._facts.values()) <= MOST
    facts.forget(list(facts._facts))
    assert facts._size == 0
