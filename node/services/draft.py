"""One round of the sequencer: what the waiting records would add, judged one after the other.

A draft changes nothing outside: each record is judged on top of those before it in the round,
and the round becomes true only by the one commit of its `batch`. Blocking; runs on a thread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.errors import (
    ForbiddenError,
    InvalidError,
    MissingError,
    NodeError,
    RuleError,
    UnavailableError,
)
from node.core.records.box import SEALED_SIZE, Box
from node.core.records.canonical import time_of
from node.core.records.envelope import Opened
from node.core.records.kinds.streams import StreamOpened
from node.core.records.place import FIRST_PREV, What, Where, entry_of
from node.core.rules.state import TenderState
from node.services.judging import Candidate, check_signer, fold, read_body
from node.services.model import Book, OwnLog, Stream, begin, extend, moved
from node.services.ports import Accepted, Batch, PlaceRow, Submission, Task
from node.services.standing import DONE, LOSS

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.services.ports import Blobs, Clock, Entropy, Store

FOUNDING: Final = "stream.opened/v1"
NOTED: Final = "registry.noted/v1"
TIMED: Final = frozenset({"bid.sealed/v1", "bid.unlocked/v1", "bids.closed/v1", "term.expired/v1"})
"""Kinds whose `received` a term reads: refused while no quorum vouches for our clock."""
Answer = Accepted | NodeError


@dataclass(frozen=True, slots=True)
class Intake:
    """Where records come in: who we are, and all that is asked to judge one."""

    me: str
    book: Book
    log: OwnLog
    store: Store
    blobs: Blobs
    clock: Clock
    entropy: Entropy


@dataclass(frozen=True, slots=True)
class _Read:
    """A submission of good form."""

    item: Submission
    opened: Opened
    body: Body


@dataclass(slots=True)
class Draft:
    """What this round adds so far. `now` is the one instant of the whole round."""

    intake: Intake
    now: int
    streams: dict[str, Stream] = field(default_factory=dict)
    _places: list[PlaceRow] = field(default_factory=list)
    _answers: dict[str, Accepted] = field(default_factory=dict)
    _sealed: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    _refusals: dict[str, tuple[str, str]] = field(default_factory=dict)
    _tasks: list[Task] = field(default_factory=list)
    _facts: dict[str, str] = field(default_factory=dict)

    def add(
        self, items: Sequence[Submission], tasks: Sequence[Task], facts: Mapping[str, str]
    ) -> list[Answer]:
        """Judge one caller's records, each by itself; two that found a stream stand together.

        Tasks and facts join the round only if every record is accepted and one of them is new:
        those of a record that stands already were committed with it.
        """
        before = len(self._places)
        answers: list[Answer] = []
        while (at := len(answers)) < len(items):
            two = items[at : at + 2]
            if type_of(two[0]) == FOUNDING:
                noted = type_of(two[-1]) == NOTED
                answers += self._pair(two if noted else two[:1])
            else:
                answers.append(self._one(two[0]))
        fresh = len(self._places) > before or not items
        if fresh and all(isinstance(answer, Accepted) for answer in answers):
            self._tasks += tasks
            self._facts.update(facts)
        return answers

    def batch(self) -> Batch:
        """All of the round, for one transaction."""
        return Batch(
            streams=tuple(moved(self.intake.book, self.streams.values())),
            places=tuple(self._places),
            sealed=dict(self._sealed),
            tasks=tuple(self._tasks),
            refusals=dict(self._refusals),
            facts=dict(self._facts),
            now=self.now,
        )

    def hand_over(self) -> None:
        """Give the book what the batch put on the disk."""
        rows: dict[str, list[PlaceRow]] = {}
        for row in self._places:
            rows.setdefault(row.stream, []).append(row)
        for name, stream in self.streams.items():
            self.intake.book.put(stream, rows.get(name, ()))
        for record, refusal in self._refusals.items():
            self.intake.book.refused.setdefault(record, refusal)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self._places or self._refusals or self._tasks or self._facts or self._sealed)

    def _one(self, item: Submission) -> Answer:
        try:
            return self._accept(read(item))
        except NodeError as error:
            return error

    def _pair(self, items: Sequence[Submission]) -> list[Answer]:
        try:
            return list(self._found([read(item) for item in items]))
        except NodeError as error:
            return [error] * len(items)

    def _accept(self, read_: _Read) -> Accepted:
        opened = read_.opened
        if (known := self._known(opened.id)) is not None:
            self._refill(read_)
            return known
        stream = self._own_stream(opened.stream)
        self._check_not_refused(opened.id)
        self._check_box(read_)
        row, candidate = self._place(stream, read_)
        check_signer(stream.state.keyring, candidate)
        # Before the rules: what they say of a time that nobody vouches for counts for nothing.
        self._check_clock(stream, candidate)
        try:
            state = fold(stream.state, candidate)
        except NodeError as error:
            self._remember(stream, opened, error)
            raise
        return self._keep(extend(stream, state, candidate), [row], read_)

    def _found(self, pair: Sequence[_Read]) -> tuple[Accepted, ...]:
        if len(pair) != 2:
            raise InvalidError("a stream is opened by two records: the second notes the registry")
        known = [self._known(read_.opened.id) for read_ in pair]
        if known[0] is not None and known[1] is not None:
            return known[0], known[1]
        self._check_founder(pair[0].body)
        name = pair[0].opened.id
        rows: list[PlaceRow] = []
        candidates: list[Candidate] = []
        for seq, read_ in enumerate(pair):
            self._check_box(read_)
            prev = candidates[-1].entry if candidates else FIRST_PREV
            row, candidate = self._stand(read_, name, (seq, prev, self.now))
            rows.append(row)
            candidates.append(candidate)
        stream = begin(self.intake.book.laws, candidates[0], candidates[1], own=True)
        self._keep(stream, rows, None)
        return self._answers[rows[0].record], self._answers[rows[1].record]

    def _check_founder(self, body: Body) -> None:
        """Only our own streams are kept here, one side stream for each host's stream."""
        if not isinstance(body, StreamOpened) or body.keeper != self.intake.me:
            raise ForbiddenError("a stream is opened at its keeper's node only")
        if body.kind == "tender":
            return
        if self._stands(body):
            raise RuleError("this stream of ours stands already", article="protocol 2")

    def _stands(self, body: StreamOpened) -> bool:
        """Is there already one pool's stream of ours, or one side stream beside that host's?"""
        book = self.intake.book
        if any((s.row.kind, s.row.of) == (body.kind, body.of) for s in self.streams.values()):
            return True
        if body.kind == "side":
            return book.side_of(body.of or "", self.intake.me) is not None
        return bool(book.streams(body.kind, own=True))

    def _known(self, record: str) -> Accepted | None:
        """The same answer again for a record that stands; its first signature stands with it."""
        return self._answers.get(record) or self.intake.book.answer(record)

    def _refill(self, read_: _Read) -> None:
        """A box that was lost with an old store (`losses`) comes back from whoever sends it again.

        The place stands, so the header's signature vouches for the same box.
        """
        record, sealed = read_.opened.id, read_.item.sealed
        loss = f"{LOSS}box/{record}"
        if not sealed or not self.intake.store.fact(loss):
            return
        self._check_box(read_)
        if self.intake.store.sealed(record, 1) is None:
            self._sealed[record] = sealed
        self._facts[loss] = DONE

    def _own_stream(self, name: str) -> Stream:
        stream = self.streams.get(name) or self.intake.book.get(name)
        if stream is None or not stream.row.own:
            raise MissingError(f"stream {name[:16]}… is not kept here")
        return stream

    def _check_not_refused(self, record: str) -> None:
        refused = self._refusals.get(record) or self.intake.book.refused.get(record)
        if refused is not None:
            code, article = refused
            raise RuleError("this record was refused for good", code=code, article=article)

    def _remember(self, stream: Stream, opened: Opened, error: NodeError) -> None:
        """A lodged record that no rule allows is refused once, and the host must log that.

        Never before its signature is proven: the id does not cover it, so anybody could have
        another's record refused.
        """
        if stream.row.kind == "tender" and is_lodged(opened.header.author, stream.row.keeper):
            article = error.article or "protocol 4"
            self._refusals[opened.id] = (error.code, article)
            payload = {"stream": stream.row.id, "code": error.code, "article": article}
            self._tasks.append(Task("refuse", opened.id, payload, self.now))

    def _check_box(self, read_: _Read) -> None:
        """A box is accepted only whole: the receipt is the proof of a complete upload."""
        box: Box | None = getattr(read_.body, "box", None)
        sealed = read_.item.sealed
        if box is None:
            if sealed:
                raise InvalidError("sealed shares came with a record that has no box")
            return
        if len(sealed) != len(box.holders) or any(len(s) != SEALED_SIZE for s in sealed):
            raise InvalidError(f"a box comes with {len(box.holders)} shares of {SEALED_SIZE} bytes")
        # Its digest was computed before it got its name; it is computed again when it is read.
        size = self.intake.blobs.size(box.ciphertext.sha256)
        if size is None:
            raise MissingError("the box's ciphertext has not arrived here; send it first")
        if size != box.ciphertext.size:
            raise InvalidError("the box's ciphertext has another size")

    def _check_clock(self, stream: Stream, candidate: Candidate) -> None:
        """No record of a tender while most partners say that our clock is wrong: its `received`
        would stand for ever, and later ones may not go below it.

        Source: protocol.md section 3: no quorum younger than G/2, no record that a term reads.
        A node without any checkpoint yet is in the same place: nobody vouches for its clock. A
        quorum of a time to come says that the clock was set back.
        """
        state, at = stream.state, self.intake.log.quorum_at
        if not isinstance(state, TenderState):
            return
        self.intake.log.times.check()
        if candidate.opened.header.type not in TIMED:
            return
        grace = state.rules.clock.g_seconds.value
        if at is None or 2 * abs(self.now - at) > grace:
            detail = "no partner has cosigned this node's log of late"
            raise UnavailableError(detail, code="quorum-missing")
        if candidate.received > self.now + grace:
            ahead = candidate.received - self.now
            detail = f"the stream's newest record is {ahead} s ahead of the time; wait until then"
            raise UnavailableError(detail, code="clock")

    def _place(self, stream: Stream, read_: _Read) -> tuple[PlaceRow, Candidate]:
        received = max(self.now, stream.state.received)
        at = (len(stream.state.entries), stream.head, received)
        return self._stand(read_, stream.row.id, at)

    def _stand(
        self, read_: _Read, stream: str, at: tuple[int, str, int]
    ) -> tuple[PlaceRow, Candidate]:
        """Give a record its place: seq, entry before it, time; fresh salts for both halves."""
        (seq, prev, received), opened = at, read_.opened
        salts = self.intake.entropy.bytes(64).hex()
        what = What(opened.id, time_of(received), salts[:64], opened.signature_digest, stream)
        where = Where(prev, salts[64:], seq)
        entry = entry_of(what, where)
        item = read_.item
        row = PlaceRow(stream, seq, opened.id, what, where, entry, item.envelope, item.body)
        return row, Candidate(opened, read_.body, received, seq, prev, entry)

    def _keep(self, stream: Stream, rows: list[PlaceRow], read_: _Read | None) -> Accepted:
        self.streams[stream.row.id] = stream
        self._places += rows
        for row in rows:
            self._answers[row.record] = Accepted(row.record, row.seq, row.entry)
        if read_ is not None and read_.item.sealed:
            self._sealed[read_.opened.id] = read_.item.sealed
        return self._answers[rows[-1].record]


def read(item: Submission) -> _Read:
    """Check form and size of a submission. Raises InvalidError, LimitError."""
    opened = item.opened
    return _Read(item, opened, read_body(opened, item.body))


def type_of(item: Submission) -> str:
    """The type a submission names; empty if its form cannot be read."""
    try:
        return item.opened.header.type
    except NodeError:
        return ""


def is_lodged(author: str, keeper: str) -> bool:
    """Whether an author's records are lodged in a member's own log first: members and seats."""
    role, _, name = author.partition(":")
    return role == "expert" or (role in ("centre", "regulator") and name != keeper)
