"""`yuanping actors`: left out of the main help, documented by itself, one line for a wrong file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.cli.main import main
from tests.unit.actors.playing import REAL, TENDERS, trust_document


def test_the_group_is_not_in_the_main_help_and_has_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--help"]) == 0
    assert "actors" not in capsys.readouterr().out
    assert main(["actors", "--help"]) == 0
    shown = capsys.readouterr().out
    for word in ("actors buyer", "actors bidders", "actors experts"):
        assert f"  {word} " in shown


@pytest.mark.parametrize("who", ["buyer", "bidders", "experts"])
@pytest.mark.parametrize("wrong", ["tender", "trust"])
def test_a_wrong_file_is_one_line_and_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], who: str, wrong: str
) -> None:
    files = {"tender": (TENDERS / f"{REAL}.json").read_bytes(), "trust": trust_bytes()}
    for name, data in files.items():
        (tmp_path / name).write_bytes(b"{}" if name == wrong else data)
    words = ["actors", who, "--dir", str(tmp_path / "own"), "--door", str(tmp_path / "door")]
    words += ["--tender", str(tmp_path / "tender"), "--trust", str(tmp_path / "trust")]
    more = {
        "bidders": ["--receipts", str(tmp_path / "receipts")],
        "experts": ["--centre", "zhuzhou", "--region", "hunan"],
    }
    assert main([*words, *more.get(who, [])]) in (1, 2)
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert not (tmp_path / "own").exists()


def test_names_are_sealed_to_the_policys_regulator_or_nobody(tmp_path: Path) -> None:
    document = trust_document()
    document["regulators"] = []
    (tmp_path / "trust").write_text(json.dumps(document), "utf-8")
    words = ["actors", "experts", "--dir", str(tmp_path / "own"), "--door", "door"]
    words += ["--tender", str(TENDERS / f"{REAL}.json"), "--trust", str(tmp_path / "trust")]
    assert main([*words, "--centre", "zhuzhou", "--region", "hunan"]) == 2


def trust_bytes() -> bytes:
    """A policy as a file."""
    return json.dumps(trust_document()).encode()
