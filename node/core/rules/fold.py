"""The table of a tender: who may say what in which phase, and the fold that applies it.

Source: protocol.md sections 2, 4, 5, 6. The host, every guest and the offline verifier run this
same fold. `TABLE` is the whole of what is allowed: any pair of phase and kind that is not in it is
refused, with the article of the kind's rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from node.core.errors import RuleError
from node.core.rules import (
    award,
    bid,
    drawing,
    opening,
    result,
    review,
    seating,
    stream,
    tender,
)
from node.core.rules.change import put, replace
from node.core.rules.membership import learn
from node.core.rules.rounds import AWAITED
from node.core.rules.state import Phase, Placed, TenderState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from node.core.records.kinds.draws import DrawSeeded
    from node.core.records.kinds.streams import StreamOpened, TermExpired
    from node.core.rules.ruleset import RuleSet

Apply = Callable[[TenderState, Placed, Any], TenderState]
LAW = ""
"""The article of this kind stands in the rule set (`[steps]`), not here."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: which author, in which phases, under which article, and what it does.

    `article` is LAW where the rule set has it, else a section of the protocol. A refusal by
    `apply` that names no article of its own gets this one.

    `hidden` kinds may come without their body to readers from whom it is withheld.
    """

    author: str
    phases: frozenset[Phase]
    article: str
    apply: Apply
    hidden: bool = False


def _term_expired(state: TenderState, placed: Placed, body: TermExpired) -> TenderState:
    if (body.term == "unlock") != (state.phase is Phase.CLOSED):
        raise RuleError(f"no {body.term} term runs now", article="protocol 4")
    if body.term == "unlock":
        return opening.unlock_expired(state, placed, body)
    return award.objection_expired(state, placed, body)


def _draw_seeded(state: TenderState, placed: Placed, body: DrawSeeded) -> TenderState:
    if state.phase is Phase.RANKING and not result.may_need_lot(state):
        raise RuleError("a lot is drawn only among equals", article="protocol 10.9")
    return drawing.draw_seeded(state, placed, body)


def _rule(author: str, phases: str, article: str, apply: Apply, *, hidden: bool = False) -> Rule:
    return Rule(author, frozenset(Phase(p) for p in phases.split()), article, apply, hidden)


_LIVE = " ".join(p for p in Phase if p not in (Phase.NEW, Phase.OPENED))

TABLE: Mapping[str, Rule] = MappingProxyType(
    {
        "stream.opened/v1": _rule("host", "new", "protocol 2", stream.stream_opened),
        "registry.noted/v1": _rule("host", f"opened {_LIVE}", "protocol 7", stream.registry_noted),
        "record.refused/v1": _rule("host", _LIVE, "protocol 4", stream.record_refused),
        "tender.planned/v1": _rule("buyer", "founded", LAW, tender.tender_planned),
        "committee.planned/v1": _rule(
            "buyer", "planned", LAW, tender.committee_planned, hidden=True
        ),
        "tender.announced/v1": _rule("buyer", "composed", LAW, tender.tender_announced),
        "bid.sealed/v1": _rule("bidder", "announced", LAW, bid.bid_sealed),
        "bids.closed/v1": _rule("host", "announced", LAW, bid.bids_closed),
        "bid.unlocked/v1": _rule("bidder", "closed", LAW, opening.bid_unlocked),
        "term.expired/v1": _rule("host", "closed publicity", "protocol 4", _term_expired),
        "share.released/v1": _rule(
            "holder", "unlocked revealing", "protocol 5", opening.share_released, hidden=True
        ),
        "bid.opened/v1": _rule("host", "unlocked", LAW, opening.bid_opened),
        "bid.not_opened/v1": _rule("host", "unlocked", LAW, opening.bid_not_opened),
        "opening.closed/v1": _rule("host", "unlocked", LAW, opening.opening_closed),
        "lot.failed/v1": _rule("host", "closed released", LAW, opening.lot_failed),
        "draw.requested/v1": _rule("host", "read calling", LAW, drawing.draw_requested),
        "draw.joined/v1": _rule("pool", "drawing", "protocol 6", drawing.draw_joined),
        "draw.seeded/v1": _rule("host", "drawing calling ranking", "protocol 6", _draw_seeded),
        "expert.contacted/v1": _rule("pool", "calling", "protocol 6", drawing.expert_contacted),
        "draw.picked/v1": _rule("host", "picking", "protocol 6", drawing.draw_picked),
        "committee.formed/v1": _rule("host", "picked", LAW, seating.committee_formed),
        "expert.seated/v1": _rule("seat", "formed", LAW, seating.expert_seated),
        "undertaking.signed/v1": _rule("seat", "seated", LAW, seating.undertaking_signed),
        "chair.voted/v1": _rule("seat", "sworn", LAW, seating.chair_voted, hidden=True),
        "chair.elected/v1": _rule("host", "sworn", LAW, seating.chair_elected),
        "review.checked/v1": _rule("seat", "reviewing", LAW, review.review_checked, hidden=True),
        "rejection.voted/v1": _rule("seat", "voting", LAW, review.rejection_voted, hidden=True),
        "scores.submitted/v1": _rule("seat", "scoring", "protocol 5", review.scores_submitted),
        "sheet.opened/v1": _rule(
            "host", "revealing", "protocol 5", review.sheet_opened, hidden=True
        ),
        # From `scoring` only where votes are unseen and no bid was left to be scored.
        "result.consolidated/v1": _rule("host", "scoring ranking", LAW, result.result_consolidated),
        "report.signed/v1": _rule("seat", "signing", LAW, result.report_signed, hidden=True),
        "session.closed/v1": _rule("host", "signed", LAW, result.session_closed),
        "candidates.published/v1": _rule("buyer", "released", LAW, award.candidates_published),
        "ranking.published/v1": _rule("buyer", "released", LAW, award.ranking_published),
        "award.decided/v1": _rule("buyer", "awarding", LAW, award.award_decided),
        "award.noticed/v1": _rule("buyer", "decided", LAW, award.award_noticed),
        "draw.disclosed/v1": _rule("pool", "awarded ranked", "protocol 6", drawing.draw_disclosed),
    }
)
"""Record type -> its rule. The closed list of a tender's stream."""


WHOLE_TENDER = frozenset(
    {
        "stream.opened/v1",
        "registry.noted/v1",
        "record.refused/v1",
        "tender.planned/v1",
        "committee.planned/v1",
        "tender.announced/v1",
        "bids.closed/v1",
        "term.expired/v1",
        "share.released/v1",
    }
)
"""Kinds that concern the whole tender: their header has no `lot`; every other names its lot."""


def kinds_of(rules: RuleSet) -> tuple[str, ...]:
    """The record types that may stand in a tender under these rules, sorted.

    What the law of the rule set has no step for (an award, a ranking without one) does not happen
    under it, and a member that does not know such a type need not stay away for it.
    """
    return tuple(
        sorted(kind for kind, rule in TABLE.items() if rule.article or rules.has_step(kind))
    )


def apply(state: TenderState, placed: Placed) -> TenderState:
    """The state after one more record, or RuleError (BoxError, SignatureError) with its article.

    Signatures are not judged here: `check_signature` with `membership.signer_of` comes first.
    """
    header = placed.header
    rule = TABLE.get(header.type)
    if rule is None or not (rule.article or state.rules.has_step(header.type)):
        raise RuleError(f"{header.type} does not stand in such a tender", article="protocol 9")
    article = rule.article or state.rules.step(header.type)
    check_order(state.entries, state.received, placed)
    check_stream(state.stream, state.opened_as, placed)
    if state.phase not in rule.phases:
        raise RuleError(f"{header.type} may not follow in {state.phase}", article=article)
    _check_author(state, placed, rule, article)
    seen = check_seen(state, placed)
    if placed.body is None and not rule.hidden:
        raise RuleError(f"the body of {header.type} is missing", article="protocol 2")
    _check_lot(state, placed)
    after = _applied(rule, article, state, placed)
    return replace(
        after,
        entries=(*state.entries, placed.entry),
        received=placed.received,
        seen=_seen(state, header.author, seen),
        keyring=learn(state.keyring, header, placed.body),
        awaited=_awaited(state, placed),
    )


def _applied(rule: Rule, article: str, state: TenderState, placed: Placed) -> TenderState:
    try:
        return rule.apply(state, placed, placed.body)
    except RuleError as error:
        if error.article:
            raise
        raise RuleError(error.detail, code=error.code, article=article) from None


def _seen(state: TenderState, author: str, seq: int) -> Mapping[str, int]:
    """What each author has seen; nobody stands there who never said that he had seen anything."""
    known = state.seen
    return known if known.get(author, 0) == seq else put(known, author, seq)


def _awaited(state: TenderState, placed: Placed) -> Mapping[str, int]:
    kind = placed.header.type
    return put(state.awaited, kind, placed.seq) if kind in AWAITED else state.awaited


def _check_lot(state: TenderState, placed: Placed) -> None:
    """A record names the lot it concerns, and none if it concerns the whole tender."""
    wanted = None if placed.header.type in WHOLE_TENDER else state.lot.id
    if placed.header.lot != wanted:
        raise RuleError(f"the record's lot must be {wanted or 'absent'}", article="protocol 2")


def check_order(entries: tuple[str, ...], received: int, placed: Placed) -> None:
    """Accept only the next place, not received before the one in front of it (protocol 3)."""
    if placed.seq != len(entries):
        raise RuleError(f"place {placed.seq} does not follow {len(entries)}", article="protocol 2")
    if placed.received < received:
        raise RuleError("`received` decreases", article="protocol 3")


def check_stream(stream: str, opened: StreamOpened | None, placed: Placed) -> None:
    """Accept only a record made for this stream, of a kind that its first record names."""
    if (placed.header.stream or "") != stream:
        raise RuleError("the record was made for another stream", article="protocol 2")
    if opened is not None and placed.header.type not in opened.kinds:
        raise RuleError("the stream's first record does not name this kind", article="protocol 2")


def _check_author(state: TenderState, placed: Placed, rule: Rule, article: str) -> None:
    role, _, name = placed.header.author.partition(":")
    if rule.author == "host":
        good = role == "centre" and (state.phase is Phase.NEW or name == state.keeper)
    elif rule.author == "buyer":
        good = role == "buyer" and state.buyer in ("", placed.header.author)
    elif rule.author in ("pool", "holder"):
        good = role in ("centre", "regulator")
    else:
        good = role == {"bidder": "bidder", "seat": "expert"}[rule.author]
    if not good:
        raise RuleError(f"{placed.header.type} is for the {rule.author}", article=article)


def check_seen(state: TenderState, placed: Placed) -> int:
    """What the author had seen: asked for once `bids.closed` stands, and never going back.

    Source: protocol.md section 2 and 10.4. Bidders name nothing: they see too little. A seat's
    first record, `expert.seated`, names nothing either; its next one has seen that place.
    Returns the place the author has now seen.
    """
    header, author = placed.header, placed.header.author
    exempt = state.closed is None or author.startswith("bidder:")
    if exempt or header.type == "expert.seated/v1":
        if header.seen is not None:
            raise RuleError("`seen` may not stand here", article="protocol 10.4")
        return state.seen.get(author, 0) if exempt else placed.seq
    if header.seen is None:
        raise RuleError("`seen` is missing", article="protocol 2")
    seq = header.seen.seq
    if seq >= placed.seq or state.entries[seq] != header.seen.entry:
        raise RuleError("`seen` is no place of this stream", article="protocol 2")
    if seq < max(state.seen.get(author, 0), state.closed_seq):
        raise RuleError("the author had seen more before", article="protocol 10.4")
    return seq
