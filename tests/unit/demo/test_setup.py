"""Founding a network while its chain is killed and started again by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import chain.deploy
from chain.errors import ChainError, ChainUnavailable
from node.cli.demo import founders, setup
from node.cli.demo.processes import Children
from node.cli.demo.setup import chain_pid, wait_for_chain
from node.cli.demo.site import Mark, Ports, Site, claim
from node.core.errors import NodeError, UnavailableError


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = claim(tmp_path, Mark("t-1", "jp-tsuchiura", 3, {"zhuzhou": Ports(1, 2)}))
    yield made
    made.lock.close()


def say(site: Site, pid: int) -> None:
    site.chain.mkdir(exist_ok=True)
    (site.chain / "state.json").write_text(json.dumps({"pid": pid, "port": 1}))


def test_chain_that_somebody_else_has_started_again_counts(site: Site) -> None:
    assert chain_pid(site) == 0
    say(site, 4711)
    assert wait_for_chain(site, 0, Children())["pid"] == 4711


@pytest.mark.parametrize("pid", [0, 4711])
def test_chain_of_before_or_half_ready_does_not(
    pid: int, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "READY_S", 0.05)
    say(site, 4711)
    before = chain_pid(site)
    say(site, pid)
    with pytest.raises(UnavailableError, match="does not become ready"):
        wait_for_chain(site, before, Children())


def found(monkeypatch: pytest.MonkeyPatch, *answers: Exception | str) -> object:
    left = list(answers)

    def deploy(*_: object) -> str:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(chain.deploy, "deploy", deploy)
    return founders.found_network("rpc", b"key", [], Path("deploy.json"))


def test_chain_that_is_killed_while_it_is_founded_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone = ChainUnavailable("connection refused")
    assert found(monkeypatch, gone, gone, "founded") == "founded"


def test_chain_that_refuses_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NodeError, match="no gas"):
        found(monkeypatch, ChainError("no gas"), "founded")
