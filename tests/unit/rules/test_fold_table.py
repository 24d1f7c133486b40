"""The whole table of phases and kinds, driven with real states: what is not listed is refused.

The allowed pairs stand here by hand, from the protocol and the law, not from the code. The states
are those of whole tenders of the world: awarded, decided by lot, scored, ranked without an award,
failed early, failed late.
"""

from __future__ import annotations

import pytest

from node.core.errors import NodeError, RuleError
from node.core.records.envelope import Header
from node.core.rules.fold import TABLE, apply
from node.core.rules.state import Phase, Placed, TenderState
from tests.world.session import SCRIPTS, world

LIVE = set(Phase) - {Phase.NEW, Phase.OPENED}
ALLOWED: dict[str, set[str]] = {
    "stream.opened/v1": {"new"},
    "registry.noted/v1": {"opened", *LIVE},
    "record.refused/v1": {*LIVE},
    "tender.planned/v1": {"founded"},
    "committee.planned/v1": {"planned"},
    "tender.announced/v1": {"composed"},
    "bid.sealed/v1": {"announced"},
    "bids.closed/v1": {"announced"},
    "bid.unlocked/v1": {"closed"},
    "term.expired/v1": {"closed", "publicity"},
    "share.released/v1": {"unlocked", "revealing"},
    "bid.opened/v1": {"unlocked"},
    "bid.not_opened/v1": {"unlocked"},
    "opening.closed/v1": {"unlocked"},
    "lot.failed/v1": {"closed", "released"},
    "draw.requested/v1": {"read", "calling"},
    "draw.joined/v1": {"drawing"},
    "draw.seeded/v1": {"drawing", "calling", "ranking"},
    "expert.contacted/v1": {"calling"},
    "draw.picked/v1": {"picking"},
    "committee.formed/v1": {"picked"},
    "expert.seated/v1": {"formed"},
    "undertaking.signed/v1": {"seated"},
    "chair.voted/v1": {"sworn"},
    "chair.elected/v1": {"sworn"},
    "review.checked/v1": {"reviewing"},
    "rejection.voted/v1": {"voting"},
    "scores.submitted/v1": {"scoring"},
    "sheet.opened/v1": {"revealing"},
    # from `scoring` only for a reader who sees no votes and where no bid was left to score
    "result.consolidated/v1": {"scoring", "ranking"},
    "report.signed/v1": {"signing"},
    "session.closed/v1": {"signed"},
    "candidates.published/v1": {"released"},
    # only where nothing is awarded; `lot.failed` and `candidates.published` follow other results
    "ranking.published/v1": {"released"},
    "award.decided/v1": {"awarding"},
    "award.noticed/v1": {"decided"},
    "draw.disclosed/v1": {"awarded", "ranked"},
}
NOT_IN_THE_WORLD = {
    # A shortage of experts and a refused record are not in the world's tenders; the registry is
    # noted twice there, not in every phase; the last one is a reader's, not a host's.
    ("calling", "draw.requested/v1"),
    ("scoring", "result.consolidated/v1"),
}


def states() -> dict[Phase, TenderState]:
    """A real state of every phase."""
    found: dict[Phase, TenderState] = {}
    for name in SCRIPTS:
        made = world(name)
        for state in (*(said.before for said in made.said), made.state):
            found.setdefault(state.phase, state)
    return found


STATES = states()


def probe(state: TenderState, kind: str) -> NodeError | None:
    """What the fold says to a bare record of a kind, at the right place of this stream."""
    header = Header(
        type=kind,
        author="centre:zhuzhou",
        key="0" * 64,
        at="2026-03-02T00:00:00Z",
        body="0" * 64,
        stream=state.stream or None,
    )
    placed = Placed(len(state.entries), "0" * 64, state.received, "0" * 64, header, None)
    try:
        apply(state, placed)
    except NodeError as error:
        return error
    return None


def test_the_world_passes_through_every_phase() -> None:
    assert set(STATES) == set(Phase)


def test_the_table_knows_exactly_these_pairs() -> None:
    assert {kind: set(rule.phases) for kind, rule in TABLE.items()} == ALLOWED


@pytest.mark.parametrize("phase", list(Phase))
def test_every_other_pair_is_refused_with_its_article(phase: Phase) -> None:
    state = STATES[phase]
    for kind, phases in ALLOWED.items():
        error = probe(state, kind)
        told = str(error)
        if not (TABLE[kind].article or state.rules.has_step(kind)):
            assert isinstance(error, RuleError), (phase, kind)
            assert (error.article, "does not stand" in told) == ("protocol 9", True), told
        elif phase in phases:
            assert "may not follow" not in told, (phase, kind)
        else:
            assert isinstance(error, RuleError), (phase, kind)
            assert error.article == (TABLE[kind].article or state.rules.step(kind))
            assert error.article
            assert "may not follow" in told, (phase, kind, told)


def test_every_allowed_pair_happens_in_a_real_tender() -> None:
    seen = {
        (str(said.before.phase), said.placed.header.type)
        for name in SCRIPTS
        for said in world(name).said
    }
    wanted = {
        (str(phase), kind)
        for kind, phases in ALLOWED.items()
        for phase in phases
        if kind not in ("registry.noted/v1", "record.refused/v1")
    }
    assert wanted - seen == NOT_IN_THE_WORLD
    assert all(phase in ALLOWED[kind] for phase, kind in seen)


@pytest.mark.parametrize("kind", ["pool.published/v1", "record.lodged/v1", "identity.unlocked/v1"])
def test_kinds_of_other_streams_never_stand_in_a_tender(kind: str) -> None:
    for state in STATES.values():
        error = probe(state, kind)
        assert isinstance(error, RuleError)
        assert error.article == "protocol 9"
