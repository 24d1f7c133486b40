"""What a guest endorses: the newest place it checked, once, and nothing after a dispute."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from node.core.records.kinds.streams import DisputeRaised, StreamEndorsed
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.endorsing import MOST_S, STILL_S, Growth, endorsement
from tests.world.session import world

SALT, STREAM = "5a" * 32, "ab" * 32
GUEST = "changsha"


def tender() -> TenderState:
    """A tender at its end."""
    return world("jp").state


def side() -> OwnState:
    """A guest's side stream at that end: it has endorsed the newest place."""
    return world("jp").net.own[world("jp").sides[GUEST]]


def endorsed(seq: int) -> StreamEndorsed:
    return StreamEndorsed(disputes=0, entry=tender().entries[seq], salt=SALT, seq=seq)


def test_the_newest_place_is_endorsed_once() -> None:
    newest = len(tender().entries) - 1
    behind = replace(side(), endorsed=endorsed(newest - 1))
    assert endorsement(tender(), behind, SALT) == endorsed(newest)
    done = replace(side(), endorsed=endorsed(newest))
    assert endorsement(tender(), done, SALT) is None
    ahead = replace(side(), endorsed=structs.replace(endorsed(newest), seq=newest + 1))
    assert endorsement(tender(), ahead, SALT) is None


def test_two_places_make_a_stream_that_can_be_endorsed() -> None:
    fresh = replace(side(), endorsed=None)
    two = replace(tender(), entries=tender().entries[:2])
    assert endorsement(two, fresh, SALT) == endorsed(1)
    assert endorsement(replace(two, entries=two.entries[:1]), fresh, SALT) is None


def test_nothing_is_endorsed_after_a_dispute() -> None:
    dispute = DisputeRaised(article="protocol 4", code="rule", entry=STREAM, salt=SALT, seq=3)
    disputing = replace(side(), endorsed=None, disputes=(dispute,))
    assert endorsement(tender(), disputing, SALT) is None


@pytest.mark.parametrize(("after", "due"), [(STILL_S - 0.5, False), (STILL_S, True)])
def test_a_stream_is_due_once_it_stands_still(after: float, *, due: bool) -> None:
    growth = Growth()
    growth.see(STREAM, 0.0)
    growth.see(STREAM, 3.0)
    assert growth.due(3.0 + after, lambda _: False) == ([STREAM] if due else [])
    assert growth.due(3.0, lambda _: True) == [STREAM], "a tender that is over waits for nothing"


def test_a_stream_that_never_stands_still_is_due_now_and_then() -> None:
    growth = Growth()
    for second in range(int(MOST_S) + 1):
        assert (growth.due(second, lambda _: False) == [STREAM]) is (second >= MOST_S)
        growth.see(STREAM, second)
    growth.forget([STREAM])
    assert growth.due(99.0, lambda _: True) == []
