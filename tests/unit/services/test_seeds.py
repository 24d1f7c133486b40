"""The host brings in a seed: which round of the beacon it opens, and when."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from node.core.errors import RuleError, StateError
from node.core.records.kinds.draws import DrawSeeded
from node.core.rules import drawing
from node.core.rules.draw import commitment
from node.core.rules.rounds import BeaconRound
from node.core.rules.state import Phase
from node.services.actors.roll import Calendar
from node.services.acts.drawing import bring_seed
from node.services.model import OwnLog
from node.services.ports import LogNote
from node.services.timekeeping import Timekeeping
from node.services.times import LogTimes
from tests.unit.actors.playing import REAL, Cast, tender_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState

pytestmark = pytest.mark.anyio
EXISTED, ENDED = 999, 1_600
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

    def existed_by(self, keeper: str, entry: str) -> int:
        """The same for every place."""
        del keeper, entry
        return EXISTED


def void(state: TenderState, commits: int, secrets: int) -> BeaconRound:
    """The first round, whose time is over: so many of its members committed, so many revealed."""
    said = [dict.fromkeys(MEMBERS[:count], "11" * 32) for count in (commits, secrets)]
    name = drawing.round_of(state, "slate", 0)
    return BeaconRound(name, ENDED - 600, ENDED - 300, ENDED, MEMBERS, *said)


async def drawing_state() -> TenderState:
    """A draw that waits for the seed of its slate."""
    cast_ = Cast(tender_file(REAL), calendar=Calendar(0, 0))
    await cast_.until(Phase.DRAWING)
    return cast_.state


async def brought(chain: Chain, heard: int = ENDED + 1) -> Body | None:
    """What the host's act gives on such a chain.

    `heard` is when a quorum of partners answered the host last.
    """

    async def off(call: Any, *args: Any) -> Any:  # noqa: ANN401
        return call(*args)

    log = OwnLog("host.example/log", Timekeeping(60))
    log.quorum = LogNote(log.origin, 4, "00" * 32, heard, "a note", "a quorum")
    times = Times(cast("Any", None), log, cast("Any", None))
    desk = SimpleNamespace(off=off, times=times, chain=chain, salt=lambda: "5a" * 32)
    return await bring_seed(cast("Any", desk), chain.state, "slate")


async def opened(
    commits: int, secrets: int, now: int, heard: int = ENDED + 1
) -> list[tuple[int, tuple[str, ...]]]:
    """Which rounds are opened after a void one, and by whom they are held."""
    state = await drawing_state()
    chain = Chain(state, [void(state, commits, secrets)], now)
    assert await brought(chain, heard) is None
    return chain.opened


async def test_first_round_waits_for_a_block_later_than_what_it_decides() -> None:
    state = await drawing_state()
    for now, wanted in ((EXISTED, []), (EXISTED + 1, [(0, MEMBERS)])):
        chain = Chain(state, [], now)
        assert await brought(chain) is None
        assert chain.opened == wanted


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


def complete(one: BeaconRound) -> BeaconRound:
    """The same round, in which all have committed and revealed."""
    secrets = {member: member[:2] * 32 for member in one.members}
    commits = {
        member: commitment(one.round, bytes.fromhex(member), bytes.fromhex(secret)).hex()
        for member, secret in secrets.items()
    }
    return replace(one, commits=commits, secrets=secrets)


async def test_seed_of_a_complete_round_is_stated() -> None:
    state = await drawing_state()
    body = await brought(Chain(state, [complete(void(state, 0, 0))], EXISTED + 9))
    assert isinstance(body, DrawSeeded)
    assert [one.account for one in body.secrets] == list(MEMBERS)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"opened_at": EXISTED}, "round 0 of the slate"),
        ({"commit_by": ENDED - 1}, "not the time"),
        ({"reveal_by": ENDED + 1}, "not the time"),
        ({"members": MEMBERS[:3]}, "exactly its members"),
    ],
)
@pytest.mark.parametrize("is_void", [False, True])
async def test_host_states_no_seed_that_guests_would_dispute(
    wrong: dict[str, Any], why: str, *, is_void: bool
) -> None:
    """Nor does it go on from such a round: whoever opened it with our account."""
    state = await drawing_state()
    found = replace(void(state, 0, 0), **wrong)
    chain = Chain(state, [found if is_void else complete(found)], ENDED + 9_000)
    with pytest.raises(RuleError, match=why):
        await brought(chain)
    assert chain.opened == []


async def test_round_that_was_completed_while_we_looked_is_not_passed_over() -> None:
    """The chain's time is asked for before its rounds: they are as of then, or later."""

    class Moving(Chain):
        """After a round was read the chain goes on, and ends it."""

        def round(self, round_id: str, opener: str) -> BeaconRound | None:
            found, self.now = super().round(round_id, opener), ENDED + 9_000
            return found

    state = await drawing_state()
    chain = Moving(state, [void(state, 4, 3)], ENDED)
    assert await brought(chain, ENDED + 9_000) is None
    assert chain.opened == []


async def test_host_says_when_no_round_is_left() -> None:
    state, rounds = await drawing_state(), list[BeaconRound]()
    for number in range(drawing.MAX_VOIDED):
        name = drawing.round_of(state, "slate", number)
        end = ENDED + 1_000 * number
        rounds.append(BeaconRound(name, end - 600, end - 300, end, MEMBERS, {}, {}))
    assert await brought(Chain(state, rounds, rounds[-1].reveal_by)) is None
    with pytest.raises(StateError, match="8 rounds of the beacon are void"):
        await brought(Chain(state, rounds, rounds[-1].reveal_by + 1))
