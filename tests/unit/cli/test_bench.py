"""`yuanping bench`: how it measures, what it says, when it fails; never how fast anything is."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import nacl.bindings as sodium
import pytest

from node.cli import main as program
from node.cli.bench.append import ORIGIN, Shelf, write_tiles
from node.cli.bench.benches import BENCHES, Bench
from node.cli.bench.bundle import signatures_of
from node.cli.bench.command import Session, choose
from node.cli.bench.measure import Measured, Pair, Work, measure
from node.cli.bench.proofs import hash_paths
from node.cli.bench.setting import LeftOut, Setting
from node.cli.output import Output
from node.core.errors import ConfigError
from node.core.evidence.verify import verify
from node.core.log import note
from node.core.log.checkpoint import parse_checkpoint
from node.core.log.merkle import Tree, leaf_hash
from node.core.log.note import parse_note
from node.core.log.tiles import parse_tile
from node.core.records import keys
from node.core.records.keys import signer_from_seed
from tests.world.session import evidence, world


@dataclass
class HandClock:
    """A clock that stands until work moves it; `order` is what was done."""

    time: float = 0.0
    order: list[str] = field(default_factory=list)

    def monotonic(self) -> float:
        return self.time

    def now(self) -> int:
        return int(self.time)

    def doing(self, name: str, done: int, *seconds: float) -> Callable[[], Work]:
        """What does `done` things, in the next of these times; making ready costs a second."""
        left = iter(seconds)

        def prepare() -> Work:
            self.time += 1.0

            def work() -> int:
                self.time += next(left)
                self.order.append(name)
                return done

            return work

        return prepare


def test_value_and_floor_alternate_and_making_ready_does_not_count() -> None:
    clock = HandClock()
    pair = Pair(clock.doing("value", 10, 2.0, 2.5, 1.0), clock.doing("floor", 10, 1.0, 0.5, 1.0))
    found = measure(pair, 3, clock.monotonic)
    assert clock.order == ["value", "floor"] * 3
    assert found.values == (5.0, 4.0, 10.0)
    assert found.floors == (10.0, 20.0, 10.0)


def test_ratio_is_of_the_medians_and_spread_of_the_single_runs() -> None:
    found = Measured((5.0, 4.0, 10.0), (10.0, 20.0, 10.0))
    assert (found.value, found.floor) == (5.0, 10.0)
    assert found.ratio == Decimal("0.50")
    assert found.spread == Decimal("0.80")


def test_ratio_is_cut_so_that_it_never_flatters() -> None:
    found = Measured((0.3999,), (1.0,))
    assert str(found.ratio) == "0.39"
    assert not found.meets("0.40")
    assert found.meets("0.39")


def test_a_target_set_elsewhere_stands_as_it_is() -> None:
    clock = HandClock()
    found = measure(Pair(clock.doing("value", 8, 2.0), 5.0), 1, clock.monotonic)
    assert (found.value, found.floor, str(found.ratio)) == (4.0, 5.0, "0.80")


def session(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, as_json: bool
) -> tuple[Session, io.StringIO, dict[str, Bench]]:
    """A session over three planted benches: one at 0.50, one at 0.20, one that cannot run here."""
    monkeypatch.setenv("YUANPING_LANG", "zh")
    clock, out, module = HandClock(), io.StringIO(), ModuleType("planted_benches")

    def absent(_: Setting) -> Pair:
        raise LeftOut("no data")

    made: dict[str, Any] = {
        "good": lambda _: Pair(clock.doing("v", 1, 2, 2), clock.doing("f", 1, 1, 1)),
        "slow": lambda _: Pair(clock.doing("v", 1, 5, 5), clock.doing("f", 1, 1, 1)),
        "absent": absent,
    }
    module.__dict__.update(made)
    monkeypatch.setitem(sys.modules, "planted_benches", module)
    benches = {
        name: Bench(f"planted_benches:{name}", "0.50", "a floor", "how", "测", "test")
        for name in made
    }
    output = Output(as_json=as_json, out=out, err=io.StringIO())
    setting = Setting(tmp_path, True, output, ExitStack())
    return Session(setting, clock), out, benches  # type: ignore[arg-type]  # a clock by hand


def test_a_missed_goal_is_named_and_ends_with_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, out, benches = session(monkeypatch, tmp_path, as_json=True)
    assert run.run(benches) == 1
    begin, good, slow, absent, end = map(json.loads, out.getvalue().splitlines())
    assert begin["benches"] == ["good", "slow", "absent"]
    assert good == {
        "event": "bench",
        "name": "good",
        "value": 0.5,
        "unit": "1/s",
        "floor": {"name": "a floor", "value": 1.0, "unit": "1/s", "how": "how"},
        "ratio": "0.50",
        "goal": "0.50",
        "met": True,
        "runs": 2,
        "spread": "0.00",
    }
    assert (slow["ratio"], slow["met"]) == ("0.20", False)
    assert absent == {"event": "left_out", "name": "absent", "why": "no data"}
    assert end["event"] == "end"
    assert (end["missed"], end["left_out"], end["cores"] >= 1) == (["slow"], ["absent"], True)
    assert {"machine", "versions"} <= end.keys()


def test_met_goals_end_with_zero(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run, _, benches = session(monkeypatch, tmp_path, as_json=True)
    assert run.run({"good": benches["good"], "absent": benches["absent"]}) == 0


def test_a_person_reads_aligned_lines_in_chinese(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    run, out, benches = session(monkeypatch, tmp_path, as_json=False)
    run.run(benches)
    head, good, slow, absent, end = out.getvalue().splitlines()
    assert head.split()[:3] == ["项目", "每秒", "下限"]
    assert good.split() == ["good", "0.50", "1.00", "0.50", "0.50", "0.00", "达到", "a", "floor"]
    assert "未达到" in slow
    assert absent == "absent: 未测: no data"
    assert end == "未达到目标: slow; 未测: absent"


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"did you mean log\.append"):
        choose(["log.apend"])
    assert list(choose(["verify.bundle", "log.append"])) == ["log.append", "verify.bundle"]
    assert list(choose([])) == list(BENCHES)


@pytest.mark.parametrize("name", BENCHES)
def test_each_bench_is_there_and_has_a_goal(name: str) -> None:
    one = BENCHES[name]
    module, _, function = one.target.partition(":")
    assert callable(getattr(import_module(module), function))
    assert Decimal(one.goal) > 0


def test_the_floor_of_the_log_writes_whole_tiles(tmp_path: Path) -> None:
    signer = signer_from_seed("ed25519", bytes(31) + b"\1")
    batches = [[bytes([n]) * 40 for n in range(200)], [bytes([n]) * 40 for n in range(100)]]
    assert write_tiles(tmp_path, batches, signer) == 300
    tree = Tree(leaf_hash(entry) for batch in batches for entry in batch)
    note = parse_note((tmp_path / "checkpoint").read_text("utf-8"))
    assert parse_checkpoint(note.text).root == tree.root()
    assert b"".join(parse_tile((tmp_path / "tile/0/000").read_bytes(), 256)) == tree.hashes(
        0, 0, 256
    )
    bundle = (tmp_path / "tile/entries/001.p/44").read_bytes()
    assert bundle == b"".join(b"\0\x28" + bytes([n]) * 40 for n in range(56, 100))


def test_what_is_appended_stands_under_a_signed_checkpoint(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, signer_from_seed("ed25519", bytes(31) + b"\1"))
    batches = [shelf.records(2), shelf.records(4)]
    log = shelf.log()
    assert log.append(batches) == 6
    assert log.store.unpublished() == []
    newest = log.store.newest(ORIGIN, quorum=False)
    assert newest is not None
    assert newest.size == log.publisher.log.tree.size == 8
    log.store.close()


def test_the_floor_of_proofs_hashes_every_sibling() -> None:
    tree = Tree(leaf_hash(bytes([n])) for n in range(8))
    assert hash_paths([tree.inclusion(n, 8) for n in range(8)]) == 8


def test_cheap_benches_through_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ("bench", "log.append", "log.proofs", "--quick", "--json", "--dir", str(tmp_path))
    status = program.main(words)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["event"] for line in lines] == ["begin", "bench", "bench", "end"]
    for line in lines[1:-1]:
        assert line["value"] > 0
        assert line["floor"]["value"] > 0
        assert line["met"] == (Decimal(line["ratio"]) >= Decimal(line["goal"]))
    assert status == (1 if lines[-1]["missed"] else 0)
    assert list(tmp_path.iterdir()) == []


def test_floor_of_a_bundle_checks_what_the_verifier_checks_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data, trust = evidence("jp", "regulator"), world("jp").net.trust()
    asked = Counter[str]()

    def counted(suite: str, check: Callable[..., object]) -> Callable[..., object]:
        def checked(*words: object) -> object:
            asked[suite] += 1
            return check(*words)

        return checked

    check = counted("ed25519", sodium.crypto_sign_open)
    for module in (sodium, note):
        monkeypatch.setattr(module, "crypto_sign_open", check)
    monkeypatch.setattr(keys, "_verify_es256", counted("es256", keys._verify_es256))
    keys._verify.cache_clear()
    note._open_signed.cache_clear()
    assert verify(data, trust).word == "proven"
    assert signatures_of(json.loads(data), trust) == asked
    assert asked["es256"] > 0
