"""A pool's duties in a tender: it joins the draw, calls the slate, and opens its links at the end.

Each gives its body and the facts to commit with the record: the salts that open what it commits.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from node.core.records.canonical import epoch_of
from node.core.rules.listing import asked_of
from node.services.seats import disclosed

if TYPE_CHECKING:
    from node.core.records.kinds import Body
    from node.core.rules.state import TenderState
    from node.services.desk import Desk

Deed = tuple["Body", Mapping[str, str]]
PoolAct = Callable[["Desk", "TenderState", str], Awaitable["Deed | None"]]


async def join_draw(desk: Desk, state: TenderState, about: str) -> Deed | None:
    """`draw.joined` from our last snapshot that was cosigned before the tender's deadline.

    Raises StateError if there is none.
    """
    deadline = epoch_of(state.terms.deadline)
    snapshot = await desk.off(desk.pools.snapshot_before, deadline, desk.times.existed_by)
    asked = asked_of(state, state.draw)
    return await desk.off(desk.pools.join, asked, state.stream, snapshot)


async def contact_expert(desk: Desk, state: TenderState, about: str) -> Deed | None:
    """`expert.contacted` of one person of our slate; the call first, None while it rings."""
    return await desk.calling.contacted(state, about)


async def open_links(desk: Desk, state: TenderState, about: str) -> Deed | None:
    """`draw.disclosed`: who sat, now that the award stands."""
    return await desk.off(disclosed, desk.pools, state), {}


POOL_ACTS: Mapping[str, PoolAct] = MappingProxyType(
    {
        "draw.joined/v1": join_draw,
        "expert.contacted/v1": contact_expert,
        "draw.disclosed/v1": open_links,
    }
)
"""Record type -> the act of a pool."""
