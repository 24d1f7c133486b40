"""A replay that goes on: what is proven stays so, what was open goes first, everybody keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from node.cli.demo.site import MARK, Mark, claim, find_mark, replace_file
from node.cli.replay.carry import Carry, opened_before, opened_in
from node.cli.replay.cases import read_cases
from node.cli.replay.crowd import DONE
from node.cli.replay.network import find_network
from node.cli.replay.prove import Line, keep, kept_in
from node.cli.replay.table import read_table
from node.core.errors import ConfigError
from node.core.records.canonical import encode
from node.services.actors.crowd import Opened
from node.services.actors.tender_file import TenderFile

HEAD = "tender_id,opened_on,title,reserve_price_jpy,minimum_price_jpy,bidder_id,bidder_name,"
ROWS = "".join(f"t{n},2007-05-0{n},any,100,,B1,one,90\n" for n in range(1, 6))


@pytest.fixture
def cases(tmp_path: Path) -> list[TenderFile]:
    """Give five tenders of five days."""
    path = tmp_path / "t.csv"
    path.write_text(HEAD + "bid_price_jpy\n" + ROWS, "utf-8")
    return read_cases(read_table(path))


def line(name: str, *, verified: bool = True) -> Line:
    file = f"evidence/{name}.evidence.json"
    return {"tender_id": name, "evidence": file, "verified": verified}


def test_only_what_its_evidence_still_proves_is_left_out(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        keep(tmp_path, line(name, verified=name != "b"), name.encode())
    (tmp_path / "evidence" / "c.evidence.json").write_bytes(b"changed")
    assert kept_in(tmp_path, ["a", "b", "c", "d"]) == {"a": line("a")}


def test_half_written_line_is_proven_again(tmp_path: Path) -> None:
    keep(tmp_path, line("a"), b"a")
    (tmp_path / "carried" / "a.json").write_bytes(b'{"line":{')
    assert kept_in(tmp_path, ["a"]) == {}


def test_open_tenders_go_first_as_they_were_opened_with_the_host_they_had(
    tmp_path: Path, cases: list[TenderFile]
) -> None:
    site = claim(tmp_path / "out", Mark("digest", "jp-tsuchiura", 3, {}))
    members = [("a", "centre"), ("b", "centre"), ("r", "regulator")]
    found = find_network(network_json(tmp_path, members))
    before = {}
    for number, folder in ((2, opened_in(site.root)), (4, opened_in(site.root) / DONE)):
        opened = Opened(case=cases[number], host="b", stream="0" * 64)
        replace_file(folder / f"t{number + 1}.json", encode(opened))
        before[opened.case.tender] = opened
    assert opened_before(site.root) == before
    todo = Carry(site, found, cases, {"t1": line("t1")}, 8)
    assert [case.tender for case in todo.left()] == ["t3", "t5", "t2", "t4"]
    assert todo.hosts == {"t1": "a", "t2": "b", "t3": "a", "t4": "b", "t5": "a"}
    site.lock.close()


def network_json(root: Path, members: list[tuple[str, str]], **other: object) -> Path:
    """Write a network.json whose doors are there."""
    centres = []
    for name, role in members:
        door = root / name / "data" / "door.sock"
        door.parent.mkdir(parents=True, exist_ok=True)
        door.write_bytes(b"")
        centres.append({"id": name, "role": role, "http": "http://127.0.0.1:1", "dir": name})
    form = {
        "format": "yuanping-network/v1",
        "running": True,
        "pid": 1,
        "clock": "test",
        "chain": {"kind": "anvil", "rpc": "http://127.0.0.1:1"},
        "centres": centres,
        "trust": "trust.json",
    }
    path = root / "network.json"
    path.write_text(json.dumps(form | other), "utf-8")
    return path


BOTH = [("a", "centre"), ("r", "regulator")]


@pytest.mark.parametrize(
    ("members", "other", "told"),
    [
        (BOTH, {"running": False}, "does not run"),
        (BOTH, {"pid": 2**22 + 1}, "does not run"),
        (BOTH, {"clock": "system"}, "no test clock"),
        (BOTH, {"chain": {"kind": "qbft", "rpc": ""}}, "no test clock"),
        (BOTH, {"format": "x"}, "format"),
        (BOTH, {"pid": "x"}, "pid"),
        (BOTH[:1], {}, "no regulator"),
        (BOTH[1:], {}, "no centre"),
    ],
)
def test_network_that_cannot_be_gone_through_says_why(
    members: list[tuple[str, str]],
    other: dict[str, object],
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YUANPING_LANG", "en")
    with pytest.raises(ConfigError, match=told):
        find_network(network_json(tmp_path, members, **other))


def test_node_whose_door_is_gone_or_closed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUANPING_LANG", "en")
    path = network_json(tmp_path, BOTH)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(ConfigError, match=r"not writable for you"):
        find_network(path)
    (tmp_path / "a" / "data" / "door.sock").unlink()
    with pytest.raises(ConfigError, match="the node of a does not run"):
        find_network(path)


def test_run_that_was_killed_before_it_marked_its_folder_begins_anew(tmp_path: Path) -> None:
    (tmp_path / f".{MARK}.new").write_bytes(b"{")
    assert find_mark(tmp_path, resume=True) is None
    claim(tmp_path, Mark("digest", "jp-tsuchiura", 3, {})).lock.close()
    assert find_mark(tmp_path, resume=True) is not None
