"""The actors of many tenders in one process: each still has its own keys, in its own drawer.

A real network has a program for each person; a replay of hundreds of tenders would need thousands.
What is shared is the process and its connections to the nodes' doors, nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from node.core.records.canonical import Hex32, prepare
from node.core.records.kinds.base import CentreId, Part
from node.services.actors.bidder import BidderProgram, House, Publish
from node.services.actors.buyer import BuyerProgram
from node.services.actors.drawer import Drawer, Inside
from node.services.actors.reading import Reading
from node.services.actors.seats import SeatsProgram
from node.services.actors.tender_file import TenderFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from node.core.evidence.trust import Trust
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

    async def play(self, opened: Opened, told: Told) -> None:
        """The actors of one tender act until it is over. Raises the first mistake of any."""
        tasks = [asyncio.create_task(one) for one in self._programs(opened, told)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _programs(self, opened: Opened, told: Told) -> Iterator[Coroutine[Any, Any, object]]:
        case, door = opened.case, self.doors[opened.host]
        buyer = BuyerProgram(door, self._own(opened, "buyer"), self.entropy, case)
        yield buyer.run(self._reading(opened), told)
        for one in case.bidders:
            own = self._own(opened, f"bidders/{one.id}")
            house = House(door, own, self.entropy, self.trust, self.publish)
            yield BidderProgram(house, one).run(self._reading(opened), told)
        for centre, experts in self.experts.items():
            own = self._own(opened, f"experts/{centre}")
            yield SeatsProgram(experts, own, self.entropy, case).run(self._reading(opened), told)

    def _own(self, opened: Opened, who: str) -> Inside:
        return Inside(self.drawer, f"tenders/{opened.case.tender}/{who}")

    def _reading(self, opened: Opened) -> Reading:
        return Reading(opened.stream, self.trust.form.network)
