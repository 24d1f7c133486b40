"""When the evidence of a tender that is over is asked for: not again for each that must wait."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any, cast

import pytest

from node.cli.replay import prove
from node.cli.replay.prove import Prover
from node.cli.replay.sweep import Play
from node.core.errors import StateError
from node.core.evidence.report import Verdict
from node.services.actors.crowd import Opened
from node.services.actors.hearing import House
from tests.simulators import people
from tests.unit.actors.playing import REAL, tender_file

TENDERS = 30


class Regulator:
    """Has whole evidence of a host's tenders from a time on; counts how often it is asked."""

    def __init__(self, ready: dict[str, float]) -> None:
        self.ready = ready
        self.asked = Counter[str]()

    async def evidence(self, stream: str, _level: str) -> bytes:
        """As the node's operator door."""
        host = stream.partition(" ")[0]
        self.asked[host] += 1
        if asyncio.get_running_loop().time() < self.ready[host]:
            raise StateError("the end is not anchored", code="too-early")
        return stream.encode()


def played(host: str, number: int) -> Play:
    """A tender of this host that is over."""
    house = House(cast("Any", None), people.NETWORK)
    stream = f"{host} {number}"
    opened = Opened(case=tender_file(REAL), host=host, stream=stream)
    return Play(opened, house.hear(stream, "public"), 0.0)


async def proven(regulator: Regulator, root: Path) -> int:
    """Have all tenders of both hosts proven; how many lines were told."""
    told = list[int]()
    asked, trust = cast("Any", regulator), cast("Any", None)
    prover = Prover(asked, trust, root, lambda _, count: told.append(count))
    plays = [played(host, number) for number in range(TENDERS) for host in regulator.ready]
    await asyncio.gather(*map(prover.prove, plays))
    return len(told)


def test_one_that_came_too_early_speaks_for_its_hosts_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = Verdict("evidence", (), {"closed": True})

    async def here(call: Any, *words: Any) -> Any:  # noqa: ANN401 - as asyncio.to_thread
        return call(*words)

    monkeypatch.setattr(prove, "AGAIN_S", 0.1)
    monkeypatch.setattr(prove, "verify", lambda _data, _trust: verdict)
    monkeypatch.setattr(prove, "line_of", lambda _play, is_verified: {"is": is_verified})
    monkeypatch.setattr(prove, "keep", lambda *_: None)
    monkeypatch.setattr(asyncio, "to_thread", here)

    async def play() -> Regulator:
        now = asyncio.get_running_loop().time()
        regulator = Regulator({"slow": now + 0.45, "quick": now})
        assert await proven(regulator, tmp_path) == 2 * TENDERS
        return regulator

    asked = asyncio.run(play()).asked
    assert asked["quick"] == TENDERS
    assert TENDERS < asked["slow"] < TENDERS + 20
