"""Check 4, cosignatures: every checkpoint by a quorum of the policy's witnesses, and the times.

Source: protocol.md 3, 5, 6. A place's existed-by time is the (f+1)-th smallest cosignature time
of any checkpoint that holds it. (The chain shows only the newest anchored checkpoint, whose block
is later than its cosignatures; it can prove no earlier time.) What it proves: the log is one and
the same for all, and when things existed; it holds if at most f witnesses lie with the host.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.evidence.links import LinkError
from node.core.log.eras import check_in_eras
from node.core.records.canonical import epoch_of
from node.core.records.kinds.draws import DrawJoined, PoolPublished
from node.core.records.kinds.tender import BidsClosed

if TYPE_CHECKING:
    from node.core.evidence.bundle import Head, Place, Stream
    from node.core.evidence.case import Case

TIMED = frozenset({"bid.sealed/v1", "bid.unlocked/v1", "term.expired/v1"})
"""Records whose time a term reads: `received` agrees with the cosignatures within G."""


def check(case: Case) -> None:
    """Check 4; gives the case its times. Raises LinkError."""
    case.times = {s.path: _times(case, s) for s in case.evidence.streams}
    _check_clock(case)
    _check_bids(case)
    for place in case.of_type("draw.joined/v1"):
        if isinstance(place.body, DrawJoined):
            _check_snapshot(case, place, place.body)


def _times(case: Case, stream: Stream) -> tuple[int, ...]:
    """Existed-by of every place of a stream, by its own checkpoint and all later ones."""
    origin = origin_of(case, stream)
    times = [_time(case, head, origin) for head in stream.heads]
    earliest = list(accumulate(reversed(times), min))[::-1]
    return tuple(earliest[place.form.checkpoint] for place in stream.places)


def origin_of(case: Case, stream: Stream) -> str:
    """The log of a stream's keeper, as the registry in the file names it. Raises LinkError."""
    origins = [
        change.descriptor.origin
        for change in case.evidence.form.registry
        if change.descriptor.id == stream.keeper
    ]
    if not origins:
        raise LinkError("log-unknown", stream.path, f"the registry has no {stream.keeper}")
    return origins[-1]


def _time(case: Case, head: Head, origin: str) -> int:
    if head.checkpoint.origin != origin or origin not in case.trust.eras:
        raise LinkError("log-unknown", head.path, head.checkpoint.origin)
    try:
        return check_in_eras(head.note, case.trust.eras[origin]).existed_by
    except NodeError as error:
        raise LinkError("cosignature", head.path, error.detail) from None


def _check_clock(case: Case) -> None:
    grace = case.rules.clock.g_seconds.value
    for place in case.host.places:
        if place.kind in TIMED:
            apart = abs(case.existed_by(case.host, place.seq) - place.received)
            if apart > grace:
                found = f"{place.kind} differs by {apart} s from its cosignatures"
                raise LinkError("clock", place.path, found)


def _check_bids(case: Case) -> None:
    """In time: received not after the deadline, and existed by the deadline and G."""
    terms = case.announced()
    closed = next((b for b in case.bodies() if isinstance(b, BidsClosed)), None)
    if terms is None or closed is None:
        return
    deadline = epoch_of(terms.deadline)
    latest = deadline + case.rules.clock.g_seconds.value
    for place in case.of_type("bid.sealed/v1"):
        if place.id not in closed.leaves:
            continue
        if place.received > deadline or case.existed_by(case.host, place.seq) > latest:
            raise LinkError("late", place.path, "a bid in force did not exist in time")


def _check_snapshot(case: Case, place: Place, body: DrawJoined) -> None:
    """The snapshot is the pool's last one that existed before the tender's deadline."""
    terms = case.announced()
    pool = next((s for s in case.evidence.of_kind("pool") if s.id == body.snapshot.stream), None)
    if terms is None or pool is None or place.author.partition(":")[2] != pool.keeper:
        raise LinkError("snapshot", place.path, "the snapshot is not of this pool")
    deadline = epoch_of(terms.deadline)
    in_time = [
        entry.seq
        for entry in pool.places
        if isinstance(entry.body, PoolPublished) and case.existed_by(pool, entry.seq) <= deadline
    ]
    if in_time[-1:] != [body.snapshot.seq]:
        raise LinkError("snapshot", place.path, f"place {body.snapshot.seq} of the pool's stream")
