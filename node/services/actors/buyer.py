"""The buyer: what it must say from the plan to the notice of award, when the rules ask for it.

Until the opening is over it reads as the public does: it must not know how many have bid, nor who
(TBL art. 22). Afterwards it reads what its host centre gives it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import ConfigError, NodeError
from node.core.records.canonical import time_of
from node.core.records.kinds.session import (
    AwardDecided,
    AwardNoticed,
    CandidatesPublished,
    RankingPublished,
)
from node.core.records.kinds.tender import (
    CommitteePlanned,
    LotCommittee,
    TenderAnnounced,
    TenderPlanned,
)
from node.core.rules.audience import Stage, stage_at
from node.core.rules.award import candidates_of, objections_until
from node.core.rules.calendar import add_days, day_of, instant_of, parse_day
from node.core.rules.state import Phase
from node.services.actors.drawer import Drawer, key_in
from node.services.actors.pen import LATER, Pen
from node.services.actors.reading import Reading, watch

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.actors.tender_file import TenderFile
    from node.services.ports import Entropy
    from node.services.ports.door import Door

MARGIN_S = 3600
"""Terms are counted from so much later than now, so that a record on its way cannot miss them."""
NINE = 540
"""Minute of the day at which bids close where the rule set fixes none."""
BLIND = frozenset(phase for phase in Phase if stage_at(phase) < Stage.READ)
MADE: dict[Phase, str] = {
    Phase.FOUNDED: "tender.planned/v1",
    Phase.PLANNED: "committee.planned/v1",
    Phase.COMPOSED: "tender.announced/v1",
    Phase.RELEASED: "candidates.published/v1",
    Phase.AWARDING: "award.decided/v1",
    Phase.DECIDED: "award.noticed/v1",
}
"""Phase -> what the buyer owes in it; `owed_in` says where it is another record."""
RANKING = "ranking.published/v1"


def owed_in(state: TenderState) -> str | None:
    """The record type that the buyer owes now: after the session it follows from the result.

    After a session without a valid bid the lot fails, and the buyer has nothing to say.
    """
    if state.phase is not Phase.RELEASED:
        return MADE.get(state.phase)
    outcome = state.result.outcome if state.result else "failed"
    return {"ranked": RANKING, "failed": None}.get(outcome, MADE[state.phase])


def reader_of(state: TenderState | None) -> str:
    """As whom the buyer reads."""
    blind = state is None or state.phase in BLIND
    return "public" if state is None or blind else f"centre:{state.keeper}"


@dataclass(slots=True)
class BuyerProgram:
    """One buyer and its tender."""

    door: Door
    drawer: Drawer
    entropy: Entropy
    tender: TenderFile

    async def run(self, reading: Reading, told: Callable[[str], None]) -> TenderState:
        """Read, and act until the tender is over."""
        return await self.act(watch(self.door, reading, reader_of), told)

    async def act(
        self, beats: AsyncIterator[tuple[TenderState, int]], told: Callable[[str], None]
    ) -> TenderState:
        """Act on what is read; `told` gets one line for each record accepted."""
        signer = key_in(self.drawer, "buyer.key", "es256", self.entropy)
        pen = Pen(f"buyer:{self.tender.buyer.id}", signer, self.drawer)
        last: TenderState | None = None
        async for state, now in beats:
            last = state
            try:
                if await self.step(pen, state, now):
                    told(owed_in(state) or "")
            except NodeError as error:
                if error.code not in (*LATER, "rule", "state"):
                    raise
                told(f"{owed_in(state)} waits: {error}")
        if last is None:
            raise AssertionError("a watch ends after a state only")
        return last

    @staticmethod
    def acts(state: TenderState, _now: int) -> bool:
        """Whether this phase asks the buyer for something."""
        return owed_in(state) is not None

    async def step(self, pen: Pen, state: TenderState, now: int) -> bool:
        """Say what this phase asks the buyer for; True if it was accepted now."""
        kind = owed_in(state)
        if kind is None:
            return False
        name = kind.partition("/")[0]
        kept = pen.write(name, kind, lambda: (self.body(kind, pen, state, now), None), state, now)
        return await pen.say(self.door, name, kept) is not None

    def body(self, kind: str, pen: Pen, state: TenderState, now: int) -> Body:
        """The body of what the buyer says, from the tender file and the state."""
        if kind == "tender.planned/v1":
            return self._plan(pen)
        if kind == "tender.announced/v1":
            return self._announcement(state, now)
        salt = self.entropy.bytes(32).hex()
        if kind == "committee.planned/v1":
            planned = LotCommittee(lot=self.tender.lot.id, strata=self.tender.strata)
            return CommitteePlanned(committees=(planned,), salt=salt)
        if kind == "candidates.published/v1":
            until = time_of(objections_until(state, now + MARGIN_S))
            return CandidatesPublished(
                candidates=candidates_of(state), objections_until=until, salt=salt
            )
        if kind == RANKING:
            return RankingPublished(result=state.result_id, salt=salt)
        if kind == "award.decided/v1":
            winner = state.result.winner if state.result else None
            return AwardDecided(bid=winner or "", salt=salt)
        price = state.opened[state.winner].price
        return AwardNoticed(bid=state.winner, price=price or "", salt=salt)

    def _plan(self, pen: Pen) -> TenderPlanned:
        return TenderPlanned(
            buyer=pen.signer.public,
            buyer_name=self.tender.buyer.name,
            origin=self.tender.source.text,
            salt=self.entropy.bytes(32).hex(),
            tender=self.tender.tender,
            title=self.tender.title,
        )

    def _announcement(self, state: TenderState, now: int) -> TenderAnnounced:
        clock = state.rules.clock
        deadline = deadline_of(state, self.tender.opened_on, now)
        opening = deadline + clock.opening_delay_minutes.value * 60
        return TenderAnnounced(
            currency=state.rules.currency,
            deadline=time_of(deadline),
            holders=holders_of(state, self.tender.threshold),
            lots=(self.tender.lot,),
            opening=time_of(opening),
            salt=self.entropy.bytes(32).hex(),
            scale=state.rules.money_scale,
            threshold=self.tender.threshold,
            unlock_until=time_of(opening + clock.unlock_minutes.value * 60),
        )


def deadline_of(state: TenderState, wanted: str, now: int) -> int:
    """The day wanted, or the first lawful one if that is too early; epoch seconds."""
    clock, offset = state.rules.clock, state.rules.utc_offset_minutes
    minute = clock.deadline_minute.value if clock.deadline_minute else NINE
    earliest = add_days(day_of(now + MARGIN_S, offset), clock.notice_days.value)
    return instant_of(max(parse_day(wanted), earliest), minute, offset)


def holders_of(state: TenderState, threshold: int) -> tuple[str, ...]:
    """All active members but the host that have a box key, regulators among them, sorted.

    Raises ConfigError if they are too few: then no bid could be opened without the host.
    """
    holders = tuple(
        sorted(
            one.id
            for one in state.keyring.members.values()
            if one.id != state.keeper
            and one.status == "active"
            and state.keyring.key(one.id, "box") is not None
        )
    )
    if len(holders) < threshold:
        raise ConfigError(f"{len(holders)} members can hold shares; {threshold} are needed")
    return holders
