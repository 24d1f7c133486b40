"""The node as its servers call it: every call is checked against who asks, then handed on.

A partner is known by its certificate (`peer`), the operator and the actors' programs come through
the door (`peer` is None). Nothing is decided here: rules stand in the core, places go out through
`Shown`, records come in through the sequencer or, for a partner's stream, through `Lodging`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING

from node.core.errors import (
    ForbiddenError,
    InvalidError,
    LimitError,
    MissingError,
    NodeError,
    StateError,
)
from node.core.rules.ruleset import builtin_rulesets
from node.core.rules.state import TenderState
from node.services.bell import QUORUM, STREAMS
from node.services.ports import UNTOLD, Accepted, StreamRow, Submission
from node.services.ports.operator import Status
from node.services.shown import WAIT_S

if TYPE_CHECKING:
    from node.services.anchors import Anchors
    from node.services.bell import Bell
    from node.services.desk import Desk
    from node.services.evidence import Evidence
    from node.services.founding import Founder
    from node.services.lodging import Lodging
    from node.services.model import Book, OwnLog
    from node.services.ports import Followed, LogPart, News, Wanted
    from node.services.publisher import Publisher
    from node.services.receipts import Receipts
    from node.services.sequencer import Sequencer
    from node.services.shown import Shown

BEAT_S = 5.0
"""A follower of many streams hears from us so often, whatever happens."""
PARTNER_BYTES = 64 * 1024 * 1024
"""How much a partner may store here that no accepted record names yet."""


@dataclass(slots=True)
class Records:
    """Records, streams, logs, boxes and evidence, as partners and the door ask for them."""

    desk: Desk
    book: Book
    log: OwnLog
    sequencer: Sequencer
    lodging: Lodging
    shown: Shown
    receipts: Receipts
    evidence_of: Evidence
    founder: Founder
    publisher: Publisher
    anchors: Anchors
    bell: Bell
    height: int = 0
    brought: dict[str, int] = field(default_factory=dict)

    def now(self) -> int:
        """The node's clock."""
        return self.desk.clock.now()

    async def submit(
        self, items: Sequence[Submission], peer: str | None
    ) -> list[Accepted | NodeError]:
        """Take records into our streams, or lodge our people's for a partner's stream."""
        try:
            streams = {item.opened.stream for item in items}
        except NodeError:
            streams = set()
        if all(self._is_own(stream) for stream in streams) or peer is not None:
            return await self._accept(items, peer)
        return list(await asyncio.gather(*(self._bring(item) for item in items)))

    async def say(self, state: TenderState, item: Submission, facts: Mapping[str, str]) -> Accepted:
        """Bring one record of ours into a tender's stream, wherever that is kept."""
        if not self._is_own(state.stream):
            return await self.lodging.say(state, item, facts)
        return (await self.sequencer.accept_all([item], facts=facts))[0]

    def _is_own(self, stream: str) -> bool:
        known = self.book.get(stream)
        return known is not None and known.row.own

    async def _accept(
        self, items: Sequence[Submission], peer: str | None
    ) -> list[Accepted | NodeError]:
        refused = {n: e for n, item in enumerate(items) if (e := self._not_from(item, peer))}
        rest = [self._as_from(item, peer) for n, item in enumerate(items) if n not in refused]
        answers = iter(await self.sequencer.accept(rest) if rest else [])
        if peer is not None and any(item.sealed for item in rest):
            self.brought.pop(peer, None)
        return [
            refused[n] if n in refused else _told(item, next(answers))
            for n, item in enumerate(items)
        ]

    def _as_from(self, item: Submission, peer: str | None) -> Submission:
        """Only at our door may somebody bring the shares of a box again that was lost: they are
        signed by nobody, and others' would have its maker blamed."""
        if peer is None or self.book.answer(item.opened.id) is None:
            return item
        return Submission(item.envelope, item.body)

    def _not_from(self, item: Submission, peer: str | None) -> NodeError | None:
        """A partner brings its own records, its seats' and anybody's bids; nobody opens streams."""
        try:
            header = item.opened.header
        except NodeError as error:
            return error
        role, _, name = header.author.partition(":")
        if header.stream is None:
            return ForbiddenError("streams are opened by their keeper")
        if role == "expert" and peer is not None:
            state = self.tender(header.stream)
            seat = state.seats.get(name) if state else None
            name = seat.centre if seat else ""
        if role in ("expert", "centre", "regulator") and peer is not None and name != peer:
            return ForbiddenError(f"{peer} does not speak for {header.author}")
        return None

    async def _bring(self, item: Submission) -> Accepted | NodeError:
        try:
            stream = item.opened.stream
            state = self.tender(stream)
            if state is None:
                raise MissingError(f"stream {stream[:16]}… is not known here")
            return await self.say(state, item, {})
        except NodeError as error:
            return error

    def tender(self, stream: str) -> TenderState | None:
        """The state of a tender that we keep or follow, or None."""
        known = self.book.get(stream)
        state = known.state if known else None
        return state if isinstance(state, TenderState) else None

    def tenders(self) -> dict[str, TenderState]:
        """The states of all tenders that we keep or follow."""
        found = self.book.streams("tender")
        return {s.row.id: s.state for s in found if isinstance(s.state, TenderState)}

    def active(self, *, own: bool | None = None) -> list[TenderState]:
        """The states of those tenders that are not settled yet."""
        found = self.book.active(own=own)
        return [s.state for s in found if isinstance(s.state, TenderState)]

    def follow(self, stream: str, after: int, reader: str) -> AsyncIterator[Followed]:
        """Places with seq > after as the audience table allows; goes on as they appear."""
        return self.shown.follow(stream, after, reader)

    def follow_many(self, wanted: AsyncIterator[Sequence[Wanted]]) -> AsyncIterator[list[News]]:
        """The same for many streams in one call."""
        return self.shown.follow_many(wanted, BEAT_S)

    async def follow_log(self, after: int) -> AsyncIterator[LogPart]:
        """Our log from size `after` on, at each checkpoint that gets its quorum."""
        size = after
        with self.bell.listen(QUORUM) as ear:
            while True:
                while self.publisher.has_part(size):
                    part = self.publisher.kept_part(size)
                    part = part or await self.desk.off(self.publisher.part, size)
                    if part is None:
                        break
                    yield part
                    size += len(part.entries)
                await ear.heard(WAIT_S)

    async def streams(self, reader: str, peer: str | None) -> AsyncIterator[StreamRow]:
        """Streams that the reader may know, then new ones; for a peer only those we keep."""
        told: dict[str, StreamRow] = {}
        count = 0
        with self.bell.listen(STREAMS) as ear:
            while True:
                rows, count = self.book.told[count:], len(self.book.told)
                for row in rows:
                    ours = row.own or peer is None
                    if ours and told.get(row.id) != row and self._may_know(row, reader):
                        told[row.id] = row
                        yield row
                await ear.heard(WAIT_S)

    def _may_know(self, row: StreamRow, reader: str) -> bool:
        """People outside know of tenders; that there are side streams tells who takes part."""
        return row.kind == "tender" or not reader.startswith(("public", "bidder:"))

    async def receipt(self, record: str) -> str | None:
        """The receipt of a record in one of our streams, once a quorum covers it."""
        return await self.desk.off(self.receipts.receipt, record)

    async def body(self, record: str, reader: str) -> bytes:
        """The body of a record, if the audience table gives all of it to the reader now."""
        row = await self.desk.off(self.desk.store.find, record)
        if row is not None:
            stream = self.book.need(row.stream)
            for item in self.shown.cut(stream, [row], reader):
                if item.body is not None:
                    return item.body
        raise StateError("this body is not yours to read now", code="too-early")

    async def shares(self, records: Sequence[str], index: int, peer: str | None) -> list[bytes]:
        """The peer's own sealed shares of boxes, once the releasing record stands."""
        for record in records:
            self._check_released(record, index, peer)
        return await self.desk.off(self._sealed, records, index)

    def _check_released(self, record: str, index: int, peer: str | None) -> None:
        """Raises StateError (`too-early`), ForbiddenError."""
        row = self.book.find(record)
        state = self.tender(row[0]) if row else None
        if state is None or state.release is None or record not in state.release.boxes:
            raise StateError("no record releases the shares of this box", code="too-early")
        holders = state.release.holders
        if peer is None or not 1 <= index <= len(holders) or holders[index - 1] != peer:
            raise ForbiddenError("a holder gets its own share only")

    def _sealed(self, records: Sequence[str], index: int) -> list[bytes]:
        found = [self.desk.store.sealed(record, index) for record in records]
        if None in found:
            raise MissingError("a sealed share is not in this node's store")
        return [sealed for sealed in found if sealed is not None]

    async def put_blob(self, data: bytes, peer: str | None) -> str:
        """Store a file; its SHA-256. Durable when it returns.

        A partner may bring so much between two boxes of its people that we accept, no more:
        nobody fills our disk before a deadline.
        """
        if peer is not None:
            brought = self.brought.get(peer, 0) + len(data)
            if brought > PARTNER_BYTES:
                raise LimitError(f"{peer} has brought {PARTNER_BYTES} bytes that no record names")
            self.brought[peer] = brought
        return await self.desk.off(self.desk.blobs.put, data)

    async def get_blob(self, sha256: str, peer: str | None) -> bytes:
        """A file by its SHA-256; for partners a bid's ciphertext once the bids are closed."""
        if peer is not None and not self._is_shown(sha256):
            raise ForbiddenError("this file is not shown to partners now")
        data = await self.desk.off(self.desk.blobs.get, sha256)
        if data is None:
            raise MissingError(f"no file {sha256[:16]}… here")
        return data

    def _is_shown(self, sha256: str) -> bool:
        # Those under way first: their bids are what partners ask for.
        streams = chain(self.book.active(), self.book.settled(()))
        states = (one.state for one in streams)
        return any(
            bid.box.ciphertext.sha256 == sha256
            for state in states
            if isinstance(state, TenderState) and state.closed is not None
            for bid in state.in_force.values()
        )

    async def status(self) -> Status:
        """Where the node stands: what waits to be told, published or anchored."""
        tasks = await self.desk.off(self.desk.store.tasks)
        waiting = await self.desk.off(self._uncovered)
        outbox = len(tasks) + self.anchors.due(self.own_tenders())
        if self.desk.role == "centre" and self.desk.pools.unpublished:
            outbox += 1  # a snapshot of our pool is to come: a draw may need it
        return Status(self.now(), self.height, outbox, waiting)

    def _uncovered(self) -> int:
        """Places of ours that no checkpoint with a quorum holds yet."""
        return self.desk.store.uncovered(
            self.log.origin, self.log.quorum.size if self.log.quorum else 0
        )

    def own_tenders(self) -> list[TenderState]:
        """The states of all tenders that we keep."""
        own = self.book.streams("tender", own=True)
        return [s.state for s in own if isinstance(s.state, TenderState)]

    async def open_tender(self, tender: str, ruleset: str) -> str:
        """Open a tender's stream under a rule set; the same stream if asked again."""
        key = f"tender/{tender}"
        if (known := await self.desk.off(self.desk.store.fact, key)) is not None:
            return known
        if ruleset not in builtin_rulesets():
            raise InvalidError("this node does not have that rule set")
        pair = self.founder.found("tender", ruleset)
        stream = _id(pair[0])
        await self.sequencer.accept_all(pair, facts={key: stream})
        return stream

    async def evidence(self, stream: str, reader: str) -> bytes:
        """The evidence file of a tender, cut for a reader."""
        return await self.evidence_of.make(stream, reader)


def _id(item: Submission) -> str:
    return item.opened.id


def _told(item: Submission, answer: Accepted | NodeError) -> Accepted | NodeError:
    """A bidder is not told his place: it would say how many came before him (TBL art. 22)."""
    if isinstance(answer, Accepted):
        author = item.opened.header.author
        if author.startswith("bidder:"):
            return replace(answer, seq=UNTOLD)
    return answer
