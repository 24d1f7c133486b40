"""`yuanping verify` as a person and as a program: exit codes, lines, languages, and its weight."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import structs

from node.cli.main import main
from tests.conftest import ROOT
from tests.world.receipts import bid_receipt, place_of, stray_receipt
from tests.world.session import evidence, world

HEAVY = ("grpc", "sqlalchemy", "web3", "fastapi", "eth_account", "eth_abi", "uvicorn", "chain")
PROBE = (
    "import sys; from node.cli.main import main; code = main(sys.argv[1:]); "
    "print(code, *sorted({name.partition('.')[0] for name in sys.modules}))"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with good evidence, a broken file, and the policy."""
    monkeypatch.setenv("YUANPING_LANG", "en")
    good = evidence("cn", "public")
    (tmp_path / "good.json").write_bytes(good)
    (tmp_path / "bad.json").write_bytes(good.replace(b'"H03"', b'"H04"', 1))
    (tmp_path / "none.json").write_bytes(b"{}")
    (tmp_path / "trust.json").write_text(json.dumps(world("cn").net.policy()))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """What a program reads on stdout."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("folder")
def test_good_file_for_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "good.json", "--trust", "trust.json", "--json"]) == 0
    verdict, end = lines(capsys)
    assert (verdict["event"], verdict["file"]) == ("verdict", "good.json")
    assert verdict["verdict"] == "proven"
    assert end == {"event": "end", "files": 1, "proven": 1, "disproved": 0, "unreadable": 0}


def test_ranking_without_an_award_is_told_place_by_place(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "panel.json").write_bytes(evidence("panel", "public"))
    (folder / "panel.trust.json").write_text(json.dumps(world("panel").net.policy()))
    words = ["verify", "panel.json", "--trust", "panel.trust.json"]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "  result: ranked\n    1 E01 54.98\n    2 E03 45.58\n    3 E02 45.58\n    4 " in told
    assert "    4 E04 32.58\n" in told
    assert "    4 E05 32.58\n" in told
    assert main([*words, "--json"]) == 0
    verdict, _ = lines(capsys)
    assert isinstance(verdict["result"], dict)
    assert verdict["result"]["ranking"][1] == {
        "bidder": "E03",
        "components": "14.58",
        "total": "45.58",
        "rank": 2,
    }


@pytest.mark.usefixtures("folder")
def test_exit_code_is_the_highest_of_all_files(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = [("good.json", 0), ("bad.json", 1), ("none.json", 2), ("missing.json", 2)]
    for number in range(1, 5):
        files = [name for name, _ in wanted[:number]]
        assert main(["verify", *files, "--trust", "trust.json", "--json"]) == wanted[number - 1][1]
        told = lines(capsys)
        assert [line.get("file") for line in told[:-1]] == files
    words = [line["verdict"] for line in told[:-1]]
    assert words == ["proven", "disproved", "unreadable", "unreadable"]
    assert (told[-1]["event"], told[-1]["code"]) == ("error", "unreadable")
    assert told[-1]["detail"] == (
        "none.json: not one JSON object with a format; missing.json: No such file or directory"
    )


@pytest.mark.parametrize("file", ["none.json", "missing.json", "."])
@pytest.mark.usefixtures("folder")
def test_unreadable_file_is_one_line_on_stderr(
    capsys: pytest.CaptureFixture[str], file: str
) -> None:
    assert main(["verify", file, "--trust", "trust.json"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: unreadable: {file}: ")
    assert err.endswith("that it is the file you mean.\n")
    assert err.count("\n") == 1
    assert main(["verify", file, "good.json", "missing.json", "--trust", "trust.json"]) == 2
    out, err = capsys.readouterr()
    assert out.startswith("PROVEN  good.json\n")
    assert file in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("policy", ["missing.json", "nonsense.json"])
@pytest.mark.parametrize("words", [[], ["--json"]])
def test_wrong_policy_is_one_line_too(
    folder: Path, capsys: pytest.CaptureFixture[str], policy: str, words: list[str]
) -> None:
    (folder / "nonsense.json").write_text("nonsense")
    assert main(["verify", "good.json", "--trust", policy, *words]) == 2
    out, err = capsys.readouterr()
    told = out if words else err
    assert (err if words else out) == ""
    assert told.count("\n") == 1
    assert told.startswith('{"event":"error","code":"unreadable"' if words else "error: unreadable")


@pytest.mark.usefixtures("folder")
def test_person_reads_the_first_broken_link(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "bad.json", "--trust", "trust.json"]) == 1
    text = capsys.readouterr().out
    assert text.startswith("DISPROVED  bad.json\n")
    assert "first broken link: /streams/0/places/" in text


@pytest.mark.usefixtures("folder")
def test_person_is_told_what_each_check_proves(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUANPING_LANG", "zh")
    assert main(["verify", "good.json", "--trust", "trust.json", "--explain"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("已证明  good.json\n")
    assert "可防主办中心" in text
    assert "未见正文、未作判断" in text


@pytest.mark.usefixtures("folder")
def test_reader_may_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "good.json", "--trust", "trust.json", "--as", "regulator"]) == 1
    assert "withheld" in capsys.readouterr().out
    assert main(["verify", "good.json", "--trust", "trust.json", "--as", "anybody"]) == 2


@pytest.mark.usefixtures("folder")
def test_reader_that_there_is_not_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["verify", "good.json", "--trust", "trust.json", "--as"]
    assert main([*words, "centre:nobody"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: usage: --as: good.json: there is no such reader of this file ")
    assert "centre:nobody; there are public, regulator, centre:changsha, centre:" in err
    assert err.count("\n") == 1
    assert main([*words, f"bidder:{'0' * 64}", "--json"]) == 2
    (told,) = lines(capsys)
    assert (told["event"], told["code"]) == ("error", "usage")
    assert all(sealed.person.author in str(told["detail"]) for sealed in world("cn").sealed)


def test_receipt_is_compared_wherever_its_evidence_stands(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = world("cn")
    what = structs.replace(place_of(made, made.sealed[0].record).what, id="ab" * 32)
    (folder / "mine.receipt").write_bytes(bid_receipt(made))
    (folder / "dropped.receipt").write_bytes(stray_receipt(made, what))
    alone = ["verify", "dropped.receipt", "--trust", "trust.json", "--json"]
    assert main(alone) == 0
    assert "compared" not in lines(capsys)[0]
    files = ["mine.receipt", "dropped.receipt", "good.json"]
    assert main(["verify", *files, "--trust", "trust.json", "--json"]) == 1
    mine, dropped, good, end = lines(capsys)
    assert [line["file"] for line in (mine, dropped, good)] == files
    assert [line["verdict"] for line in (mine, dropped, good)] == ["proven", "disproved", "proven"]
    assert mine["compared"] == dropped["compared"] == ["good.json"]
    assert (end["proven"], end["disproved"]) == (2, 1)
    assert main(["verify", *files, "--trust", "trust.json"]) == 1
    text = capsys.readouterr().out
    assert "compared with: good.json" in text
    assert "receipt-missing: the evidence of the same tender has no place" in text


@pytest.mark.parametrize(
    ("text", "code"),
    [("nonsense", 2), ('{"format":"yuanping-trust/v9"}', 2), ('{"format":"yuanping-trust/v1"}', 1)],
)
def test_policy_that_cannot_be_used(folder: Path, text: str, code: int) -> None:
    (folder / "trust.json").write_text(text)
    assert main(["verify", "good.json", "--trust", "trust.json"]) == code


@pytest.mark.usefixtures("folder")
def test_policy_that_is_not_there() -> None:
    assert main(["verify", "good.json", "--trust", "missing.json"]) == 2


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    words = ["verify", "good.json", "--trust", "trust.json", "--json"]
    return subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "YUANPING_LANG": "en"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_command_loads_nothing_of_the_node(folder: Path) -> None:
    """Whoever verifies needs no database, no network and no chain library."""
    code, *modules = run(folder).stdout.splitlines()[-1].split()
    assert code == "0"
    assert set(HEAVY).isdisjoint(modules)


def test_command_is_quick_from_start_to_verdict(folder: Path) -> None:
    """Under half a second of the processor's time, start-up included; the best of five runs."""
    took = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(took) < 0.5
