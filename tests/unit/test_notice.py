"""The public notice of a tender: everything in its time, and nothing that could be counted."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from node.core.records.box import Box, Ciphertext
from node.core.records.keys import PublicKey
from node.core.records.kinds.session import (
    Candidate,
    CandidatesPublished,
    RankedBid,
    ResultConsolidated,
)
from node.core.records.kinds.streams import Network, StreamOpened
from node.core.records.kinds.tender import (
    BidPackage,
    Certificate,
    Lot,
    Method,
    TenderAnnounced,
    TenderPlanned,
)
from node.core.rules import audience
from node.core.rules.audience import Level, Stage
from node.core.rules.award import OVER
from node.core.rules.ruleset import builtin_rulesets
from node.core.rules.state import Bid, Phase, Seat, TenderState
from node.services.notice import notice_of, phase_of
from node.services.reads import CandidateInfo, RankedInfo

SALT = "00" * 32
BID = "b1" * 32
RULES = next(iter(builtin_rulesets().values()))
PLAN = TenderPlanned(
    buyer=PublicKey("aa" * 32, "ed25519"),
    buyer_name="土浦市",
    origin="invented",
    tender="B194",
    title="道路工程",
    salt=SALT,
)
ANNOUNCED = TenderAnnounced(
    currency="JPY",
    deadline="2026-11-24T09:00:00Z",
    holders=("changsha", "xiangtan"),
    lots=(
        Lot(
            id="1",
            method=Method(kind="lowest-price"),
            ceiling="15000000",
        ),
    ),
    opening="2026-11-24T09:00:00Z",
    scale=0,
    threshold=2,
    unlock_until="2026-11-24T09:30:00Z",
    salt=SALT,
)
PACKAGE = BidPackage(
    bidder="C1",
    certificate=Certificate(key="aa", sig="bb", suite="ed25519"),
    key="cc" * 32,
    lot="1",
    name="Builder",
    stream="ab" * 32,
    price="14820000",
)
CANDIDATES = CandidatesPublished(
    candidates=(Candidate(bid=BID, rank=1),), objections_until="2026-11-28T09:00:00Z", salt=SALT
)
OPENED_AS = StreamOpened(
    clock="test",
    hash="sha256",
    keeper="zhuzhou",
    kind="tender",
    kinds=(),
    network=Network(chain_id=1, registry="dd" * 20),
    ruleset="cd" * 32,
    salt=SALT,
)
BASE = TenderState(RULES, stream="ab" * 32, opened_as=OPENED_AS, plan=PLAN, announced=ANNOUNCED)
BOX = Box(Ciphertext("ee" * 32, 1024), ("changsha", "xiangtan"), ("00" * 32, "11" * 32), 2)


def full(phase: Phase) -> TenderState:
    """Give a state that holds at any phase all that a host may know at the end."""
    return replace(
        BASE,
        phase=phase,
        bids=MappingProxyType({BID: Bid(BID, "cc" * 32, 7, BOX, 5)}),
        unlocked=frozenset({BID}),
        opened=MappingProxyType({BID: PACKAGE}),
        seats=MappingProxyType({"1": Seat("1", "changsha", "ff" * 32)}),
        candidates=CANDIDATES,
        winner=BID,
    )


@pytest.mark.parametrize("phase", [p for p in Phase if p not in OVER])
def test_notice_before_the_award_is_the_same_whoever_bid_and_sits(phase: Phase) -> None:
    assert notice_of(replace(full(phase), candidates=None)) == notice_of(replace(BASE, phase=phase))


@pytest.mark.parametrize("phase", list(Phase))
def test_candidates_are_told_exactly_where_the_audience_table_shows_them(phase: Phase) -> None:
    notice, (_, stage) = notice_of(full(phase)), phase_of(full(phase))
    shown = audience.level("tender", ("candidates.published/v1", ""), stage, ("public", "public"))
    assert notice is not None
    assert (notice.candidates is not None) == (shown is Level.ALL)


@pytest.mark.parametrize("phase", list(Phase))
def test_notice_names_no_seat_and_no_person(phase: Phase) -> None:
    told = repr(notice_of(full(phase)))
    assert "ff" * 32 not in told
    assert BOX.ciphertext.sha256 not in told


@pytest.mark.parametrize(
    ("phase", "word", "stage"),
    [
        (Phase.NEW, "preparing", Stage.PLAN),
        (Phase.FOUNDED, "preparing", Stage.PLAN),
        (Phase.PLANNED, "planned", Stage.PLAN),
        (Phase.ANNOUNCED, "bidding", Stage.BIDS_OPEN),
        (Phase.CLOSED, "opening", Stage.BIDS_CLOSED),
        (Phase.UNLOCKED, "opening", Stage.BIDS_CLOSED),
        (Phase.READ, "evaluation", Stage.READ),
        (Phase.SEATED, "evaluation", Stage.READ),
        (Phase.VOTING, "evaluation", Stage.READ),
        (Phase.DECIDED, "evaluation", Stage.READ),
        (Phase.AWARDED, "awarded", Stage.AWARDED),
        (Phase.RANKED, "ranked", Stage.AWARDED),
        (Phase.FAILED, "failed", Stage.AWARDED),
    ],
)
def test_phase_in_public_words(phase: Phase, word: str, stage: Stage) -> None:
    assert phase_of(replace(BASE, phase=phase)) == (word, stage)


def test_nothing_is_told_before_the_plan() -> None:
    assert notice_of(TenderState(RULES)) is None


def test_plan_without_announcement_has_no_terms() -> None:
    notice = notice_of(replace(BASE, phase=Phase.PLANNED, announced=None))
    assert notice is not None
    assert (notice.id, notice.host, notice.buyer, notice.ruleset, notice.announcement) == (
        *("B194", "zhuzhou", "土浦市", "cd" * 32),
        None,
    )


def test_announcement_is_told_as_it_was_made() -> None:
    notice = notice_of(replace(BASE, phase=Phase.ANNOUNCED))
    assert notice is not None
    assert notice.announcement is not None
    assert notice.announcement.holders == ("changsha", "xiangtan")
    lot = notice.announcement.lots[0]
    assert (lot.id, lot.method, lot.ceiling, lot.minimum) == ("1", "lowest-price", "15000000", None)


def test_award_is_told_with_candidates_and_price() -> None:
    notice = notice_of(full(Phase.AWARDED))
    first = CandidateInfo(1, BID, "C1", "Builder", "14820000")
    assert notice is not None
    assert notice.winner == first
    assert notice.candidates is not None
    assert notice.candidates.ranking == (first,)
    assert notice.candidates.objections_until == "2026-11-28T09:00:00Z"


def test_failed_tender_has_no_winner() -> None:
    notice = notice_of(replace(BASE, phase=Phase.FAILED))
    assert notice is not None
    assert (notice.phase, notice.candidates, notice.winner) == ("failed", None, None)


def test_candidates_are_told_when_the_audience_table_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def shows(_kind: str, record: tuple[str, str], stage: Stage, _reader: object) -> Level:
        published = record[0] == "candidates.published/v1" and stage >= Stage.READ
        return Level.ALL if published else Level.NOTHING

    monkeypatch.setattr("node.services.notice.level", shows)
    during, before = notice_of(full(Phase.PUBLICITY)), notice_of(full(Phase.CLOSED))
    assert during is not None
    assert before is not None
    assert (during.phase, during.winner) == ("publicity", None)
    assert during.candidates is not None
    assert (before.phase, before.candidates) == ("opening", None)
    sitting = notice_of(replace(BASE, phase=Phase.VOTING))
    assert sitting is not None
    assert (sitting.phase, sitting.candidates) == ("evaluation", None)


def test_ranking_is_told_when_it_is_published_and_not_before() -> None:
    row = RankedBid(bid=BID, deducted="1", objective="40", quality="15.98", rank=1, total="54.98")
    result = ResultConsolidated(
        outcome="ranked", ranking=(row,), rejected=(), salt="00" * 32, tied=()
    )
    ended = replace(full(Phase.RANKED), candidates=None, result=result)
    notice, before = notice_of(ended), notice_of(replace(ended, phase=Phase.RELEASED))
    assert notice is not None
    assert notice.ranking == (RankedInfo(1, BID, "C1", "Builder", "54.98"),)
    assert (notice.winner, notice.candidates) == (None, None)
    assert before is not None
    assert before.ranking is None
