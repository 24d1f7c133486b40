"""What the demo sees: the tender's stream and the guests' side streams, folded as any member does.

It looks through the operators' doors only and judges every place with the project's own rules, so
that a record that breaks one is noticed here, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.rules.award import is_settled
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.judging import Candidate, judge, read_place
from node.services.model import Stream, begin, extend

if TYPE_CHECKING:
    from node.services.judging import Laws
    from node.services.ports import Followed


@dataclass(frozen=True, slots=True)
class Step:
    """One record that came: where it stands, whose it is, and what it is."""

    keeper: str
    stream_kind: str
    candidate: Candidate


@dataclass(slots=True)
class Watch:
    """The streams of one tender as far as they have come."""

    laws: Laws
    tender: str
    streams: dict[str, Stream] = field(default_factory=dict)
    begun: dict[str, Candidate] = field(default_factory=dict)

    def held(self, stream: str) -> int:
        """How many places of a stream we have; what was begun only is asked for again."""
        self.begun.pop(stream, None)
        known = self.streams.get(stream)
        return len(known.records) if known else 0

    def take(self, stream: str, place: Followed) -> list[Step]:
        """Judge the next place; raises what is wrong with it. Gives what can be told now."""
        candidate = read_place(stream, place)
        known = self.streams.get(stream)
        if known is not None:
            known = extend(known, judge(known.state, candidate), candidate)
            fresh = [candidate]
        elif stream in self.begun:
            first = self.begun.pop(stream)
            known = begin(self.laws, first, candidate, own=False)
            fresh = [first, candidate]
        else:
            self.begun[stream] = candidate
            return []
        self.streams[stream] = known
        return [Step(known.row.keeper, known.row.kind, one) for one in fresh]

    @property
    def state(self) -> TenderState | None:
        """The tender's state, once its stream has begun."""
        known = self.streams.get(self.tender)
        state = known.state if known else None
        return state if isinstance(state, TenderState) else None

    def sides(self) -> Iterator[OwnState]:
        """The guests' side streams of this tender."""
        for stream in self.streams.values():
            if isinstance(stream.state, OwnState) and stream.row.of == self.tender:
                yield stream.state

    def has_pools(self, sizes: Mapping[str, int]) -> bool:
        """Whether every pool has published a snapshot with so many experts at least."""
        shown: dict[str, int] = {}
        for stream in self.streams.values():
            if isinstance(stream.state, OwnState) and stream.row.kind == "pool":
                newest = max((s.size for s in stream.state.snapshots.values()), default=0)
                shown[stream.row.keeper] = newest
        return all(shown.get(member, 0) >= size for member, size in sizes.items())

    def endorsed_by(self) -> dict[str, int]:
        """Guest -> the newest place of the tender's stream that it has endorsed, or -1."""
        return {s.keeper: s.endorsed.seq if s.endorsed else -1 for s in self.sides()}

    def is_over(self) -> bool:
        """Whether the tender has ended and every pool has opened the links of its seats."""
        return self.state is not None and is_settled(self.state)

    def lacking(self, guests: frozenset[str]) -> list[str]:
        """The guests that have not endorsed the newest place yet."""
        state = self.state
        newest = len(state.entries) - 1 if state else 0
        endorsed = self.endorsed_by()
        return sorted(guest for guest in guests if endorsed.get(guest, -1) < newest)
