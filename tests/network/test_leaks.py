"""The leak search over a real demo: every store, file, log, page and message, at every stage.

The secrets are known when all is over; each picture is then searched for all of them, and what was
found is compared with who might have it at that moment, as the host's own stream stood in the
picture. Canaries in each encoding come first, and a true secret is planted where it may not be:
without them the search proves nothing.
"""

from __future__ import annotations

import base64
import multiprocessing
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from node.core.rules.state import Phase
from tests.attacks.leaks import canaries
from tests.attacks.leaks.known import ORDER, Known, Party
from tests.attacks.leaks.search import Hit, Searcher
from tests.network.album import GUESTS, HOST, REGULATOR, TENDERS, Album, make_album
from tests.network.parties import member, things_of

pytestmark = pytest.mark.network
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Task:
    """All that one party has in all pictures, in order: (picture, its phase, file or folder)."""

    party: Party
    things: list[tuple[str, Phase, Path]]
    known: list[Known]


@dataclass(frozen=True, slots=True)
class Result:
    """What was found with somebody who may not have it, and how much in all."""

    leaks: list[str]
    hits: int


def search_one(task: Task) -> Result:
    """Search one party's things; of each picture only what it had not at the one before.

    That is enough: nobody ever loses the right to hold something, so what was clean stays clean.
    """
    known = {one.secret: one for one in task.known}
    searcher, seen, leaks, hits = Searcher(known), set[bytes](), list[str](), 0
    for picture, phase, path in task.things:
        found = searcher.tree(path, seen) if path.is_dir() else _file(searcher, path, seen)
        for hit in found:
            hits += 1
            if not known[hit.secret].is_allowed(task.party, phase):
                leaks.append(f"[{picture}, {phase}] {task.party.column} {task.party.id}: {hit}")
    return Result(leaks, hits)


def _file(searcher: Searcher, path: Path, seen: set[bytes]) -> Iterator[Hit]:
    return searcher.file(path, path.name, seen) if path.exists() else iter(())


def tasks_of(album: Album) -> list[Task]:
    """The search as tasks that need nothing of each other."""
    things: dict[Party, list[tuple[str, Phase, Path]]] = {}
    for picture in album.pictures:
        for party, path in things_of(picture, album):
            things.setdefault(party, []).append((picture.name, album.phases[picture.name], path))
    return [Task(party, found, album.known) for party, found in things.items()]


@pytest.fixture(scope="module", params=sorted(TENDERS))
def album(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Album:
    """Give one demo of each rule set, with canaries proven first."""
    canaries.prove(tmp_path_factory.mktemp("canaries"))
    return make_album(tmp_path_factory.mktemp("leaks"), request.param)


def test_nobody_holds_what_he_may_not_at_any_stage(album: Album) -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, context) as workers:
        results = list(workers.map(search_one, tasks_of(album)))
    assert [line for result in results for line in result.leaks] == []
    assert sum(result.hits for result in results) > 1000


def test_pictures_show_each_great_stage(album: Album) -> None:
    """Else the search above would have seen the end only."""
    phases = {ORDER.index(phase) for phase in album.phases.values()}
    great = (Phase.ANNOUNCED, Phase.CLOSED, Phase.UNLOCKED, Phase.CALLING, Phase.VOTING)
    assert len(phases) >= 9, album.phases
    assert all(any(_between(phase, great, one) for phase in phases) for one in range(len(great)))
    if any(one.secret.kind == "marks" for one in album.known):
        assert album.sheets & {1, 2, 3, 4}, "no picture with some score sheets only"


def _between(phase: int, great: tuple[Phase, ...], number: int) -> bool:
    ends = [ORDER.index(one) for one in great[number : number + 2]] + [len(ORDER)]
    return ends[0] <= phase < ends[1]


def test_every_kind_of_secret_is_known_and_found_where_it_may_be(album: Album) -> None:
    """A secret that is nowhere found was looked for in a form in which it does not exist."""
    kinds = {one.secret.kind for one in album.known}
    last = album.pictures[-1]
    searcher = Searcher(one.secret for one in album.known)
    found = {hit.secret for hit in searcher.tree(last.site / "centres" / HOST)}
    found |= {hit.secret for hit in searcher.tree(last.site / "centres" / REGULATOR)}
    wanted = {one.secret for one in album.known if one.secret.kind != "name"}
    assert {"price", "share", "name", "seated expert", "listed expert", "record", "body"} <= kinds
    assert wanted - found == set()


def test_logs_grow_the_same_whatever_happens(album: Album) -> None:
    """Neither bids nor calls nor sheets can be counted from outside by how a log grows."""
    assert len(album.steps) > 20
    assert set(album.steps) == {64}


def test_a_true_secret_planted_with_a_guest_is_found(album: Album, tmp_path: Path) -> None:
    """A price in base64 in a file, and in a row of the guest's own store; a bid by its id."""
    price = next(one for one in album.known if one.secret.kind == "price")
    bid = next(one for one in album.known if one.secret.name.startswith("bid.sealed/v1"))
    (tmp_path / "note.bin").write_bytes(base64.b64encode(b"{" + price.secret.needles[0] + b"}"))
    with closing(sqlite3.connect(tmp_path / "node.db")) as base:
        base.execute("CREATE TABLE fact (key TEXT, value TEXT)")
        base.execute("INSERT INTO fact VALUES ('x', ?)", (bid.secret.digests[0],))
        base.commit()
    things = [("planted", Phase.ANNOUNCED, tmp_path)]
    found = search_one(Task(member(GUESTS[0]), things, album.known))
    assert {line.split(": ", 1)[1].split()[0] for line in found.leaks} == {"price", "record"}
