"""The real demo: both tenders, cut off and gone on with, kept, refused; and nobody left behind."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, select, update

from node.adapters.sql.engine import Database
from node.adapters.sql.tables import PLACES
from node.adapters.telemetry import Watched
from node.cli import main as program
from node.core.evidence.trust import parse_trust
from node.settings import read_settings
from tests.network.demo_process import (
    DATABASE,
    MEMBERS,
    Demo,
    nobody_is_left,
    run_command,
    start_demo,
    start_node,
)
from tests.postgres import Postgres

pytestmark = pytest.mark.network

T = TypeVar("T")
JP, CN = "tsuchiura-2009-10-27-00570", "cn-2026-018"
STEP = {"event", "n", "at", "phase", "actor", "type", "centre", "seq"}
END = {"event", "tender_id", "winner", "price", "city_winner", "verified", "evidence", "trust"}
CENTRE = {"id", "role", "name", "host", "pid", "http", "grpc", "dir", "log_origin", "log_vkey"}
CENTRE |= {"witness_vkey", "tls_sha256"}
HOST_CLOSES, SEEDED = "bids.closed/v1", "draw.seeded/v1"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def finished(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """Give the demo of the real tender, at its end; its nodes' databases are of either kind."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "postgresql":
            server: Postgres = request.getfixturevalue("postgres")
            patch.setenv(DATABASE, server.create_for("finished", MEMBERS))
        demo = start_demo(tmp_path_factory.mktemp("jp") / "demo")
    assert demo.ended() == 0, demo.out[-3000:] + demo.err[-3000:]
    return demo


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """Give the demo of the invented tender, whose network stays."""
    words = ("--rules", "cn-bidding", "--keep", "--json")
    demo = start_demo(tmp_path_factory.mktemp("cn") / "demo", *words)
    demo.until(lambda: any(event["event"] == "end" for event in demo.events))
    yield demo
    demo.process.kill()
    demo.process.wait()


def verify(demo: Demo, file: str) -> int:
    return program.main(
        ["verify", str(demo.folder / file), "--trust", str(demo.folder / "trust.json")]
    )


def test_last_three_lines_say_winner_city_and_proof(finished: Demo) -> None:
    winner, city, verified = finished.lines[-3:]
    assert winner == "WINNER B283 sasakikensetsu co., ltd. 73500000"
    assert city == "CITY B283"
    assert verified == f"VERIFIED {finished.folder}/evidence/{JP}.evidence.json"


def test_every_step_is_told_with_who_said_it_and_where_it_stands(finished: Demo) -> None:
    steps = [line for line in finished.lines if re.match(r" *[0-9]+  20", line)]
    assert [int(line.split()[0]) for line in steps] == list(range(1, len(steps) + 1))
    assert all(re.search(r"\[[a-z]+ #[0-9]+\]$", line) for line in steps)
    moves = [line for line in finished.lines if "the test clock moves from" in line]
    assert len(moves) == 3
    assert any("reads out nitto engineering co., ltd. (B232): 70800000" in one for one in steps)


def test_evidence_of_every_reader_and_every_receipt_verify(finished: Demo) -> None:
    assert verify(finished, f"evidence/{JP}.evidence.json") == 0
    assert verify(finished, f"evidence/{JP}.public.evidence.json") == 0
    receipts = sorted(path.name for path in (finished.folder / "receipts").iterdir())
    assert len(receipts) == 7
    assert all(verify(finished, f"receipts/{name}") == 0 for name in receipts)


def test_one_changed_byte_disproves_the_evidence(finished: Demo, tmp_path: Path) -> None:
    data = bytearray((finished.folder / f"evidence/{JP}.evidence.json").read_bytes())
    place = data.index(b"73500000")
    data[place] = ord("8")
    (tmp_path / "changed.json").write_bytes(data)
    assert verify(finished, str(tmp_path / "changed.json")) == 1


def test_papers_have_their_forms(finished: Demo) -> None:
    network = finished.document("network.json")
    assert network["format"] == "yuanping-network/v1"
    assert (network["running"], network["clock"], network["trust"]) == (False, "test", "trust.json")
    assert set(network["chain"]) >= {"kind", "rpc", "chain_id", "pid", "contracts"}
    assert set(network["chain"]["contracts"]) == {"registry", "anchor", "beacon"}
    assert [c["id"] for c in network["centres"]] == ["zhuzhou", "shiyan", "xian", "regulator"]
    assert [c["host"] for c in network["centres"]] == [True, False, False, False]
    assert all(set(centre) >= CENTRE for centre in network["centres"])
    trust = parse_trust((finished.folder / "trust.json").read_bytes())
    assert [(log.n, log.q, log.f) for log in trust.form.logs] == [(3, 2, 0)] * 4
    assert (trust.form.allow.test_clock, trust.form.allow.one_operator_chain) == (True, True)
    contract = network["chain"]["contracts"]["registry"]
    assert contract == f"0x{trust.form.network.registry}"


def test_keys_are_for_their_owners_only_and_actors_keep_theirs_apart(finished: Demo) -> None:
    keys = [*finished.folder.glob("centres/*/keys/*"), *finished.folder.glob("actors/**/*.key")]
    assert len(keys) > 4 * 7
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys)
    for path in (finished.folder / "actors", *finished.folder.glob("actors/**/*")):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    secrets = [path.read_bytes() for path in finished.folder.glob("actors/**/*.key")]
    centres = [path for path in finished.folder.glob("centres/**/*") if path.is_file()]
    seeds = [json.loads(secret)["seed"].encode() for secret in secrets]
    assert not any(seed in path.read_bytes() for path in centres for seed in seeds)


def test_nobody_is_left_behind_at_the_end(finished: Demo) -> None:
    assert nobody_is_left(finished.folder)


def test_used_folder_is_refused(finished: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["demo", "--out", str(finished.folder), "--json"]) == 2
    last = json.loads(capsys.readouterr().out)
    assert (last["event"], last["code"]) == ("error", "usage")


def test_machine_hears_steps_then_that_all_is_ready_then_the_end(kept: Demo) -> None:
    events = kept.events
    steps = [event for event in events if event["event"] == "step"]
    assert all(set(step) == STEP for step in steps)
    assert [step["n"] for step in steps] == list(range(1, len(steps) + 1))
    assert [event["event"] for event in events[-2:]] == ["ready", "end"]
    end = events[-1]
    assert set(end) == {*END, "seconds"}
    assert (end["tender_id"], end["verified"], end["city_winner"]) == (CN, True, None)
    assert end["evidence"] == f"evidence/{CN}.evidence.json"
    assert any(event["event"] == "clock" for event in events)


def test_every_metric_of_a_kept_network_has_a_sample(kept: Demo) -> None:
    """A gauge that nobody feeds looks like health."""
    host = kept.document("network.json")["centres"][0]["http"]
    with urllib.request.urlopen(f"{host}/metrics", timeout=10) as response:  # noqa: S310 - ours
        samples = response.read().decode()
    for gauge in Watched:
        assert f"\n{gauge.value[0]}{{" in samples
    assert 'yuanping_records_accepted_total{kind="tender"} 0.0' not in samples


def test_second_process_on_a_nodes_file_is_refused_and_names_the_first(kept: Demo) -> None:
    folder = kept.folder / "centres" / "xian"
    first = (folder / "pid").read_text("ascii")
    done = run_command("node", "run", "--config", str(folder / "config.toml"))
    assert done.returncode == 1
    assert f"in-use: process {first.strip()} works on this database" in done.stderr
    assert (folder / "pid").read_text("ascii") == first


def test_kept_network_answers_and_ends_well_when_interrupted(kept: Demo) -> None:
    network = kept.document("network.json")
    assert network["running"] is True
    assert network["pid"] == kept.process.pid
    for centre in network["centres"]:
        os.kill(centre["pid"], 0)
        assert answer(f"{centre['http']}/api/v1/node")["id"] == centre["id"]
        assert answer(f"{centre['http']}/api/v1/tenders")["tenders"][0]["phase"] == "awarded"
    assert kept.interrupt() == 0
    assert kept.document("network.json")["running"] is False
    assert nobody_is_left(kept.folder)


def answer(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310 - our own node
        found: dict[str, Any] = json.loads(response.read())
        return found


def test_demo_goes_on_after_kill_and_interrupt_and_loss_of_a_node(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    demo = start_demo(folder, "--json")
    until_told(demo, HOST_CLOSES)
    demo.process.kill()
    demo.process.wait()
    assert nobody_is_left(folder)

    demo = start_demo(folder, "--json", "--resume")
    until_told(demo, SEEDED)
    assert demo.interrupt() == 130
    assert nobody_is_left(folder)

    demo = start_demo(folder, "--json", "--resume")
    until_told(demo, HOST_CLOSES)
    node = killed_and_started_by_hand(demo, "xian")
    assert demo.ended() == 0, demo.out[-3000:] + demo.err[-3000:]
    node.terminate()
    assert node.wait(30) == 0
    assert (demo.events[-1]["winner"], demo.events[-1]["verified"]) == ("B283", True)
    assert nobody_is_left(folder)


def until_told(demo: Demo, kind: str) -> None:
    demo.until(lambda: any(event.get("type") == kind for event in demo.events))


def killed_and_started_by_hand(demo: Demo, member: str) -> subprocess.Popen[bytes]:
    centres = demo.document("network.json")["centres"]
    os.kill(next(c["pid"] for c in centres if c["id"] == member), signal.SIGKILL)
    config = demo.folder / "centres" / member / "config.toml"
    return start_node(config)


def fsck(demo: Demo, centre: str) -> subprocess.CompletedProcess[str]:
    """`yuanping node fsck` over one node's store."""
    config = demo.folder / "centres" / centre / "config.toml"
    return run_command("node", "fsck", "--config", str(config), "--json")


def in_store(demo: Demo, centre: str, work: Callable[[Connection], T]) -> T:
    """Do something in a node's database, as who can write there."""
    settings = read_settings(demo.folder / "centres" / centre / "config.toml")
    database = Database(settings.store.database_url)
    try:
        return database.write(work)
    finally:
        database.close()


def test_every_store_is_as_it_must_be(finished: Demo) -> None:
    for centre in MEMBERS:
        done = fsck(finished, centre)
        assert done.returncode == 0, done.stdout + done.stderr
        *checks, end = map(json.loads, done.stdout.splitlines())
        assert (end["event"], end["ok"]) == ("end", True)
        assert end["not_run"] == ["quorums", "anchors"], "the chain is not there any more"
        assert all(one["checked"] > 20 for one in checks if one["part"] in ("streams", "indexes"))


def test_changed_row_of_a_store_is_named(finished: Demo) -> None:
    with_seq_7 = select(PLACES.c.n, PLACES.c.received).where(PLACES.c.seq == 7).limit(1)
    n, old = in_store(finished, "xian", lambda db: db.execute(with_seq_7).one())
    row = update(PLACES).where(PLACES.c.n == n)
    in_store(finished, "xian", lambda db: db.execute(row.values(received="2031-01-01T00:00:00Z")))
    done = fsck(finished, "xian")
    in_store(finished, "xian", lambda db: db.execute(row.values(received=old)))
    assert done.returncode == 1
    failed = [line for line in map(json.loads, done.stdout.splitlines()) if "status" in line]
    first = next(one for one in failed if one["status"] == "failed")
    assert first["part"] == "streams"
    assert "place 7" in first["where"]
