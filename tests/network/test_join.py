"""A fourth centre joins a running network by the guide's commands, works in it, and is suspended.

No process of the running network is started anew. The commands are those that deploy/docs/join.md
gives for a demo's network, word by word but for ports and the operation's id.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chain.ports import free_port
from tests.conftest import ROOT
from tests.network.demo_process import LIMIT_S, PROGRAM, Demo, run_command, start_demo
from tests.network.test_replay_network import rows_of, write

pytestmark = pytest.mark.network
NEW = "luoyang"
GUIDE = (ROOT / "deploy" / "docs" / "join.md").read_text("utf-8")
HEADING = "The same on a demo's network\n"
OP = "3f9a0c7be1d24a68"
OUT_S = 5.0
"""So soon a suspended member must be out (interfaces I8)."""


def guide(*begins: str) -> list[list[str]]:
    """The guide's commands for a demo's network that begin so, without the program's name."""
    lines = GUIDE.partition(HEADING)[2].partition("\n## ")[0].splitlines()
    given = [shlex.split(line.removesuffix(" &")) for line in lines if line.startswith("    ")]
    found = [words[1:] for words in given if words[1 : 1 + len(begins)] == list(begins)]
    assert found, begins
    return found


@dataclass
class Joining:
    """The demo's network and the new centre's node."""

    demo: Demo
    ports: tuple[int, int]
    nodes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        return self.demo.folder / NEW

    def command(self, *words: str) -> list[dict[str, Any]]:
        """A command that must succeed, as an operator gives it; its JSON lines."""
        done = run_command(*words, "--json", folder=self.demo.folder)
        assert done.returncode == 0, done.stdout + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def init_node(self) -> None:
        (words,) = guide("node", "init")
        http, grpc = map(str, self.ports)
        self.command(*(w.replace(":8080", f":{http}").replace(":8443", f":{grpc}") for w in words))

    def start_node(self) -> None:
        (words,) = guide("node", "run")
        with (self.folder / "node.log").open("wb") as log:
            command = [sys.executable, "-c", PROGRAM, *words]
            folder = self.demo.folder
            self.nodes.append(subprocess.Popen(command, cwd=folder, stdout=log, stderr=log))

    def voted(self, op: str) -> None:
        """The guide's votes for an operation, which then has as many as it needs."""
        for words in guide("centre", "vote"):
            end = self.command(*(word.replace(OP, op[:16]) for word in words))[-1]
        assert end["votes"] == end["needed"] == 3

    def execute(self, op: str) -> None:
        (words,) = guide("centre", "execute")
        self.command(*(word.replace(OP, op[:16]) for word in words))

    def of(self, member: str) -> dict[str, Any]:
        """A member as network.json tells it."""
        centres = self.demo.document("network.json")["centres"]
        found: dict[str, Any] = next(one for one in centres if one["id"] == member)
        return found


@pytest.fixture(scope="module")
def joining(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Joining]:
    demo = start_demo(tmp_path_factory.mktemp("j") / "demo", "--keep", "--json")
    demo.until(lambda: any(event["event"] == "end" for event in demo.events))
    first = free_port([])
    found = Joining(demo, (first, free_port([first])))
    yield found
    for node in found.nodes:
        node.terminate()
        assert node.wait(LIMIT_S) == 0
    assert demo.interrupt() == 0


def read(url: str) -> tuple[int, Any]:
    """An HTTP answer: status and JSON."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:  # noqa: S310 - our own nodes
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())
    except OSError:
        return 0, None


def connected(url: str) -> set[str]:
    """The partners whose witnesses answer a node."""
    partners = read(f"{url}/api/v1/partners")[1]["partners"]
    return {one["id"] for one in partners if one["connected"]}


def until(is_true: Callable[[], object], limit_s: float = LIMIT_S) -> None:
    end = time.monotonic() + limit_s
    while not is_true():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.fixture(scope="module")
def joined(joining: Joining) -> Joining:
    """The new centre is a member: initialised, started, proposed, voted for, executed."""
    http = joining.ports[0]
    pids = {one["id"]: one["pid"] for one in joining.demo.document("network.json")["centres"]}
    joining.init_node()
    joining.start_node()
    (proposal,) = guide("centre", "propose", "admit", f"{NEW}/descriptor.json")
    op = str(joining.command(*proposal)[-1]["op"])
    joining.voted(op)
    assert read(f"http://127.0.0.1:{http}/healthz")[0] == 0  # it waits to be admitted
    joining.execute(op)
    until(lambda: read(f"http://127.0.0.1:{http}/readyz")[0] == 200)
    until(lambda: any(c["id"] == NEW for c in joining.demo.document("network.json")["centres"]))
    for name, pid in pids.items():
        assert joining.of(name)["pid"] == pid, "nobody was started anew"
    return joining


def test_all_members_see_the_new_one_and_three_of_four_must_cosign(joined: Joining) -> None:
    for member in ("zhuzhou", "shiyan", "xian", "regulator"):
        url = joined.of(member)["http"]
        until(lambda url=url: NEW in connected(url))  # type: ignore[misc]
        assert read(f"{url}/readyz")[0] == 200
        with urllib.request.urlopen(f"{url}/log/checkpoint", timeout=10) as answer:  # noqa: S310
            note = answer.read().decode()
        assert note.count("/witness ") == 3
    logs = joined.demo.document("trust.json")["logs"]
    of_host = [log for log in logs if log["origin"] == "zhuzhou.example/log"]
    assert [(log["n"], log["q"], log["f"]) for log in of_host] == [(3, 2, 0), (4, 3, 1)]
    assert ["until" in log for log in of_host] == [True, False]


def test_what_was_proven_before_is_proven_under_the_new_policy(joined: Joining) -> None:
    files = [str(path) for path in sorted((joined.demo.folder / "evidence").glob("*.json"))]
    receipts = [str(path) for path in sorted((joined.demo.folder / "receipts").glob("*"))]
    verdicts = joined.command("verify", *files, *receipts, "--trust", "trust.json")
    assert {one["verdict"] for one in verdicts if one["event"] == "verdict"} == {"proven"}


def test_a_centre_without_experts_holds_no_tender_up(joined: Joining, shared_data: Path) -> None:
    """Its node lies elsewhere, for all that the replay knows: nobody enters its pool."""
    form = joined.demo.document("network.json")
    form["centres"] = [one for one in form["centres"] if one["id"] != NEW]
    (joined.demo.folder / "others.json").write_text(json.dumps(form))
    rows = rows_of(shared_data)
    name = list(dict.fromkeys(row["tender_id"] for row in rows))[4]
    write(joined.demo.folder / "one.csv", [row for row in rows if row["tender_id"] == name])
    lines = joined.command("replay", "one.csv", "--network", "others.json", "--out", "one")
    tenders = [line for line in lines if line["event"] == "tender"]
    assert [(line["verified"], line["agrees"]) for line in tenders] == [(True, True)]
    assert "no snapshot of this pool" in (joined.folder / "node.log").read_text("utf-8")


def test_new_member_is_guest_and_host(joined: Joining, shared_data: Path) -> None:
    """Four tenders, one at each centre; the new one's experts are drawn from, it keeps shares."""
    rows = rows_of(shared_data)
    names = list(dict.fromkeys(row["tender_id"] for row in rows))[:4]
    write(joined.demo.folder / "tenders.csv", [row for row in rows if row["tender_id"] in names])
    lines = joined.command(*guide("replay")[0])
    tenders = {line["host"]: line for line in lines if line["event"] == "tender"}
    assert set(tenders) == {"zhuzhou", "shiyan", "xian", NEW}
    assert all(line["verified"] and line["agrees"] for line in tenders.values())
    evidence = joined.demo.folder / "replay" / tenders["zhuzhou"]["evidence"]
    keepers = {stream["keeper"] for stream in json.loads(evidence.read_bytes())["streams"]}
    assert NEW in keepers


def test_suspended_member_is_out_within_five_seconds(joined: Joining) -> None:
    (proposal,) = guide("centre", "propose", "suspend")
    op = str(joined.command(*proposal)[-1]["op"])
    for voter in ("zhuzhou", "regulator"):
        joined.command("centre", "vote", op[:16], "--as", voter)
    log = joined.folder / "node.log"
    assert "centre-suspended" not in log.read_text()
    joined.command("centre", "execute", op, "--as", "zhuzhou")
    executed = time.monotonic()
    url = f"http://127.0.0.1:{joined.ports[0]}"
    until(lambda: read(f"{url}/readyz")[0] == 503, OUT_S)
    for member in ("zhuzhou", "shiyan", "xian", "regulator"):
        until(lambda m=member: f'"{m} ' in told(log), OUT_S)  # type: ignore[misc]
    assert time.monotonic() < executed + OUT_S, "all open streams were closed"
    members = joined.command("centre", "list", "--as", "xian")
    assert [one["status"] for one in members if one.get("id") == NEW] == ["suspended"]


def told(log: Path) -> str:
    """The lines with which a node told that others closed its calls."""
    lines = log.read_text("utf-8", errors="replace").splitlines()
    return "\n".join(line for line in lines if "centre-suspended" in line)


def test_suspended_member_comes_back_by_votes(joined: Joining) -> None:
    """In the folder that holds a folder of its name."""
    assert joined.folder.is_dir()
    (proposal,) = guide("centre", "propose", "admit", NEW)
    op = str(joined.command(*proposal)[-1]["op"])
    joined.voted(op)
    joined.execute(op)
    until(lambda: read(f"http://127.0.0.1:{joined.ports[0]}/readyz")[0] == 200)
