"""A pool's own acts: join a draw, say how a call ended, open the links after the award.

Unlike other acts these also give private facts, to be stored in the transaction that logs them.
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


async def join_draw(desk: Desk, state: TenderState, about: str) -> Deed:
    """`draw.joined` from the last snapshot cosigned before the deadline."""
    deadline = epoch_of(state.terms.deadline)
    snapshot = await desk.off(desk.pools.snapshot_before, deadline, desk.times.existed_by)
    return await desk.off(desk.pools.join, asked_of(state, state.draw), state.stream, snapshot)


async def contact(desk: Desk, state: TenderState, about: str) -> Deed | None:
    """`expert.contacted` of one person; None as long as she may still answer."""
    return await desk.calling.contacted(state, about)


async def disclose(desk: Desk, state: TenderState, about: str) -> Deed:
    """`draw.disclosed` of our seated persons."""
    return await desk.off(disclosed, desk.pools, state), {}


POOL_ACTS: Mapping[str, PoolAct] = MappingProxyType(
    {
        "draw.joined/v1": join_draw,
        "expert.contacted/v1": contact,
        "draw.disclosed/v1": disclose,
    }
)
