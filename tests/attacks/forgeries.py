"""Whole forged tenders: every signature, cosignature and anchor is real, only what is said is not.

Each class is a host that cheats at one step while everybody else signs along, which is more than
protocol.md promises to catch by endorsements; `alone` gives the host its honest partners back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from node.core.evidence.anchors import wanted_slots as anchor_slots
from node.core.evidence.assemble import assemble
from node.core.evidence.extent import StreamPart, needs_of, shown
from node.core.evidence.rounds import wanted_slots as beacon_slots
from node.core.records.kinds.draws import DrawPicked, DrawRequested
from node.core.records.kinds.session import ResultConsolidated, SheetOpened
from node.core.records.kinds.streams import DisputeRaised
from node.core.records.kinds.tender import BidsClosed, TenderAnnounced
from node.core.rules.bid import bids_root
from node.core.rules.change import put
from node.core.rules.state import Draw, Phase, Placed, TenderState, with_draw, with_review
from tests.world.network import HOST, Links, Person, write
from tests.world.run import Step
from tests.world.session import SCRIPTS, Whole


class Stating(Whole):
    """A host whose result is taken as it states it."""

    forging = True

    def force(self, placed: Placed) -> TenderState:
        state = super().force(placed)
        if isinstance(placed.body, ResultConsolidated):
            return replace(state, phase=Phase.SIGNING, result=placed.body, result_id=placed.id)
        return state


class AnotherWinner(Stating):
    """The host states the second bid as the winner."""

    def result_body(self) -> ResultConsolidated:
        honest = super().result_body()
        first, second, *rest = honest.ranking
        ranking = (structs.replace(second, rank=1), structs.replace(first, rank=2), *rest)
        return structs.replace(honest, ranking=ranking, winner=second.bid)


class DroppedBid(Whole):
    """The host leaves the first bidder out of the list of bids."""

    forging = True

    def bids_closed(self) -> BidsClosed:
        honest = super().bids_closed()
        kept = [bid for bid in self.state.in_force if bid != self.sealed[0].record]
        leaves, root = bids_root(kept, honest.random)
        return structs.replace(honest, leaves=leaves, root=root)

    def force(self, placed: Placed) -> TenderState:
        state = super().force(placed)
        if isinstance(placed.body, BidsClosed):
            return replace(state, phase=Phase.CLOSED, closed=placed.body, closed_seq=placed.seq)
        return state


class SwappedSheet(Whole):
    """The host changes a mark while it opens a sheet."""

    forging = True

    def opened_sheet(self, sheet: str) -> SheetOpened:
        honest = super().opened_sheet(sheet)
        first, *rest = honest.package.scores
        scores = (structs.replace(first, points="0"), *rest)
        package = structs.replace(honest.package, scores=scores)
        return structs.replace(honest, package=package)

    def force(self, placed: Placed) -> TenderState:
        state = super().force(placed)
        if not isinstance(placed.body, SheetOpened):
            return state
        body, review = placed.body, state.review
        seat = next(s for s, sheet in review.sheets.items() if sheet.id == body.sheet)
        sheets = put(review.sheets, seat, replace(review.sheets[seat], package=body.package))
        opened = review.sheets_opened | {body.sheet}
        done = len(opened) == len(state.seats)
        after = with_review(state, sheets=sheets, sheets_opened=opened, last=placed.id)
        return replace(after, phase=Phase.RANKING) if done else after


class HiddenDraw(Whole):
    """The host asked for a draw, saw the lists, threw it away and asked again as if never before.

    The pools' lists for the first one stand in their own logs.
    """

    def request(self, number: int = 1) -> None:
        self.lodge({name: [self.chance.salt()] for name in ("changsha", "xiangtan")})
        self.net.wait_until(self.net.now + 700)
        super().request(number)


class OpenSecondDraw(Whole):
    """The host asks for a second draw in the open although enough accepted."""

    forging = True

    again = False

    def call_all(self) -> None:
        super().call_all()
        if not self.again:
            self.again = True
            self.request(2)
            self.join_all()
            self.seed("slate")
            self.call_all()

    def force(self, placed: Placed) -> TenderState:
        state = super().force(placed)
        if isinstance(placed.body, DrawRequested):
            draw = Draw(placed.id, placed.body, placed.received)
            return replace(state, phase=Phase.DRAWING, draws=(*state.draws, draw))
        return state


class OwnPicks(Whole):
    """The host seats whom it likes: the picks in another order."""

    forging = True

    def say_all(self, steps: list[Step]) -> list[Placed]:
        turned: list[Step] = [
            (p, k, _turned(b) if isinstance(b, DrawPicked) else b) for p, k, b in steps
        ]
        return super().say_all(turned)

    def force(self, placed: Placed) -> TenderState:
        state = super().force(placed)
        if isinstance(placed.body, DrawPicked):
            return replace(with_draw(state, picked=placed.body), phase=Phase.PICKED)
        return state


class Disputed(Whole):
    """A guest disputes the result; the host gets it to endorse on all the same."""

    def sign_all(self) -> None:
        stream = self.sides["changsha"]
        body = DisputeRaised(
            article="TBR 53", code="result", entry=self.state.entries[-1], salt=self.salt(),
            seq=len(self.state.entries) - 1,
        )  # fmt: skip
        self.raw_own(stream, "dispute.raised/v1", body)
        super().sign_all()

    def raw_own(self, stream: str, kind: str, body: DisputeRaised) -> None:
        """A record of the guest that its own rules do not judge."""
        envelope, data = write(
            self.net.person("changsha"), kind, body, self.net.now, Links(stream=stream)
        )
        placed = self.net.logs["changsha"].add("side", envelope, data, self.net.now)
        own = self.net.own[stream]
        self.net.own[stream] = replace(own, entries=(*own.entries, placed.entry))


class LyingClock(Whole):
    """The host ends the unlock window ten minutes early and writes the later time."""

    lie = False

    def open_all(self) -> None:
        self.lie = True
        super().open_all()

    def say_all(self, steps: list[Step]) -> list[Placed]:
        if self.lie and steps[0][1] == "term.expired/v1":
            self.lie, true = False, self.net.now
            made = super().say_all(steps)
            self.net.now = true - 600  # the witnesses' clocks still stand there
            self.net.tick()
            self.net.now = true
            return made
        return super().say_all(steps)


class ShortNotice(Whole):
    """The deadline comes sooner than the rule set allows."""

    forging = True

    def force(self, placed: Placed) -> TenderState:
        state = super().force(placed)
        if isinstance(placed.body, TenderAnnounced):
            return replace(state, phase=Phase.ANNOUNCED, announced=placed.body)
        return state


class ForeignBuyer(Whole):
    """Somebody else signs the award decision in the buyer's name."""

    forging = True

    def say_all(self, steps: list[Step]) -> list[Placed]:
        thief = Person(self.buyer.author, self.chance.signer())
        swapped: list[Step] = [(thief if k == "award.decided/v1" else p, k, b) for p, k, b in steps]
        return super().say_all(swapped)


def _turned(body: DrawPicked) -> DrawPicked:
    strata = tuple(structs.replace(one, order=one.order[::-1]) for one in body.strata)
    return structs.replace(body, strata=strata)


_MADE: dict[tuple[str, str], Whole] = {}


def forged(kind: type[Whole], name: str) -> Whole:
    """A forged tender, made once."""
    key = (kind.__name__, name)
    if key not in _MADE:
        _MADE[key] = kind(SCRIPTS[name]).run()
    return _MADE[key]


def evidence_of(made: Whole) -> bytes:
    """What everybody who signed along would show the regulator."""
    return made.net.evidence(made.state.stream, "regulator")


def parts_of(made: Whole) -> list[StreamPart]:
    """All streams of a tender."""
    return made.net.parts(made.state.stream)


def alone(made: Whole, honest: Whole) -> bytes:
    """The forged host's own streams and log with the other members' true ones.

    Both worlds are the same up to the forged step: the same seed, the same keys.
    """
    own = [part for part in parts_of(made) if part.keeper == HOST]
    theirs = [part for part in parts_of(honest) if part.keeper != HOST]
    return show(made, [*own, *theirs])


def show(made: Whole, parts: Sequence[StreamPart], reader: str = "regulator") -> bytes:
    """Assemble parts as they are, with the chain's own notes."""
    cut = shown(parts, reader)
    needs = needs_of(cut)
    chain, keeper = made.net.chain, made.net.members[HOST].account
    accounts = [made.net.members[one].account for one in needs.keepers]
    rounds = [(one, bytes.fromhex(keeper), chain.members_of[one]) for one in needs.rounds]
    notes = [chain.prove("anchor", anchor_slots(made.state.stream, keeper, accounts))]
    notes.append(chain.prove("beacon", beacon_slots(rounds)))
    return assemble(cut, chain.changes, notes, reader)
