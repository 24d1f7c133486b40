"""The actors of many tenders in one process: each still has its own keys, in its own drawer.

A real network has a program for each person; a replay of hundreds of tenders would need thousands.
What is shared is the process and its connections to the nodes' doors, nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from node.core.records.canonical import Hex32, prepare
from node.core.records.kinds.base import CentreId, Part
from node.services.actors.bidder import BidderProgram, House, Publish
from node.services.actors.buyer import BuyerProgram, reader_of
from node.services.actors.drawer import Drawer, Inside
from node.services.actors.hearing import Hearings, Times
from node.services.actors.seats import SeatsProgram
from node.services.actors.tender_file import TenderFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.core.evidence.trust import Trust
    from node.core.rules.state import TenderState
    from node.services.actors.expert import Experts
    from node.services.ports import Entropy
    from node.services.ports.door import Door

Told = Callable[[str], None]


class Opened(Part, frozen=True, kw_only=True):
    """A tender whose stream its host has opened: what its actors need to know to begin."""

    case: TenderFile
    host: CentreId
    stream: Hex32


prepare(Opened)


@dataclass(slots=True)
class Crowd:
    """Everybody: `doors` and `experts` by centre."""

    doors: Mapping[str, Door]
    experts: Mapping[str, Experts]
    drawer: Drawer
    entropy: Entropy
    trust: Trust
    publish: Publish
    times: Times

    async def play(self, opened: Opened, told: Told) -> None:
        """The actors of one tender act until it is over. Raises the first mistake of any."""
        hearings = Hearings(opened.stream, self.trust.form.network, self.times)
        outside = asyncio.gather(*self._outside(opened, hearings, told))
        inside = asyncio.gather(*self._inside(opened, hearings, told))
        try:
            done, _ = await asyncio.wait({outside, inside}, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
            await outside
        finally:
            outside.cancel()
            inside.cancel()
            await asyncio.gather(outside, inside, return_exceptions=True)
            await hearings.close()

    def _outside(
        self, opened: Opened, hearings: Hearings, told: Told
    ) -> Iterator[Coroutine[Any, Any, object]]:
        """The buyer and the bidders."""
        case, door = opened.case, self.doors[opened.host]
        public = hearings.of(opened.host, "public")
        buyer = BuyerProgram(door, self._own(opened, "buyer"), self.entropy, case)
        yield buyer.act(self._as_buyer(opened, hearings), told)
        for one in case.bidders:
            own = self._own(opened, f"bidders/{one.id}")
            house = House(door, own, self.entropy, self.trust, self.publish)
            yield BidderProgram(house, one).act(public.beats(), told)

    async def _as_buyer(
        self, opened: Opened, hearings: Hearings
    ) -> AsyncIterator[tuple[TenderState, int]]:
        """As the public up to the opening, then as the host's centre (`buyer.reader_of`)."""
        async for state, now in hearings.of(opened.host, "public").beats():
            if reader_of(state) != "public":
                break
            yield state, now
        async for state, now in hearings.of(opened.host, f"centre:{opened.host}").beats():
            if reader_of(state) != "public":
                yield state, now

    def _inside(
        self, opened: Opened, hearings: Hearings, told: Told
    ) -> Iterator[Coroutine[Any, Any, object]]:
        """The experts of each centre, once one of them was drawn."""
        for centre, experts in self.experts.items():
            own = self._own(opened, f"experts/{centre}")
            program = SeatsProgram(experts, own, self.entropy, opened.case)
            yield self._sit((opened.stream, centre), program, hearings, told)

    async def _sit(
        self, where: tuple[str, str], program: SeatsProgram, hearings: Hearings, told: Told
    ) -> None:
        stream, centre = where
        program.remember(stream)
        if not program.pens:
            await program.experts.drawn(stream)
        beats = hearings.of(centre, f"centre:{centre}").beats()
        await program.act(beats, stream, told)

    def _own(self, opened: Opened, who: str) -> Inside:
        return Inside(self.drawer, f"tenders/{opened.case.tender}/{who}")
