"""Making the evidence file: the same bytes for everybody who has the same streams.

Source: protocol.md 8; interfaces.md I6; deploy/docs/evidence-format.md. Pure: whoever keeps the
streams loads them, asks `extent.shown` what will stand in the file, collects the chain's notes for
that (`extent.needs_of` names them), and calls `assemble` with it.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from node.core.errors import InvalidError, LimitError, StateError
from node.core.evidence.bundle import FORMAT, MAX_BYTES
from node.core.log.checkpoint import parse_checkpoint
from node.core.log.note import parse_note
from node.core.records.canonical import encode
from node.core.records.kinds.streams import RegistryNoted
from node.core.records.kinds.tender import TenderPlanned
from node.core.records.place import what_hash
from node.core.rules import audience
from node.core.rules.audience import Level, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from node.core.evidence.bundle import Place
    from node.core.evidence.extent import Shown, StreamPart


class Change(Protocol):
    """One change of the registry as the chain tells it; `descriptor` is RFC 8785."""

    @property
    def id(self) -> str:
        """The member."""
        ...

    @property
    def account(self) -> str:
        """Its chain account, 20 bytes in hex."""
        ...

    @property
    def descriptor(self) -> bytes:
        """The bytes that stand on the chain."""
        ...

    @property
    def block(self) -> int:
        """The block of the change."""
        ...


@dataclass(frozen=True, slots=True)
class _View:
    """Who reads, in which column of the audience table, at which stage."""

    reader: str
    column: str
    stage: Stage

    def level(self, stream: Shown, place: Place) -> Level:
        """How much of a place this reader gets."""
        record = (place.kind, place.author)
        return audience.level(stream.part.kind, record, self.stage, (self.reader, self.column))


def assemble(
    cut: Sequence[Shown], changes: Sequence[Change], anchors: Sequence[str], reader: str
) -> bytes:
    """The evidence file for `reader`: RFC 8785 bytes and a line feed.

    `cut` is what `shown` gave for this reader; `anchors` are the chain's notes for
    `needs_of(cut)`: the anchor's, then the beacon's if a seed is shown. Raises StateError
    (`too-early`) where cosignatures are missing, InvalidError for parts that do not fit together,
    LimitError above 64 MiB.
    """
    host = cut[0]
    stage = audience.stage_of(place.kind for place in host.places)
    view = _View(reader, audience.reader_class(reader, host.part.keeper), stage)
    ends = _ends(cut)
    document = {
        "anchors": [{"note": note} for note in anchors],
        "environment": {"chain": host.opening.network, "clock": host.opening.clock},
        "format": FORMAT,
        "reader": reader,
        "registry": list(_changes(cut, changes)),
        "streams": [_stream(stream, view, ends[stream.part.keeper]) for stream in cut],
        "tender": _plan(host).tender,
    }
    data = encode(document) + b"\n"
    if len(data) > MAX_BYTES:
        raise LimitError("the evidence is larger than 64 MiB")
    return data


def _plan(host: Shown) -> TenderPlanned:
    plan = next((body for body in host.bodies() if isinstance(body, TenderPlanned)), None)
    if plan is None:
        raise StateError("the tender is not planned yet", code="too-early")
    return plan


def _changes(cut: Sequence[Shown], changes: Sequence[Change]) -> Iterator[dict[str, Any]]:
    """The registry as far as the records in the file have noted it."""
    noted = [b.block for s in cut for b in s.bodies() if isinstance(b, RegistryNoted)]
    for change in changes:
        if change.block <= max(noted, default=0):
            yield {
                "account": change.account,
                "block": change.block,
                "descriptor": msgspec.Raw(change.descriptor),
                "id": change.id,
            }


def _ends(cut: Sequence[Shown]) -> dict[str, int]:
    """The size of the last checkpoint of each keeper's log: all its streams end there."""
    ends: dict[str, int] = {}
    for stream in cut:
        part = stream.part
        needed = [_covering(part, place.index) for place in part.places]
        ends[part.keeper] = max(ends.get(part.keeper, 0), part.anchored or 0, *needed)
    return ends


def _covering(part: StreamPart, index: int) -> int:
    """The size of the first stored quorum note that holds a leaf."""
    at = bisect_right(part.notes, index, key=lambda note: note[0])
    if at < len(part.notes):
        return part.notes[at][0]
    raise StateError("a place has no quorum of cosignatures yet", code="too-early")


def _stream(stream: Shown, view: _View, end: int) -> dict[str, Any]:
    part = stream.part
    sizes = {_covering(part, place.index) for place in part.places} | {end}
    sizes |= {part.anchored} if part.anchored else set()
    notes = [(size, note) for size, note in part.notes if size in sizes]
    if {size for size, _ in notes} != sizes:
        raise InvalidError("an anchored checkpoint is not among the stored notes")
    numbers = {size: number for number, (size, _) in enumerate(notes)}
    return {
        "checkpoints": list(_checkpoints(part, notes)),
        "id": part.stream,
        "keeper": part.keeper,
        "places": [_place(stream, place, view, numbers) for place in stream.places],
    }


def _checkpoints(part: StreamPart, notes: Iterable[tuple[int, str]]) -> Iterator[dict[str, Any]]:
    before = None
    for size, note in notes:
        if parse_checkpoint(parse_note(note).text).root != part.log.root(size):
            raise InvalidError("a stored note is not of this log")
        form: dict[str, Any] = {"note": note}
        if before is not None:
            form["consistency"] = [h.hex() for h in part.log.consistency(before, size)]
        before = size
        yield form


def _place(stream: Shown, place: Place, view: _View, numbers: Mapping[int, int]) -> dict[str, Any]:
    level, stored = view.level(stream, place), stream.part.places[place.seq]
    if level is Level.NOTHING:
        raise InvalidError(f"place {stored.seq} of {stream.part.keeper} is nothing to this reader")
    size = _covering(stream.part, stored.index)
    form: dict[str, Any] = {
        "checkpoint": numbers[size],
        "index": stored.index,
        "proof": [h.hex() for h in stream.part.log.inclusion(stored.index, size)],
        "seq": stored.seq,
        "what": stored.what if level > Level.PLACE else what_hash(stored.what),
        "where": stored.where,
    }
    if level > Level.PLACE:
        form["envelope"] = stored.envelope
    if level is Level.ALL:
        if stored.body is None:
            raise InvalidError(f"the body of place {stored.seq} was withheld from us")
        form["body"] = msgspec.Raw(stored.body)
    return form
