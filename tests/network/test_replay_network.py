"""A replay through a network that runs already: stalled, cut off, gone on with, proven alone."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.network.demo_process import LIMIT_S, PROGRAM, Demo, nobody_is_left, start_demo
from tests.network.demo_process import run_command as run
from tests.network.freezing import stopped

pytestmark = pytest.mark.network
GUEST = "xian"
QUIET_S = 3.0
"""How long nothing may be proven while a guest stands still."""


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give a network that stays after its own tender is over."""
    demo = start_demo(tmp_path_factory.mktemp("kept") / "demo", "--keep", "--json")
    demo.until(lambda: any(event["event"] == "end" for event in demo.events))
    yield demo
    demo.process.kill()
    demo.process.wait()


def rows_of(data: Path) -> list[dict[str, str]]:
    """The first five real tenders."""
    path = data / "tsuchiura_2007_2011.csv"
    if not path.is_file():
        pytest.skip(f"no {path.name} in the folder of real data")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(dict.fromkeys(row["tender_id"] for row in rows))[:5]
    return [row for row in rows if row["tender_id"] in names]


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def tender(rows: list[dict[str, str]], number: int, name: str) -> list[dict[str, str]]:
    """One of the five under a name of its own."""
    known = list(dict.fromkeys(row["tender_id"] for row in rows))[number]
    return [row | {"tender_id": name} for row in rows if row["tender_id"] == known]


def derived(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Of one real tender: as it was, with `won` and `lost` swapped, with the price changed."""
    plain, swapped, changed = (tender(rows, 0, name) for name in ("plain", "swapped", "changed"))
    trade = {"won": "lost", "lost": "won"}
    first = next(row for row in swapped if row["outcome"] == "lost")
    for row in swapped:
        if row is first or row["outcome"] == "won":
            row["outcome"] = trade[row["outcome"]]
    loser = next(row for row in changed if row["outcome"] == "lost")
    won = next(row for row in changed if row["outcome"] == "won")
    loser["bid_price_jpy"] = str(int(won["bid_price_jpy"]) - 1)
    return [*plain, *swapped, *changed]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    """A replay in a process of its own."""
    with (folder / "replay.err").open("a", encoding="utf-8") as err:
        return subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "replay", *words, "--json"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'protos'}"},
            stdout=subprocess.PIPE,
            stderr=err,
            text=True,
        )


def until(process: subprocess.Popen[str], is_true: Callable[[], object]) -> None:
    end = time.monotonic() + LIMIT_S
    while not is_true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def lines_of(process: subprocess.Popen[str]) -> tuple[int, dict[str, dict[str, Any]], Any]:
    """Exit status, lines by tender, and the last line; each tender has one line."""
    out, _ = process.communicate(timeout=LIMIT_S)
    *lines, end = map(json.loads, out.splitlines())
    assert end["event"] == "end", end
    found = {line["tender_id"]: line for line in lines}
    assert len(found) == len(lines)
    return process.returncode, found, end


@pytest.fixture(scope="module")
def carried(
    kept: Demo, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, int, dict[str, dict[str, Any]], Any]:
    """Give a replay that stalled while a guest stood, was killed, and went on."""
    folder = tmp_path_factory.mktemp("through")
    path = write(folder / "tenders.csv", derived(rows_of(shared_data)))
    words = (path.name, "--network", str(kept.folder / "network.json"), "--out", "out")
    process = start(folder, *words)
    opened, proven = folder / "out" / "opened", folder / "out" / "carried"
    until(process, lambda: any(opened.glob("*.json")))
    guest = next(c for c in kept.document("network.json")["centres"] if c["id"] == GUEST)
    with stopped([guest["pid"]]):
        time.sleep(QUIET_S)
        assert not list(proven.glob("*.json")), "proven without a guest that takes part"
        assert process.poll() is None, "a guest that stands still stops nothing"
    until(process, lambda: list(proven.glob("*.json")))
    process.send_signal(signal.SIGKILL)
    process.communicate()
    first = {path: path.stat().st_mtime_ns for path in proven.glob("*.json")}
    code, lines, end = lines_of(start(folder, *words, "--resume"))
    again = [path for path, time in first.items() if path.stat().st_mtime_ns != time]
    assert not again, "proven once more"
    return folder, code, lines, {**end, "before": len(first)}


Carried = tuple[Path, int, dict[str, dict[str, Any]], Any]


def test_stalled_killed_and_resumed_replay_carries_each_tender_once(carried: Carried) -> None:
    _, code, lines, end = carried
    assert sorted(lines) == ["changed", "plain", "swapped"]
    assert (end["tenders"], end["carried"], end["verified"], end["failed"]) == (3, 3, 3, [])
    assert (code, end["agree"]) == (1, 1)
    assert set(end["profile"]) == {"sign", "verify", "sql", "rpc", "chain", "other"}
    left = end["tenders"] - end["before"]
    assert (sum(end["profile"].values()) > 0) == (left > 0), "of what was left when it was killed"


def test_swapped_won_and_lost_change_only_agrees(carried: Carried) -> None:
    _, _, lines, _ = carried
    plain, swapped = lines["plain"], lines["swapped"]
    names = ("outcome", "winner", "price", "tied", "rejected")
    assert [plain[name] for name in names] == [swapped[name] for name in names]
    assert (plain["agrees"], swapped["agrees"]) == (True, False)
    assert plain["city"]["winner"] == plain["winner"] != swapped["city"]["winner"]


def test_changed_price_changes_winner_and_agrees(carried: Carried) -> None:
    _, _, lines, _ = carried
    plain, changed = lines["plain"], lines["changed"]
    assert changed["winner"] != plain["winner"] == changed["city"]["winner"]
    assert int(changed["price"]) == int(plain["price"]) - 1
    assert changed["agrees"] is False


def test_replay_of_tenders_that_are_there_already_is_refused(carried: Carried, kept: Demo) -> None:
    folder, *_ = carried
    network = str(kept.folder / "network.json")
    done = run("replay", "tenders.csv", "--network", network, "--out", "other", folder=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "changed" in done.stderr
    assert not (folder / "other").exists()


def test_database_of_one_guest_alone_proves_every_tender(carried: Carried, kept: Demo) -> None:
    """Last of this file: host, chain and all others are gone, only one guest's folder is left."""
    folder, _, lines, _ = carried
    trust = (kept.folder / "trust.json").read_bytes()
    assert kept.interrupt() == 0
    assert nobody_is_left(kept.folder)
    network = str(kept.folder / "network.json")
    done = run("replay", "tenders.csv", "--network", network, "--out", "other", folder=folder)
    assert (done.returncode, "--keep" in done.stderr) == (2, True)
    alone = folder / "alone"
    alone.mkdir()
    shutil.move(kept.folder / "centres" / GUEST, alone / GUEST)
    (alone / "trust.json").write_bytes(trust)
    shutil.rmtree(kept.folder)
    config = ("--config", f"{GUEST}/config.toml", "--all", "--out", "made", "--json")
    made = []
    for reader in (f"centre:{GUEST}", "public"):
        done = run("node", "evidence", *config, "--as", reader, folder=alone)
        assert done.returncode == 0, done.stdout + done.stderr
        *told, _ = map(json.loads, done.stdout.splitlines())
        assert {one["tender_id"] for one in told} > lines.keys(), "the demo's own is there too"
        made += [one["file"] for one in told]
    done = run("verify", *made, "--trust", "trust.json", folder=alone)
    assert done.returncode == 0, done.stdout + done.stderr
