"""The demo with its network cut between any two parties: it ends with the same winner, proven."""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.network.cuts import Cuts, between, ends
from tests.network.cutting import Cutter, Mode
from tests.network.demo_process import Demo, nobody_is_left, start_demo
from tests.network.freezing import fetch
from tests.network.wholeness import check_whole, ending

pytestmark = pytest.mark.network

BIDDERS, WINNER = 7, "B283"
SESSION = ("committee.formed/v1", "session.closed/v1")
OPENING = ("bids.closed/v1", "opening.closed/v1")


@pytest.fixture
def cut_demo(tmp_path: Path) -> Iterator[tuple[Demo, Cuts]]:
    """A demo whose every connection leads through a cutter, and cuts of a fresh seed."""
    with running(tmp_path, fresh_seed()) as both:
        yield both


def fresh_seed() -> int:
    """That of CUTS_SEED, to see the same again, else a new one."""
    return int(os.environ.get("CUTS_SEED") or random.SystemRandom().randrange(2**32))


@contextmanager
def running(folder: Path, seed: int) -> Iterator[tuple[Demo, Cuts]]:
    """Start it; in the end its cuts are told, and no process of it is left."""
    with (
        tempfile.TemporaryDirectory(prefix="cut") as short,
        Cutter(Path(short), folder / "demo") as cutter,
    ):
        demo = start_demo(folder / "demo", "--json", spied=cutter.environment)
        cuts = Cuts(cutter, seed)
        try:
            yield demo, cuts
        finally:
            print(f"seed {seed}", *cuts.told, sep="\n")
            demo.process.terminate()
            demo.ended()
    assert nobody_is_left(demo.folder)


def has_told(demo: Demo, kind: str) -> bool:
    return f'"type": "{kind}"' in demo.out or f'"type":"{kind}"' in demo.out


def check_ended_well(demo: Demo) -> None:
    """The city's winner, proven; nothing promised is lost or twice; every store is sound."""
    assert demo.ended() == 0, demo.out[-3000:] + demo.err[-3000:]
    end = ending(demo.folder.with_suffix(".out"))
    assert (end["winner"], end["verified"]) == (WINNER, True)
    check_whole(demo.folder, BIDDERS)


def test_seeded_cuts_between_any_two_parties_change_nothing(cut_demo: tuple[Demo, Cuts]) -> None:
    demo, cuts = cut_demo
    demo.until(lambda: has_told(demo, "stream.opened/v1"))
    cuts.while_(lambda: demo.process.poll() is None)
    check_ended_well(demo)
    assert any("met by 0" not in line for line in cuts.told)


def test_whole_phases_without_a_guest_and_without_the_chain(cut_demo: tuple[Demo, Cuts]) -> None:
    """The opening goes on without a guest, the session without the chain; both are made up."""
    demo, cuts = cut_demo
    demo.until(lambda: has_told(demo, OPENING[0]))
    with cuts.cut(between(cuts.cutter, "zhuzhou", "xian"), Mode.SWALLOWED, "phase"):
        demo.until(lambda: has_told(demo, OPENING[1]))
    demo.until(lambda: has_told(demo, SESSION[0]))
    chain = [one for one in cuts.cutter.links.values() if ends(one)[1] == "chain"]
    with cuts.cut(chain, Mode.REFUSED, "phase"):
        demo.until(lambda: has_told(demo, SESSION[1]))
        time.sleep(1.5)
        host = demo.document("network.json")["centres"][0]["http"]
        assert b'"oldest_waiting_anchor_s":null' not in fetch(f"{host}/api/v1/node")
    check_ended_well(demo)
