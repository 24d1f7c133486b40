"""The committee's session, the result, and the award: the last part of a whole tender."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from node.core.records.box import BoxContext, open_box
from node.core.records.canonical import b64encode, decode, encode, epoch_of, time_of
from node.core.records.keys import Suite, key_id
from node.core.records.kinds import Body
from node.core.records.kinds.session import (
    AwardDecided,
    AwardNoticed,
    CandidatesPublished,
    ChairElected,
    ChairVoted,
    CommitteeFormed,
    ExpertSeated,
    Finding,
    FindingVote,
    FormedSeat,
    RankingPublished,
    RejectionVoted,
    ReportSigned,
    ResultConsolidated,
    ReviewChecked,
    Score,
    ScoreSheet,
    ScoresSubmitted,
    SessionClosed,
    SheetOpened,
    UndertakingSigned,
)
from node.core.records.kinds.streams import TermExpired
from node.core.records.kinds.tender import LotFailed
from node.core.rules import award, seating
from node.core.rules.opening import is_enough, shares_of
from node.core.rules.result import result_of, tie_of
from node.core.rules.review import has_valid, rejections
from node.core.rules.tender import is_scored
from tests.world.boxes import seal_box
from tests.world.drawing import Drawing, link
from tests.world.network import Person
from tests.world.run import HOLDERS, Step
from tests.world.scripts import CN, CN_FEW, JP, JP_NONE, JP_TIE, PANEL, Script


class Whole(Drawing):
    """A whole tender."""

    seats: dict[str, Person]
    claims: dict[str, tuple[str, str]]

    def run(self) -> Whole:
        """From the first record to the last endorsement."""
        self.before_session()
        if is_enough(self.state):
            self.evaluate()
            self.finish()
        self.end()
        return self

    def before_session(self) -> None:
        """Plan, bids, opening."""
        self.found()
        for pool in self.net.pools:
            self.net.publish_snapshot(pool)
        self.net.tick()
        self.bid_all()
        self.close_bids()
        for pool in self.net.pools:
            self.net.publish_snapshot(pool)
        self.net.tick()
        if is_enough(self.state):
            self.open_all()
        else:
            failed = LotFailed(ground="too-few-bids", salt=self.salt())
            self.say(self.host, "lot.failed/v1", failed)

    def evaluate(self) -> None:
        """Draw, committee, review, result, report."""
        self.draw()
        self.seat_all()
        self.swear_all()
        self.review()
        if is_scored(self.state.lot.method) and has_valid(self.state):
            self.score_all()
        if tie_of(self.state):
            self.seed("lot")
        self.say(self.host, "result.consolidated/v1", self.result_body())
        self.sync()
        self.sign_all()
        closed = self.say(
            self.host, "session.closed/v1", SessionClosed(result=self.state.result_id,
                                                          salt=self.salt())
        )  # fmt: skip
        self.chain(
            lambda: self.net.chain.set_tender(
                self.state.stream,
                self.account,
                result_at=self.net.now,
                result=bytes.fromhex(self.state.result_id),
                result_head=bytes.fromhex(closed.entry),
            )
        )
        self.sync()

    # --- committee ------------------------------------------------------------------------------

    def seat_all(self) -> None:
        """Form the committee and let every expert take her seat."""
        self.say(self.host, "committee.formed/v1", self.formed())
        self.sync()
        self.seats, self.claims, steps = {}, {}, []
        for seat, one in self.state.seats.items():
            suite: Suite = "es256" if int(seat) % 2 else "ed25519"
            person = Person(f"expert:{seat}", self.chance.signer(suite))
            self.seats[seat] = person
            claim = self.claim_of(seat, key_id(person.signer.public))
            sig = self.experts[one.person].entry.sign(bytes.fromhex(claim)).hex()
            salt = self.salt()
            self.claims[one.person] = (salt, sig)
            body = ExpertSeated(
                key=person.signer.public, link=link(salt, sig), person=one.person, salt=self.salt()
            )
            steps.append((person, "expert.seated/v1", body))
        self.say_all(list(steps))
        self.unlock_names()
        self.sync()

    def formed(self) -> CommitteeFormed:
        """The committee as drawn."""
        seats = tuple(
            FormedSeat(centre=centre, person=person, seat=seat)
            for seat, person, centre in seating.seats_of(self.state)
        )
        return CommitteeFormed(
            draw=self.state.draw.id, holders=HOLDERS, salt=self.salt(), seats=seats, threshold=2
        )

    def swear_all(self) -> None:
        """Undertakings, and the chair where the rules ask for one."""
        text = seating.undertaking_digest()
        sworn = {
            seat: UndertakingSigned(conflict="none", salt=self.salt(), text=text)
            for seat in self.seats
        }
        self.by_seat("undertaking.signed/v1", sworn)
        if self.script.chair:
            votes = {s: ChairVoted(salt=self.salt(), seat="2" if s != "2" else "4")
                     for s in self.seats}  # fmt: skip
            self.by_seat("chair.voted/v1", votes)
            elected = ChairElected(salt=self.salt(), seat=seating.chair_of(self.state) or "")
            self.say(self.host, "chair.elected/v1", elected)
        self.sync()

    def by_seat(self, kind: str, bodies: Mapping[str, Body]) -> None:
        """One record of every seat."""
        steps: list[Step] = [(self.seats[seat], kind, body) for seat, body in bodies.items()]
        self.say_all(steps)

    # --- review ---------------------------------------------------------------------------------

    def review(self) -> None:
        """Findings by the chair, votes of all: the first seat is against every rejection."""
        findings = tuple(self.findings())
        chair = self.seats[self.state.chair]
        self.say(chair, "review.checked/v1", ReviewChecked(findings=findings, salt=self.salt()))
        self.by_seat("rejection.voted/v1", {s: self.vote(s) for s in self.seats})
        self.sync()

    def findings(self) -> list[Finding]:
        """What the script lets the committee find."""
        found = []
        for sealed in sorted(self.sealed, key=lambda one: one.record):
            ground = self.script.findings.get(sealed.bidder.id)
            if ground is not None and sealed.record in self.state.opened:
                rule = self.state.rules.ground(ground)
                found.append(
                    Finding(
                        bid=sealed.record,
                        clause=self.state.rules.article(rule.article).cite,
                        ground=ground,
                        note="失格 disqualified",
                    )
                )
        return found

    def vote(self, seat: str) -> RejectionVoted:
        """One member's votes."""
        votes = tuple(
            FindingVote(bid=finding.bid, reject=seat != "1")
            for finding in self.state.review.findings or ()
        )
        return RejectionVoted(salt=self.salt(), votes=votes)

    def score_all(self) -> None:
        """Sheets in boxes; when all are in, the holders release and the host opens."""
        for seat in self.seats:
            self.submit_sheet(seat)
        self.sync()
        self.release_all()
        for sheet in sorted(self.state.review.sheets.values(), key=lambda one: one.id):
            self.say(self.host, "sheet.opened/v1", self.opened_sheet(sheet.id))
        self.sync()

    def submit_sheet(self, seat: str) -> None:
        """One member's boxed sheet."""
        person = self.seats[seat]
        key = key_id(person.signer.public)
        package = ScoreSheet(
            key=key, lot=self.script.lot.id, scores=self.marks(seat), stream=self.state.stream
        )
        context = BoxContext(
            key=key, lot=self.script.lot.id, purpose="sheet", stream=self.state.stream
        )
        made = seal_box(encode(package), context, self.holders(), self.chance)
        body = ScoresSubmitted(box=made.box, salt=self.salt())
        self.boxes[self.say(person, "scores.submitted/v1", body).id] = made

    def marks(self, seat: str) -> tuple[Score, ...]:
        """Members disagree, but not on what is counted."""
        out = rejections(self.state) or {}
        bidder_of = {s.record: s.bidder.id for s in self.sealed}
        scores = []
        for bid in sorted(set(self.state.opened) - set(out)):
            values = self.values(int(bidder_of[bid][1:]), int(seat))
            scores += [
                Score(bid=bid, criterion=name, points=points)
                for name, points in sorted(values.items())
            ]
        return tuple(scores)

    def values(self, number: int, seat: int) -> dict[str, str]:
        """One member's marks of one bidder, by criterion."""
        if self.script.rules == "panel":
            return panel_values(number, seat)
        return {
            "design": f"{28 + 2 * number + seat}.5",
            "record": str(10 - number),
            "staff": str(4 + (number + seat) % 5),
        }

    def opened_sheet(self, sheet: str) -> SheetOpened:
        """A sheet as it lay in its box."""
        made = self.boxes[sheet]
        shares = shares_of(self.state, sheet) or ()
        opened = open_box(made.box, made.ciphertext, shares, self.context(sheet))
        return SheetOpened(
            ciphertext=b64encode(made.ciphertext),
            key=opened.key.hex(),
            package=decode(opened.plaintext, ScoreSheet),
            salt=self.salt(),
            sheet=sheet,
        )

    # --- result and award -----------------------------------------------------------------------

    def result_body(self) -> ResultConsolidated:
        """What the rules give."""
        found = result_of(self.state)
        if found is None:
            raise AssertionError("the host sees everything")
        return ResultConsolidated(
            outcome=found.outcome,
            ranking=found.ranking,
            rejected=found.rejected,
            salt=self.salt(),
            tied=found.tied,
            winner=found.winner,
        )

    def sign_all(self) -> None:
        """Every member signs; one may dissent."""
        bodies: dict[str, Body] = {}
        for seat in self.seats:
            dissents = seat == self.script.dissents
            bodies[seat] = ReportSigned(
                opinion="dissent" if dissents else "agreed",
                reason="评分依据不足 marks not well founded" if dissents else None,
                result=self.state.result_id,
                salt=self.salt(),
            )
        self.by_seat("report.signed/v1", bodies)

    def finish(self) -> None:
        """Candidates, publicity, award, notice, links; or the lot fails."""
        if self.state.result is not None and self.state.result.outcome == "ranked":
            published_ranking = RankingPublished(result=self.state.result_id, salt=self.salt())
            self.say(self.buyer, "ranking.published/v1", published_ranking)
            self.sync()
            self.disclose_all(self.claims)
            return
        if self.state.result is None or self.state.result.winner is None:
            failed = LotFailed(ground="no-valid-bid", salt=self.salt())
            self.say(self.host, "lot.failed/v1", failed)
            return
        until = award.objections_until(self.state, self.net.now)
        published = CandidatesPublished(
            candidates=award.candidates_of(self.state),
            objections_until=time_of(until),
            salt=self.salt(),
        )
        self.say(self.buyer, "candidates.published/v1", published)
        self.sync()
        if self.state.rules.clock.objection_days.value:
            self.net.wait_until(epoch_of(published.objections_until))
            expired = TermExpired(salt=self.salt(), term="objection")
            self.say(self.host, "term.expired/v1", expired)
        winner = self.state.result.winner
        self.say(self.buyer, "award.decided/v1", AwardDecided(bid=winner, salt=self.salt()))
        price = self.state.opened[winner].price or ""
        notice = AwardNoticed(bid=winner, price=price, salt=self.salt())
        self.say(self.buyer, "award.noticed/v1", notice)
        self.sync()
        self.disclose_all(self.claims)


def panel_values(number: int, seat: int) -> dict[str, str]:
    """Marks and facts of one entry: E02 and E03 trade a point of marks for a point of facts.

    E04 and E05 are alike. Seat 9 was not there for E01, and seat 1 gave it the lowest mark.
    """
    skill = {1: "9.25", 2: "8.75", 3: "7.50", 4: "5.00", 5: "5.00"}[number]
    return {
        "deductions": "1.00" if number == 1 else "0.00",
        "elements": {1: "40.00", 2: "30.00", 3: "31.00", 4: "20.00", 5: "20.00"}[number],
        "skill": {(1, 9): "0.0", (1, 1): "8.00"}.get((number, seat), skill),
        "style": f"{4 + seat % 3}.{25 * (seat % 4):02}",
    }


SCRIPTS: dict[str, Script] = {
    "jp": JP,
    "jp-tie": JP_TIE,
    "jp-none": JP_NONE,
    "cn": CN,
    "cn-few": CN_FEW,
    "panel": PANEL,
}


@cache
def world(name: str) -> Whole:
    """One of the finished tenders: made once, never changed by a test."""
    return Whole(SCRIPTS[name]).run()


@cache
def evidence(name: str, reader: str) -> bytes:
    """The evidence of a finished tender for a reader."""
    made = world(name)
    return made.net.evidence(made.state.stream, reader)
