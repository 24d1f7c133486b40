"""Tenders heard together: who is woken when, and what is judged once for several readers."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from node.core.errors import NodeError
from node.core.rules.state import Phase, TenderState
from node.services.actors import reading as module
from node.services.actors.hearing import Hearing, House
from node.services.actors.reading import Judged, Reading
from tests.simulators import people
from tests.simulators.stage import SimDoor, Stage
from tests.unit.actors.test_actors import looked_at


@pytest.fixture(scope="module")
def stage() -> Stage:
    """A tender whose bids are closed."""
    return looked_at(Phase.CLOSED).stage


def reading(stage: Stage, judged: Judged) -> Reading:
    """The stream, from its beginning."""
    return Reading(stage.stream, people.NETWORK, judged)


def test_readers_of_the_same_bytes_have_the_very_same_state(stage: Stage) -> None:
    judged = Judged()
    first, second = reading(stage, judged), reading(stage, judged)
    for place in stage.places:
        first.take(place)
    for place in stage.places:
        second.take(dataclasses.replace(place))
    assert second.state is first.state is not None
    assert second.after == len(stage.places) - 1


def test_what_is_not_the_very_same_is_judged_for_itself(stage: Stage) -> None:
    judged = Judged()
    first, second = reading(stage, judged), reading(stage, judged)
    for place in stage.places:
        first.take(place)
    for place in stage.places[:3]:
        second.take(place)
    forged = dataclasses.replace(stage.places[3], envelope=stage.places[4].envelope)
    for _ in range(2):
        with pytest.raises(NodeError):
            second.take(forged)
    assert second.after == 2
    stranger = Reading("ab" * 32, people.NETWORK, judged)
    with pytest.raises(NodeError):
        stranger.take(stage.places[0])


def test_only_the_last_steps_are_remembered(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 2)
    judged = Judged()
    first, second = reading(stage, judged), reading(stage, judged)
    for place in stage.places:
        first.take(place)
    assert len(judged.steps) == 2
    for place in stage.places:
        second.take(place)
    assert second.state == first.state


def test_an_actor_is_woken_by_a_new_phase_and_when_it_has_something_to_do(stage: Stage) -> None:
    house = House(SimDoor(stage, people.HOST, lambda _: None), people.NETWORK)
    hearing = Hearing(reading(stage, Judged()), "public", house)
    busy, beats = list[bool](), list[TenderState]()

    async def act() -> None:
        async for state, _ in hearing.beats(lambda _state, _now: bool(busy)):
            beats.append(state)

    async def told(*, busily: bool) -> int:
        busy[:] = [True] if busily else []
        before = len(beats)
        hearing.remind()
        await asyncio.sleep(0)
        return len(beats) - before

    async def play() -> None:
        task = asyncio.create_task(act())
        for place in stage.places:
            hearing.take([place])
            await asyncio.sleep(0)
        assert [one.phase for one in beats] == list(dict.fromkeys(one.phase for one in beats))
        assert beats[-1].phase is Phase.CLOSED
        assert await told(busily=False) == 0
        assert await told(busily=True) == 1
        hearing.take([stage.places[0]])
        with pytest.raises(NodeError):
            await task

    asyncio.run(play())
