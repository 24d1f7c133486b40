"""The seats that one centre's experts have in one tender: they take them, and judge.

Until one of them is invited the program reads as the public does; from then on as its centre does,
for the committee's records are shown to venues only.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.records.canonical import Hex32, prepare
from node.core.records.keys import Signer, Suite, key_id, signer_from_seed
from node.core.records.kinds.base import HexBytes, Part
from node.core.records.kinds.session import ExpertSeated
from node.core.rules.drawing import link_of, seat_claim
from node.core.rules.state import Phase
from node.services.actors.drawer import Drawer, Inside, fresh_seed, put_in, take_out
from node.services.actors.pen import LATER, Kept, Pen
from node.services.actors.reading import Reading, watch
from node.services.actors.seat import Judgement, owed
from node.services.ports.door import SeatTaken

if TYPE_CHECKING:
    from node.core.rules.state import TenderState
    from node.services.actors.expert import Experts
    from node.services.actors.tender_file import TenderFile
    from node.services.ports import Entropy
    from node.services.ports.door import Invitation

Told = Callable[[str], None]


class SeatKept(Part, frozen=True, kw_only=True):
    """A seat's secret key, what opens its link, and the record that takes the seat."""

    link_salt: Hex32
    record: Kept
    seed: Hex32
    sig: HexBytes
    suite: Suite

    @property
    def signer(self) -> Signer:
        """The key of this seat."""
        return signer_from_seed(self.suite, bytes.fromhex(self.seed))

    @property
    def taken(self) -> SeatTaken:
        """How the seat is taken at the door."""
        return SeatTaken(self.record.item, self.link_salt, bytes.fromhex(self.sig))


prepare(SeatKept)


@dataclass(slots=True)
class SeatsProgram:
    """One centre's seats in one tender, and the case that its experts judge by."""

    experts: Experts
    drawer: Drawer
    entropy: Entropy
    case: TenderFile
    pens: dict[str, Pen] = field(default_factory=dict)
    failing: dict[str, str] = field(default_factory=dict)

    async def run(self, reading: Reading, told: Told) -> TenderState:
        """Read, take seats and judge, until the tender is over."""
        self.remember(reading.stream)
        invited = self.experts.seats(reading.stream)
        beats = watch(self.experts.door, reading, lambda _: self._reader(invited))
        return await self.act(beats, told)

    async def act(self, beats: AsyncIterator[tuple[TenderState, int]], told: Told) -> TenderState:
        """Act on what is read."""
        last: TenderState | None = None
        async for state, now in beats:
            last = state
            seats = [seat for seat in self._seats(state) if self._is_asked(seat, state)]
            await asyncio.gather(*(self._tried(seat, state, now, told) for seat in seats))
        if last is None:
            raise AssertionError("a watch ends after a state only")
        return last

    def acts(self, state: TenderState, _now: int) -> bool:
        """Whether one of the seats is asked for something."""
        return any(self._is_asked(seat, state) for seat in self._seats(state))

    def _seats(self, state: TenderState) -> list[str]:
        """Those of this tender that are ours, as far as we know."""
        ours = {*self.experts.seats(state.stream), *self.pens}
        return sorted(ours & state.seats.keys(), key=int)

    def _is_asked(self, seat: str, state: TenderState) -> bool:
        """Whether it is to be taken yet, or owes a record."""
        pen = self.pens.get(seat)
        if not state.seats[seat].key:
            return pen is None or "expert.seated" not in pen.sent
        return pen is not None and owed(state, seat) is not None

    def _reader(self, invited: dict[str, Invitation]) -> str:
        """As whom the experts read."""
        return f"centre:{self.experts.centre}" if invited or self.pens else "public"

    def remember(self, stream: str) -> None:
        """After a restart: the seats that were taken before."""
        for name in self.drawer.names(f"seats/{stream}"):
            seat = name.partition(".")[0]
            kept = take_out(self.drawer, _seat_file(stream, seat), SeatKept)
            if kept is not None:
                self.pens[seat] = self._pen(stream, seat, kept)

    def _pen(self, stream: str, seat: str, kept: SeatKept) -> Pen:
        return Pen(f"expert:{seat}", kept.signer, Inside(self.drawer, f"seats/{stream}/{seat}"))

    async def _tried(self, seat: str, state: TenderState, now: int, told: Told) -> None:
        """One step of one seat; what is refused now is tried again at the next beat, told once."""
        try:
            line = await self.step(seat, state, now)
        except NodeError as error:
            if error.code not in (*LATER, "rule", "state"):
                raise
            line = f"seat {seat} waits: {error}"
            if self.failing.get(seat) == line:
                return
            self.failing[seat] = line
        if line:
            told(line)

    async def step(self, seat: str, state: TenderState, now: int) -> str:
        """Take the seat, or say what it owes; gives a line if something was done."""
        if not state.seats[seat].key:
            return await self._sit(seat, state, now)
        kind, pen = owed(state, seat), self.pens.get(seat)
        if pen is None or kind is None or key_id(pen.signer.public) != state.seats[seat].key:
            return ""
        judgement = Judgement(seat, self.case, self.entropy)
        name = kind.partition("/")[0]
        kept = pen.write(name, kind, lambda: judgement.made(kind, state), state, now)
        accepted = await pen.say(self.experts.door, name, kept)
        return f"seat {seat}: {name}" if accepted else ""

    async def _sit(self, seat: str, state: TenderState, now: int) -> str:
        kept = self._seat(seat, state, now)
        if kept is None:
            return ""
        pen = self.pens.setdefault(seat, self._pen(state.stream, seat, kept))
        if "expert.seated" in pen.sent:
            return ""
        await self.experts.door.take_seat(kept.taken)
        pen.sent.add("expert.seated")
        return f"seat {seat}: taken"

    def _seat(self, seat: str, state: TenderState, now: int) -> SeatKept | None:
        """The seat's key and record: made, and on the disk, before the seat is taken."""
        name = _seat_file(state.stream, seat)
        kept = take_out(self.drawer, name, SeatKept)
        invitation = self.experts.seats(state.stream).get(seat)
        if kept is None and invitation is not None and state.phase is Phase.FORMED:
            kept = self._made(invitation, state, now)
            put_in(self.drawer, name, kept)
        return kept

    def _made(self, invitation: Invitation, state: TenderState, now: int) -> SeatKept:
        suite: Suite = "es256" if int(invitation.seat) % 2 == 0 else "ed25519"
        seed = fresh_seed(suite, self.entropy)
        signer = signer_from_seed(suite, bytes.fromhex(seed))
        expert = self.experts.expert(invitation.pseudonym)
        claim = seat_claim(key_id(signer.public), invitation.seat, state.stream)
        sig = expert.signer.sign(bytes.fromhex(claim)).hex()
        link_salt, salt = (self.entropy.bytes(32).hex() for _ in range(2))
        body = ExpertSeated(
            key=signer.public, link=link_of(link_salt, sig), person=invitation.person, salt=salt
        )
        pen = Pen(f"expert:{invitation.seat}", signer, self.drawer)
        record = pen.sign(("expert.seated/v1", body, None), state, now)
        return SeatKept(link_salt=link_salt, record=record, seed=seed, sig=sig, suite=suite)


def _seat_file(stream: str, seat: str) -> str:
    return f"seats/{stream}/{seat}.json"
