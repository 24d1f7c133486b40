"""When a replay gives up: once no tender's stream has grown for a while, whoever is woken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from node.cli.replay import sweep as module
from node.cli.replay.sweep import Play, Sweep
from node.core.errors import StateError
from node.core.rules.state import Phase
from node.services.actors.hearing import Hearing, House
from node.services.actors.reading import Reading
from tests.simulators import people
from tests.simulators.stage import SimDoor, Stage
from tests.unit.actors.test_actors import looked_at

STUCK_S = 0.3


@pytest.fixture(scope="module")
def stage() -> Stage:
    """A tender whose bids are closed."""
    return looked_at(Phase.CLOSED).stage


def sweeping(stage: Stage) -> tuple[Sweep, Play]:
    """A sweep with one tender, of which nothing was heard yet."""
    house = House(SimDoor(stage, people.HOST, lambda _: None), people.NETWORK)
    hearing = Hearing(Reading(stage.stream, people.NETWORK, house.judged), "public", house)
    opened = SimpleNamespace(case=SimpleNamespace(tender="T-1"))
    play = Play(cast("Any", opened), hearing, asyncio.get_running_loop().time())
    unused = cast("Any", None)
    made = Sweep((), {}, {}, {}, {}, unused, unused, unused, lambda: None, 1)
    made.plays["T-1"] = play
    made.tasks.add(asyncio.create_task(made._follow(play)))
    return made, play


async def rounds(made: Sweep, each: Callable[[int], None]) -> int:
    """How often the sweep looks until it gives up."""
    for number in range(20):
        each(number)
        await asyncio.sleep(STUCK_S / 5)
        try:
            made._look()
        except StateError:
            return number
    return 20


def test_a_tender_that_only_wakes_its_listeners_is_stuck(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "STUCK_S", STUCK_S)

    async def play() -> int:
        made, one = sweeping(stage)
        return await rounds(made, lambda _: one.hearing.wake())

    assert asyncio.run(play()) < 12


def test_a_tender_whose_stream_grows_is_not(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STUCK_S", STUCK_S)
    fed = len(stage.places) - 1
    assert fed >= 8

    async def play() -> int:
        made, one = sweeping(stage)
        one.hearing.take([stage.places[0]])

        def each(number: int) -> None:
            if number < fed:
                one.hearing.take([stage.places[number + 1]])

        return await rounds(made, each)

    assert asyncio.run(play()) >= min(fed, 20)
