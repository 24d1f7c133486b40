"""The host brings in a seed: which round of the beacon it opens, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from node.core.rules import drawing
from node.core.rules.state import Phase
from node.services.actors.roll import Calendar
from node.services.acts.drawing import bring_seed
from node.services.model import OwnLog
from node.services.ports import BeaconRound, LogNote
from node.services.timekeeping import Timekeeping
from node.services.times import LogTimes
from tests.unit.actors.playing import REAL, Cast, tender_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.core.rules.state import TenderState

pytestmark = pytest.mark.anyio
EXISTED, ENDED = 1_000, 1_600
MEMBERS = tuple(f"{digit}{digit}" * 20 for digit in "1234")


@pytest.fixture(autouse=True)
def _four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four members hold the rounds of every draw."""
    monkeypatch.setattr(drawing, "member_accounts", lambda _state: MEMBERS)


@dataclass
class Chain:
    """A chain at a time, with the rounds of one draw by their number."""

    state: TenderState
    rounds: list[BeaconRound]
    now: int
    account: str = "ab" * 20
    opened: list[tuple[int, tuple[str, ...]]] = field(default_factory=list)

    def number(self, round_id: str) -> int:
        """Which round of the slate this is."""
        return next(n for n in range(9) if drawing.round_of(self.state, "slate", n) == round_id)

    def round(self, round_id: str, opener: str) -> BeaconRound | None:
        """As far as it is open."""
        assert opener == self.account
        number = self.number(round_id)
        return self.rounds[number] if number < len(self.rounds) else None

    def seen(self) -> Any:  # noqa: ANN401
        """The newest block."""
        return SimpleNamespace(time=self.now)

    def open_round(self, round_id: str, members: Sequence[str], _seconds: int) -> None:
        """Note which was opened, for whom."""
        self.opened.append((self.number(round_id), tuple(members)))


class Times(LogTimes):
    """Of a log in which all that a draw needs existed long ago."""

    def existed_by(self, stream: str, seq: int) -> int:
        """The same for every place."""
        del stream, seq
        return EXISTED


def void(state: TenderState, commits: int, secrets: int) -> BeaconRound:
    """The first round, whose time is over: so many of its members committed, so many revealed."""
    said = [dict.fromkeys(MEMBERS[:count], "11" * 32) for count in (commits, secrets)]
    name = drawing.round_of(state, "slate", 0)
    return BeaconRound(name, ENDED - 300, ENDED, MEMBERS, *said)


async def opened(
    commits: int, secrets: int, now: int, heard: int = ENDED + 1
) -> list[tuple[int, tuple[str, ...]]]:
    """Which rounds are opened after such a one, and by whom they are held.

    `heard` is when a quorum of partners answered the host last.
    """
    cast_ = Cast(tender_file(REAL), calendar=Calendar(0, 0))
    await cast_.until(Phase.DRAWING)
    state = cast_.state
    chain = Chain(state, [void(state, commits, secrets)], now)

    async def off(call: Any, *args: Any) -> Any:  # noqa: ANN401
        return call(*args)

    log = OwnLog("host.example/log", Timekeeping(60))
    log.quorum = LogNote(log.origin, 4, "00" * 32, heard, "a note", "a quorum")
    times = Times(cast("Any", None), log, lambda: ())
    clock = SimpleNamespace(now=lambda: now)
    desk = SimpleNamespace(off=off, times=times, chain=chain, clock=clock)
    assert await bring_seed(cast("Any", desk), state, "slate") is None
    return chain.opened


async def test_next_round_waits_for_the_end_of_the_one_before() -> None:
    assert await opened(0, 0, ENDED) == []


async def test_next_round_waits_until_partners_answer_again() -> None:
    """There are few rounds: an outage of hours must not use them up."""
    assert await opened(0, 0, ENDED + 9_000, heard=ENDED) == []
    assert await opened(0, 0, ENDED + 9_000, heard=ENDED + 1) == [(1, MEMBERS)]


@pytest.mark.parametrize(("commits", "secrets"), [(0, 0), (1, 0), (4, 0), (4, 1)])
async def test_round_that_all_or_all_but_one_missed_is_held_again_by_all(
    commits: int, secrets: int
) -> None:
    assert await opened(commits, secrets, ENDED + 1) == [(1, MEMBERS)]


@pytest.mark.parametrize(("commits", "secrets", "left"), [(2, 0, 2), (4, 3, 3), (4, 2, 2)])
async def test_who_was_silent_is_left_out_of_the_next_round(
    commits: int, secrets: int, left: int
) -> None:
    assert await opened(commits, secrets, ENDED + 1) == [(1, MEMBERS[:left])]
