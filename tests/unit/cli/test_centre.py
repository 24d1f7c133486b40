"""`centre` and `node init` as people mistype them: what is meant, and what is wrong use."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.cli import centre
from node.cli.main import main
from node.services.ports.operator import Ballot, Proposal
from node.settings import read_settings

REGISTRY = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
OP = "3f9a0c7be1d24a68" * 4


@dataclass
class Door:
    """A node's door that only notes what it is asked."""

    asked: list[tuple[object, ...]] = field(default_factory=list)

    async def propose(self, descriptor: bytes) -> str:
        self.asked.append((descriptor,))
        return OP

    async def propose_status(self, member: str, status: str) -> str:
        self.asked.append((member, status))
        return OP

    async def vote(self, op: str) -> str:
        self.asked.append((op,))
        return OP

    async def ballot(self) -> Ballot:
        return Ballot((), (Proposal(OP, "luoyang", "admit", "aa" * 32, ("a",), open=True),), 3)


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Door:
    made = Door()

    def at_door(_as: str | None, _network: Path, ask: Callable[[Any], Awaitable[Any]]) -> object:
        async def asked() -> object:
            return await ask(made)

        return asyncio.run(asked())

    monkeypatch.setattr(centre, "at_door", at_door)
    monkeypatch.setenv("YUANPING_LANG", "en")
    monkeypatch.chdir(tmp_path)
    return made


def test_a_folder_of_the_member_s_name_is_no_descriptor(door: Door) -> None:
    Path("luoyang").mkdir()
    assert main(["centre", "propose", "admit", "luoyang"]) == 0
    assert door.asked == [("luoyang", "active")]


@pytest.mark.parametrize("what", ["admit", "rotate"])
def test_a_descriptor_file_is_proposed_as_it_stands(door: Door, what: str) -> None:
    Path("descriptor.json").write_bytes(b'{"id":"luoyang"}\n')
    assert main(["centre", "propose", what, "descriptor.json"]) == 0
    assert door.asked == [(b'{"id":"luoyang"}',)]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("propose", "admit", "luoyang/descriptr.json"), "neither a descriptor file nor"),
        (("propose", "rotate", "luoyang"), "no such descriptor file"),
        (("propose", "suspend", "descriptor.json"), "no member's id"),
        (("propose", "leave", "luoyang"), "say admit FILE|ID"),
        (("vote", "3f9a0c7"), "first 8 hex digits"),
        (("execute", OP + "0"), "first 8 hex digits"),
        (("execute", "3F9A0C7BE1D24A68"), "first 8 hex digits"),
    ],
)
def test_wrong_use_is_told_before_any_node_is_asked(
    door: Door, words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["centre", *words]) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert "malformed" not in shown
    assert door.asked == []


def test_the_first_digits_of_an_operation_are_enough(door: Door) -> None:
    assert main(["centre", "vote", OP[:8]]) == 0
    assert door.asked == [(OP[:8],)]


def init(*more: str, member: str = "luoyang") -> int:
    named = ["--id", member, "--name-zh", "洛阳", "--name-en", "Luoyang", "--out", "new"]
    return main(
        ["node", "init", *named, "--rpc", "http://127.0.0.1:8545", "--registry", REGISTRY, *more]
    )


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--http", "0.0.0.0:8080"), "--http-advertise"),
        (("--grpc", "[::]:8443"), "--grpc-advertise"),
        (("--grpc", "127.0.0.1:0"), "--grpc-advertise"),
        (("--http", "0.0.0.0:8080", "--http-advertise", "http://0.0.0.0:80"), "--http-advertise"),
        (("--http", "127.0.0.1:99999"), "port up to 65535"),
        (("--grpc", "127.0.0.1:65536"), "port up to 65535"),
        (("--grpc-advertise", "luoyang.example:99999"), "[grpc] advertise"),
        (("--http-advertise", "http://luoyang.example:99999"), "[http] advertise"),
    ],
)
def test_an_address_that_nobody_can_reach_makes_no_node(
    options: tuple[str, ...],
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUANPING_LANG", "en")
    assert init(*options) == 2
    assert told in (shown := capsys.readouterr().err)
    assert "config.toml" not in shown, "there is no such file to look at"
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_id_names_no_file_that_is_gone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert init(member="Luoyang") == 2
    assert "config.toml" not in (shown := capsys.readouterr().err)
    assert "[centre] id" in shown


def test_a_node_may_listen_everywhere_if_it_says_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    http, grpc = "http://luoyang.example:65535", "luoyang.example:8443"
    everywhere = ("--http", "0.0.0.0:8080", "--grpc", "0.0.0.0:8443")
    assert init(*everywhere, "--http-advertise", http, "--grpc-advertise", grpc) == 0
    settings = read_settings(tmp_path / "new" / "config.toml")
    assert (settings.http.address, settings.grpc.address) == (http, grpc)


def test_an_address_that_nobody_can_reach_is_not_described_later(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert init() == 0
    config = tmp_path / "new" / "config.toml"
    before = (tmp_path / "new" / "descriptor.json").read_bytes()
    config.write_text(config.read_text("utf-8").replace("127.0.0.1:8080", "0.0.0.0:8080"), "utf-8")
    assert main(["node", "descriptor", "--config", str(config)]) == 2
    assert "--http-advertise" in capsys.readouterr().err
    assert (tmp_path / "new" / "descriptor.json").read_bytes() == before
