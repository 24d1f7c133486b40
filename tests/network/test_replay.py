"""`yuanping replay` over real processes: a few invented tenders in the form of the city's file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chain.anvil import anvil_path
from chain.errors import ChainError
from tests.network.demo_process import run_command

pytestmark = pytest.mark.network
CSV = """\
tender_id,opened_on,title,description,reserve_price_jpy,minimum_price_jpy,bidder_id,bidder_name,\
bid_price_jpy,outcome,note
a-1,2008-05-01,first,,1000,500,B1,one,700,won,
a-1,2008-05-01,first,,1000,500,B2,two,800,lost,
a-1,2008-05-01,first,,1000,500,B3,three,400,rejected,below the minimum limit price
b-1,2008-05-08,second,,1000,500,B1,one,600,rejected,disqualified in post-examination
b-1,2008-05-08,second,,1000,500,B2,two,900,won,
b-2,2008-05-08,third,,1000,500,B1,one,700,lost,
b-2,2008-05-08,third,,1000,500,B2,two,800,won,the city saw it otherwise
"""


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, list[dict[str, Any]]]:
    """Give a replay's folder, its exit status and its lines."""
    try:
        anvil_path()
    except ChainError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("replay")
    (folder / "tenders.csv").write_text(CSV, "utf-8")
    words = ("replay", "tenders.csv", "--out", "out", "--together", "2", "--json")
    done = run_command(*words, folder=folder)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr[-3000:]
    assert lines[-1]["event"] == "end", done.stdout[-2000:] + done.stderr[-3000:]
    return folder, done.returncode, lines


def test_every_tender_is_carried_by_another_host_and_verified(
    replayed: tuple[Path, int, list[dict[str, Any]]],
) -> None:
    _, _, (*lines, end) = replayed
    found = {line["tender_id"]: line for line in lines}
    assert sorted(found) == ["a-1", "b-1", "b-2"]
    assert {line["host"] for line in lines} == {"zhuzhou", "shiyan", "xian"}
    assert all(line["verified"] for line in lines)
    assert (end["tenders"], end["carried"], end["verified"], end["failed"]) == (3, 3, 3, [])


def test_winner_follows_from_bids_and_findings_and_is_compared_with_the_city(
    replayed: tuple[Path, int, list[dict[str, Any]]],
) -> None:
    _, status, (*lines, end) = replayed
    found = {line["tender_id"]: line for line in lines}
    winners = {
        name: (line["winner"], line["price"], line["agrees"]) for name, line in found.items()
    }
    assert winners == {
        "a-1": ("B1", "700", True),
        "b-1": ("B2", "900", True),
        "b-2": ("B1", "700", False),
    }
    rejected = {
        name: [(r["bidder"], r["ground"]) for r in one["rejected"]] for name, one in found.items()
    }
    assert rejected == {"a-1": [("B3", "below-minimum")], "b-1": [("B1", "unqualified")], "b-2": []}
    assert (status, end["agree"]) == (1, 2), "one disagrees with the city: that is bad news"


def test_evidence_of_a_replay_verifies_as_a_strangers(
    replayed: tuple[Path, int, list[dict[str, Any]]],
) -> None:
    folder, _, (*lines, end) = replayed
    files = [f"out/{line['evidence']}" for line in lines]
    done = run_command("verify", *files, "--trust", f"out/{end['trust']}", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stores_of_a_replay_are_as_they_must_be(
    replayed: tuple[Path, int, list[dict[str, Any]]],
) -> None:
    folder, _, _ = replayed
    for centre in ("zhuzhou", "regulator"):
        config = f"out/centres/{centre}/config.toml"
        done = run_command("node", "fsck", "--config", config, folder=folder)
        assert done.returncode == 0, done.stdout + done.stderr
