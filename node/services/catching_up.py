"""A node on an old copy of its store only reads until it holds again what others know of it.

Whoever went on from an old copy would sign a second history of its log. So at each start, and
whenever a witness answers that it knows more, all partners and the chain are asked what they know
of our log. Enough answers: any quorum that may have cosigned shares an honest member with them.
The steps, each of which may be cut off and is done again:

    1  mark       the store says that it is an old copy (`standing`)
    2  gather     entries and places from those who answered, each judged as a stranger's
    3  commit     places, entries, checkpoints, indexes: one transaction; then memory
    4  remake     ticks that witnesses cosigned and nobody mirrored (`remaking`)
    5  witness    what we cosigned of others: at least the newest that any of them shows
    6  compare    everything that was claimed of our log is true of it now, or we stay as we are
    7  name       what nobody could give (`losses`): facts, and a line in the operator's log
    8  open       we write again; records that partners had lodged are judged again; no mark

What an attacker gains who is a partner: he can claim a size that nobody can prove; as many as may
lie are passed over (and told), more can keep us from writing, which they can also do by not
cosigning.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from node.core.errors import LogError, NodeError, UnavailableError
from node.core.log.checkpoint import open_checkpoint
from node.core.log.eras import check_in_eras
from node.services.bell import QUORUM, STREAMS
from node.services.gathering import Gathering
from node.services.losses import refused
from node.services.ports import Batch, Known
from node.services.standing import DONE, MARK, Loss, Mark, facts_of, mark_of

if TYPE_CHECKING:
    from node.services.application import Records
    from node.services.members import Members
    from node.services.ports import KnownLog, Submission

ASK_S: Final = 5.0
"""One partner's time to say what it knows."""
START_S: Final = 4.0
"""A node that nothing marks as an old copy waits so long for enough answers, then goes on: the
next cosignature tells the same."""
AGAIN_S: Final = 5.0
"""Who cannot catch up with what partners give looks again after so long."""
CHAIN: Final = "chain"


@dataclass(frozen=True, slots=True)
class Claim:
    """That our log has this root at this size; `proven` by our own signature or the chain."""

    who: str
    size: int
    root: str
    proven: bool


@dataclass(slots=True)
class CatchingUp:
    """Keeps a node from writing until nobody knows more of its log. Asked again and again."""

    records: Records
    members: Members
    report: Callable[[str, Exception], None]
    told: Callable[[Loss], None]
    caught_up: Callable[[int], None]
    is_back: bool = True
    since: float | None = None
    stuck: UnavailableError | None = None
    again_at: float = 0.0
    spoken: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """At the start: only read until `once` has looked around. Blocking.

        A node whose store and chain know of no log of its own has nothing to lose. `is_back` says
        whether our own streams are: before, what others say of us cannot be judged.
        """
        store, log = self.records.desk.store, self.records.log
        if log.tree.size or mark_of(store) is not None or self._anchored():
            log.halt("正在向伙伴核对本方日志", "asking partners what they know of our log")
            self.is_back = False

    def _anchored(self) -> list[Claim]:
        """What the chain holds of our log. Blocking; a chain that is silent claims nothing."""
        account = self.members.by_id[self.members.me].account
        try:
            ((size, root, _),) = self.records.desk.chain.anchored([account])
        except NodeError as error:
            if error.code != CHAIN:
                raise
            return []
        return [Claim(CHAIN, size, root, proven=True)] if size else []

    @property
    def needed(self) -> int:
        """So many answers share an honest member with every quorum that may have cosigned."""
        quorum = self.members.quorum(self.members.me)
        return max(1, len(quorum.witnesses) - quorum.q + 1 + self.members.faulty())

    async def once(self) -> None:
        """Look around and catch up, if we only read. Raises UnavailableError while we must wait."""
        records = self.records
        if not records.log.halted:
            self.since = None
            return
        now = asyncio.get_running_loop().time()
        if self.stuck is not None and now < self.again_at:
            raise self.stuck
        self.stuck = None
        self.since = now if self.since is None else self.since
        await records.sequencer.rest()
        heard = await self._ask()
        claims = [*self._claims(heard), *await records.desk.off(self._anchored)]
        mark = await records.desk.off(mark_of, records.desk.store)
        if mark is None:
            if not self._are_serious(self._unmet(claims)):
                if len(heard) >= self.needed or now - self.since >= START_S:
                    self._open()
                return
            mark = await self._put_mark()
        whole = {name for name, answer in heard.items() if not answer.old}
        if len(whole) < self.needed:
            raise self._waits(whole)
        await self._catch_up(mark, heard, claims)

    async def _ask(self) -> dict[str, Known]:
        """What each partner that answers knows of all logs."""
        partners = dict(self.records.desk.partners)
        asked = [asyncio.wait_for(one.known(), ASK_S) for one in partners.values()]
        found = await asyncio.gather(*asked, return_exceptions=True)
        for answer in found:
            if isinstance(answer, BaseException) and not isinstance(
                answer, NodeError | TimeoutError
            ):
                raise answer
        answers = zip(partners, found, strict=True)
        return {name: known for name, known in answers if isinstance(known, Known)}

    def _claims(self, heard: Mapping[str, Known]) -> list[Claim]:
        """What partners say of our log: by our own signature under a quorum, or by their word."""
        found = []
        for name, answer in heard.items():
            for known in (one for one in answer.logs if one.origin == self.records.log.origin):
                if known.size:
                    found.append(Claim(name, known.size, known.root, proven=False))
                if known.note:
                    found += self._proven(name, known.note)
        return found

    def _proven(self, name: str, note: str) -> list[Claim]:
        try:
            found = check_in_eras(note, self.members.eras(self.members.me)).found.checkpoint
        except LogError as error:
            self._say_once(f"what {name} shows of our log", error)
            return []
        return [Claim(name, found.size, found.root.hex(), proven=True)]

    def _unmet(self, claims: Iterable[Claim]) -> list[Claim]:
        """Claims that are not true of our log as we hold it."""
        tree = self.records.log.tree
        return [c for c in claims if c.size > tree.size or tree.root(c.size).hex() != c.root]

    def _are_serious(self, unmet: Sequence[Claim]) -> bool:
        """Whether one is proven, or more members than may lie claim so."""
        if any(claim.proven for claim in unmet):
            return True
        who = {claim.who for claim in unmet}
        for claim in unmet:
            error = LogError(f"it claims a size of {claim.size} for our log")
            self._say_once(f"{claim.who}", error)
        return len(who) > self.members.faulty()

    def _say_once(self, what: str, error: Exception) -> None:
        line = f"{what}: {error}"
        if line not in self.spoken:
            self.spoken.add(line)
            self.report(what, error)

    async def _put_mark(self) -> Mark:
        self.is_back = False
        desk, size = self.records.desk, self.records.log.tree.size
        mark = Mark("noticed", desk.clock.now(), size)
        await desk.off(desk.store.put_fact, MARK, mark.text())
        return mark

    def _waits(self, heard: Set[str]) -> UnavailableError:
        silent = sorted(set(m.id for m in self.members.partners()) - heard)
        names = ", ".join(silent)
        return self._stays(
            f"存储是旧副本，只读：需要 {self.needed} 个伙伴应答，现有 {len(heard)} 个；"
            f"未应答或自身也是旧副本：{names}。请检查与它们的连接",
            f"this store is an old copy and only read: {self.needed} partners must answer, "
            f"{len(heard)} did; silent, or old copies too: {names}. Check the lines to them",
        )

    def _stays(self, zh: str, en: str) -> UnavailableError:
        """We go on reading only, and this is why."""
        self.records.log.halt(zh, en)
        return UnavailableError(en, code="catching-up")

    async def _catch_up(
        self, mark: Mark, heard: Mapping[str, Known], claims: Sequence[Claim]
    ) -> None:
        """Steps 2 to 8."""
        records, desk = self.records, self.records.desk
        self.records.log.halt("存储是旧副本：正在从伙伴取回", "an old copy: it is being brought up")
        gathering = Gathering(records, self.members, mark.size, self._say_once)
        await gathering.run(sorted(heard), max((c.size for c in claims if c.proven), default=0))
        for claim in sorted(self._unmet(claims), key=lambda claim: claim.size):
            await gathering.remake(claim.size, claim.root)
        await desk.off(self._witness, [known for answer in heard.values() for known in answer.logs])
        unmet = self._unmet(claims)
        if self._are_serious(unmet):
            self.stuck = self._cannot(unmet)
            self.again_at = asyncio.get_running_loop().time() + AGAIN_S
            raise self.stuck
        self.is_back = True
        again = await gathering.lodged(sorted(heard))
        losses = await desk.off(gathering.losses)
        self._open()
        losses += await self._accept(again)
        await desk.off(desk.store.commit, Batch(facts={**facts_of(losses), MARK: DONE}))
        for loss in losses:
            self.told(loss)
        self.caught_up(records.log.tree.size)

    def _cannot(self, unmet: Sequence[Claim]) -> UnavailableError:
        told = ", ".join(f"{claim.who}: {claim.size}" for claim in unmet)
        if any(claim.size <= self.records.log.tree.size for claim in unmet):
            return self._stays(
                f"本方日志与伙伴所持的不是同一历史（{told}）：请保全数据库并报告监管部门",
                f"our log is another history than partners hold ({told}): keep this database and "
                "tell the regulator",
            )
        return self._stays(
            f"伙伴见证过的日志没有成员能够给出（{told}）：请用更新的备份恢复，或等待其他成员上线",
            f"members cosigned more of our log than any of them can give ({told}): restore a newer "
            "backup, or wait for the members that are away",
        )

    def _witness(self, known: Iterable[KnownLog]) -> None:
        """Cosign no view older than the newest that its keeper signed and is shown. Blocking."""
        store = self.records.desk.store
        logs = {one.origin: name for name, one in self.members.by_id.items()}
        for one in known:
            name = logs.get(one.origin)
            if name is None or name == self.members.me or not one.note:
                continue
            try:
                key = self.members.quorum(name).log
                head = open_checkpoint(one.note, key)[1]
            except LogError as error:
                self._say_once(f"what is shown of the log of {name}", error)
                continue
            old = (store.witnessed(one.origin) or (0, ""))[0]
            if head.size > old:
                store.set_witnessed(one.origin, old, head.size, head.root.hex())

    def check_back(self) -> None:
        """Raise UnavailableError (`catching-up`) until our own streams are back."""
        if not self.is_back:
            self.records.log.check()

    def _open(self) -> None:
        self.records.log.halt("", "")
        self.is_back = True
        self.since = None
        self.records.bell.ring(QUORUM, STREAMS)

    async def _accept(self, items: Sequence[Submission]) -> list[Loss]:
        """Judge again what partners had brought and what has no place any more."""
        answers = await self.records.sequencer.accept(items) if items else []
        return [
            refused(item.opened.id, answer)
            for item, answer in zip(items, answers, strict=True)
            if isinstance(answer, NodeError)
        ]
