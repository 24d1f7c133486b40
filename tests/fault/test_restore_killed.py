"""`yuanping node restore`, killed before and after each of its durable writes: nothing, or whole.

Whole means: with its mark. What lies there after a kill never lets a node start as if nothing had
been, and running the command again ends well.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from node.adapters.blobs import FileBlobs
from node.adapters.sql import copying
from node.adapters.sql.store import SqlStore
from node.cli import main as program
from node.services.standing import mark_of
from tests.simulators.centre import make_centre
from tests.simulators.office import open_office
from tests.simulators.people import HOST

pytestmark = pytest.mark.anyio
KILLED, LIMIT, WAIT_S = 9, 40, 60
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([__name__])
POINTS = ((os, "fsync"), (os, "replace"), *((copying, f) for f in ("_copy_rows", "_set_numbers")))
"""Struck before and after: each fsync and rename, and within the transactions of the copy and of
PostgreSQL."""


async def backed_up(folder: Path) -> tuple[Path, list[bytes]]:
    """A backup with a tender, a tick and two files; the entries of its log."""
    centre = make_centre(folder / "first", f"sqlite:///{folder}/first/data/node.db")
    store = SqlStore(f"sqlite:///{folder}/first/data/node.db")
    blobs = FileBlobs(centre / "data" / "blobs")
    office = open_office(HOST, store, blobs)
    await office.open_tender()
    await office.publisher.publish_tick()
    for data in (b"one", b"two"):
        blobs.put(data)
    entries = store.entries(office.log.origin)
    store.close()
    backup = folder / "backup.tar"
    words = ["node", "backup", "--config", str(centre / "config.toml"), "--to", str(backup)]
    assert program.main(words) == 0
    return backup, entries


def restore(config: Path, backup: Path, strike: int) -> int:
    """The command in a process of its own, killed at its n-th point (0: never).

    It is forked from a server without threads: a fork of this process, which has many, can hang.
    """
    words = ["node", "restore", "--config", str(config), "--from", str(backup)]
    process = FORKS.Process(target=run, args=(words, strike))
    process.start()
    process.join(WAIT_S)
    status = process.exitcode
    process.kill()
    assert status in (0, KILLED)
    return status


def run(words: list[str], strike: int) -> None:
    """In the process of the command."""
    arm(strike)
    os._exit(program.main(words))


def arm(left: int) -> None:
    """Let this process end at a point of what it does."""

    def strike() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os._exit(KILLED)

    def struck(call: Callable[..., Any]) -> Callable[..., Any]:
        def instead(*words: object, **more: object) -> object:
            strike()
            found = call(*words, **more)
            strike()
            return found

        return instead

    for module, name in (*POINTS, (copying, "put_facts")):
        setattr(module, name, struck(getattr(module, name)))


def is_nothing_or_marked(url: str) -> bool:
    """Whether it is whole; fails for anything between."""
    path = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite") and not path.exists():
        return False
    store = SqlStore(url)
    try:
        rows, mark = store.streams(), mark_of(store)
        assert bool(rows) == (mark is not None), "a copy that could be seen without its mark"
        assert rows or not store.facts(""), "a part of a copy"
        return bool(rows)
    finally:
        store.close()


async def test_killed_anywhere_it_leaves_nothing_or_a_marked_store(
    database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    backup, entries = await backed_up(tmp_path)
    kills, whole, strike = 0, 0, 0
    while True:
        strike += 1
        assert strike < LIMIT
        url = fresh(database_url, tmp_path, strike, request)
        folder = make_centre(tmp_path / f"again-{strike}", url)
        status = restore(folder / "config.toml", backup, strike)
        if status == 0:
            break
        kills += 1
        if is_nothing_or_marked(url):
            whole += 1
        else:
            assert restore(folder / "config.toml", backup, 0) == 0
        check(url, folder, entries)
    check(url, folder, entries)
    assert kills > 8
    assert whole < kills


def fresh(like: str, tmp_path: Path, number: int, request: pytest.FixtureRequest) -> str:
    """Another empty database on the same engine."""
    if like.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/again-{number}/data/node.db"
    url: str = request.getfixturevalue("postgres").create()
    return url


def check(url: str, folder: Path, entries: list[bytes]) -> None:
    """All is there, and no temporary file."""
    store = SqlStore(url)
    try:
        assert store.entries("zhuzhou.example/log") == entries
        assert mark_of(store) is not None
    finally:
        store.close()
    data = folder / "data"
    assert len(list((data / "blobs").glob("??/*"))) == 2
