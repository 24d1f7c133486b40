"""The streams in memory: what this node keeps and follows, each folded into its state.

A `Book` changes only after the change is on the disk. At start it is read back from the store by
the functions that judged the records when they came.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from node.core.errors import MissingError, NodeError, RuleError, UnavailableError
from node.core.log.merkle import Tree
from node.core.records.kinds.tender import TenderPlanned
from node.core.records.place import entry_of
from node.core.rules.award import is_settled
from node.core.rules.state import TenderState
from node.services.judging import Candidate, Laws, Shown, State, found, judge, read_place
from node.services.ports import Accepted, PlaceRow, StreamRow
from node.services.recent import Recent
from node.services.timekeeping import Timekeeping

if TYPE_CHECKING:
    from node.services.ports import Followed, LogNote, Store


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream in memory: its row, its state, and its records' ids by place."""

    row: StreamRow
    state: State
    records: tuple[str, ...]

    @property
    def head(self) -> str:
        """The entry of its last place."""
        return self.state.entries[-1]


@dataclass(slots=True)
class OwnLog:
    """Our own log in memory. The publisher writes it, after what it says is on the disk.

    `quorum` is the newest checkpoint that has its quorum. `halted` says why nothing may be
    accepted, published or cosigned, `halted_zh` the same in Chinese; empty while all is well.
    `times` is what partners say of our clock.
    """

    origin: str
    times: Timekeeping
    tree: Tree = field(default_factory=Tree)
    quorum: LogNote | None = None
    halted: str = ""
    halted_zh: str = ""

    def check(self) -> None:
        """Raise UnavailableError (`catching-up`) while we only read."""
        if self.halted:
            raise UnavailableError(self.halted, code="catching-up")

    def halt(self, zh: str, en: str) -> None:
        """Only read from now on, or say anew why; empty texts end it."""
        self.halted, self.halted_zh = en, zh

    @property
    def quorum_at(self) -> int | None:
        """Our clock when that checkpoint was made; None before the first."""
        return None if self.quorum is None else self.quorum.at


class Book:
    """All streams in memory. Changed only after the change is on the disk.

    `told` are the streams' rows in the order in which they appeared or were told their tender,
    `refused` the records that were refused for good, with code and article.
    """

    def __init__(self, laws: Laws) -> None:
        self.laws = laws
        self.told: list[StreamRow] = []
        self.recent = Recent()
        self.refused: dict[str, tuple[str, str]] = {}
        self._streams: dict[str, Stream] = {}
        self._records: dict[str, tuple[str, int]] = {}
        self._sides: dict[str, dict[str, str]] = {}
        self._kinds: dict[str, dict[str, None]] = {}
        self._active: dict[str, None] = {}
        self._settled: dict[str, None] = {}

    def load(self, store: Store, *, own_only: bool = False) -> None:
        """Read all streams (or our own ones again) from the store, judging each record anew.

        Raises UnavailableError (`store`) if the store does not answer or what it holds does not
        hold together: somebody else wrote there.
        """
        rows = [row for row in store.streams() if row.own or not own_only]
        loaded = [self._load_one(row, store.places(row.id)) for row in rows]
        kept = self._streams.values() if own_only else ()
        streams = [stream for stream in kept if not stream.row.own] + loaded
        fresh = Book(self.laws)
        for stream in streams:
            fresh.put(stream)
        fresh.refused = store.refusals()
        self.recent.clear()
        self.refused = fresh.refused
        self.told += fresh.told
        self._streams, self._records = fresh._streams, fresh._records
        self._sides, self._kinds = fresh._sides, fresh._kinds
        self._active, self._settled = fresh._active, fresh._settled

    def _load_one(self, row: StreamRow, places: Sequence[PlaceRow]) -> Stream:
        try:
            stream = self._folded(row.id, places, own=row.own)
        except NodeError as error:
            detail = f"stream {row.id[:16]}… as stored does not hold: {error}"
            raise UnavailableError(detail, code="store") from error
        stored = [(place.record, place.entry) for place in places]
        folded = list(zip(stream.records, stream.state.entries, strict=True))
        if stream.row != row or stored != folded:
            raise UnavailableError(f"stream {row.id[:16]}… as stored was changed", code="store")
        return stream

    def reload(self, store: Store, stream: str) -> None:
        """Read one stream again after a commit whose outcome is unknown.

        Raises UnavailableError (`store`) as `load` does.
        """
        for row in store.streams():
            if row.id == stream:
                self.put(self._load_one(row, store.places(row.id)))

    def get(self, stream: str) -> Stream | None:
        """A stream by id, or None."""
        return self._streams.get(stream)

    def need(self, stream: str) -> Stream:
        """A stream by id. Raises MissingError."""
        if (known := self._streams.get(stream)) is None:
            raise MissingError(f"stream {stream[:16]}… is not known here")
        return known

    def streams(self, kind: str | None = None, *, own: bool | None = None) -> list[Stream]:
        """All streams, of one kind and of our own or of others if asked."""
        names = list(self._streams if kind is None else self._kinds.get(kind, ()))
        found = [self._streams[name] for name in names]
        return found if own is None else [one for one in found if one.row.own is own]

    def side_of(self, host_stream: str, keeper: str) -> Stream | None:
        """The side stream that a member keeps beside a host's stream, or None."""
        found = self._sides.get(host_stream, {}).get(keeper)
        return None if found is None else self._streams[found]

    def sides(self, host_stream: str) -> list[Stream]:
        """All side streams beside a host's stream, in the order in which they came."""
        return [self._streams[name] for name in self._sides.get(host_stream, {}).values()]

    def active(self, *, own: bool | None = None) -> list[Stream]:
        """Tenders that are not settled yet, in the order in which they came."""
        found = [self._streams[name] for name in self._active]
        return [stream for stream in found if own in (None, stream.row.own)]

    def settled(self, but: Container[str]) -> list[Stream]:
        """Tenders that are settled, in the order in which they became so, but for these."""
        return [self._streams[name] for name in list(self._settled) if name not in but]

    def find(self, record: str) -> tuple[str, int] | None:
        """(stream, place) of a record, or None."""
        return self._records.get(record)

    def place(self, record: str) -> Accepted | None:
        """Where a record stands in a stream that we keep or follow, or None."""
        place = self._records.get(record)
        stream = self._streams.get(place[0]) if place else None
        if place is None or stream is None:
            return None
        return Accepted(record, place[1], stream.state.entries[place[1]])

    def answer(self, record: str) -> Accepted | None:
        """The one answer for a record that stands in a stream of ours, or None."""
        place = self._records.get(record)
        stream = self._streams.get(place[0]) if place else None
        return self.place(record) if stream is not None and stream.row.own else None

    def _folded(self, name: str, shown: Sequence[Shown], *, own: bool) -> Stream:
        candidates = [read_place(name, one) for one in shown]
        if len(candidates) < 2:
            raise RuleError("a stream begins with two places", article="protocol 7")
        stream = begin(self.laws, candidates[0], candidates[1], own=own)
        for candidate in candidates[2:]:
            stream = extend(stream, judge(stream.state, candidate), candidate)
        return stream

    def put(self, stream: Stream, rows: Sequence[PlaceRow] = ()) -> None:
        """Take over a stream as it now is on the disk, and the rows that are new in it."""
        row = stream.row
        known = self._streams.get(row.id)
        start = len(known.records) if known else 0
        for seq, record in enumerate(stream.records[start:], start):
            self._records[record] = (row.id, seq)
        self._streams[row.id] = stream
        if known is None or known.row != row:
            self.told.append(row)
        if row.kind == "side" and row.of is not None:
            self._sides.setdefault(row.of, {}).setdefault(row.keeper, row.id)
        self._kinds.setdefault(row.kind, {})[row.id] = None
        if isinstance(stream.state, TenderState):
            is_over = is_settled(stream.state)
            (self._settled if is_over else self._active)[row.id] = None
            (self._active if is_over else self._settled).pop(row.id, None)
        if rows:
            self.recent.add(row.id, rows)


def begin(laws: Laws, first: Candidate, second: Candidate, *, own: bool) -> Stream:
    """A new stream from its first two places. Raises as `found` does."""
    state = found(laws, first, second)
    opened = state.opened_as
    if opened is None:
        raise AssertionError("a founded stream has its first body")
    row = StreamRow(state.stream, opened.kind, opened.keeper, own, opened.of)
    return Stream(row, state, (first.opened.id, second.opened.id))


def extend(stream: Stream, state: State, candidate: Candidate) -> Stream:
    """The stream with one more record, and with the tender's name once it is told."""
    row = stream.row
    if isinstance(candidate.body, TenderPlanned):
        row = replace(row, tender=candidate.body.tender)
    return Stream(row, state, (*stream.records, candidate.opened.id))


def id_of(stream: Stream | None) -> str | None:
    """A stream's id, if there is one."""
    return None if stream is None else stream.row.id


def moved(before: Book, after: Iterable[Stream]) -> list[StreamRow]:
    """Rows that are new or changed, for the commit."""
    rows = []
    for stream in after:
        known = before.get(stream.row.id)
        if known is None or known.row != stream.row:
            rows.append(stream.row)
    return rows


def row_of(stream: str, place: Followed) -> PlaceRow:
    """A place that was shown to us, as it is stored."""
    return PlaceRow(
        stream=stream,
        seq=place.seq,
        record=place.what.id,
        what=place.what,
        where=place.where,
        entry=entry_of(place.what, place.where),
        envelope=place.envelope,
        body=place.body,
    )
