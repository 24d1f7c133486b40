"""One tender in memory: a host and its members that do their duties, and doors for the actors.

The acts, duties, pools and rules are the real ones; only log, chain and transport are simulated.
The clock is moved by whoever plays (`Stage.play`), once nobody has anything left to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from node.core.errors import MissingError, NodeError, UnavailableError
from node.core.log.checkpoint import Checkpoint, sign_checkpoint
from node.core.log.cosignature import cosign
from node.core.log.merkle import Tree, leaf_hash
from node.core.log.proof import TlogProof
from node.core.records.canonical import encode, epoch_of, time_of
from node.core.records.envelope import open_envelope
from node.core.records.kinds.draws import PoolPublished
from node.core.records.place import FIRST_PREV, Extra, What, Where, entry_of, where_hash
from node.core.rules import audience
from node.core.rules.award import OVER
from node.core.rules.draw import commitment
from node.core.rules.drawing import member_accounts
from node.core.rules.duties import duties_of
from node.core.rules.rounds import BeaconRound
from node.core.rules.state import Phase, TenderState
from node.services.acts import ACTS
from node.services.acts.pool import POOL_ACTS
from node.services.bell import ANY, Bell
from node.services.calling import Calling
from node.services.desk import Desk
from node.services.judging import Candidate, Laws, found, judge, read_body
from node.services.pools import PoolService
from node.services.ports import (
    Accepted,
    Block,
    Followed,
    News,
    PlaceRow,
    StreamRow,
    TenderSlots,
    Wanted,
)
from node.services.ports.door import Beat
from node.services.scribe import Scribe
from node.services.seats import Seats
from tests.simulators import people
from tests.simulators.memory_store import MemoryBlobs, MemoryStore
from tests.simulators.people import (
    GUEST,
    HOST,
    REGULATOR,
    ROLES,
    log_signer,
    log_vkey,
    witness_signer,
    witness_vkey,
)
from tests.simulators.sources import HandClock, SeededEntropy

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.services.ports import Submission
    from node.services.ports.door import Call, CallAnswer, Invitation, SeatTaken

CENTRES = (GUEST, HOST)
BEAT_S = 0.005


@dataclass
class Stage:
    """The tender's stream, and every member at work on it."""

    ruleset: str
    clock: HandClock
    stream: str = ""
    state: TenderState | None = None
    places: list[Followed] = field(default_factory=list)
    records: dict[str, Accepted] = field(default_factory=dict)
    sealed: dict[str, tuple[bytes, ...]] = field(default_factory=dict)
    blobs: MemoryBlobs = field(default_factory=MemoryBlobs)
    bell: Bell = field(default_factory=Bell)
    called: list[str] = field(default_factory=list)
    snapshots: dict[str, PoolPublished] = field(default_factory=dict)
    awaited_pools: int = 0
    halt: Phase | None = None

    def __post_init__(self) -> None:
        self.entropy = SeededEntropy("stage")
        self.stores = {name: MemoryStore() for name in ROLES}
        self.pools = {
            name: PoolService(name, self.stores[name], self.clock, SeededEntropy(name))
            for name in ROLES
        }
        self.desks = {name: self._desk(name) for name in ROLES}
        self.seats = {
            name: Seats(self.pools[name], self.tender, self.active, self._say_of(name), self.bell)
            for name in CENTRES
        }
        self._found()

    def tenders(self) -> Mapping[str, TenderState]:
        """The one tender."""
        return {self.stream: self.now_state}

    def tender(self, stream: str) -> TenderState | None:
        """The one tender, if it is that."""
        return self.tenders().get(stream)

    def active(self) -> list[TenderState]:
        """The one tender."""
        return [self.now_state]

    @property
    def now_state(self) -> TenderState:
        """The state, once founded."""
        assert self.state is not None
        return self.state

    def _desk(self, name: str) -> Desk:
        member = people.member(name)
        keys = type("BoxKeys", (), {"box": people.seed(f"{name} box")})
        notifier = cast(Any, ListNotifier(self.called))
        pools = self.pools[name]
        return Desk(
            me=name,
            role=ROLES[name],
            clock=self.clock,
            entropy=SeededEntropy(f"desk {name}"),
            keys=cast(Any, keys),
            store=self.stores[name],
            blobs=self.blobs,
            chain=cast(Any, Rounds(self)),
            scribe=Scribe(member.author, member.signer, self.clock),
            pools=pools,
            calling=Calling(pools, notifier, self.bell, ("本中心", "our centre")),
            partners=cast(Any, {HOST: Shares(self)}),
            times=cast(Any, Times(self)),
        )

    def _say_of(
        self, name: str
    ) -> Callable[[TenderState, Submission, Mapping[str, str]], Awaitable[Accepted]]:
        async def say(_state: TenderState, item: Submission, facts: Mapping[str, str]) -> Accepted:
            answer = self.accept(item)
            for key, value in facts.items():
                self.stores[name].put_fact(key, value)
            return answer

        return say

    def _found(self) -> None:
        items = people.founding(HOST, ruleset=self.ruleset)
        self.stream = people.id_of(items[0])
        first = self._candidate(items[0], 0, FIRST_PREV)
        second = self._candidate(items[1], 1, first[0].entry)
        state = found(Laws(people.NETWORK), first[0], second[0])
        self.state = cast(TenderState, state)
        for (candidate, shown), item in zip((first, second), items, strict=True):
            self._keep(candidate, shown, item)

    def _candidate(self, item: Submission, seq: int, prev: str) -> tuple[Candidate, Followed]:
        opened = open_envelope(item.envelope)
        received = max(self.clock.now(), self.state.received if self.state else 0)
        salts = [self.entropy.bytes(32).hex() for _ in range(2)]
        digest = opened.signature_digest
        what = What(opened.id, time_of(received), salts[0], digest, opened.stream)
        where = Where(prev, salts[1], seq)
        entry, body = entry_of(what, where), read_body(opened, item.body)
        candidate = Candidate(opened, body, received, seq, prev, entry)
        return candidate, Followed(seq, what, where, item.envelope, item.body)

    def accept(self, item: Submission) -> Accepted:
        """Take one record; raises what the rules say. Again gives the same answer."""
        record = open_envelope(item.envelope).id
        if record in self.records:
            return self.records[record]
        state = self.now_state
        if state.phase is self.halt:
            raise UnavailableError("the stage is halted")
        candidate, shown = self._candidate(item, len(state.entries), state.entries[-1])
        box = getattr(candidate.body, "box", None)
        if box is not None and self.blobs.get(box.ciphertext.sha256) is None:
            raise MissingError("the box's ciphertext has not arrived here; send it first")
        self.state = cast(TenderState, judge(state, candidate))
        return self._keep(candidate, shown, item)

    def _keep(self, candidate: Candidate, shown: Followed, item: Submission) -> Accepted:
        answer = Accepted(candidate.opened.id, candidate.seq, candidate.entry)
        self.places.append(shown)
        self.records[answer.record] = answer
        self.sealed[answer.record] = item.sealed
        self.bell.ring(self.stream)
        return answer

    async def work(self) -> int:
        """Let every member do all that it owes now; gives how many records were made."""
        done = 0
        for name in ROLES:
            while await self._duty(name):
                done += 1
        return done

    async def _duty(self, name: str) -> bool:
        desk, state = self.desks[name], self.now_state
        if state.phase is self.halt:
            return False
        for duty in duties_of(state, name, self.clock.now()):
            made = await self._body(desk, state, duty.kind, duty.about)
            if made is not None:
                item = desk.scribe.tender(duty.kind, made[0], state)
                await self._say_of(name)(state, item, made[1])
                return True
        return False

    async def _body(
        self, desk: Desk, state: TenderState, kind: str, about: str
    ) -> tuple[Body, Mapping[str, str]] | None:
        if kind in POOL_ACTS:
            return await POOL_ACTS[kind](desk, state, about)
        body = await ACTS[kind](desk, state, about)
        return None if body is None else (body, {})

    def publish(self, name: str) -> None:
        """The pool's snapshot as its stream holds it."""
        made = self.pools[name].publish_snapshot(10)
        if made is None:
            return
        body, facts = made
        for key, value in facts.items():
            self.stores[name].put_fact(key, value)
        keeper = people.member(name)
        items = people.founding(name, "pool")
        stream = people.id_of(items[0])
        item = keeper.says("pool.published/v1", body, stream, at=self.clock.now())
        self.snapshots[stream] = body
        rows = []
        for seq, one in enumerate((*items, item)):
            prev = FIRST_PREV if seq == 0 else f"{seq:064x}"
            _, shown = self._candidate(one, seq, prev)
            entry = entry_of(shown.what, shown.where)
            record = shown.what.id
            rows.append(
                PlaceRow(
                    stream, seq, record, shown.what, shown.where, entry, one.envelope, one.body
                )
            )
        row = StreamRow(stream, "pool", name, own=True)
        self.stores[name]._streams[stream] = row
        self.stores[name]._places += rows

    def receipt(self, record: str) -> str | None:
        """A receipt under a quorum: the log is the stream's entries alone."""
        if record not in self.records:
            return None
        tree, seq = Tree(), self.records[record].seq
        leaves = [leaf_hash(bytes.fromhex(entry)) for entry in self.now_state.entries]
        tree.extend(leaves)
        checkpoint = Checkpoint(log_vkey(HOST).name, tree.size, tree.root())
        note = sign_checkpoint(checkpoint, log_signer(HOST).sign, log_vkey(HOST).public)
        lines = [
            cosign(note.text, witness_vkey(name), self.clock.now(), witness_signer(name).sign)
            for name in sorted((GUEST, REGULATOR))
        ]
        shown = self.places[seq]
        extra = encode(Extra(shown.what, where_hash(shown.where)))
        whole = note.with_signatures(*lines).encode()
        return TlogProof(seq, extra, tree.inclusion(seq, tree.size), whole).encode()


@dataclass
class ListNotifier:
    """Remembers what was called out."""

    lines: list[str]

    async def call(self, draw: str, pseudonym: str, message: str) -> None:
        """One call."""
        assert draw not in message
        assert pseudonym not in message
        self.lines.append(message)


@dataclass
class Times:
    """Everything existed when it was received."""

    stage: Stage

    def is_heard_since(self, time: int) -> bool:
        """Partners always answer."""
        return time > 0

    def existed_by(self, keeper: str, entry: str) -> int:
        """When the place was received."""
        shown: Followed | PlaceRow
        if entry in (entries := self.stage.now_state.entries):
            shown = self.stage.places[entries.index(entry)]
        else:
            shown = next(row for row in self.stage.stores[keeper]._places if row.entry == entry)
        return epoch_of(shown.what.received)


@dataclass
class Rounds:
    """A chain on which every round is complete at once."""

    stage: Stage
    account: str = "00" * 20

    def seen(self) -> Block:
        """A block of now."""
        return Block(1, "00" * 32, self.stage.clock.now())

    def round(self, round_id: str, opener: str) -> BeaconRound:
        """A complete round."""
        del opener
        state, opened = self.stage.now_state, self.stage.clock.now() + 1
        accounts, seconds = member_accounts(state), state.rules.draw.reveal_seconds.value
        secrets = {a: sha256(f"{round_id} {a}".encode()).digest() for a in accounts}
        commits = {a: commitment(round_id, bytes.fromhex(a), secrets[a]).hex() for a in accounts}
        shown = {a: secret.hex() for a, secret in secrets.items()}
        times = (opened, opened + seconds // 2, opened + seconds)
        return BeaconRound(round_id, *times, accounts, commits, shown)

    def tender(self, stream: str, keeper: str) -> TenderSlots:
        """Nothing moved."""
        del stream, keeper
        return TenderSlots("", 0, 0, "", "", 0, "", "")


@dataclass
class Shares:
    """The host as its holders ask it."""

    stage: Stage

    async def shares(self, records: Sequence[str], index: int) -> list[bytes]:
        """One sealed share of each box."""
        return [self.stage.sealed[record][index - 1] for record in records]


@dataclass
class SimDoor:
    """Implements `ports.door.Door` on a stage. `before` is called before and after every call."""

    stage: Stage
    member: str
    before: Callable[[str], None] = lambda _what: None

    async def now(self) -> int:
        """The stage's clock."""
        return self.stage.clock.now()

    async def submit(self, items: Sequence[Submission]) -> list[Accepted | NodeError]:
        """Each is answered."""
        self.before("submit")
        answers = [self._one(item) for item in items]
        self.before("submitted")
        return answers

    def _one(self, item: Submission) -> Accepted | NodeError:
        try:
            return self.stage.accept(item)
        except NodeError as error:
            return error

    async def follow(self, stream: str, after: int, reader: str) -> AsyncIterator[Followed | Beat]:
        """What the audience table gives, and a beat."""
        assert stream == self.stage.stream
        with self.stage.bell.listen(ANY) as ear:
            while True:
                for item in self._cut(after, reader):
                    yield item
                    after = item.seq
                yield Beat(self.stage.clock.now())
                await ear.heard(BEAT_S)

    async def follow_many(
        self, wanted: AsyncIterator[Sequence[Wanted]]
    ) -> AsyncIterator[list[News]]:
        """One stream is played here: the first that is asked for."""
        first = (await anext(aiter(wanted)))[0]
        async for item in self.follow(first.stream, first.after, first.reader):
            yield [] if isinstance(item, Beat) else [(0, [item])]

    def _cut(self, after: int, reader: str) -> list[Followed]:
        state, found = self.stage.now_state, []
        column = audience.reader_class(reader, HOST)
        for item in self.stage.places[after + 1 :]:
            header = open_envelope(item.envelope).header
            record, who = (header.type, header.author), (reader, column)
            level = audience.level("tender", record, audience.stage_at(state.phase), who)
            if level < audience.Level.HEADER:
                break
            body = item.body if level is audience.Level.ALL else None
            found.append(Followed(item.seq, item.what, item.where, item.envelope, body))
        return found

    async def streams(self, reader: str) -> AsyncIterator[StreamRow]:
        """The one tender."""
        del reader
        plan = self.stage.now_state.plan
        own = self.member == HOST
        yield StreamRow(self.stage.stream, "tender", HOST, own, None, plan.tender if plan else None)

    async def receipt(self, record: str) -> str | None:
        """Once it is in."""
        self.before("receipt")
        return self.stage.receipt(record)

    async def body(self, record: str, reader: str) -> bytes:
        """Nobody asks."""
        raise MissingError(f"{record} for {reader}")

    async def put_blob(self, data: bytes) -> str:
        """Store."""
        self.before("put_blob")
        return self.stage.blobs.put(data)

    async def get_blob(self, sha256: str) -> bytes:
        """A file."""
        return self.stage.blobs.data[sha256]

    async def enter(self, facts: bytes, signature: bytes) -> None:
        """Into the pool of this centre."""
        self.before("enter")
        self.stage.pools[self.member].enter(facts, signature)

    def calls(self, pseudonyms: frozenset[str]) -> AsyncIterator[Call]:
        """Calls of this centre."""
        return self.stage.desks[self.member].calling.calls(pseudonyms)

    async def answer(self, answer: CallAnswer) -> None:
        """An answer to a call."""
        self.before("answer")
        await self.stage.desks[self.member].calling.answer(answer)
        self.before("answered")

    def invitations(self, pseudonyms: frozenset[str]) -> AsyncIterator[Invitation]:
        """Seats of this centre."""
        return self.stage.seats[self.member].invitations(pseudonyms)

    async def take_seat(self, taken: SeatTaken) -> Accepted:
        """Take one."""
        self.before("take_seat")
        answer = await self.stage.seats[self.member].take_seat(taken)
        self.before("taken")
        return answer


async def play(stage: Stage, expected_bids: int) -> None:
    """Let members work and the clock move until the tender is over, or at the phase `halt`."""
    from node.cli.demo.clock import next_moment

    quiet = 0
    for _ in range(4000):
        made = await stage.work()
        quiet = 0 if made else quiet + 1
        if stage.now_state.phase in (stage.halt, *OVER) and not made:
            return
        move = next_moment(stage.now_state, stage.clock.now(), expected_bids)
        if len(stage.snapshots) < stage.awaited_pools:
            move = None
        if move is not None and (quiet > 20 or stage.now_state.phase is not Phase.CALLING):
            stage.clock.at = move.to
        await asyncio.sleep(BEAT_S)
    raise AssertionError(f"stuck in {stage.now_state.phase}")
