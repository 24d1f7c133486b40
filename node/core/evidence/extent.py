"""How far an evidence file goes for its reader, and what the chain must prove for it.

Source: protocol.md 2 (audience), 8. The tender's stream ends before the reader's first *nothing*,
at a place that every participant named so far has endorsed; a side stream ends at exactly that
endorsement. Pure, like everything here: the node loads streams and asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from node.core.errors import InvalidError, StateError
from node.core.evidence.bundle import Place, PlaceForm
from node.core.evidence.rounds import seeds_of
from node.core.records.envelope import open_envelope
from node.core.records.kinds import decode_body
from node.core.records.kinds.draws import DrawJoined
from node.core.records.kinds.streams import StreamEndorsed, StreamOpened
from node.core.records.place import entry_of
from node.core.rules import audience
from node.core.rules.audience import Level, Stage
from node.core.rules.parties import parties_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence, Set

    from node.core.log.merkle import Tree
    from node.core.records.envelope import Envelope
    from node.core.records.kinds import Body
    from node.core.records.place import What, Where


@dataclass(frozen=True, slots=True)
class StoredPlace:
    """One place as its keeper has it; `index` is its leaf's in the keeper's log."""

    seq: int
    what: What
    where: Where
    envelope: Envelope
    body: bytes | None
    index: int


@dataclass(frozen=True, slots=True)
class StreamPart:
    """One stream with the log it stands in.

    `kind` is `tender`, `side` or `pool`; `notes` are the log's stored quorum notes (size, text),
    ascending; `anchored` is the size that the chain holds for the keeper's account, if any.
    """

    keeper: str
    stream: str
    kind: str
    places: Sequence[StoredPlace]
    log: Tree
    notes: Sequence[tuple[int, str]]
    anchored: int | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A stream as it will stand in the file: cut, and read."""

    part: StreamPart
    places: tuple[Place, ...]

    @property
    def opening(self) -> StreamOpened:
        """The body of its first record. Raises InvalidError if that is none."""
        body = self.places[0].body if self.places else None
        if not isinstance(body, StreamOpened):
            raise InvalidError("a stream begins with stream.opened")
        return body

    def bodies(self) -> Iterator[Body | None]:
        """Its bodies, in order."""
        return (place.body for place in self.places)

    def until(self, end: int) -> Shown:
        """The same stream up to and including place `end`."""
        part = replace(self.part, places=self.part.places[: end + 1])
        return Shown(part, self.places[: end + 1])


@dataclass(frozen=True, slots=True)
class Needs:
    """What must be fetched from the chain for a file.

    `keepers`: whose accounts' checkpoint slots stand beside the tender's; `rounds`: ids of the
    beacon rounds (the host opened them), voided ones included.
    """

    keepers: tuple[str, ...]
    rounds: tuple[str, ...]


def shown(parts: Sequence[StreamPart], reader: str) -> tuple[Shown, ...]:
    """The streams as they will stand in the file: chosen, cut, and in its order.

    Raises StateError (`too-early`) where this reader may have nothing yet, or the participants
    have not endorsed a place together; InvalidError for parts that are not one tender's.
    """
    hosts = [part for part in parts if part.kind == "tender"]
    if len(hosts) != 1:
        raise InvalidError("evidence is of exactly one tender")
    host = read_part(hosts[0])
    sides = {p.keeper: read_part(p) for p in parts if p.kind == "side"}
    sides = {k: side for k, side in sides.items() if side.opening.of == host.part.stream}
    end = _end(host, sides, (reader, audience.reader_class(reader, host.part.keeper)))
    cut = host.until(end)
    named = sorted(parties_of(cut.bodies(), host.part.keeper))
    used = {body.snapshot.stream for body in cut.bodies() if isinstance(body, DrawJoined)}
    pools = sorted((p for p in parts if p.stream in used), key=lambda part: part.keeper)
    return (cut, *(_cut_side(sides[n], end) for n in named), *(_covered(p) for p in pools))


def needs_of(cut: Sequence[Shown]) -> Needs:
    """What the chain must prove for the streams that `shown` gave."""
    host = cut[0]
    keepers = {stream.part.keeper for stream in cut}
    return _needs(host.places, (host.part.stream, host.part.keeper), keepers)


def needs_at_end(
    stored: Sequence[StoredPlace], host: tuple[str, str], pools: Mapping[str, str]
) -> Needs:
    """The same of a tender that is over, from its own stream (id, keeper) alone.

    `pools` gives the keeper of each pool's stream. Raises InvalidError, LinkError for a round of
    no draw, StateError (`too-early`) for a pool that we do not follow yet.
    """
    places = tuple(map(_read, stored))
    bodies = [place.body for place in places]
    used = {body.snapshot.stream for body in bodies if isinstance(body, DrawJoined)}
    if not used <= pools.keys():
        raise StateError("the stream of a pool is not here", code="too-early")
    keepers = {host[1], *parties_of(bodies, host[1]), *(pools[stream] for stream in used)}
    return _needs(places, host, keepers)


def _needs(places: Sequence[Place], host: tuple[str, str], keepers: Set[str]) -> Needs:
    found = [one for seeded in seeds_of(places, *host) for one in seeded.rounds]
    return Needs(tuple(sorted(keepers)), tuple(dict.fromkeys(found)))


def read_part(part: StreamPart) -> Shown:
    """Open envelopes and bodies of a stored stream. Raises InvalidError."""
    return Shown(part, tuple(_read(place) for place in part.places))


def _read(place: StoredPlace) -> Place:
    opened = open_envelope(place.envelope)
    body = None if place.body is None else decode_body(opened.header.type, place.body)
    form = PlaceForm(
        checkpoint=0, index=place.index, proof=(), seq=place.seq, what=place.what, where=place.where
    )
    return Place("", form, entry_of(place.what, place.where), opened, body, place.body)


def _end(host: Shown, sides: Mapping[str, Shown], reader: tuple[str, str]) -> int:
    """The newest place at which the file may end. Raises StateError if there is none.

    How much is shown depends on how far the file goes, so an end is tried with the stage it gives:
    an earlier end never shows more. Up to it no side stream may hold a place that is nothing to
    this reader (a bid that was brought to that member before it endorsed).
    """
    endorsed = {
        name: {b.seq for b in side.bodies() if isinstance(b, StreamEndorsed)}
        for name, side in sides.items()
    }
    limit = len(host.places)
    while limit:
        cut = host.until(limit - 1)
        named = parties_of(cut.bodies(), host.part.keeper)
        stage = audience.stage_of(place.kind for place in cut.places)
        hidden = _first_nothing(cut, stage, reader)
        if hidden is not None:
            limit = hidden
        elif all(limit - 1 in endorsed.get(name, ()) for name in named) and not any(
            _first_nothing(_cut_side(sides[name], limit - 1), stage, reader) for name in named
        ):
            _check_public(stage, reader[1])
            return limit - 1
        else:
            limit -= 1
    raise StateError("nothing that this reader may have is endorsed yet", code="too-early")


def _check_public(stage: Stage, column: str) -> None:
    if column in ("public", "bidder") and stage is not Stage.AWARDED:
        raise StateError("evidence is public after the award", code="too-early")


def _first_nothing(stream: Shown, stage: Stage, reader: tuple[str, str]) -> int | None:
    for place in stream.places:
        record = (place.kind, place.author)
        if audience.level(stream.part.kind, record, stage, reader) is Level.NOTHING:
            return place.seq
    return None


def _covered(part: StreamPart) -> Shown:
    """A pool's stream as far as its log is cosigned: it goes on and nobody waits for its end."""
    size = part.notes[-1][0] if part.notes else 0
    end = next((p.seq for p in part.places if p.index >= size), len(part.places))
    return read_part(part).until(end - 1)


def _cut_side(side: Shown, end: int) -> Shown:
    for place in side.places:
        if isinstance(place.body, StreamEndorsed) and place.body.seq == end:
            return side.until(place.seq)
    raise AssertionError("the end was chosen among endorsed places")
