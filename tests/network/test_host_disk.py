"""The host's disk fills up while bids come, and turns read-only in the session; both are mended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from node.cli.demo.site import Mark, free_ports
from tests.conftest import ROOT
from tests.network.album import HOST, TENDERS
from tests.network.demo_process import MEMBERS, PROGRAM, Demo, nobody_is_left, start_demo
from tests.network.freezing import Reins, fetch
from tests.network.wholeness import check_whole, ending
from tests.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.network
BIDDERS, WINNER = 7, "B283"
RULES = "jp-tsuchiura"
QUIET_S = 2.0


@contextmanager
def demo_on(folder: Path, megabytes: int) -> Iterator[tuple[Demo, SmallDisk]]:
    """A demo whose host keeps its data on a small disk of its own."""
    data = folder / "demo" / "centres" / HOST / "data"
    mark = Mark(TENDERS[RULES], RULES, 3, free_ports(MEMBERS))
    with small_disk(data, folder / "image", megabytes) as disk:
        (folder / "demo" / "demo.json").write_bytes(msgspec.json.encode(mark))
        demo = start_demo(folder / "demo", "--json", "--resume")
        try:
            yield demo, disk
        finally:
            demo.process.terminate()
            demo.ended()
            assert nobody_is_left(demo.folder)


def database(demo: Demo) -> dict[str, Any]:
    """What the host says of its database, to anybody who asks."""
    port = demo.document("demo.json")["ports"][HOST]["http"]
    told = json.loads(fetch(f"http://127.0.0.1:{port}/readyz"))
    check: dict[str, Any] = next(one for one in told["checks"] if one["name"] == "database")
    return check


def count(demo: Demo, kind: str) -> int:
    return sum(event.get("type") == kind for event in demo.events)


def says(demo: Demo, words: str) -> bool:
    return words in database(demo)["detail_en"]


def test_host_whose_disk_fills_up_and_then_fails_ends_with_the_same_winner(tmp_path: Path) -> None:
    with demo_on(tmp_path, 24) as (demo, disk):
        fill_up(demo, disk)
        demo.until(lambda: count(demo, "committee.formed/v1"))
        node = fail_and_mend(demo, disk)
        try:
            assert demo.ended() == 0, demo.out[-3000:] + demo.err[-3000:]
        finally:
            node.terminate()
            node.wait(30)
        end = ending(demo.folder.with_suffix(".out"))
        assert (end["winner"], end["verified"]) == (WINNER, True)
        check_whole(demo.folder, BIDDERS)


def fill_up(demo: Demo, disk: SmallDisk) -> None:
    """While bids come. Without a restart it goes on when there is room."""
    reins = Reins(demo, ("bidders",))
    demo.until(lambda: count(demo, "stream.opened/v1"))
    reins.hold()
    demo.until(lambda: count(demo, "tender.announced/v1"))
    disk.fill()
    reins.release("bidders")
    demo.until(lambda: says(demo, "the disk is full"))
    assert says(demo, "make room")
    time.sleep(QUIET_S)
    assert count(demo, "bid.sealed/v1") < BIDDERS
    told = (demo.folder / "actors" / "bidders.log").read_text("utf-8")
    assert "waits: " in told
    assert "the disk is full" in told
    disk.make_room()
    demo.until(lambda: database(demo)["ok"])
    demo.until(lambda: count(demo, "bid.sealed/v1") == BIDDERS)


def fail_and_mend(demo: Demo, disk: SmallDisk) -> subprocess.Popen[bytes]:
    """A failed disk needs its operator: stop, repair, start again."""
    disk.fail()
    demo.until(lambda: says(demo, "the disk is read-only"))
    assert says(demo, "check and repair")
    pid = next(c["pid"] for c in demo.document("network.json")["centres"] if c["id"] == HOST)
    os.kill(pid, signal.SIGKILL)
    disk.mend()
    config = demo.folder / "centres" / HOST / "config.toml"
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "node", "run", "--config", str(config)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
