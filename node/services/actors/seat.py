"""One expert in her seat: what she owes in each phase, and the records that she makes.

What she finds and how she marks comes from the case file, which stands for her own judgement;
everything else from the stream. A seat's key is fresh, for this tender only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from node.core.errors import ConfigError
from node.core.records.box import make_box
from node.core.records.canonical import encode
from node.core.records.kinds.session import (
    ChairVoted,
    Finding,
    FindingVote,
    RejectionVoted,
    ReportSigned,
    ReviewChecked,
    Score,
    ScoreSheet,
    ScoresSubmitted,
    UndertakingSigned,
)
from node.core.rules.review import computed_rejections, lacks_price, rejections, sheet_context
from node.core.rules.seating import undertaking_digest
from node.core.rules.state import Phase
from node.services.actors.bidder import box_key

if TYPE_CHECKING:
    from node.core.records.box import MadeBox
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.actors.tender_file import TenderFile
    from node.services.ports import Entropy

Made = tuple["Body", "MadeBox | None"]
NO_PRICE = "no-price"


def owed(state: TenderState, seat: str) -> str | None:
    """The record type that this seat owes now, or None."""
    if state.phase not in _OWED:
        return None
    kind, is_done = _OWED[state.phase]
    return None if is_done(state, seat) else kind


_OWED: Mapping[Phase, tuple[str, Callable[[TenderState, str], bool]]] = MappingProxyType(
    {
        Phase.SEATED: ("undertaking.signed/v1", lambda state, seat: state.seats[seat].sworn),
        Phase.SWORN: ("chair.voted/v1", lambda state, seat: bool(state.seats[seat].chair)),
        Phase.REVIEWING: ("review.checked/v1", lambda state, seat: state.chair != seat),
        Phase.VOTING: ("rejection.voted/v1", lambda state, seat: seat in state.review.votes),
        Phase.SCORING: ("scores.submitted/v1", lambda state, seat: seat in state.review.sheets),
        Phase.SIGNING: ("report.signed/v1", lambda state, seat: seat in state.reports),
    }
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one seat says, from her case file; all bodies of one seat are made here."""

    seat: str
    case: TenderFile
    entropy: Entropy

    def made(self, kind: str, state: TenderState) -> Made:
        """Body, and box if there is one, of a record that this seat owes."""
        if kind == "scores.submitted/v1":
            return self._boxed_sheet(state)
        return _BODIES[kind](self, state), None

    def undertaking(self, _state: TenderState) -> UndertakingSigned:
        """No interest in any bidder, now that they are known."""
        return UndertakingSigned(conflict="none", salt=self.salt(), text=undertaking_digest())

    def chair(self, state: TenderState) -> ChairVoted:
        """A vote for the first seat, and by her for the second: nobody votes for herself."""
        other = min((s for s in state.seats if s != self.seat), key=int)
        return ChairVoted(salt=self.salt(), seat=other)

    def findings(self, state: TenderState) -> ReviewChecked:
        """The facts of the case about opened bids that their price does not reject already."""
        computed, found = computed_rejections(state), dict[str, Finding]()
        noted = {fact.bidder: fact for fact in self.case.findings}
        for bid, package in state.opened.items():
            fact = noted.get(package.bidder)
            if bid in computed or (fact is None and not lacks_price(state, bid)):
                continue
            ground = fact.ground if fact else NO_PRICE
            note = fact.note if fact else "the opened bid names no price"
            article = state.rules.article(state.rules.ground(ground).article)
            found[bid] = Finding(bid=bid, clause=article.cite, ground=ground, note=note)
        return ReviewChecked(findings=tuple(found[bid] for bid in sorted(found)), salt=self.salt())

    def votes(self, state: TenderState) -> RejectionVoted:
        """One vote on each finding, in their order."""
        against = {fact.bidder for fact in self.case.findings if self.seat in fact.against}
        votes = tuple(
            FindingVote(bid=one.bid, reject=state.opened[one.bid].bidder not in against)
            for one in state.review.findings or ()
        )
        return RejectionVoted(salt=self.salt(), votes=votes)

    def report(self, state: TenderState) -> ReportSigned:
        """Agreed, or dissent with its reason."""
        reason = next((d.reason for d in self.case.dissents if d.seat == self.seat), None)
        if reason is None:
            return ReportSigned(opinion="agreed", result=state.result_id, salt=self.salt())
        return ReportSigned(
            opinion="dissent", reason=reason, result=state.result_id, salt=self.salt()
        )

    def _boxed_sheet(self, state: TenderState) -> Made:
        formed = state.committee
        if formed is None:
            raise AssertionError("no phase before the committee asks for a sheet")
        sheet = self.sheet(state)
        holders = [(name, box_key(state, name)) for name in formed.holders]
        context = sheet_context(state, sheet.key)
        box = make_box(encode(sheet), context, holders, formed.threshold, self.entropy.bytes)
        return ScoresSubmitted(box=box.box, salt=self.salt()), box

    def sheet(self, state: TenderState) -> ScoreSheet:
        """Her marks for every bid that is not rejected, sorted by bid, then criterion."""
        valid = sorted(state.opened.keys() - (rejections(state) or {}).keys())
        names = sorted(criterion.id for criterion in state.lot.method.criteria)
        scores = tuple(
            Score(bid=bid, criterion=name, points=self._mark(state.opened[bid].bidder, name))
            for bid in valid
            for name in names
        )
        key = state.seats[self.seat].key
        return ScoreSheet(key=key, lot=state.lot.id, scores=scores, stream=state.stream)

    def _mark(self, bidder: str, criterion: str) -> str:
        try:
            return self.case.marks[self.seat][bidder][criterion]
        except KeyError:
            raise ConfigError(
                f"the case has no mark of seat {self.seat} for {bidder}, {criterion}"
            ) from None

    def salt(self) -> str:
        """32 fresh random bytes, hex."""
        return self.entropy.bytes(32).hex()


_BODIES: Mapping[str, Callable[[Judgement, TenderState], Body]] = MappingProxyType(
    {
        "undertaking.signed/v1": Judgement.undertaking,
        "chair.voted/v1": Judgement.chair,
        "review.checked/v1": Judgement.findings,
        "rejection.voted/v1": Judgement.votes,
        "report.signed/v1": Judgement.report,
    }
)
