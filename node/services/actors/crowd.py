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
from node.services.actors.bidder import BidderProgram, Means, Publish
from node.services.actors.buyer import BuyerProgram, reader_of
from node.services.actors.drawer import Drawer, Inside
from node.services.actors.seats import SeatsProgram
from node.services.actors.tender_file import TenderFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.core.evidence.trust import Trust
    from node.core.rules.state import TenderState
    from node.services.actors.expert import Experts
    from node.services.actors.hearing import House
    from node.services.ports import Entropy

Told = Callable[[str], None]


class Opened(Part, frozen=True, kw_only=True):
    """A tender whose stream its host has opened: what its actors need to know to begin."""

    case: TenderFile
    host: CentreId
    stream: Hex32


prepare(Opened)


@dataclass(slots=True)
class Crowd:
    """Everybody: `houses` and `experts` by centre."""

    houses: Mapping[str, House]
    experts: Mapping[str, Experts]
    drawer: Drawer
    entropy: Entropy
    trust: Trust
    publish: Publish

    async def play(self, opened: Opened, told: Told) -> None:
        """The actors of one tender act until it is over. Raises the first mistake of any."""
        outside = asyncio.gather(*self._outside(opened, told))
        inside = asyncio.gather(*self._inside(opened, told))
        try:
            done, _ = await asyncio.wait({outside, inside}, return_when=asyncio.FIRST_COMPLETED)
            for one in done:
                one.result()
            await outside
        finally:
            outside.cancel()
            inside.cancel()
            await asyncio.gather(outside, inside, return_exceptions=True)

    def _outside(self, opened: Opened, told: Told) -> Iterator[Coroutine[Any, Any, object]]:
        """The buyer and the bidders."""
        case, host = opened.case, self.houses[opened.host]
        door, public = host.door, host.hear(opened.stream, "public")
        buyer = BuyerProgram(door, self._own(opened, "buyer"), self.entropy, case)
        yield buyer.act(self._as_buyer(opened), told)
        for one in case.bidders:
            own = self._own(opened, f"bidders/{one.id}")
            means = Means(door, own, self.entropy, self.trust, self.publish)
            bidder = BidderProgram(means, one)
            yield bidder.act(public.beats(bidder.acts), told)

    async def _as_buyer(self, opened: Opened) -> AsyncIterator[tuple[TenderState, int]]:
        """As the public up to the opening, then as the host's centre (`buyer.reader_of`)."""
        host, acts = self.houses[opened.host], BuyerProgram.acts
        async for state, now in host.hear(opened.stream, "public").beats(acts):
            if reader_of(state) != "public":
                break
            yield state, now
        async for state, now in host.hear(opened.stream, f"centre:{opened.host}").beats(acts):
            if reader_of(state) != "public":
                yield state, now

    def _inside(self, opened: Opened, told: Told) -> Iterator[Coroutine[Any, Any, object]]:
        """The experts of each centre, once one of them was drawn."""
        for centre, experts in self.experts.items():
            own = self._own(opened, f"experts/{centre}")
            program = SeatsProgram(experts, own, self.entropy, opened.case)
            yield self._sit(opened.stream, program, told)

    async def _sit(self, stream: str, program: SeatsProgram, told: Told) -> None:
        centre = program.experts.centre
        program.remember(stream)
        if not program.pens:
            await program.experts.drawn(stream)
        hearing = self.houses[centre].hear(stream, f"centre:{centre}")
        await program.act(hearing.beats(program.acts), told)

    def _own(self, opened: Opened, who: str) -> Inside:
        return Inside(self.drawer, f"tenders/{opened.case.tender}/{who}")
