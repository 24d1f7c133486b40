"""The demo with one node's clock ten minutes off, then another's: told, harmless, and mended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.network.demo_process import Demo, nobody_is_left, start_demo
from tests.network.freezing import Reins, fetch
from tests.network.wholeness import check_whole, ending

pytestmark = pytest.mark.network
OFF_S = 600
BIDDERS, WINNER = 7, "B283"
QUIET_S = 3.0


@dataclass(frozen=True)
class Clocks:
    """Sets the clocks of a running demo's nodes wrong, and right again."""

    demo: Demo
    folder: Path

    @contextmanager
    def off(self, member: str, by: int) -> Iterator[None]:
        """A member's clock is off inside of the block; first its operator is told so."""
        self._set(member, by)
        self.demo.until(lambda: self.says(member, by))
        assert not self.check(member, "clock")["ok"]
        yield
        self._set(member, 0)
        self.demo.until(lambda: self.check(member, "clock")["ok"])

    def check(self, member: str, name: str) -> dict[str, Any]:
        """One line of a node's /readyz."""
        port = self.demo.document("demo.json")["ports"][member]["http"]
        told = json.loads(fetch(f"http://127.0.0.1:{port}/readyz"))
        return next(one for one in told["checks"] if one["name"] == name)

    def says(self, member: str, by: int) -> bool:
        """Whether it says by how much its clock is off; not so while all clocks are moved on."""
        words = str(self.check(member, "clock")["detail_en"])
        way = "ahead of" if by > 0 else "behind"
        if f"s {way} most members" not in words:
            return False
        told = words.split()
        return abs(int(told[told.index("is") + 1]) - abs(by)) <= 2

    def _set(self, member: str, by: int) -> None:
        aside = self.folder / f"{member}.new"
        aside.write_text(str(by))
        aside.replace(self.folder / member)


def count(demo: Demo, kind: str) -> int:
    return sum(event.get("type") == kind for event in demo.events)


@pytest.mark.parametrize("by", [OFF_S, pytest.param(-OFF_S, marks=pytest.mark.soak)])
def test_one_clock_ten_minutes_off_changes_nothing(tmp_path: Path, by: int) -> None:
    folder = tmp_path / "clocks"
    folder.mkdir()
    demo = start_demo(tmp_path / "demo", "--json", spied={"CLOCKS": str(folder)})
    clocks = Clocks(demo, folder)
    try:
        play(demo, clocks, by)
        assert demo.ended() == 0, demo.out[-3000:] + demo.err[-3000:]
    finally:
        demo.process.terminate()
        demo.ended()
    end = ending(demo.folder.with_suffix(".out"))
    assert (end["winner"], end["verified"]) == (WINNER, True)
    check_whole(demo.folder, BIDDERS)
    assert nobody_is_left(demo.folder)
    for member in ("zhuzhou", "xian", "regulator"):
        log = (demo.folder / "centres" / member / "node.log").read_text("utf-8")
        # Once for each time that it is so: a partner that is slow to answer may end it for a tick.
        assert 1 <= log.count('"what": "clock"') <= 3, "told in the log, not at every tick"


def play(demo: Demo, clocks: Clocks, by: int) -> None:
    """The host's clock while bids come, a guest's at the opening, the regulator's later."""
    reins = Reins(demo, ("bidders",))
    demo.until(lambda: count(demo, "stream.opened/v1"))
    reins.hold()
    demo.until(lambda: count(demo, "tender.announced/v1"))
    with clocks.off("zhuzhou", by):
        reins.release("bidders")
        time.sleep(QUIET_S)
        assert count(demo, "bid.sealed/v1") == 0, "no bid gets a time that nobody vouches for"
    demo.until(lambda: count(demo, "bid.sealed/v1") == BIDDERS)
    demo.until(lambda: count(demo, "bids.closed/v1"))
    with clocks.off("xian", -by):
        sign = "-" if by > 0 else "+"
        demo.until(lambda: f"xian ({sign}" in clocks.check("zhuzhou", "clock")["detail_en"])
        assert clocks.check("zhuzhou", "clock")["ok"], "the others know whose clock it is"
    demo.until(lambda: count(demo, "committee.formed/v1"))
    with clocks.off("regulator", by):
        demo.until(lambda: count(demo, "session.closed/v1"))
