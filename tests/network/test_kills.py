"""Every program of a running network is killed with SIGKILL, at any moment, and comes back.

The run ends as if nothing had been: the same winners, every bundle verified, everything that was
acknowledged to anybody there once, every store as `node fsck` wants it. Each failure prints its
seed and what was struck; `KILL_SEED=…` strikes the same blows again.
"""

from __future__ import annotations

import itertools
import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.network.auditing import fsck, members_of
from tests.network.demo_process import DATABASE, MEMBERS, nobody_is_left
from tests.network.field import under_fire
from tests.network.killing import DEMO, REPLAY, WRITES, Killer, Strike, first_strike, strikes
from tests.network.spy.striking import KILLED, Blow
from tests.postgres import Postgres

pytestmark = pytest.mark.network
CSV = """\
tender_id,opened_on,title,description,reserve_price_jpy,minimum_price_jpy,bidder_id,bidder_name,\
bid_price_jpy,outcome,note
a-1,2008-05-01,first,,1000,500,B1,one,700,won,
a-1,2008-05-01,first,,1000,500,B2,two,800,lost,
a-1,2008-05-01,first,,1000,500,B3,three,400,rejected,below the minimum limit price
b-1,2008-05-08,second,,1000,500,B1,one,600,rejected,disqualified in post-examination
b-1,2008-05-08,second,,1000,500,B2,two,900,won,
b-2,2008-05-08,third,,1000,500,B1,one,700,won,
b-2,2008-05-08,third,,1000,500,B2,two,800,lost,
"""
WINNERS = {"a-1": ("B1", "700"), "b-1": ("B2", "900"), "b-2": ("B1", "700")}
DEMO_WINNER = ("B283", "73500000", True)
KILLS, EVERY_S = 6, 4.0
SOAK_KILLS, SOAK_EVERY_S = 60, 0.6
"""Most kills of one run of a soak: it must come to its end, too."""
SOAK_TENDERS = 8


Stores = Callable[[int], AbstractContextManager[None]]
"""Makes the nodes' databases for the run of a seed."""


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """Give files of the nodes' own, or a database in PostgreSQL for each."""
    if request.param == "sqlite":
        return lambda _: nullcontext()
    server: Postgres = request.getfixturevalue("postgres")

    @contextmanager
    def served(seed: int) -> Iterator[None]:
        name = f"kills_{seed}"
        monkeypatch.setenv(DATABASE, server.create_for(name, MEMBERS))
        yield
        server.drop_for(name, MEMBERS)

    return served


def seeds() -> Iterator[int]:
    """Fresh ones, or those from the one on that is asked for."""
    asked = os.environ.get("KILL_SEED")
    seed = int(asked) if asked else secrets.randbits(32)
    while True:
        yield seed
        seed += 1


def end_of(killer: Killer, status: int) -> list[dict[str, Any]]:
    """The lines of a command that was killed and gone on with, and ended well."""
    made = killer.network
    assert status == 0, f"{made.conductor.out[-2000:]}\n{made.conductor.err[-2000:]}"
    assert nobody_is_left(made.site)
    assert killer.unknown_writes() == set()
    killer.audit.check_all()
    for member in members_of(made.site):
        fsck(made.site, member)
    return made.conductor.events


def struck(killer: Killer, seed: int, first: Strike | None = None) -> list[dict[str, Any]]:
    """Run to the end under strikes; says the seed and the list, whatever happens."""
    try:
        return end_of(killer, killer.run(first))
    finally:
        print(f"seed {seed}\n{killer.told()}\n{dict(killer.checks)}")


def replayed(lines: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Winner and price by tender, of a replay in which all was carried and verified."""
    *_, end = (one for one in lines if one["event"] == "end")
    assert end["tenders"] == end["carried"] == end["verified"]
    found = (one for one in lines if one["event"] == "tender")
    return {one["tender_id"]: (one["winner"], one["price"]) for one in found}


def test_replay_ends_the_same_whoever_is_killed(stores: Stores, tmp_path: Path) -> None:
    seed = next(seeds())
    (tmp_path / "tenders.csv").write_text(CSV, "utf-8")
    words = ("replay", str(tmp_path / "tenders.csv"), "--out", str(tmp_path / "net"), "--json")
    with stores(seed), under_fire(tmp_path / "net", words) as made:
        killer = Killer(made, strikes(seed, REPLAY, EVERY_S), KILLS)
        assert replayed(struck(killer, seed)) == WINNERS


def test_demo_ends_the_same_whoever_is_killed(tmp_path: Path) -> None:
    """Here buyer, bidders and each centre's experts are programs of their own."""
    seed = next(seeds())
    with under_fire(tmp_path / "net", ("demo", "--out", str(tmp_path / "net"), "--json")) as made:
        killer = Killer(made, strikes(seed, DEMO, EVERY_S), KILLS)
        end = struck(killer, seed)[-1]
        assert (end["winner"], end["price"], end["verified"]) == DEMO_WINNER


def test_answer_before_the_commit_is_found(tmp_path: Path) -> None:
    """The planted bug: the first host says that it has committed what it commits later."""
    (tmp_path / "tenders.csv").write_text(CSV, "utf-8")
    words = ("replay", str(tmp_path / "tenders.csv"), "--out", str(tmp_path / "net"), "--json")
    with under_fire(tmp_path / "net", words, bug="zhuzhou") as made:
        blow = Strike("zhuzhou", 2.0, Blow("SqlStore.commit", 3, KILLED[0]), 0.0, looks_again=False)
        # Not every blow lands: strikes do not run out before the kills do.
        killer = Killer(made, itertools.repeat(blow), 20)
        with pytest.raises(AssertionError, match="acknowledged"):
            struck(killer, 0)


class Soak:
    """Sums of many runs, and how long they may go on."""

    def __init__(self) -> None:
        self.end = time.monotonic() + float(os.environ.get("YUANPING_SOAK_SECONDS", "600"))
        self.kills, self.checks = Counter[str](), Counter[str]()
        self.points = Counter[tuple[str, str]]()

    def goes_on(self) -> bool:
        """Whether there is time for one more run."""
        return time.monotonic() < self.end

    def add(self, killer: Killer, seed: int) -> None:
        """One run more."""
        self.kills += killer.kills
        self.checks += killer.checks
        self.points += killer.points
        line = {"seed": seed, "kills": killer.kills, "checks": killer.checks}
        print(json.dumps(line | {"all": self.kills.total()}), flush=True)

    def table(self, victims: Sequence[str]) -> str:
        """Each write, how often it was struck in which way, and those that never were."""
        names = {f"{victim} {write}" for victim in victims for write in WRITES[victim]}
        rows = {name: Counter[str]() for name in names | {name for name, _ in self.points}}
        for (name, how), count in self.points.items():
            rows[name][how] += count
        return "\n".join(f"{name:<40} {dict(rows[name]) or '-'}" for name in sorted(rows))


@pytest.mark.soak
def test_soak_demos(stores: Stores, tmp_path: Path) -> None:
    """The same with the demo: its actors are programs of their own."""
    soak = Soak()
    for seed in seeds():
        site = tmp_path / str(seed)
        words = ("demo", "--out", str(site), "--json")
        with stores(seed), under_fire(site, words) as made:
            killer = Killer(made, strikes(seed, DEMO, SOAK_EVERY_S), SOAK_KILLS)
            end = struck(killer, seed, first_strike(seed))[-1]
            assert (end["winner"], end["price"], end["verified"]) == DEMO_WINNER
            soak.add(killer, seed)
        if not soak.goes_on():
            break
    print(soak.table(DEMO))


@pytest.mark.soak
def test_soak_replays(stores: Stores, tmp_path: Path, shared_data: Path) -> None:
    """Real tenders, killed at will: nothing acknowledged lost, nothing twice, every store clean."""
    soak, csv = Soak(), shared_data / "tsuchiura_2007_2011.csv"
    for seed in seeds():
        site = tmp_path / str(seed)
        words = ("replay", str(csv), "--limit", str(SOAK_TENDERS), "--out", str(site), "--json")
        with stores(seed), under_fire(site, words) as made:
            killer = Killer(made, strikes(seed, REPLAY, SOAK_EVERY_S), SOAK_KILLS)
            replayed(struck(killer, seed, first_strike(seed)))
            soak.add(killer, seed)
        if not soak.goes_on():
            break
    print(soak.table(REPLAY))
