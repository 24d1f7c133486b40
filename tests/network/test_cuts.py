"""The demo with its network cut between any two parties: it ends with the same winner, proven."""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chain.rpc import Rpc
from tests.network.cuts import Cuts, between, ends
from tests.network.cutting import Cutter, Mode
from tests.network.demo_process import Demo, nobody_is_left, start_demo
from tests.network.freezing import Reins, fetch
from tests.network.wholeness import check_whole, ending, host_places, is_witnessed, lodged

pytestmark = pytest.mark.network

BIDDERS, WINNER = 7, "B283"
PATIENCE_S = 700
"""Longer than the rule set waits for a holder's share (`lodge_answer_seconds`)."""
TRIED_S = 6.0
"""Longer than one call is tried again within itself (`Line.ask`)."""


def fresh_seed() -> int:
    """That of CUTS_SEED, to see the same again, else a new one."""
    return int(os.environ.get("CUTS_SEED") or random.SystemRandom().randrange(2**32))


@contextmanager
def running(folder: Path, seed: int, **spied: str) -> Iterator[tuple[Demo, Cuts]]:
    """Start it; in the end its cuts are told, and no process of it is left."""
    with (
        tempfile.TemporaryDirectory(prefix="cut") as short,
        Cutter(Path(short), folder / "demo") as cutter,
    ):
        demo = start_demo(folder / "demo", "--json", spied={**cutter.environment, **spied})
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


def let_pass(cutter: Cutter, seconds: int) -> None:
    """Let time pass on the chain's clock, as it would in a real network while everybody waits."""
    rpc = Rpc("http://" + next(one.to for one in cutter.links.values() if ends(one)[1] == "chain"))
    newest = int(rpc.call("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    rpc.call("yuanping_jump", {"time": newest + seconds})


def test_seeded_cuts_between_any_two_parties_change_nothing(tmp_path: Path) -> None:
    with running(tmp_path, fresh_seed()) as (demo, cuts):
        demo.until(lambda: has_told(demo, "stream.opened/v1"))
        cuts.while_(lambda: demo.process.poll() is None)
        check_ended_well(demo)
    assert any("met by 0" not in line for line in cuts.told)


def test_whole_phases_without_a_guest_and_without_the_chain(tmp_path: Path) -> None:
    """The opening goes on without a holder, the session without the chain; both are made up."""
    with running(tmp_path, 0) as (demo, cuts):
        demo.until(lambda: has_told(demo, "term.expired/v1"))
        with cuts.cut(between(cuts.cutter, "zhuzhou", "xian"), Mode.SWALLOWED, "phase"):
            # Once in many runs its share has passed already: then there are three, and no wait.
            demo.until(lambda: demo.out.count("share.released/v1") >= 2)
            demo.until(lambda: is_witnessed(demo.folder))
            let_pass(cuts.cutter, PATIENCE_S)
            demo.until(lambda: has_told(demo, "opening.closed/v1"))
        demo.until(lambda: has_told(demo, "committee.formed/v1"))
        chain = [one for one in cuts.cutter.links.values() if ends(one)[1] == "chain"]
        with cuts.cut(chain, Mode.REFUSED, "phase"):
            demo.until(lambda: has_told(demo, "session.closed/v1"))
            demo.until(lambda: waits_for_the_chain(demo))
        check_ended_well(demo)


def waits_for_the_chain(demo: Demo) -> bool:
    """Whether the host says that it has something to anchor and cannot."""
    port = demo.document("demo.json")["ports"]["zhuzhou"]["http"]
    told = json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/node"))
    return told["chain"]["oldest_waiting_anchor_s"] is not None


def test_guest_that_sends_only_once_is_caught(tmp_path: Path) -> None:
    """Two guests lodge while they are cut off; only the one with the planted bug loses it."""
    with running(tmp_path, 0, PLANTED="shiyan: send once") as (demo, cuts):
        demo.until(lambda: has_told(demo, "bids.closed/v1"))
        reins = Reins(demo, ("experts-shiyan", "experts-xian"))
        reins.hold()
        demo.until(lambda: has_told(demo, "draw.seeded/v1"))
        ways = [cuts.cutter.links[f"{name}>zhuzhou grpc"] for name in ("shiyan", "xian")]
        # They still hear what they owe, so they lodge what their experts answer; nothing arrives.
        with cuts.cut(ways, Mode.MUTE, "lodged"):
            reins.release("experts-shiyan", "experts-xian")
            demo.until(lambda: missing(demo, "shiyan") and missing(demo, "xian"))
            cuts.cutter.set(ways, Mode.REFUSED)
            time.sleep(TRIED_S)
        demo.until(lambda: not missing(demo, "xian"))
        time.sleep(1)
        assert missing(demo, "shiyan")


def missing(demo: Demo, member: str) -> set[str]:
    """What a guest lodged and the host does not have."""
    return lodged(demo.folder, member) - {place.record for place in host_places(demo.folder)}
