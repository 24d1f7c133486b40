"""Seeds of rounds that the chain lets pass and the rules do not, each named by the attack.

The fold takes every one of them. The verifier refuses the evidence (check 5), and each guest
disputes the seed itself, so that nobody has endorsed what cannot be proven later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import pytest

from node.core.errors import RuleError
from node.core.evidence import anchor_devnet as layout
from node.core.evidence.verify import verify
from node.core.rules import drawing
from node.core.rules.draw import ROUND_PURPOSES, Purpose
from node.services.ports import StreamRow
from tests.attacks.forgeries import evidence_of
from tests.attacks.honest_guest import HonestGuest, WorldTimes, followed, until_forged
from tests.world.network import CENTRES, HOST
from tests.world.scripts import CN, JP, JP_TIE, Script
from tests.world.session import Whole

GUEST = "xiangtan"
Attack = Callable[[], Whole]
LAST: dict[Purpose, str] = {
    "slate": "draw.joined/v1",
    "pick": "expert.contacted/v1",
    "lot": "rejection.voted/v1",
}
"""What a seed decides: the last record of this type must have existed."""


def at_round(made: Whole, purpose: Purpose, number: int) -> tuple[bytes, bytes]:
    """A round's id and its opener."""
    opener = bytes.fromhex(made.net.members[HOST].account)
    return bytes.fromhex(drawing.round_of(made.state, purpose, number)), opener


def move(made: Whole, key: tuple[bytes, bytes], *by: int) -> int:
    """Move a round's opening and its two ends by so many seconds; gives when it was opened."""
    slot = layout.round_slots(*key, 0)[0]
    word = made.net.chain.slots["beacon"][slot]
    times = [int.from_bytes(word[at : at + 8], "big") for at in (24, 16, 8)]
    new = [(time + more).to_bytes(8, "big") for time, more in zip(times, by, strict=True)]
    made.net.chain.slots["beacon"][slot] = word[:8] + b"".join(reversed(new))
    return times[0]


def moved(script: Script, purpose: Purpose, number: int, *by: int) -> Attack:
    """A round with its opening and its two ends moved by so many seconds."""

    def make() -> Whole:
        made = Whole(script).run()
        move(made, at_round(made, purpose, number), *by)
        return made

    return make


class Slow(Whole):
    """Some time goes by before the pools list, and before they call."""

    def join_all(self) -> None:
        """A while after the request."""
        self.net.wait_until(self.net.now + 30)
        super().join_all()

    def call_all(self) -> None:
        """A while after the first seed."""
        self.net.wait_until(self.net.now + 30)
        super().call_all()


def early(script: Script, purpose: Purpose) -> Attack:
    """The first round opened in the very second from which on all that it decides existed."""

    def make() -> Whole:
        made = Slow(script).run()
        kind, end = LAST[purpose], seeded(made, purpose)
        places = [said.placed for said in made.said if said.placed.seq < end]
        last = next(one for one in reversed(places) if one.header.type == kind)
        existed = WorldTimes(made).existed_by(HOST, last.entry)
        assert existed is not None
        key = at_round(made, purpose, 0)
        by = existed - move(made, key, 0, 0, 0)
        move(made, key, by, by, by)
        return made

    return make


def with_secret(script: Script, purpose: Purpose, member: str) -> Attack:
    """Round 0 with another secret of this member on the chain."""

    def make() -> Whole:
        made = Whole(script).run()
        account = bytes.fromhex(made.net.members[member].account)
        slot = layout.secret_slot(*at_round(made, purpose, 0), account)
        made.net.chain.slots["beacon"][slot] = b"\1" * 32
        return made

    return make


class Readmitted(Whole):
    """The one who was silent takes part in the next round as well."""

    def left_of(self, accounts: list[str], silent: list[str]) -> list[str]:
        """All of them."""
        del silent
        return accounts


class Alone(Whole):
    """One member is left, and holds the next round with one other of its choice."""

    def left_of(self, accounts: list[str], silent: list[str]) -> list[str]:
        """Two of three."""
        del silent
        return accounts[:2]


class Choosy(Whole):
    """The host lets a complete round go by and asks all the same members for another seed."""

    def seed(self, purpose: Purpose, silent: Sequence[str] = (), *, away: bool = False) -> None:
        """Two whole rounds for the slate; the second one counts."""
        if purpose != "slate":
            return super().seed(purpose, silent, away=away)
        chain, opener = self.net.chain, self.account.hex()
        chain.mine(self.net.now)
        accounts = list(drawing.member_accounts(self.state))
        rounds = [drawing.round_of(self.state, purpose, number) for number in (0, 1)]
        secrets = [chain.run_round(one, opener, accounts) for one in rounds]
        self.net.wait_until(chain.now + 1)
        self.say(self.host, "draw.seeded/v1", self.seeded(rounds[1], secrets[1]))
        return self.sync()


def silent(kind: type[Whole], *members: str) -> Attack:
    """A tender of this kind in which these revealed nothing in the first round."""
    return lambda: kind(replace(JP, name="tsuchiura-again", silent=members)).run()


ATTACKS: dict[str, tuple[Attack, Purpose, str]] = {
    "opens a round before the lists existed": (
        early(JP, "slate"),
        "slate",
        "round-early",
    ),
    "opens a round before the calls were over": (
        early(JP, "pick"),
        "pick",
        "round-early",
    ),
    "opens a round for a lot before the votes": (
        early(JP_TIE, "lot"),
        "lot",
        "round-early",
    ),
    "opens the next round before the reveals were over": (
        moved(CN, "slate", 1, -400, -400, -400),
        "slate",
        "round-early",
    ),
    "gives one second to commit": (moved(CN, "slate", 0, 0, -299, 0), "slate", "round"),
    "gives one second less to reveal": (moved(CN, "slate", 0, 0, 0, -1), "slate", "round"),
    "gives one second more to commit": (moved(CN, "slate", 0, 0, 1, 0), "slate", "round"),
    "gives others no time": (moved(CN, "slate", 0, 0, -299, -299), "slate", "round"),
    "gives no time where it counts": (moved(CN, "slate", 1, 0, -299, -299), "slate", "round"),
    "passes a complete round over": (with_secret(CN, "slate", "changsha"), "slate", "round"),
    "asks all for a better seed": (lambda: Choosy(JP).run(), "slate", "round"),
    "takes part after its own silence": (silent(Readmitted, HOST), "slate", "round"),
    "takes a silent friend in again": (silent(Readmitted, "changsha"), "slate", "round"),
    "goes on with a friend of its choice": (silent(Alone, HOST, "changsha"), "slate", "round"),
    "states a secret that was not revealed": (with_secret(JP, "pick", HOST), "pick", "round"),
}
"""What a host does, for which seed, and the link that the verifier finds broken."""


@cache
def attacked(name: str) -> Whole:
    """The whole tender of such a host, made once."""
    return ATTACKS[name][0]()


def seeded(made: Whole, purpose: Purpose) -> int:
    """The place of a seed."""
    places = [said.placed for said in made.said if said.placed.header.type == "draw.seeded/v1"]
    return places[ROUND_PURPOSES.index(purpose)].seq


async def follow(guest: HonestGuest) -> None:
    """Take all that the host shows."""
    places = guest.made.net.logs[HOST].streams[guest.stream].places[max(guest.held, 0) :]
    row = StreamRow(guest.stream, "tender", HOST, own=False)
    await guest.guest.take(row, [followed(place) for place in places])


@pytest.mark.parametrize("name", ATTACKS)
def test_verifier_refuses_the_evidence_of_a_host_that(name: str) -> None:
    made = attacked(name)
    verdict = verify(evidence_of(made), made.net.trust())
    first = verdict.first_broken
    assert first is not None
    assert first.broken is not None
    assert (verdict.exit_code, first.number) == (1, 5)
    assert first.broken.link == ATTACKS[name][2]


@pytest.mark.parametrize("name", ATTACKS)
def test_guest_takes_no_seed_of_a_host_that(name: str) -> None:
    made = attacked(name)
    made.net.chain.mine(made.net.now + 3600)  # no later block may show what is missing
    guest = HonestGuest(GUEST, made)
    with pytest.raises(RuleError) as caught:
        asyncio.run(follow(guest))
    assert caught.value.article == "protocol 6"
    assert guest.held == seeded(made, ATTACKS[name][1])


class SeedsTooSoon(Whole):
    """The host states a seed before it has asked for any draw."""

    forging = True

    def request(self, number: int = 1) -> None:
        """First of all a seed."""
        secrets = {self.net.members[one].account: "5a" * 32 for one in CENTRES}
        self.say(self.host, "draw.seeded/v1", self.seeded("ab" * 32, secrets))
        super().request(number)


def test_guest_disputes_a_seed_before_any_draw() -> None:
    made, forged = until_forged(SeedsTooSoon, "jp")
    guest = HonestGuest(GUEST, made)
    with pytest.raises(RuleError):
        asyncio.run(follow(guest))
    assert guest.held == forged.seq
