"""A jump of the test clock as a barrier: nothing under way before it, everybody past it after.

Before: every node's outbox is empty and each of its places is held by a checkpoint with a quorum.
Then one block with the new time. After: every node shows at least that block and that time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.cli.language import say
from node.core.errors import NodeError, UnavailableError

if TYPE_CHECKING:
    from node.services.ports.operator import Operator, Status

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Barrier:
    """Moves the clock of the whole network. `jump` mines one block at a time; its number."""

    operators: Mapping[str, Operator]
    jump: Callable[[int], int]

    async def move(self, to: int, patience_s: float) -> None:
        """Settle, jump, and wait until all have seen it.

        Raises UnavailableError naming the nodes that keep the others waiting.
        """
        await self._until(lambda status: status.is_settled, patience_s, self._unsettled)
        height = await self._jumped(to, patience_s)
        await self._until(
            lambda status: status.height >= height and status.now >= to, patience_s, self._behind
        )

    async def _jumped(self, to: int, patience_s: float) -> int:
        """Mine the block; a chain that is away has as long to come back as a node has."""
        loop = asyncio.get_running_loop()
        end = loop.time() + patience_s
        while True:
            try:
                return await asyncio.to_thread(self.jump, to)
            except UnavailableError as error:
                if loop.time() > end:
                    told = say(f"链没有回来：{error}", f"the chain did not come back: {error}")
                    raise UnavailableError(told, code="demo") from None
                await asyncio.sleep(POLL_S)

    async def settle(self, patience_s: float) -> None:
        """Wait until nothing is under way anywhere."""
        await self._until(lambda status: status.is_settled, patience_s, self._unsettled)

    async def _until(
        self,
        good: Callable[[Status], bool],
        patience_s: float,
        complaint: Callable[[Mapping[str, Status | None]], str],
    ) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + patience_s
        while True:
            found = await self._all()
            waiting = {n: s for n, s in found.items() if s is None or not good(s)}
            if not waiting:
                return
            if loop.time() > end:
                raise UnavailableError(complaint(waiting), code="demo")
            await asyncio.sleep(POLL_S)

    async def _all(self) -> dict[str, Status | None]:
        names = list(self.operators)
        found = await asyncio.gather(*(self._one(name) for name in names))
        return dict(zip(names, found, strict=True))

    async def _one(self, name: str) -> Status | None:
        try:
            return await self.operators[name].status()
        except NodeError:
            return None

    @staticmethod
    def _unsettled(waiting: Mapping[str, Status | None]) -> str:
        told = "; ".join(f"{name}: {_told(status)}" for name, status in waiting.items())
        return say(f"尚未就绪，不能拨动时钟：{told}", f"not settled, the clock cannot move: {told}")

    @staticmethod
    def _behind(waiting: Mapping[str, Status | None]) -> str:
        told = ", ".join(waiting)
        return say(f"尚未看到新区块：{told}", f"these have not seen the new block: {told}")


def jumper(rpc: str) -> Callable[[int], int]:
    """Give the function that mines one block at a time on a development chain; its number.

    A time that is past already needs no block of its own. Raises UnavailableError (`chain`).
    """
    from chain.errors import ChainUnavailable
    from chain.rpc import Rpc, RpcError

    client = Rpc(rpc)

    def jump(to: int) -> int:
        try:
            return int(client.call("yuanping_jump", {"time": to}), 16)
        except RpcError:
            return int(client.call("eth_blockNumber"), 16)
        except ChainUnavailable as error:
            raise UnavailableError(error.detail, code="chain") from None

    return jump


def _told(status: Status | None) -> str:
    if status is None:
        return say("无应答", "no answer")
    return say(
        f"待发 {status.outbox}，待见证 {status.uncovered}",
        f"{status.outbox} to send, {status.uncovered} not witnessed",
    )
