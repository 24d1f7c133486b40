"""A pool's stream is opened once, and gets a new snapshot whenever somebody entered the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from node.core.errors import NodeError
from node.core.rules.ruleset import builtin_rulesets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from node.services.application import Records
    from node.services.pools import PoolService
    from node.services.ports import Submission


@dataclass(frozen=True, slots=True)
class Snapshots:
    """The snapshots of our pool, under the rule set that the pool's stream names (its digest)."""

    pools: PoolService
    records: Records
    ruleset: str

    async def publish_once(self) -> bool:
        """Publish a snapshot if the roster changed since the last one; True if one was published.

        Record and the fact who stood in it are committed together.
        """
        small = builtin_rulesets()[self.ruleset].draw.small_cell.value
        made = await self.records.desk.off(self.pools.publish_snapshot, small)
        if made is None:
            return False
        stream = await self._stream()
        item = self.records.desk.scribe.own("pool.published/v1", made[0], stream)
        await self._accept([item], made[1])
        return True

    async def _stream(self) -> str:
        own = self.records.book.streams("pool", own=True)
        if not own:
            await self._accept(self.records.founder.found("pool", self.ruleset), {})
            own = self.records.book.streams("pool", own=True)
        return own[0].row.id

    async def _accept(self, items: Sequence[Submission], facts: Mapping[str, str]) -> None:
        for answer in await self.records.sequencer.accept(items, facts=facts):
            if isinstance(answer, NodeError):
                raise answer
