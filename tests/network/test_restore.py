"""The host loses its disk in the middle of a tender and comes back from an older backup.

Over real processes, by the operator's commands: while its partners are silent it only reads, then
it fetches what it lost from them, and the tender ends as if nothing had been.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from node.adapters.rpc.operator_client import OperatorDoor
from node.adapters.sql.store import SqlStore
from node.core.errors import NodeError
from node.core.rules.ruleset import builtin_digest
from node.services.standing import mark_of
from tests.network.album import HOST
from tests.network.demo_process import (
    MEMBERS,
    Demo,
    nobody_is_left,
    run_command,
    start_demo,
    start_node,
)
from tests.network.freezing import Reins, fetch
from tests.network.wholeness import check_whole, ending, tender_entries

pytestmark = pytest.mark.network
BIDDERS, WINNER, RULES = 7, "B283", "jp-tsuchiura"


def count(demo: Demo, kind: str) -> int:
    return sum(event.get("type") == kind for event in demo.events)


def pids(demo: Demo, *members: str) -> list[int]:
    """The processes of these members, as network.json tells them."""
    centres = demo.document("network.json")["centres"]
    return [int(one["pid"]) for one in centres if one["id"] in members]


def command(demo: Demo, *words: str, status: int = 0) -> list[dict[str, Any]]:
    """A command as the host's operator gives it; its JSON lines."""
    config = str(demo.folder / "centres" / HOST / "config.toml")
    done = run_command("node", *words, "--config", config, "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def log_check(demo: Demo) -> dict[str, Any]:
    """What the host says of its log, to anybody who asks."""
    port = demo.document("demo.json")["ports"][HOST]["http"]
    try:
        told = json.loads(fetch(f"http://127.0.0.1:{port}/readyz"))
    except ValueError:  # it does not answer yet
        return {"ok": False, "detail_en": ""}
    check: dict[str, Any] = next(one for one in told["checks"] if one["name"] == "log")
    return check


@contextmanager
def frozen(processes: Sequence[int]) -> Iterator[None]:
    """Partners that do not answer."""
    for pid in processes:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in processes:
            os.kill(pid, signal.SIGCONT)


def copies(demo: Demo) -> list[list[str]]:
    """The tender's stream as each member holds it."""
    return [tender_entries(demo.folder, name) for name in MEMBERS]


def lose_the_disk(demo: Demo, backup: Path) -> None:
    """Kill the host, remove its data, and restore the backup."""
    data = demo.folder / "centres" / HOST / "data"
    os.kill(pids(demo, HOST)[0], signal.SIGKILL)
    shutil.rmtree(data)
    end = command(demo, "restore", "--from", str(backup))[-1]
    assert end["log_size"] > 0
    again = command(demo, "restore", "--from", str(backup))[-1]
    assert (end["already"], again["already"]) == (False, True)


async def code_of_a_new_tender(door: Path) -> str:
    """How the host answers who wants a tender opened."""
    operator = OperatorDoor(door)
    try:
        await operator.open_tender("another", builtin_digest(RULES))
    except NodeError as error:
        return error.code
    finally:
        await operator.close()
    return ""


def lose_and_restore(demo: Demo, backup: Path, nodes: list[subprocess.Popen[bytes]]) -> None:
    """The host's loss and its way back; its new process is put into `nodes`."""
    reins = Reins(demo, ("bidders",))
    demo.until(lambda: count(demo, "bids.closed/v1"))
    reins.hold()
    command(demo, "backup", "--to", str(backup))
    reins.release("bidders")
    demo.until(lambda: count(demo, "bid.unlocked/v1"))
    # Nothing more may happen: what nobody was shown at that moment would be lost (backup.md).
    with frozen([demo.process.pid]):
        reins.hold()
        demo.until(lambda: len({*map(tuple, copies(demo))}) == 1)
        lose_the_disk(demo, backup)
    reins.release("bidders")
    partners = pids(demo, *(name for name in MEMBERS if name != HOST))
    config = demo.folder / "centres" / HOST / "config.toml"
    with frozen(partners):
        shown = max((tender_entries(demo.folder, name) for name in MEMBERS[1:]), key=len)
        nodes.append(start_node(config))
        demo.until(lambda: "partners must answer" in log_check(demo)["detail_en"])
        door = demo.folder / "centres" / HOST / "data" / "door.sock"
        assert asyncio.run(code_of_a_new_tender(door)) == "catching-up"
        assert len(tender_entries(demo.folder, HOST)) < len(shown)
    demo.until(lambda: log_check(demo)["ok"])
    after = tender_entries(demo.folder, HOST)
    assert after[: len(shown)] == shown, "nothing that a partner held was lost or is another"


def test_host_restored_from_an_old_backup_ends_the_tender_all_the_same(tmp_path: Path) -> None:
    demo = start_demo(tmp_path / "demo", "--json")
    nodes: list[subprocess.Popen[bytes]] = []
    try:
        lose_and_restore(demo, tmp_path / "backup.tar", nodes)
        assert demo.ended() == 0, demo.out[-3000:] + demo.err[-3000:]
    finally:
        demo.process.terminate()
        demo.ended()
        for node in nodes:
            node.terminate()
            node.wait(30)
        assert nobody_is_left(demo.folder)
    end = ending(demo.folder.with_suffix(".out"))
    assert (end["winner"], end["verified"]) == (WINNER, True)
    check_whole(demo.folder, BIDDERS)
    assert command(demo, "losses")[-1] == {"event": "end", "losses": 0, "catching_up": False}
    store = SqlStore(f"sqlite:///{demo.folder}/centres/{HOST}/data/node.db")
    assert mark_of(store) is None
    store.close()
