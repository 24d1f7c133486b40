"""A whole tender, from the plan to the opened links, said by the people and centres it needs.

Every record goes through the same fold as in a node. Subclasses forge: they override what a step
states and set `forging`, under which a record that the fold refuses is placed all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.records.box import MadeBox
from node.core.records.canonical import decode, epoch_of, time_of
from node.core.records.envelope import Seen
from node.core.records.keys import Signer, key_id
from node.core.records.kinds import KINDS
from node.core.records.kinds.streams import RecordLodged
from node.core.records.kinds.tender import (
    CommitteePlanned,
    LotCommittee,
    TenderAnnounced,
    TenderPlanned,
)
from node.core.rules.change import put
from node.core.rules.fold import WHOLE_TENDER, apply
from node.core.rules.membership import learn
from node.core.rules.parties import home_of, parties_of
from node.core.rules.ruleset import builtin_digest, builtin_rulesets
from node.core.rules.state import TenderState
from tests.world.network import HOST, REGULATOR, Links, Network, Person, write
from tests.world.scripts import Script

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.core.rules.state import Placed

DAY = 86_400
HOLDERS = ("changsha", REGULATOR, "xiangtan")
Step = tuple[Person, str, "Body"]


@dataclass(frozen=True, slots=True)
class Said:
    """One record of the tender's stream with the state before it."""

    before: TenderState
    placed: Placed


class Run:
    """One tender as it goes."""

    forging = False

    def __init__(self, script: Script) -> None:
        self.script = script
        digest = builtin_digest(script.rules)
        self.net = Network(script.name, digest)
        self.chance = self.net.chance
        self.state = TenderState(builtin_rulesets()[digest])
        self.sides: dict[str, str] = {}
        self.bodies: list[Body | None] = []
        self.said: list[Said] = []
        self.boxes: dict[str, MadeBox] = {}
        self.buyer = Person("buyer:water", self.chance.signer("es256"))
        self.net.tick()

    # --- saying ---------------------------------------------------------------------------------

    @property
    def host(self) -> Person:
        """The host as author."""
        return self.net.person(HOST)

    def salt(self) -> str:
        """A fresh salt."""
        return self.chance.salt()

    def say(self, person: Person, kind: str, body: Body) -> Placed:
        """One record in the tender's stream; a participant lodges it in its own log first."""
        return self.say_all([(person, kind, body)])[0]

    def say_all(self, steps: list[Step]) -> list[Placed]:
        """Several records that are lodged together."""
        made = [(person, kind, write(person, kind, body, self.net.now, self.links(person, kind)))
                for person, kind, body in steps]  # fmt: skip
        lodged: dict[str, list[str]] = {}
        placed = []
        for person, kind, (envelope, data) in made:
            home = home_of(person.author, self.bodies, HOST)
            one = self.net.logs[HOST].add("tender", envelope, data, self.net.now)
            lodged.setdefault(home, []).append(one.id)
            placed.append(self._fold(replace(one, body=decode(data, KINDS[kind]))))
        self.lodge({home: ids for home, ids in lodged.items() if home != HOST})
        return placed

    def lodge(self, records: dict[str, list[str]]) -> None:
        """Each participant logs the ids of its people's records."""
        for home, ids in records.items():
            body = RecordLodged(records=tuple(ids), salt=self.salt())
            self.net.own_say(self.sides[home], "record.lodged/v1", body)

    def links(self, person: Person, kind: str) -> Links:
        """Stream, lot and `seen` as the rules want them."""
        if kind == "stream.opened/v1":
            return Links()
        lot = None if kind in WHOLE_TENDER else self.script.lot.id
        free = person.author.startswith("bidder:") or kind == "expert.seated/v1"
        if self.state.closed is None or free:
            return Links(self.state.stream, lot)
        seen = Seen(seq=len(self.state.entries) - 1, entry=self.state.entries[-1])
        return Links(self.state.stream, lot, seen)

    def _fold(self, placed: Placed) -> Placed:
        self.said.append(Said(self.state, placed))
        self.bodies.append(placed.body)
        try:
            self.state = apply(self.state, placed)
        except NodeError:
            if not self.forging:
                raise
            self.state = self.force(placed)
        return placed

    def force(self, placed: Placed) -> TenderState:
        """What the state would be if the rules had let it pass; subclasses say more."""
        return replace(
            self.state,
            entries=(*self.state.entries, placed.entry),
            received=placed.received,
            seen=put(self.state.seen, placed.header.author, placed.seq),
            keyring=learn(self.state.keyring, placed.header, placed.body),
        )

    # --- time -----------------------------------------------------------------------------------

    def sync(self) -> None:
        """A tick, and every participant endorses what it has seen."""
        self.net.tick()
        for name in sorted(parties_of(self.bodies, HOST)):
            if name not in self.sides:
                self.sides[name] = self.net.open_own(name, "side", self.state.stream)
            self.net.endorse(self.sides[name], self.state.stream)

    def end(self) -> None:
        """The last endorsements are published and every log is anchored."""
        self.sync()
        self.net.tick()
        self.net.anchor_logs()

    def chain(self, do: Callable[[], None]) -> None:
        """One transaction in a block of now."""
        self.net.chain.mine(self.net.now)
        do()

    # --- the plan -------------------------------------------------------------------------------

    def found(self) -> None:
        """Open the stream, note the registry, plan and announce."""
        self.say(self.host, "stream.opened/v1", self.net.opening(HOST, "tender"))
        self.say(self.host, "registry.noted/v1", self.net.noted())
        plan = TenderPlanned(
            buyer=self.buyer.signer.public,
            buyer_name="城市水务 City water",
            origin="invented for tests",
            salt=self.salt(),
            tender=self.script.name,
            title="水厂改造 waterworks",
        )
        self.say(self.buyer, "tender.planned/v1", plan)
        committee = LotCommittee(lot=self.script.lot.id, strata=self.script.strata)
        composed = CommitteePlanned(committees=(committee,), salt=self.salt())
        self.say(self.buyer, "committee.planned/v1", composed)
        self.say(self.buyer, "tender.announced/v1", self.announcement())
        self.anchor_deadline()
        self.sync()

    def announcement(self) -> TenderAnnounced:
        """The terms."""
        rules = self.state.rules.clock
        deadline = self.net.now + self.script.days * DAY
        opening = deadline + rules.opening_delay_minutes.value * 60
        return TenderAnnounced(
            currency=self.script.currency,
            deadline=time_of(deadline),
            holders=HOLDERS,
            lots=(self.script.lot,),
            opening=time_of(opening),
            salt=self.salt(),
            scale=self.script.scale,
            threshold=2,
            unlock_until=time_of(opening + rules.unlock_minutes.value * 60),
        )

    def anchor_deadline(self) -> None:
        """The deadline goes on the chain."""
        deadline = epoch_of(self.state.terms.deadline)
        self.chain(
            lambda: self.net.chain.set_tender(self.state.stream, self.account, deadline=deadline)
        )

    @property
    def account(self) -> bytes:
        """The host's account, under which its tender stands on the chain."""
        return bytes.fromhex(self.net.members[HOST].account)


def bidder_person(signer: Signer) -> Person:
    """A bidder is known by its bid key."""
    return Person(f"bidder:{key_id(signer.public)}", signer)
