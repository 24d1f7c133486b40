"""Side and pool streams: each guard refuses what it is there for, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from node.core.errors import NodeError
from node.core.records.envelope import Header, Seen
from node.core.records.kinds.draws import IdentityUnlocked, PoolPublished
from node.core.records.kinds.session import CommitteeFormed
from node.core.records.kinds.streams import DisputeRaised, RecordLodged, StreamEndorsed
from node.core.rules.parties import home_of, parties_of
from node.core.rules.side import OwnState, apply_own
from node.core.rules.state import Placed
from tests.world.moments import moment
from tests.world.network import CENTRES, HOST, REGULATOR
from tests.world.session import world

ONE, TWO = "ab" * 32, "cd" * 32
GUEST = "changsha"


def side() -> OwnState:
    """A guest's side stream as it stands at the end."""
    return world("jp").net.own[world("jp").sides[GUEST]]


def pool() -> OwnState:
    """A pool's stream."""
    return world("jp").net.own[world("jp").net.pools[GUEST]]


def said(state: OwnState, kind: str, body: Any, **members: Any) -> Placed:  # noqa: ANN401
    """Its keeper's next record."""
    header = Header(
        type=f"{kind}/v1",
        author=f"centre:{GUEST}",
        key=ONE,
        at="2026-03-02T00:00:00Z",
        body=ONE,
        stream=state.stream,
    )
    new = structs.replace(header, **members)
    return Placed(len(state.entries), TWO, state.received, TWO, new, body)


def lodged(*records: str) -> RecordLodged:
    """Records of its people."""
    return RecordLodged(records=records, salt=ONE)


def endorsed(seq: int, disputes: int = 0) -> StreamEndorsed:
    """An endorsement."""
    return StreamEndorsed(disputes=disputes, entry=ONE, salt=ONE, seq=seq)


def dispute() -> DisputeRaised:
    """A dispute of some place."""
    return DisputeRaised(article="protocol 4", code="rule", entry=ONE, salt=ONE, seq=3)


def refusal(state: OwnState, placed: Placed) -> str:
    """What the rules say against it."""
    with pytest.raises(NodeError) as caught:
        apply_own(state, placed)
    return str(caught.value)


def test_only_its_keeper_writes() -> None:
    state = side()
    for author in (f"centre:{HOST}", f"regulator:{REGULATOR}", "buyer:water", "expert:1"):
        placed = said(state, "record.lodged", lodged(ONE), author=author)
        assert "only its keeper" in refusal(state, placed), author
    assert ONE in apply_own(state, said(state, "record.lodged", lodged(ONE))).lodged


def test_neither_lot_nor_what_was_seen_is_named() -> None:
    state = side()
    for members in ({"lot": "1"}, {"seen": Seen(seq=0, entry=ONE)}):
        placed = said(state, "record.lodged", lodged(ONE), **members)
        assert "tender's stream only" in refusal(state, placed)


def test_a_record_is_lodged_once() -> None:
    state = apply_own(side(), said(side(), "record.lodged", lodged(ONE)))
    assert "lodged before" in refusal(state, said(state, "record.lodged", lodged(ONE)))
    assert "lodged before" in refusal(state, said(state, "record.lodged", lodged(TWO, TWO)))


def test_an_endorsement_goes_forward() -> None:
    state = side()
    assert state.endorsed is not None
    newest = state.endorsed.seq
    for seq in (newest, newest - 1):
        placed = said(state, "stream.endorsed", endorsed(seq))
        assert "goes forward only" in refusal(state, placed)
    after = apply_own(state, said(state, "stream.endorsed", endorsed(newest + 1)))
    assert after.endorsed == endorsed(newest + 1)


def test_after_a_dispute_nothing_is_endorsed() -> None:
    state = apply_own(side(), said(side(), "dispute.raised", dispute()))
    assert "not settled" in refusal(state, said(state, "stream.endorsed", endorsed(9999, 1)))
    assert "count of disputes" in refusal(state, said(state, "stream.endorsed", endorsed(9999)))
    fresh = side()
    assert "count of disputes" in refusal(fresh, said(fresh, "stream.endorsed", endorsed(9999, 1)))


def test_each_kind_of_stream_has_its_own_records() -> None:
    snapshot = PoolPublished(cells=(), epoch=99, root=ONE, salt=ONE, size=0)
    assert "does not stand in a side" in refusal(side(), said(side(), "pool.published", snapshot))
    for kind, body in (("stream.endorsed", endorsed(1)), ("record.lodged", lodged(ONE))):
        assert "does not stand in a pool" in refusal(pool(), said(pool(), kind, body))
    unlocked = IdentityUnlocked(draw=ONE, ground="fitness", persons=(), salt=ONE)
    assert "does not stand in a pool" in refusal(
        pool(), said(pool(), "identity.unlocked", unlocked)
    )


def test_the_epochs_of_a_pool_grow() -> None:
    state = pool()
    newest = max(one.epoch for one in state.snapshots.values())
    snapshot = PoolPublished(cells=(), epoch=newest, root=ONE, salt=ONE, size=0)
    assert "epochs grow" in refusal(state, said(state, "pool.published", snapshot))
    more = structs.replace(snapshot, epoch=newest + 1)
    assert apply_own(state, said(state, "pool.published", more)).snapshots


def test_the_registry_goes_forward_here_too() -> None:
    state = side()
    assert state.registry is not None
    lower = structs.replace(state.registry, height=state.registry.height - 1, block=0)
    assert "never goes back" in refusal(state, said(state, "registry.noted", lower))
    higher = structs.replace(state.registry, height=state.registry.height + 1)
    assert apply_own(state, said(state, "registry.noted", higher)).registry == higher


def test_places_0_and_1_found_the_stream() -> None:
    empty = OwnState("side")
    placed = replace(said(empty, "record.lodged", lodged(ONE), stream=None), seq=0, received=1)
    assert "places 0 and 1" in refusal(empty, placed)


def test_a_side_stream_names_the_hosts_stream_and_a_pool_none() -> None:
    opened = side().opened_as
    assert opened is not None
    for kind, of in (("side", None), ("pool", ONE)):
        body = structs.replace(opened, kind=kind, of=of)
        state = OwnState(kind)
        placed = said(state, "stream.opened", body, stream=None)
        assert "in a side stream only" in refusal(state, placed)


# --- who takes part -----------------------------------------------------------------------------


def test_holders_pools_and_venues_take_part_and_the_host_does_not_count_itself() -> None:
    announced = moment("jp", "tender.announced").placed.body
    requested = moment("jp", "draw.requested").placed.body
    formed = moment("jp", "committee.formed").placed.body
    assert isinstance(formed, CommitteeFormed)
    assert parties_of((announced,), HOST) == {GUEST, REGULATOR, "xiangtan"}
    assert parties_of((requested,), HOST) == set(CENTRES) - {HOST}
    only_venue = structs.replace(formed, holders=(REGULATOR, "xiangtan"), seats=formed.seats[:1])
    venue = formed.seats[0].centre
    assert parties_of((only_venue,), "elsewhere") == {REGULATOR, "xiangtan", venue}


def test_an_experts_records_are_its_centres() -> None:
    formed = moment("jp", "committee.formed").placed.body
    assert isinstance(formed, CommitteeFormed)
    for seat in formed.seats:
        assert home_of(f"expert:{seat.seat}", (formed,), HOST) == seat.centre
    assert {seat.centre for seat in formed.seats} - {HOST}
    assert home_of(f"centre:{GUEST}", (), HOST) == GUEST
    assert home_of("bidder:x", (formed,), HOST) == HOST
