"""`yuanping replay` of a file of panels over real processes: two contests that nobody ever held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chain.anvil import anvil_path
from chain.errors import ChainError
from tests.network.demo_process import run_command

pytestmark = pytest.mark.network
Replayed = tuple[Path, int, dict[str, dict[str, Any]], Any]
HEAD = (
    "contest,entry,criterion,factor,J1,J2,J3,J4,J5,J6,J7,J8,J9,"
    "component_total,element_total,deductions,final_score,rank\n"
)
ENTRIES = (
    # Skill by nine experts (0: was not there), components, elements, deductions, total
    ("A", "8.0," * 9, "8.00", "30.00", "0.00", "38.00"),
    ("B", "9.5," + "7.0," * 7 + "6.5,", "7.00", "31.00", "0.00", "38.00"),
    ("C", "0.0," + "5.0," * 6 + "6.0,6.0,", "5.17", "20.00", "1.00", "24.17"),
)


def rows_of(contest: str, ranks: str) -> str:
    return "".join(
        f"{contest},{entry},Skill,1.0,{marks}{components},{elements},{deducted},{total},{rank}\n"
        for (entry, marks, components, elements, deducted, total), rank in zip(
            ENTRIES, ranks, strict=True
        )
    )


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """Give a replay's folder, exit status, lines by contest, and last line."""
    try:
        anvil_path()
    except ChainError as error:
        pytest.skip(str(error))
    folder = tmp_path_factory.mktemp("panels")
    # Equal totals: in a short contest the facts decide, else the marks; the second is told wrong.
    text = HEAD + rows_of("one-short", "213") + rows_of("two-free", "213")
    (folder / "panels.csv").write_text(text, "utf-8")
    done = run_command("replay", "panels.csv", "--out", "out", "--json", folder=folder)
    *lines, end = [json.loads(line) for line in done.stdout.splitlines()]
    assert end["event"] == "end", done.stdout[-2000:] + done.stderr[-3000:]
    return folder, done.returncode, {line["tender_id"]: line for line in lines}, end


def test_contests_are_ranked_verified_and_compared_with_what_was_published(
    replayed: Replayed,
) -> None:
    _, status, lines, end = replayed
    order = {name: [row["bidder"] for row in line["ranking"]] for name, line in lines.items()}
    assert order == {"one-short": ["B", "A", "C"], "two-free": ["A", "B", "C"]}
    assert lines["one-short"]["ranking"][2] == {
        "bidder": "C",
        "components": "5.17",
        "total": "24.17",
        "rank": 3,
    }
    assert [lines[name]["agrees"] for name in ("one-short", "two-free")] == [True, False]
    assert {line["outcome"] for line in lines.values()} == {"ranked"}
    assert (status, end["carried"], end["verified"], end["agree"]) == (1, 2, 2, 1)


def test_line_of_a_contest_has_the_members_that_were_promised(replayed: Replayed) -> None:
    for line in replayed[2].values():
        assert list(line) == [
            "event", "tender_id", "outcome", "ranking", "agrees", "records", "host", "evidence",
            "verified",
        ]  # fmt: skip


def test_public_file_proves_the_ranking_and_shows_no_sheet(replayed: Replayed) -> None:
    folder, _, lines, end = replayed
    config = f"out/centres/{lines['one-short']['host']}/config.toml"
    words = ("--config", config, "--tender", "one-short", "--as", "public", "--out", "public")
    done = run_command("node", "evidence", *words, folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (public,) = (folder / "public").glob("*.json")
    files = (f"out/{lines['one-short']['evidence']}", f"public/{public.name}")
    done = run_command("verify", *files, "--trust", f"out/{end['trust']}", "--json", folder=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    *verdicts, _ = map(json.loads, done.stdout.splitlines())
    assert len(verdicts) == len(files)
    for verdict in verdicts:
        assert [row["bidder"] for row in verdict["result"]["ranking"]] == ["B", "A", "C"]
    whole = (folder / files[0]).read_text("utf-8")
    assert '"scores":[' in whole
    assert '"scores":[' not in public.read_text("utf-8")
