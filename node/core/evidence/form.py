"""Check 1, form: names, order, environment, and exactly what the audience table gives.

Source: protocol.md 8 and 10.13. The strict reading itself is `bundle.read_evidence`. What it
proves: the file shows its reader neither less nor more than the rules allow. It proves nothing
about who made it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.evidence.links import LinkError
from node.core.evidence.readers import check_reader
from node.core.records.kinds.tender import TenderPlanned
from node.core.rules import audience
from node.core.rules.audience import Level

if TYPE_CHECKING:
    from node.core.evidence.bundle import Place, Stream
    from node.core.evidence.case import Case

_ORDER = {"tender": 0, "side": 1, "pool": 2}


def check(case: Case) -> None:
    """Check 1. Raises LinkError."""
    for stream in case.evidence.streams:
        _check_names(stream)
    _check_order(case)
    _check_environment(case)
    _check_tender(case)
    _check_audience(case)


def _check_names(stream: Stream) -> None:
    first, opening = stream.places[0], stream.opening
    if (stream.id, stream.keeper) != (first.id, opening.keeper):
        raise LinkError("order", stream.path, "id or keeper are not those of its first record")
    if stream.kind not in _ORDER:
        raise LinkError("order", stream.path, f"a {stream.kind} stream is no evidence")


def _check_order(case: Case) -> None:
    ranks = [(_ORDER[stream.kind], stream.keeper) for stream in case.evidence.streams]
    if ranks != sorted(set(ranks)) or [rank for rank, _ in ranks].count(0) != 1:
        raise LinkError("order", "/streams", "tender, then side streams, then pools, by keeper")


def _check_environment(case: Case) -> None:
    stated = case.evidence.form.environment
    for stream in case.evidence.streams:
        if (stream.opening.clock, stream.opening.network) != (stated.clock, stated.chain):
            raise LinkError("environment", f"{stream.path}/places/0", "clock or network differ")


def _check_tender(case: Case) -> None:
    plan = next((b for b in case.bodies() if isinstance(b, TenderPlanned)), None)
    if plan is None or plan.tender != case.evidence.form.tender:
        raise LinkError("tender", "/tender", "no plan of this tender is in the file")


def _check_audience(case: Case) -> None:
    """Exactly the table for the file's own reader, and not less for another (interfaces I4)."""
    stage = audience.stage_of(place.kind for place in case.host.places)
    own = case.evidence.form.reader
    for reader in dict.fromkeys((own, case.reader)):
        try:
            column = audience.reader_class(reader, case.host.keeper)
        except NodeError as error:
            raise LinkError("reader", "/reader", error.detail) from None
        check_reader(case, stage, reader)
        for stream in case.evidence.streams:
            for place in stream.places:
                record = (place.kind, place.author)
                wanted = audience.level(stream.kind, record, stage, (reader, column))
                if place.level is Level.PLACE:  # nobody knows its type: it hides something
                    wanted = Level.HEADER
                _check_level(place, wanted, exact=reader == own)


def _check_level(place: Place, wanted: Level, *, exact: bool) -> None:
    if place.level < wanted:
        raise LinkError("withheld", place.path, f"shown as {place.level.name.lower()}")
    if exact and place.level > wanted:
        raise LinkError("disclosed", place.path, f"shown as {place.level.name.lower()}")
