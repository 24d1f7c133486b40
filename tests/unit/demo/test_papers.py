"""network.json: whose nodes it names, and where they lie."""

from __future__ import annotations

import os
import signal
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.cli.demo import running
from node.cli.demo.papers import Network, folder_of, followed, network_of
from node.cli.demo.running import Running
from node.core.errors import InvalidError
from tests.simulators import people
from tests.unit.services.test_voting import whole

MEMBERS = sorted(people.ROLES)


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """A network that stays takes the process's signals; the tests' own come back after it."""
    before = {number: signal.getsignal(number) for number in running.STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def network() -> Network:
    deployment = SimpleNamespace(chain_id=1, contracts={}, block=3)
    descriptors = tuple(map(whole, MEMBERS))
    return Network(MEMBERS[0], descriptors, cast("Any", deployment), {"port": 1})


def lay(root: Path, *folders: str) -> None:
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "config.toml").touch()


def test_a_node_made_by_the_guide_lies_beside_the_others(tmp_path: Path) -> None:
    first, second, *_ = MEMBERS
    lay(tmp_path, first, f"centres/{second}")
    found = followed(network(), people.view(), tmp_path)
    named = {one["id"]: one["dir"] for one in network_of(found, tmp_path, running=True)["centres"]}
    assert named == {first: first, second: f"centres/{second}"}


def test_a_folder_of_another_kind_is_no_node(tmp_path: Path) -> None:
    (tmp_path / "luoyang").mkdir()
    assert folder_of(tmp_path, "luoyang") == Path("centres/luoyang")
    assert followed(network(), people.view(), tmp_path).descriptors == ()


def staying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]
) -> list[list[str]]:
    """The members that network.json names at each look; each step gives what the chain shows."""
    told: list[list[str]] = []
    left = list(steps)

    def look() -> object:
        if not left:
            raise KeyboardInterrupt
        return left.pop(0)()

    def written(found: Network, _: Path, *, running: bool) -> None:
        assert running
        told.append([one.id for one in found.descriptors])

    monkeypatch.setattr(running, "registry_of", lambda _: look)
    monkeypatch.setattr(running, "write_network", written)
    monkeypatch.setattr(running, "write_trust", lambda *_: None)
    monkeypatch.setattr(running, "PIDS_EVERY_S", 0)
    site = SimpleNamespace(root=tmp_path, lock=SimpleNamespace(fileno=lambda: 0))
    output = SimpleNamespace(progress=lambda _: None)
    Running(cast("Any", site), cast("Any", None), cast("Any", output)).stay(network())
    return told


def test_a_node_s_folder_that_comes_after_its_admission_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view, name = people.view(), MEMBERS[0]

    def late() -> object:
        lay(tmp_path, name)
        return view

    assert staying(tmp_path, monkeypatch, lambda: view, late) == [[], [name]]


def test_an_unreadable_change_does_not_end_a_kept_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> object:
        raise InvalidError("no descriptor")

    told = staying(tmp_path, monkeypatch, broken)
    assert told == [MEMBERS]


@pytest.mark.parametrize("number", running.STOPPING)
def test_a_signal_whose_exception_is_lost_ends_a_kept_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    view = people.view()
    lost: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda said: lost.append(said.exc_type))

    def in_a_callback() -> object:
        thing = {number}
        ref = weakref.ref(thing, lambda _: os.kill(os.getpid(), number))
        del thing
        assert ref() is None
        return view

    assert staying(tmp_path, monkeypatch, in_a_callback, lambda: view) == [[]]
    assert lost == [KeyboardInterrupt]
