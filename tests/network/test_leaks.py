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
from tests.attacks.leaks.search import Hit, Searcher, Secret
from tests.attacks.leaks.seen import Seen
from tests.network.album import GUESTS, HOST, REGULATOR, TENDERS, Album, make_album
from tests.network.parties import member, things_of

pytestmark = pytest.mark.network
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Task:
    """A share of all pieces: (party, picture, its phase, file or folder), in order of time."""

    things: list[tuple[Party, str, Phase, Path]]
    known: list[Known]
    share: tuple[int, int] = (0, 1)


@dataclass(frozen=True, slots=True)
class Result:
    """What was found with somebody who may not have it, how much in all, and with whom what."""

    leaks: list[str]
    hits: int
    found: set[tuple[Party, Secret]]


def search_share(task: Task) -> Result:
    """Search everybody's things; of each picture only what a party had not at the one before.

    That is enough: nobody ever loses the right to hold something, so what was clean stays clean.
    """
    known = {one.secret: one for one in task.known}
    searcher, leaks, hits = Searcher(known, share=task.share), list[str](), 0
    clean, seen, found = set[bytes](), dict[Party, Seen](), set[tuple[Party, Secret]]()
    for party, picture, phase, path in task.things:
        before = seen.setdefault(party, Seen(clean))
        look = searcher.tree(path, before) if path.is_dir() else _file(searcher, path, before)
        for hit in look:
            hits += 1
            found.add((party, hit.secret))
            if not known[hit.secret].is_allowed(party, phase):
                leaks.append(f"[{picture}, {phase}] {party.column} {party.id}: {hit}")
    return Result(leaks, hits, found)


def _file(searcher: Searcher, path: Path, seen: Seen) -> Iterator[Hit]:
    return searcher.file(path, path.name, seen) if path.exists() else iter(())


def tasks_of(album: Album) -> list[Task]:
    """The search in shares that need nothing of each other."""
    things = [
        (party, picture.name, album.phases[picture.name], path)
        for picture in album.pictures
        for party, path in things_of(picture, album)
    ]
    return [Task(things, album.known, (number, WORKERS)) for number in range(WORKERS)]


@pytest.fixture(scope="module", params=sorted(TENDERS))
def album(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Album:
    """Give one demo of each rule set, with canaries proven first."""
    canaries.prove(tmp_path_factory.mktemp("canaries"))
    return make_album(tmp_path_factory.mktemp("leaks"), request.param)


@pytest.fixture(scope="module")
def results(album: Album) -> list[Result]:
    """Give what the search of all pictures found."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, context) as workers:
        return list(workers.map(search_share, tasks_of(album)))


def test_nobody_holds_what_he_may_not_at_any_stage(results: list[Result]) -> None:
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


def test_every_kind_of_secret_is_known_and_found_where_it_may_be(
    album: Album, results: list[Result]
) -> None:
    """A secret that is nowhere found was looked for in a form in which it does not exist."""
    kinds = {one.secret.kind for one in album.known}
    nodes = (member(HOST), member(REGULATOR))
    found = {secret for one in results for party, secret in one.found if party in nodes}
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
    things = [(member(GUESTS[0]), "planted", Phase.ANNOUNCED, tmp_path)]
    found = search_share(Task(things, album.known))
    assert {line.split(": ", 1)[1].split()[0] for line in found.leaks} == {"price", "record"}
