"""Where a file ends for whom, what it needs from the chain, and what cannot be assembled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from node.core.errors import InvalidError, StateError
from node.core.evidence.assemble import assemble
from node.core.evidence.bundle import read_evidence
from node.core.evidence.extent import StreamPart, needs_of, shown
from node.core.evidence.verify import verify
from tests.world.network import CENTRES, HOST
from tests.world.scripts import CN, JP
from tests.world.session import Whole, evidence, world


@pytest.fixture(scope="module")
def running() -> Whole:
    """A tender with bids in, not closed yet."""
    made = Whole(replace(JP, name="tsuchiura-running"))
    made.found()
    made.net.tick()
    made.bid_all()
    made.end()
    return made


@pytest.fixture(scope="module")
def in_session() -> Whole:
    """A scored tender whose members are about to submit sheets."""
    made = Whole(replace(CN, name="cn-running"))
    made.before_session()
    made.draw()
    made.seat_all()
    made.swear_all()
    made.review()
    made.end()
    return made


def file_of(made: Whole, reader: str) -> bytes:
    """The evidence so far."""
    return made.net.evidence(made.state.stream, reader)


@pytest.mark.parametrize("reader", ["public", "bidder:" + "0" * 64])
def test_nobody_outside_gets_evidence_before_the_award(
    running: Whole, in_session: Whole, reader: str
) -> None:
    for made in (running, in_session):
        with pytest.raises(StateError) as caught:
            file_of(made, reader)
        assert caught.value.code == "too-early"


@pytest.mark.parametrize("reader", ["regulator", "centre:changsha"])
def test_before_the_deadline_evidence_ends_before_the_first_bid(
    running: Whole, reader: str
) -> None:
    """Not even how many bids there are."""
    data = file_of(running, reader)
    assert read_evidence(data).host.places[-1].kind == "tender.announced/v1"
    assert verify(data, running.net.trust()).exit_code == 0


def test_the_host_itself_may_have_its_bids(running: Whole) -> None:
    data = file_of(running, f"centre:{HOST}")
    assert read_evidence(data).host.places[-1].kind == "bid.sealed/v1"
    assert verify(data, running.net.trust()).exit_code == 0


@pytest.mark.parametrize("reader", ["regulator", "centre:xiangtan", f"centre:{HOST}"])
def test_evidence_in_the_middle_of_a_session(in_session: Whole, reader: str) -> None:
    data = file_of(in_session, reader)
    verdict = verify(data, in_session.net.trust())
    assert verdict.exit_code == 0
    assert verdict.facts["closed"] is False
    assert verdict.facts["result"] == {"outcome": "open", "winner": None, "price": None}


def test_file_ends_where_all_have_endorsed() -> None:
    """A place that one participant has not endorsed is not in the file yet."""
    made = world("jp")
    parts = made.net.parts(made.state.stream)
    slow = [replace(p, places=p.places[:-1]) if p.kind == "side" else p for p in parts]
    one = [slow[n] if p.keeper == "changsha" else p for n, p in enumerate(parts)]
    whole, cut = (shown(some, "regulator")[0].places for some in (parts, one))
    assert len(cut) < len(whole)
    assert cut[-1].kind == "award.noticed/v1"


def test_needs_name_all_logs_and_all_rounds() -> None:
    made = world("cn")
    needs = needs_of(shown(made.net.parts(made.state.stream), "regulator"))
    assert needs.keepers == ("changsha", "hunan", "xiangtan", HOST)
    assert len(needs.rounds) == 3  # the slate's void one, its second one, the pick's
    few = world("cn-few")
    assert needs_of(shown(few.net.parts(few.state.stream), "public")).rounds == ()


def test_a_pool_that_has_just_published_again_delays_nobody() -> None:
    """Its newest place is not cosigned yet: the file shows its stream up to there."""
    made = Whole(replace(JP, name="tsuchiura-pool")).run()
    stream = made.net.pools["changsha"]
    part = next(p for p in made.net.parts(made.state.stream) if p.stream == stream)
    late = replace(part, notes=[n for n in part.notes if n[0] <= part.places[-1].index])
    others = [p for p in made.net.parts(made.state.stream) if p.stream != stream]
    cut = shown([*others, late], "regulator")
    assert len(next(s for s in cut if s.part.stream == stream).places) == len(part.places) - 1


def test_same_parts_give_the_same_bytes() -> None:
    """Another run of the whole world, byte for byte."""
    files = {
        made.net.evidence(made.state.stream, "regulator")
        for made in (Whole(JP).run(), Whole(JP).run())
    }
    assert len(files) == 1


def _without(kind: str) -> list[StreamPart]:
    made = world("jp")
    return [part for part in made.net.parts(made.state.stream) if part.kind != kind]


def test_parts_that_do_not_fit_together() -> None:
    with pytest.raises(InvalidError):
        shown(_without("tender"), "regulator")


def test_without_its_participants_a_file_ends_before_they_are_named() -> None:
    assert shown(_without("side"), "regulator")[0].places[-1].kind == "committee.planned/v1"


def test_places_without_a_quorum_note_wait() -> None:
    made = world("jp")
    parts = [replace(p, notes=p.notes[:1]) for p in made.net.parts(made.state.stream)]
    cut = shown(parts, "regulator")
    with pytest.raises(StateError) as caught:
        assemble(cut, made.net.chain.changes, [], "regulator")
    assert caught.value.code == "too-early"


def test_pools_of_the_draw_are_in_the_file_and_no_others() -> None:
    read = read_evidence(evidence("jp", "public"))
    assert [stream.keeper for stream in read.of_kind("pool")] == list(CENTRES)
    assert read_evidence(evidence("cn-few", "public")).of_kind("pool") == ()
