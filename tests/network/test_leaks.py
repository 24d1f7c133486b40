"""The leak search over a real demo: every store, file, log, page and message, at every stage.

The secrets are known when all is over; each picture is then searched for all of them, and what was
found is compared with who might have it at that moment, as the host's own stream stood in the
picture. Canaries in each encoding come first: without them the search proves nothing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from node.cli.demo.plan import FOLDER
from node.core.records.keys import key_id, signer_from_seed
from node.core.rules.state import Phase, TenderState
from tests.attacks.leaks import canaries
from tests.attacks.leaks.known import (
    ORDER,
    Column,
    Known,
    Party,
    open_ledger,
    secrets_of,
)
from tests.attacks.leaks.search import Hit, Searcher
from tests.network.demo_process import nobody_is_left
from tests.network.freezing import Picture, start_heard, take

# Not yet seen to finish inside the time of `make test`: it belongs to `make soak` until it is.
pytestmark = [pytest.mark.network, pytest.mark.soak]

HOST, REGULATOR = "zhuzhou", "regulator"
GUESTS = ("shiyan", "xian")
TENDERS = {"jp-tsuchiura": "tsuchiura-2009-10-27-00570", "cn-bidding": "cn-2026-018"}
Events = list[dict[str, Any]]
Moment = Callable[[Events], bool]


def said(kind: str, times: int = 1) -> Moment:
    """When records of this type have been told so many times."""
    return lambda events: sum(one.get("type") == f"{kind}/v1" for one in events) >= times


def moments(bids: int) -> dict[str, Moment]:
    """The stages to look at, in order. At `bids in` and `unlocked` everybody has come to rest."""
    return {
        "announced": said("tender.announced"),
        "bids in": said("bid.sealed", bids),
        "closed": said("bids.closed"),
        "unlocked": said("bid.unlocked", bids),
        "shares": said("share.released"),
        "read": said("opening.closed"),
        "lists": said("draw.joined", 3),
        "picked": said("draw.picked"),
        "seated": said("expert.seated", 3),
        "votes": said("rejection.voted"),
        "sheets": said("scores.submitted"),
        "result": said("result.consolidated"),
        "published": said("candidates.published"),
        "awarded": said("award.noticed"),
        "end": lambda events: any(one["event"] == "end" for one in events),
    }


@dataclass(frozen=True)
class Album:
    """One demo's pictures, its secrets, and how the host's stream stood in each picture."""

    pictures: list[Picture]
    states: dict[str, TenderState]
    known: list[Known]


def make_album(folder: Path, rules: str) -> Album:
    """Run one demo and take its pictures; a stage that was over too soon is left out."""
    file = FOLDER / "tenders" / f"{TENDERS[rules]}.json"
    bids = len(json.loads(file.read_bytes())["bidders"])
    demo = start_heard(folder / "demo", folder / "messages", "--rules", rules, "--keep")
    stages = moments(bids)
    pictures: list[Picture] = []
    try:
        while "end" in stages:
            demo.until(lambda: any(is_now(demo.events) for is_now in stages.values()))
            past = [name for name, is_now in stages.items() if is_now(demo.events)]
            for name in past:
                del stages[name]
            pictures.append(take(demo, folder / "messages", folder / "pictures" / past[-1]))
    finally:
        demo.interrupt()
    assert nobody_is_left(demo.folder)
    copies = {one.name: _copy(one) for one in pictures}
    states = {name: _state(copy) for name, copy in copies.items()}
    return Album(pictures, states, secrets_of(copies["end"]))


def _copy(picture: Picture) -> Path:
    """Another copy of the folder, for reading: opening a store writes to it."""
    target = picture.folder / "opened"
    shutil.copytree(picture.site, target)
    return target


def _state(site: Path) -> TenderState:
    ledger = open_ledger(site, HOST)
    try:
        return ledger.tender()
    finally:
        ledger.store.close()


# --- who is who -----------------------------------------------------------------------------------


def member(name: str) -> Party:
    """A node."""
    column: Column = "host" if name == HOST else "guest"
    if name == REGULATOR:
        return Party("regulator", name, frozenset({f"regulator:{name}"}))
    return Party(column, name, frozenset({f"centre:{name}", f"pool:{name}"}))


def experts(name: str) -> Party:
    """The experts of a centre: outsiders until they are called, then they read as their centre."""
    owns = frozenset({f"experts:{name}", f"centre:{name}", f"pool:{name}"})
    return Party("public", name, owns, (Phase.CALLING, member(name).column))


def bidder(folder: Path) -> Party:
    """One bidder, by its bid key."""
    key = json.loads((folder / "bid.key").read_bytes())
    signer = signer_from_seed(key["suite"], bytes.fromhex(key["seed"]))
    name = key_id(signer.public)
    return Party("bidder", name, frozenset({f"bidder:{name}"}))


PUBLIC = Party("public", "anybody")
CHAIN = Party("public", "chain", told=frozenset({"result.consolidated/v1"}))
"""The result slot holds the record's id (protocol.md section 7)."""


def buyer(state: TenderState) -> Party:
    """The buyer: an outsider until the opening is over (TBL art. 22)."""
    owns = frozenset({state.buyer}) if state.buyer else frozenset()
    return Party("public", "buyer", owns, (Phase.READ, "host"))


def things_of(picture: Picture, state: TenderState) -> Iterator[tuple[Party, Path]]:
    """Whose folder or file is what."""
    for name in (HOST, *GUESTS, REGULATOR):
        yield member(name), picture.site / "centres" / name
        yield member(name), picture.messages / name
        yield PUBLIC, picture.pages / name
    yield CHAIN, picture.site / "chain"
    actors = picture.site / "actors"
    houses = [path for path in (actors / "bidders").iterdir() if (path / "bid.key").is_file()]
    for house in houses:
        yield bidder(house), house
    everyone = frozenset().union(*(bidder(house).owns for house in houses))
    together = Party("bidder", "all of the demo's bidders", everyone)
    yield together, actors / "bidders.log"
    yield together, picture.site / "receipts"
    yield together, picture.messages / "actors-bidders"
    for name in ("buyer", "buyer.log"):
        yield buyer(state), actors / name
    yield buyer(state), picture.messages / "actors-buyer"
    for centre in (HOST, *GUESTS):
        for path in (actors / f"experts-{centre}", actors / f"experts-{centre}.log"):
            yield experts(centre), path
        yield experts(centre), picture.messages / f"actors-experts-{centre}"


class Finder:
    """Searches pictures in order; of each party only what it had not at the picture before.

    That is enough: nobody ever loses the right to hold something, so what was clean stays clean.
    """

    def __init__(self, known: list[Known]) -> None:
        self._known = {one.secret: one for one in known}
        self._searcher = Searcher(self._known)
        self._seen: dict[Party, set[bytes]] = {}
        self.hits = 0

    def leaks(self, picture: Picture, state: TenderState) -> Iterator[str]:
        """What somebody holds who may not, as one line each."""
        for party, path in things_of(picture, state):
            for hit in self._search(picture, path, self._seen.setdefault(party, set())):
                self.hits += 1
                if not self._known[hit.secret].is_allowed(party, state):
                    yield f"[{picture.name}, {state.phase}] {party.column} {party.id}: {hit}"

    def _search(self, picture: Picture, path: Path, seen: set[bytes]) -> Iterator[Hit]:
        place = str(path.relative_to(picture.folder))
        if path.is_dir():
            yield from self._searcher.tree(path, seen)
        elif path.exists():
            yield from self._searcher.file(path, place, seen)


@pytest.fixture(scope="module", params=sorted(TENDERS))
def album(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Album:
    """Give one demo of each rule set, with canaries proven first."""
    canaries.prove(tmp_path_factory.mktemp("canaries"))
    return make_album(tmp_path_factory.mktemp("leaks"), request.param)


def test_nobody_holds_what_he_may_not_at_any_stage(album: Album) -> None:
    finder = Finder(album.known)
    found = [
        line
        for picture in album.pictures
        for line in finder.leaks(picture, album.states[picture.name])
    ]
    assert found == []
    assert finder.hits > 1000


def test_pictures_show_each_great_stage(album: Album) -> None:
    """Else the search above would have seen the end only."""
    phases = {ORDER.index(state.phase) for state in album.states.values()}
    great = (Phase.ANNOUNCED, Phase.CLOSED, Phase.UNLOCKED, Phase.CALLING, Phase.VOTING)
    assert len(phases) >= 6
    assert all(any(_between(phase, great, one) for phase in phases) for one in range(len(great)))


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
