"""All background loops of a node, each a few lines: they compare "last done" with "newest".

A loop that fails says so once and goes on; the bell only wakes a loop earlier. Nothing here
decides: duties come from the rules, records go through the sequencer, tries repeat harmlessly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.records.kinds.streams import RecordRefused
from node.core.records.place import entry_of
from node.core.rules.award import is_settled
from node.core.rules.side import OwnState
from node.core.rules.state import TenderState
from node.services.bell import ANY, CHAIN, TICK
from node.services.endorsing import Growth, dispute_of, endorsement, side_body
from node.services.outdated import forget_outdated
from node.services.oversight import tell_regulators
from node.services.pools import epoch_at
from node.services.sequencer import MAX_ITEMS

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.services.application import Records
    from node.services.beacon import Beacon
    from node.services.bell import Ear
    from node.services.cosigning import Cosigning
    from node.services.duties import Duties
    from node.services.keeping import Keeping
    from node.services.members import Members
    from node.services.model import Stream
    from node.services.ports import Followed, StreamRow, Submission, Task
    from node.services.publisher import Publisher

Report = Callable[[str, Exception], None]
"""Tells the operator what failed; a mistake of ours with where it happened."""
PAUSE_S = 0.25
"""How long a loop sleeps when nothing wakes it."""
CHAIN_S = 0.2
REGISTRY_S = 1.0
KEEP_S = 2.0
CATCH_UP_S = 0.2
READING = ("chain", "registry", "proofs", "catching-up")
"""Loops of a node that only reads."""
POOL_S = 1.0
"""A pool publishes when nobody entered for so long, and tells regulators what it owes them."""


async def forever(
    name: str, pause_s: float, once: Callable[[], Awaitable[object]], report: Report
) -> None:
    """Do `once` again and again with a pause between; a failure that repeats is told once."""
    told = ""
    while True:
        pause = pause_s
        try:
            await once()
            told = ""
        except NodeError as error:
            pause = max(pause_s, PAUSE_S)
            if error.detail != told:
                report(name, error)
            told = error.detail
        except Exception as error:  # noqa: BLE001 - one loop's mistake must not stop the others
            pause = max(pause_s, PAUSE_S)
            report(name, error)
        await asyncio.sleep(pause)


@dataclass(slots=True)
class Loops:
    """What a node does of itself."""

    records: Records
    members: Members
    publisher: Publisher
    cosigning: Cosigning
    duties: Duties
    beacon: Beacon
    keeping: Keeping
    report: Report
    tick_s: float
    ruleset: str
    small_cell: int
    entered: set[str] = field(default_factory=set)
    looked_at_all: float = 0.0
    followed_change: int = 0
    clock_is_off: bool = False
    ears: dict[str, Ear] = field(default_factory=dict)
    growth: Growth = field(default_factory=Growth)
    supervise: Callable[[], Awaitable[None]] | None = None
    see_block: Callable[[int, int], None] | None = None
    follow_partners: Callable[[], Awaitable[None]] | None = None
    catch_up: Callable[[], Awaitable[None]] | None = None

    async def run(self) -> None:
        """Run every loop until cancelled."""
        loops: dict[str, tuple[float, Callable[[], Awaitable[object]]]] = {
            "publish": (self.tick_s, self.tick),
            "cosign": (0.0, self.cosign),
            "duties": (0.0, self.do_duties),
            "lodging": (0.0, self.send),
            "chain": (CHAIN_S, self.look_at_chain),
            "registry": (REGISTRY_S, self.look_at_registry),
            "beacon": (CHAIN_S, self.answer_beacon),
            "anchors": (PAUSE_S, self.write_anchors),
            "pool": (POOL_S, self.keep_pool),
            "proofs": (KEEP_S, self.keep_proofs),
        }
        if self.supervise is not None:
            loops["supervision"] = (POOL_S, self.supervise)
        if self.catch_up is not None:
            loops["catching-up"] = (CATCH_UP_S, self.catch_up)
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, (pause_s, once) in loops.items():
                    turn = once if name in READING else partial(self._if_writing, once)
                    tasks.create_task(forever(name, pause_s, turn, self.report), name=name)
        finally:
            await self.duties.close()

    async def _if_writing(self, once: Callable[[], Awaitable[object]]) -> None:
        """A turn of a loop that says or sends something; while we only read, a pause."""
        if self.records.log.halted:
            await asyncio.sleep(CATCH_UP_S)
        else:
            await once()

    async def tick(self) -> None:
        """Endorse what we newly checked, and publish."""
        await self.endorse()
        await self.publisher.publish_tick()

    async def cosign(self) -> None:
        """Bring our newest checkpoint to its quorum; a slow partner delays no tick."""
        await self.cosigning.collect()
        self._look_at_clock()
        await self._ear("cosign", TICK).heard(self.tick_s)

    def _look_at_clock(self) -> None:
        """Tell the operator once that our clock is wrong."""
        try:
            self.records.log.times.check()
        except NodeError as error:
            if not self.clock_is_off:
                self.report("clock", error)
        self.clock_is_off = self.records.log.times.is_off

    async def endorse(self) -> None:
        """One endorsement for each followed tender that is due (`Growth`) and has no dispute.

        All of them in one transaction; what the fold says against one harms no other.
        """
        now = asyncio.get_running_loop().time()
        for name in self._grown():
            stream = self.records.book.get(name)
            if stream is not None and stream.row.kind == "tender" and not stream.row.own:
                await self.side_of(stream)
                self.growth.see(name, now)
        due = self.growth.due(now, self._is_over)
        items = [item for name in due if (item := self._endorsement(name)) is not None]
        while items:
            part, items = items[:MAX_ITEMS], items[MAX_ITEMS:]
            for answer in await self.records.sequencer.accept(part):
                if isinstance(answer, NodeError):
                    raise answer
        self.growth.forget(due)

    def _grown(self) -> list[str]:
        """What rang since the last tick; at the first one all tenders that we follow."""
        if "growth" in self.ears:
            return self.ears["growth"].taken()
        self._ear("growth", ANY)
        return [one.row.id for one in self.records.book.streams("tender", own=False)]

    def _is_over(self, name: str) -> bool:
        state = self.records.book.need(name).state
        return isinstance(state, TenderState) and is_settled(state)

    def _endorsement(self, name: str) -> Submission | None:
        """Our endorsement of a stream as it stands, if there is something to endorse."""
        book, desk = self.records.book, self.records.desk
        state, side = book.need(name).state, book.side_of(name, desk.me)
        own = side.state if side else None
        if not (isinstance(state, TenderState) and isinstance(own, OwnState)):
            return None
        body = endorsement(state, own, desk.salt())
        return None if body is None else desk.scribe.own(side_body(body), body, own.stream)

    async def side_of(self, host: Stream) -> Stream:
        """Our side stream beside a host's stream, opened now if there is none."""
        book, me = self.records.book, self.records.desk.me
        if (side := book.side_of(host.row.id, me)) is not None:
            return side
        opened = host.state.opened_as
        ruleset = opened.ruleset if opened else self.ruleset
        await self.records.sequencer.accept_all(
            self.records.founder.found("side", ruleset, host.row.id)
        )
        found = book.side_of(host.row.id, me)
        if found is None:
            raise AssertionError("a side stream that was accepted stands in the book")
        return found

    async def log_own(self, side: Stream, body: Body) -> None:
        """Log our own word in our side stream."""
        scribe = self.records.desk.scribe
        await self.records.sequencer.accept_all([scribe.own(side_body(body), body, side.row.id)])

    async def dispute(self, row: StreamRow, item: Followed, error: NodeError) -> None:
        """Log that a place of a host's stream breaks a rule; other streams are only reported."""
        self.report(f"{row.keeper} {row.kind} {row.id[:8]} place {item.seq}", error)
        host = self.records.book.get(row.id)
        if row.kind != "tender" or host is None:
            return
        side = await self.side_of(host)
        entry = entry_of(item.what, item.where)
        salt = self.records.desk.salt()
        await self.log_own(side, dispute_of(item.seq, entry, error, salt))

    async def do_duties(self) -> None:
        """Do what we owe where something changed, and now and then everywhere: time passes too."""
        heard = await self._ear("duties", ANY).heard(PAUSE_S)
        now = asyncio.get_running_loop().time()
        if now >= self.looked_at_all + PAUSE_S:
            self.looked_at_all = now
            heard = [state.stream for state in self.records.active()]
            await self._refuse()
        self.duties.look(heard)

    def _ear(self, loop: str, topic: str) -> Ear:
        """The ear with which a loop listens to a topic, from its first turn on."""
        if loop not in self.ears:
            self.ears[loop] = self.records.bell.listen(topic)
        return self.ears[loop]

    async def _refuse(self) -> None:
        """Log the refusals of lodged records in the tender's stream, once each."""
        desk = self.records.desk
        for task in await desk.off(desk.store.tasks, "refuse"):
            state = self.records.tender(task.payload["stream"])
            if state is not None and task.key not in state.refused:
                await self._log_refusal(state, task)
            await desk.off(desk.store.done, "refuse", [task.key])

    async def _log_refusal(self, state: TenderState, task: Task) -> None:
        desk = self.records.desk
        body = RecordRefused(
            article=task.payload["article"],
            code=task.payload["code"],
            record=task.key,
            salt=desk.salt(),
        )
        await self.records.say(state, desk.scribe.tender("record.refused/v1", body, state), {})

    async def send(self) -> None:
        """Bring lodged records to their hosts; wake at once when one is lodged."""
        lodging = self.records.lodging
        lodging.wake.clear()
        if await lodging.send_once():
            try:
                await asyncio.wait_for(lodging.wake.wait(), 1.0)
            except TimeoutError:
                return
        else:
            await asyncio.sleep(PAUSE_S)

    async def look_at_chain(self) -> None:
        """Note the newest block: its height is shown, a test clock lives by its time."""
        desk = self.records.desk
        block = await desk.off(desk.chain.latest)
        if self.see_block is not None:
            self.see_block(block.number, block.time)
        if block.number > self.records.height:
            self.records.height = block.number
            self.records.bell.ring(CHAIN)

    async def look_at_registry(self) -> None:
        """Take over the registry; connections follow it at once, records through their streams."""
        desk = self.records.desk
        self.members.take(await desk.off(desk.chain.registry))
        if self.follow_partners is not None:
            await self.follow_partners()
        if self.members.changed_in > self.followed_change:
            if await desk.off(forget_outdated, desk.store, self.members):
                await desk.off(self.publisher.reread)
            desk.times.known.clear()
            await self._note_members()
            self.followed_change = self.members.changed_in

    async def _note_members(self) -> None:
        """Log the members as they are now in each live tender of ours that notes older ones."""
        desk, newest = self.records.desk, self.members.changed_in
        for state in self.records.active(own=True):
            if state.registry is not None and state.registry.block < newest:
                body = self.members.noted(desk.salt())
                item = desk.scribe.tender("registry.noted/v1", body, state)
                await self.records.say(state, item, {})

    async def answer_beacon(self) -> None:
        """Commit and reveal where a draw that we follow waits for us."""
        await self._ear("beacon", CHAIN).heard(PAUSE_S)
        await self.records.desk.off(self.beacon.answer, self.records.active())

    async def write_anchors(self) -> None:
        """Write due slots and our newest checkpoint with a quorum to the chain."""
        records = self.records
        desk = records.desk
        newest = records.log.quorum
        await desk.off(records.anchors.write, records.own_tenders(), newest, desk.clock.now())

    async def keep_proofs(self) -> None:
        """Keep the chain's proof of tenders that are over: one day nobody else may give it."""
        await self.records.desk.off(self.keeping.keep_due, self.report)

    async def keep_pool(self) -> None:
        """Publish our pool's newest snapshot, and give regulators the salts of our lists."""
        desk = self.records.desk
        if desk.role != "centre":
            return
        fresh = set(desk.pools.unpublished)
        if fresh and fresh == self.entered:
            await self._publish_pool()
            desk.pools.unpublished.difference_update(fresh)
        self.entered = fresh
        await tell_regulators(desk.pools, self.records.tenders, desk.partners)

    async def _publish_pool(self) -> None:
        desk, book = self.records.desk, self.records.book
        said = max((epoch_at(one.state) for one in book.streams("pool", own=True)), default=0)
        made = await desk.off(desk.pools.publish_snapshot, self.small_cell, said)
        if made is None:
            return
        body, facts = made
        if not book.streams("pool", own=True):
            await self.records.sequencer.accept_all(
                self.records.founder.found("pool", self.ruleset)
            )
        stream = book.streams("pool", own=True)[0].row.id
        item = desk.scribe.own("pool.published/v1", body, stream)
        await self.records.sequencer.accept_all([item], facts=facts)
