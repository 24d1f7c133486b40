"""Check 7, the draw: seeds, slates, picks and seats computed once more, by other code.

Source: protocol.md 6, 10.9, 10.10. Nothing here calls `rules.draw`: one mistake cannot hide in
both. What it proves: given lists and seeds, nobody had a choice who sits.
"""

from __future__ import annotations

from fractions import Fraction
from hashlib import sha256
from typing import TYPE_CHECKING

from node.core.evidence.links import LinkError
from node.core.records.kinds.draws import DrawJoined, DrawSeeded, PoolPublished

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from node.core.evidence.case import Case
    from node.core.rules.state import Draw, TenderState


def check_draws(case: Case, state: TenderState) -> None:
    """Every draw of the tender, its seeds, and the committee's seats. Raises LinkError."""
    _check_snapshots(case)
    _check_seeds(case)
    for draw in state.draws:
        _check_draw(case, draw)
    if state.committee is not None:
        _check_seats(case, state)


def _path(case: Case, kind: str) -> str:
    """The last place of a type, where what does not fit stands."""
    return max((p.path for p in case.of_type(kind)), key=len, default="/streams/0")


def _check_snapshots(case: Case) -> None:
    pools = {stream.id: stream for stream in case.evidence.of_kind("pool")}
    for place in case.of_type("draw.joined/v1"):
        if not isinstance(place.body, DrawJoined):
            continue
        told = place.body.snapshot
        shown = pools[told.stream].places[told.seq].body
        found = (shown.epoch, shown.root) if isinstance(shown, PoolPublished) else None
        if found != (told.epoch, told.root):
            raise LinkError("draw", place.path, "the snapshot is not what the pool published")


def _check_seeds(case: Case) -> None:
    for place in case.of_type("draw.seeded/v1"):
        body = place.body
        if not isinstance(body, DrawSeeded):
            continue
        secrets = sorted((s.account, s.secret) for s in body.secrets)
        raw = bytes.fromhex(body.round + "".join(secret for _, secret in secrets))
        if sha256(b"yuanping/beacon/v1\n" + raw).hexdigest() != body.seed:
            raise LinkError("draw", place.path, "the seed is not that of its secrets")


def _order(tag: bytes, prefix: bytes, persons: Iterable[str]) -> list[str]:
    """Persons by H(tag, seed || draw || stratum || person), lowest first."""
    head = b"yuanping/" + tag + b"/v1\n" + prefix
    return sorted(persons, key=lambda person: sha256(head + bytes.fromhex(person)).digest())


def _check_draw(case: Case, draw: Draw) -> None:
    if "slate" not in draw.seeds:
        return
    called: set[str] = set()
    for number, stratum in enumerate(draw.request.strata):
        prefix = bytes.fromhex(draw.seeds["slate"] + draw.id) + number.to_bytes(4, "big")
        listed = {p for joined in draw.joined.values() for p in joined.lists[number].persons}
        wanted = Fraction(draw.request.factor) * stratum.seats
        size = -(-wanted.numerator // wanted.denominator)
        slate = _order(b"rank", prefix, listed - called)[:size]
        if tuple(slate) != draw.slate[number]:
            raise LinkError("draw", _path(case, "draw.seeded/v1"), f"slate of stratum {number}")
        called.update(slate)
    if not set(draw.outcomes) <= called:
        raise LinkError("draw", _path(case, "expert.contacted/v1"), "somebody outside the slate")
    if draw.picked is not None:
        _check_picks(case, draw)


def _picks(draw: Draw, number: int) -> list[str]:
    prefix = bytes.fromhex(draw.seeds["pick"] + draw.id) + number.to_bytes(4, "big")
    accepted = [p for p in draw.slate[number] if draw.outcomes.get(p) == "accepted"]
    return _order(b"pick", prefix, accepted)


def _check_picks(case: Case, draw: Draw) -> None:
    stated: Sequence[Sequence[str]] = [p.order for p in draw.picked.strata] if draw.picked else []
    if [list(order) for order in stated] != [_picks(draw, n) for n in range(len(draw.slate))]:
        raise LinkError("draw", _path(case, "draw.picked/v1"), "the order of those who accepted")


def _check_seats(case: Case, state: TenderState) -> None:
    """Seats are numbered in the order of the draw; each sits in the centre that listed her."""
    draw = state.draws[-1]
    picked: list[str] = []
    for number, stratum in enumerate(draw.request.strata):
        picked += _picks(draw, number)[: stratum.seats]
    centre_of = {
        person: pool
        for pool, joined in draw.joined.items()
        for listed in joined.lists
        for person in listed.persons
    }
    wanted = [(str(n), person, centre_of[person]) for n, person in enumerate(picked, start=1)]
    seats = state.committee.seats if state.committee else ()
    if [(seat.seat, seat.person, seat.centre) for seat in seats] != wanted:
        raise LinkError("draw", _path(case, "committee.formed/v1"), "seats differ from the picks")
