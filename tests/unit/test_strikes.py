"""The list of strikes of the kill tests: it follows from its seed alone, and misses nothing."""

from __future__ import annotations

from itertools import islice

import pytest

from tests.network.demo_process import MEMBERS
from tests.network.killing import CONDUCTOR, DEMO, REPLAY, WRITES, Strike, strikes
from tests.network.spy.striking import ANY, FAILED, KILLED, program_of


def listed(seed: int, victims: tuple[str, ...], count: int) -> list[Strike]:
    return list(islice(strikes(seed, victims, 1.0), count))


def test_same_seed_gives_the_same_list() -> None:
    assert listed(7, REPLAY, 50) == listed(7, REPLAY, 50)
    assert listed(7, REPLAY, 50) != listed(8, REPLAY, 50)


@pytest.mark.parametrize("victims", [REPLAY, DEMO])
def test_every_program_and_each_of_its_writes_comes_up_in_every_way(
    victims: tuple[str, ...],
) -> None:
    found = [strike for seed in range(30) for strike in listed(seed, victims, 40)]
    assert {one.victim for one in found if one.blow is None} == {*victims}
    aimed = {(one.victim, one.blow.name, one.blow.how) for one in found if one.blow}
    for victim in victims:
        hows = KILLED + FAILED if victim in MEMBERS else KILLED
        assert {(victim, name, how) for name in WRITES[victim] for how in hows} <= aimed
        assert {(victim, ANY, how) for how in KILLED} <= aimed


def test_who_falls_beside_another_is_somebody_else_and_never_the_conductor() -> None:
    found = listed(2, REPLAY, 500)
    assert any(one.others for one in found)
    assert all(not {one.victim, CONDUCTOR} & {*one.others} for one in found)


def test_programs_are_known_by_their_command_lines() -> None:
    lines = {
        "python -m leash node run --config /d/centres/xian/config.toml": "xian",
        "python -m leash chain devnet --dir /d/chain": "chain",
        "python -m leash actors bidders --dir /d/actors/bidders --door s": "bidders",
        "python -m leash actors crowd --dir /d/actors": "crowd",
        "python -c x demo --out /d --json": CONDUCTOR,
        "yuanping node fsck --config /d/centres/xian/config.toml": "",
        "python -m pytest": "",
    }
    assert {line: program_of(line.split()) for line in lines} == lines
