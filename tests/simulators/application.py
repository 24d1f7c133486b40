"""A node's inside as its servers see it: remembers who asked what, and gives what a test put in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from node.core.errors import ForbiddenError, MissingError, NodeError
from node.core.records.canonical import encode, time_of
from node.core.records.envelope import Header, body_digest, open_envelope, seal
from node.core.records.keys import key_id, signer_from_seed
from node.core.records.kinds.streams import MemberStatus
from node.core.records.place import FIRST_PREV, What, Where, entry_of
from node.services.ports import (
    Accepted,
    Followed,
    Known,
    KnownLog,
    Lodged,
    LogPart,
    News,
    StreamRow,
    Submission,
    Wanted,
)
from node.services.ports.door import Call, CallAnswer, Invitation, SeatTaken
from node.services.ports.operator import Ballot, Proposal, Status
from tests.simulators.sources import NOON

SIGNER = signer_from_seed("ed25519", b"\x07" * 32)
STREAM = "5" * 64


def submission(n: int, *, body: bytes = b'{"salt":"00"}') -> Submission:
    """A signed record; its body is not looked at by the wire."""
    header = Header(
        type="tender.planned/v1",
        author="buyer:school",
        key=key_id(SIGNER.public),
        at=time_of(NOON + n),
        body=body_digest(body),
        stream=STREAM,
    )
    return Submission(seal(header, SIGNER), body, (b"s" * 112, b"t" * 112))


def places(count: int, *, body: bytes | None = b'{"salt":"00"}') -> list[Followed]:
    """The first places of a stream, each joined to the one before."""
    made: list[Followed] = []
    before = FIRST_PREV
    for seq in range(count):
        envelope = submission(seq).envelope
        opened = open_envelope(envelope)
        what = What(
            id=opened.id,
            received=time_of(NOON + seq),
            salt=sha256(b"what %d" % seq).hexdigest(),
            sig=opened.signature_digest,
            stream=STREAM,
        )
        where = Where(prev=before, salt=sha256(b"where %d" % seq).hexdigest(), seq=seq)
        before = entry_of(what, where)
        made.append(Followed(seq, what, where, envelope, body))
    return made


@dataclass
class SimApplication:
    """Implements `ports.door.Application` and `ports.operator.Operator`."""

    at: int = NOON
    asked: list[tuple[str, ...]] = field(default_factory=list)
    raises: Exception | None = None
    shown: list[Followed] = field(default_factory=list)
    endless: bool = True
    listed: list[StreamRow] = field(default_factory=list)
    parts: list[LogPart] = field(default_factory=list)
    refused: dict[str, NodeError] = field(default_factory=dict)
    receipts: dict[str, str] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    called: list[Call] = field(default_factory=list)
    invited: list[Invitation] = field(default_factory=list)
    answered: list[CallAnswer] = field(default_factory=list)
    taken: list[SeatTaken] = field(default_factory=list)
    entered: list[tuple[bytes, bytes]] = field(default_factory=list)
    disclosed: list[tuple[str, bytes, str]] = field(default_factory=list)
    logs: list[KnownLog] = field(default_factory=list)
    old: bool = False
    lodged: list[Lodged] = field(default_factory=list)
    hold: asyncio.Event | None = None
    stops: asyncio.Event | None = None
    cancelled: int = 0

    def _ask(self, *words: object) -> None:
        self.asked.append(tuple(map(str, words)))
        if self.raises is not None:
            raise self.raises

    async def _stay(self) -> None:
        if self.endless:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise

    def now(self) -> int:
        return self.at

    async def submit(
        self, items: Sequence[Submission], peer: str | None
    ) -> list[Accepted | NodeError]:
        self._ask("submit", len(items), peer)
        if self.hold is not None:
            await self.hold.wait()
        found = [open_envelope(item.envelope).id for item in items]
        return [self.refused.get(name) or Accepted(name, 3, "e" * 64) for name in found]

    async def follow(self, stream: str, after: int, reader: str) -> AsyncIterator[Followed]:
        for place in self.shown:
            if place.seq > after:
                yield place
        self._ask("follow", stream, after, reader)
        await self._stay()

    async def follow_many(
        self, wanted: AsyncIterator[Sequence[Wanted]]
    ) -> AsyncIterator[list[News]]:
        async for batch in wanted:
            for number, one in enumerate(batch):
                async for place in self.follow(one.stream, one.after, one.reader):
                    yield [(number, [place])]
            if not self.endless:
                return

    async def follow_log(self, after: int) -> AsyncIterator[LogPart]:
        self._ask("follow_log", after)
        for part in self.parts:
            if part.start >= after:
                yield part
        await self._stay()

    async def streams(self, reader: str, peer: str | None) -> AsyncIterator[StreamRow]:
        self._ask("streams", reader, peer)
        for row in self.listed:
            yield row
        await self._stay()

    async def receipt(self, record: str) -> str | None:
        self._ask("receipt", record)
        return self.receipts.get(record)

    async def body(self, record: str, reader: str) -> bytes:
        self._ask("body", record, reader)
        return b"{}"

    async def shares(self, records: Sequence[str], index: int, peer: str | None) -> list[bytes]:
        self._ask("shares", *records, index, peer)
        if peer is None:
            raise ForbiddenError("a holder gets its own share only")
        return [bytes([index]) * 112 for _ in records]

    async def put_blob(self, data: bytes, peer: str | None) -> str:
        self._ask("put_blob", len(data), peer)
        if self.hold is not None and peer is not None:
            await self.hold.wait()
        name = sha256(data).hexdigest()
        self.blobs[name] = data
        return name

    async def get_blob(self, sha256: str, peer: str | None) -> bytes:
        self._ask("get_blob", sha256, peer)
        if sha256 not in self.blobs:
            raise MissingError("no such file here")
        return self.blobs[sha256]

    async def disclose(self, draw: str, payload: bytes, peer: str) -> None:
        self._ask("disclose", draw, len(payload), peer)
        self.disclosed.append((draw, payload, peer))

    async def disclose_snapshot(self, root: str, payload: bytes, peer: str) -> None:
        self._ask("disclose_snapshot", root, len(payload), peer)
        self.disclosed.append((root, payload, peer))

    async def enter(self, facts: bytes, signature: bytes) -> None:
        self._ask("enter")
        self.entered.append((facts, signature))

    async def calls(self, pseudonyms: frozenset[str]) -> AsyncIterator[Call]:
        self._ask("calls", len(pseudonyms))
        for call in self.called:
            if call.pseudonym in pseudonyms:
                yield call
        await self._stay()

    async def answer(self, answer: CallAnswer) -> None:
        self._ask("answer")
        self.answered.append(answer)

    async def invitations(self, pseudonyms: frozenset[str]) -> AsyncIterator[Invitation]:
        self._ask("invitations", len(pseudonyms))
        for one in self.invited:
            if one.pseudonym in pseudonyms:
                yield one
        await self._stay()

    async def take_seat(self, taken: SeatTaken) -> Accepted:
        self._ask("take_seat")
        self.taken.append(taken)
        return Accepted(open_envelope(taken.item.envelope).id, 9, "e" * 64)

    async def status(self) -> Status:
        self._ask("status")
        return Status(self.at, 1, 2, 3)

    async def open_tender(self, tender: str, ruleset: str) -> str:
        self._ask("open_tender", tender, ruleset)
        return STREAM

    async def evidence(self, stream: str, reader: str) -> bytes:
        self._ask("evidence", stream, reader)
        return encode({"reader": reader})

    async def ballot(self) -> Ballot:
        self._ask("ballot")
        proposal = Proposal("a" * 64, "luoyang", "admit", "b" * 64, ("zhuzhou",), open=True)
        return Ballot((b"{}",), (proposal,), 3)

    async def propose(self, descriptor: bytes) -> str:
        self._ask("propose", descriptor)
        return "a" * 64

    async def propose_status(self, member: str, status: MemberStatus) -> str:
        self._ask("propose_status", member, status)
        return "b" * 64

    async def vote(self, op: str) -> str:
        self._ask("vote", op)
        return "a" * 64

    async def execute(self, op: str) -> str:
        self._ask("execute", op)
        return "a" * 64

    async def known(self, peer: str) -> Known:
        self._ask("known", peer)
        return Known(tuple(self.logs), old=self.old)

    async def given_log(self, after: int, peer: str) -> AsyncIterator[LogPart]:
        self._ask("given_log", after, peer)
        for part in self.parts:
            if part.start >= after:
                yield part

    async def given_places(
        self, held: Mapping[str, int], peer: str
    ) -> AsyncIterator[tuple[StreamRow, Followed]]:
        self._ask("given_places", sorted(held.items()), peer)
        for row in self.listed:
            for place in self.shown[held.get(row.id, 0) :]:
                yield row, place
        if self.stops is not None:
            await self.stops.wait()

    async def given_lodged(self, streams: Sequence[str], peer: str) -> AsyncIterator[Lodged]:
        self._ask("given_lodged", len(streams), peer)
        for one in self.lodged:
            yield one
