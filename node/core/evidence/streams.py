"""Check 3, streams: places without a gap, in the log, seen, endorsed, nothing lodged and lost.

Source: protocol.md 2, 3, 4, 8. What it proves: the host showed everybody this one stream, and what
its participants said is in it. It holds against a host that lies alone; who checked it with it are
the participants whose endorsements are in the file.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.evidence.links import LinkError
from node.core.log.merkle import leaf_hash
from node.core.log.proof import check_consistency, check_inclusion
from node.core.records.kinds.draws import DrawJoined
from node.core.records.kinds.session import CommitteeFormed
from node.core.records.kinds.streams import (
    DisputeRaised,
    RecordLodged,
    RecordRefused,
    StreamEndorsed,
)
from node.core.records.place import FIRST_PREV
from node.core.rules.parties import home_of, parties_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.core.evidence.bundle import Place, Stream
    from node.core.evidence.case import Case


def check(case: Case) -> None:
    """Check 3. Raises LinkError."""
    for stream in case.evidence.streams:
        _check_chain(stream)
        _check_heads(stream)
        _check_included(stream)
    _check_ends(case)
    _check_seen(case.host)
    sides = _sides(case)
    for side in sides.values():
        _check_endorsed(case.host, side)
    _check_lodged(case, sides)


def _check_chain(stream: Stream) -> None:
    before = FIRST_PREV
    for number, place in enumerate(stream.places):
        where, what = place.form.where, place.what
        if (place.seq, where.seq) != (number, number):
            raise LinkError("place-missing", place.path, f"place {number} is awaited here")
        if where.prev != before:
            raise LinkError("place-chain", place.path, "another place stood before it")
        if what is not None and (what.id, what.stream) != (place.id, stream.id):
            raise LinkError("place-record", place.path, "id or stream differ")
        before = place.entry


def _check_heads(stream: Stream) -> None:
    for head in stream.heads[:1]:
        if head.form.consistency is not None:
            raise LinkError("checkpoint", head.path, "the first one continues nothing")
    for old, new in pairwise(stream.heads):
        if old.checkpoint.origin != new.checkpoint.origin:
            raise LinkError("checkpoint", new.path, "of another log")
        if new.form.consistency is None or old.checkpoint.size >= new.checkpoint.size:
            raise LinkError("checkpoint", new.path, "not later, or without consistency proof")
        proof = tuple(map(bytes.fromhex, new.form.consistency))
        a, b = old.checkpoint, new.checkpoint
        try:
            check_consistency(a.size, a.root, b.size, b.root, proof)
        except NodeError as error:
            raise LinkError("consistency", new.path, error.detail) from None


def _check_included(stream: Stream) -> None:
    """Each place points to the first checkpoint of the list that holds it."""
    before = 0
    for place in stream.places:
        number, index = place.form.checkpoint, place.form.index
        if not before <= number < len(stream.heads):
            raise LinkError("checkpoint", place.path, "a checkpoint of an earlier place, or none")
        before, head = number, stream.heads[number].checkpoint
        if number and stream.heads[number - 1].checkpoint.size > index:
            raise LinkError("checkpoint", place.path, "an earlier checkpoint holds it already")
        proof = tuple(map(bytes.fromhex, place.form.proof))
        try:
            leaf = leaf_hash(bytes.fromhex(place.entry))
            check_inclusion(leaf, index, head.size, proof, head.root)
        except NodeError as error:
            raise LinkError("inclusion", place.path, error.detail) from None


def _check_ends(case: Case) -> None:
    """All streams of one keeper end in the same checkpoint: they are parts of one log."""
    last: dict[str, str] = {}
    for stream in case.evidence.streams:
        note = stream.heads[-1].form.note
        if last.setdefault(stream.keeper, note) != note:
            raise LinkError("log-end", stream.heads[-1].path, f"log of {stream.keeper}")


def _check_seen(host: Stream) -> None:
    for place in host.places:
        seen = place.opened.header.seen if place.opened else None
        if seen is None:
            continue
        if seen.seq >= place.seq or host.places[seen.seq].entry != seen.entry:
            raise LinkError("seen", place.path, f"place {seen.seq}")


def _sides(case: Case) -> dict[str, Stream]:
    """The side streams, one of each participant, and exactly the pools that a draw used."""
    sides = {stream.keeper: stream for stream in case.evidence.of_kind("side")}
    needed = parties_of(case.bodies(), case.host.keeper)
    for side in sides.values():
        if side.opening.of != case.host.id or side.keeper not in needed:
            raise LinkError("stream-unneeded", side.path, side.keeper)
    if missing := sorted(needed - sides.keys()):
        raise LinkError("stream-missing", "/streams", f"side stream of {missing[0]}")
    used = {b.snapshot.stream for b in case.bodies() if isinstance(b, DrawJoined)}
    pools = {stream.id: stream for stream in case.evidence.of_kind("pool")}
    for pool in pools.values():
        if pool.id not in used:
            raise LinkError("stream-unneeded", pool.path, pool.keeper)
    if used - pools.keys():
        raise LinkError("stream-missing", "/streams", "a pool's stream")
    return sides


def _check_endorsed(host: Stream, side: Stream) -> None:
    """The participant endorsed entries of this stream only, up to its end, and disputes nothing."""
    for place in side.places:
        if isinstance(place.body, DisputeRaised):
            found = f"{side.keeper}: {place.body.code} at place {place.body.seq}"
            raise LinkError("disputed", place.path, found, article=place.body.article)
        if isinstance(place.body, StreamEndorsed):
            _check_same(host, place, place.body)
    last, end = side.places[-1], host.places[-1].seq
    if not isinstance(last.body, StreamEndorsed) or last.body.seq != end:
        raise LinkError("endorsement", last.path, f"{side.keeper} has not endorsed place {end}")


def _check_same(host: Stream, place: Place, body: StreamEndorsed) -> None:
    if body.seq >= len(host.places) or host.places[body.seq].entry != body.entry:
        raise LinkError("endorsement-differs", place.path, f"place {body.seq}")


def _check_lodged(case: Case, sides: dict[str, Stream]) -> None:
    """What participants lodged is in the stream or refused there; what is there was lodged."""
    lodged = {keeper: dict(_lodged(side)) for keeper, side in sides.items()}
    answered = {place.id for place in case.host.places}
    answered |= {b.record for b in case.bodies() if isinstance(b, RecordRefused)}
    end = case.host.places[-1].received
    limit = case.rules.clock.lodge_answer_seconds.value
    if is_over(case):
        limit = 0  # nothing may be under way any more: whatever was lodged has had its answer
    for records in lodged.values():
        for record, place in records.items():
            if record not in answered and end - place.received >= limit:
                raise LinkError("lodged-lost", place.path, f"record {record}")
    bodies = tuple(case.bodies())
    for place in case.host.places:
        home = home_of(place.author, bodies, case.host.keeper)
        if home != case.host.keeper and place.id not in lodged.get(home, {}):
            raise LinkError("not-lodged", place.path, f"record of {home}")


def is_over(case: Case) -> bool:
    """Has the tender come to its very end: failed, or awarded with every seated pool's links?"""
    kinds = [place.kind for place in case.host.places]
    formed = [body for body in case.bodies() if isinstance(body, CommitteeFormed)]
    pools = {seat.centre for seat in formed[-1].seats} if formed else set()
    disclosed = kinds.count("draw.disclosed/v1") == len(pools)
    return "lot.failed/v1" in kinds or (bool(pools) and disclosed)


def _lodged(side: Stream) -> Iterator[tuple[str, Place]]:
    for place in side.places:
        if isinstance(place.body, RecordLodged):
            for record in place.body.records:
                yield record, place
