"""Many small writes in one transaction: whoever holds the lock writes for all who wait for it.

A transaction costs the same fsync for one row as for a hundred. While one is on its way to the
disk, others that want to write wait for the lock; the first who gets it takes all their work with
its own. Nobody is answered before the transaction that holds its work has ended.

A piece of work that fails harms no other: all of it is rolled back, and each is done alone. Once
all work is done and the commit itself fails, its outcome is unknown, and all hear of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
MOST: Final = 64
"""Pieces of work in one transaction."""


Transaction = Callable[[Callable[[Connection], None]], None]
"""Does work on a connection and commits; what the work raises rolls back."""


@dataclass(frozen=True, slots=True)
class _Job:
    """One caller's work, and where it waits for what came of it."""

    work: Callable[[Connection], Any]
    then: Callable[[], None]
    answer: Future[Any] = field(default_factory=Future)


@dataclass(slots=True)
class Together:
    """Writers of one database, by threads; `lock` is held while any of them writes."""

    transaction: Transaction
    lock: Lock
    _waiting: deque[_Job] = field(default_factory=deque)

    def write(self, work: Callable[[Connection], T], then: Callable[[], None]) -> T:
        """Do `work` in a transaction, perhaps with others'; give what it gives once committed.

        `then` is called after the commit and before anybody else's, so that what is kept in memory
        of the database changes in the order in which that did; it must not fail. `work` may be
        called twice: what the first call changed was rolled back then. Raises what it raises, or
        what the transaction does.
        """
        job = _Job(work, then)
        self._waiting.append(job)
        with self.lock:
            while not job.answer.done():
                self._write_waiting()
        done: T = job.answer.result()
        return done

    def _write_waiting(self) -> None:
        count = min(len(self._waiting), MOST)
        jobs = [self._waiting.popleft() for _ in range(count)]
        if not self._try(jobs):
            for job in jobs:
                self._try([job])

    def _try(self, jobs: Sequence[_Job]) -> bool:
        """One transaction for these; False if they are to be tried one by one."""
        results: list[Any] = []

        def run(connection: Connection) -> None:
            results.extend(job.work(connection) for job in jobs)

        try:
            self.transaction(run)
        except BaseException as error:
            if len(jobs) > 1 and len(results) < len(jobs):
                return False
            for job in jobs:
                job.answer.set_exception(error)
            if not isinstance(error, Exception):
                raise
            return True
        for job, result in zip(jobs, results, strict=True):
            job.then()
            job.answer.set_result(result)
        return True
