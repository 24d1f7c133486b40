"""The draw: request, lists, beacon, calls, picks; and the links that are opened after the award."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.core.records.canonical import digest_of
from node.core.records.keys import Signer, key_id
from node.core.records.kinds.draws import (
    DisclosedPerson,
    DrawDisclosed,
    DrawJoined,
    DrawList,
    DrawPicked,
    DrawRequested,
    DrawSeeded,
    ExpertContacted,
    IdentityUnlocked,
    PickOrder,
    RoundSecret,
    Snapshot,
)
from node.core.rules import drawing
from node.core.rules.draw import Purpose, person, seed_of
from tests.world.bidding import Bidding
from tests.world.network import CENTRES, HOST, REGULATOR


@dataclass(frozen=True, slots=True)
class Expert:
    """One entry of a pool in one draw: who she is, and the salt that hides it."""

    pool: str
    entry: Signer
    salt: str

    @property
    def pseudonym(self) -> str:
        """Key id of her entry."""
        return key_id(self.entry.public)


class Drawing(Bidding):
    """From the request of a draw to the picks."""

    experts: dict[str, Expert]

    def draw(self) -> None:
        """One whole draw."""
        self.request()
        self.join_all()
        self.seed("slate", self.script.silent, away=self.script.chain_away)
        self.call_all()
        self.seed("pick")
        orders = tuple(
            PickOrder(order=order, stratum=n)
            for n, order in enumerate(drawing.picks_of(self.state.draw))
        )
        picked = DrawPicked(draw=self.state.draw.id, salt=self.salt(), strata=orders)
        self.say(self.host, "draw.picked/v1", picked)
        self.sync()

    def request(self, number: int = 1) -> None:
        """The host asks all pools, after it has noted the registry once more."""
        self.say(self.host, "registry.noted/v1", self.net.noted())
        body = DrawRequested(
            exclusions=self.salt(),
            factor=int(self.state.rules.draw.slate_factor.ratio),
            ground="first" if number == 1 else "shortage",
            number=number,
            pools=CENTRES,
            salt=self.salt(),
            strata=self.state.strata,
        )
        self.say(self.host, "draw.requested/v1", body)
        self.sync()

    def join_all(self) -> None:
        """Every pool lists who is fit: the same thirty for every stratum."""
        self.experts = {}
        for pool in CENTRES:
            persons = tuple(sorted(self.list_pool(pool)))
            lists = tuple(
                DrawList(persons=persons, stratum=n) for n in range(len(self.state.strata))
            )
            body = DrawJoined(
                draw=self.state.draw.id,
                excluded=self.salt(),
                lists=lists,
                salt=self.salt(),
                snapshot=self.snapshot(pool),
            )
            self.say(self.net.person(pool), "draw.joined/v1", body)
        self.sync()

    def list_pool(self, pool: str) -> list[str]:
        """Thirty experts as persons of this draw."""
        found = []
        for _ in range(30):
            expert = Expert(pool, self.chance.signer(), self.salt())
            one = person(self.state.draw.id, expert.pseudonym, expert.salt)
            self.experts[one] = expert
            found.append(one)
        return found

    def snapshot(self, pool: str) -> Snapshot:
        """The pool's second snapshot: the last one before the deadline."""
        stream = self.net.pools[pool]
        seq = sorted(self.net.own[stream].snapshots)[1]
        shot = self.net.own[stream].snapshots[seq]
        return Snapshot(epoch=shot.epoch, root=shot.root, seq=seq, stream=stream)

    def seed(self, purpose: Purpose, silent: Sequence[str] = (), *, away: bool = False) -> None:
        """Run the beacon, through one void round if somebody is silent, and state the seed."""
        accounts = list(drawing.member_accounts(self.state))
        opener = self.net.members[HOST].account
        number = 0
        self.net.chain.mine(self.net.now)
        if silent or away:
            kept = [self.net.members[one].account for one in silent]
            of = drawing.round_of(self.state, purpose, 0)
            self.net.chain.run_round(of, opener, accounts, kept, away=away)
            accounts = self.left_of(accounts, kept)
            number = 1
        round_id = drawing.round_of(self.state, purpose, number)
        secrets = self.net.chain.run_round(round_id, opener, accounts)
        self.net.wait_until(self.net.chain.now + 1)
        self.say(self.host, "draw.seeded/v1", self.seeded(round_id, secrets))
        self.sync()

    def left_of(self, accounts: list[str], silent: list[str]) -> list[str]:
        """Who holds the round after a void one: those who spoke, if they are two or more."""
        left = [one for one in accounts if one not in silent]
        return left if len(left) > 1 else accounts

    def seeded(self, round_id: str, secrets: dict[str, str]) -> DrawSeeded:
        """The body of a seed."""
        raw = {bytes.fromhex(a): bytes.fromhex(s) for a, s in secrets.items()}
        return DrawSeeded(
            round=round_id,
            salt=self.salt(),
            secrets=tuple(RoundSecret(account=a, secret=secrets[a]) for a in sorted(secrets)),
            seed=seed_of(round_id, raw).hex(),
        )

    def call_all(self) -> None:
        """Every pool calls its part of the slate: one in five declines, one in seven is away."""
        for pool in CENTRES:
            steps = []
            for stratum, slate in enumerate(self.state.draw.slate):
                for number, one in enumerate(slate):
                    if self.experts[one].pool == pool:
                        body = self.contacted(one, stratum, number)
                        steps.append((self.net.person(pool), "expert.contacted/v1", body))
            if steps:
                self.say_all(list(steps))
        self.sync()

    def contacted(self, one: str, stratum: int, number: int) -> ExpertContacted:
        """How one call ended."""
        away = "unreachable" if number % 7 == 6 else "accepted"
        outcome = "declined" if number % 5 == 4 else away
        return ExpertContacted(
            draw=self.state.draw.id,
            evidence=self.salt(),
            outcome=outcome,  # type: ignore[arg-type]
            person=one,
            salt=self.salt(),
            stratum=stratum,
        )

    def claim_of(self, seat: str, key: str) -> str:
        """What the expert of a seat signs with her pool key."""
        return drawing.seat_claim(key, seat, self.state.stream)

    def unlock_names(self) -> None:
        """The regulator says, in its own log, whose names it is about to read."""
        persons = tuple(sorted(seat.person for seat in self.state.seats.values()))
        body = IdentityUnlocked(
            draw=self.state.draw.id, ground="fitness", persons=persons, salt=self.salt()
        )
        self.net.own_say(self.sides[REGULATOR], "identity.unlocked/v1", body)

    def disclose_all(self, claims: dict[str, tuple[str, str]]) -> None:
        """After the award every pool opens the links of its seats; claims: person -> salt, sig."""
        for pool in CENTRES:
            own = sorted(s.person for s in self.state.seats.values() if s.centre == pool)
            if not own:
                continue
            persons = tuple(
                DisclosedPerson(
                    entry=self.experts[one].entry.public,
                    link_salt=claims[one][0],
                    person=one,
                    salt=self.experts[one].salt,
                    sig=claims[one][1],
                )
                for one in own
            )
            body = DrawDisclosed(draw=self.state.draw.id, persons=persons, salt=self.salt())
            self.say(self.net.person(pool), "draw.disclosed/v1", body)


def link(salt: str, sig: str) -> str:
    """The commitment at the seat."""
    return digest_of("link", {"salt": salt, "sig": sig})
