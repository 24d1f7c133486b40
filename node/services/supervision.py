"""The regulator's loop: re-checks lists, reads a committee's names, disputes what is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from node.core.errors import NodeError, RuleError
from node.core.records.envelope import open_envelope
from node.services.endorsing import dispute_of
from node.services.oversight import GOOD

if TYPE_CHECKING:
    from node.core.rules.state import TenderState
    from node.services.identities import Identities
    from node.services.loops import Loops
    from node.services.model import Stream
    from node.services.oversight import Oversight


@dataclass(slots=True)
class Supervision:
    """What a regulator's node does beyond a guest's. `run_once` is asked again and again."""

    loops: Loops
    oversight: Oversight
    identities: Identities
    told: set[tuple[str, str]] = field(default_factory=set)

    async def run_once(self) -> None:
        """Judge lists, unlock and compare names, where something is new."""
        await self._judge_lists()
        records = self.loops.records
        for stream in records.book.streams("tender", own=False):
            state = records.tender(stream.row.id)
            if state is not None and state.seats and stream.row.id not in self.identities.done:
                await self._read_names(stream, state)

    async def _judge_lists(self) -> None:
        off = self.loops.records.desk.off
        for key, verdict in (await off(self.oversight.judge)).items():
            if verdict != GOOD and key not in self.told:
                self.told.add(key)
                await self._dispute_list(key, RuleError(verdict, article="protocol 6"))

    async def _dispute_list(self, key: tuple[str, str], error: RuleError) -> None:
        """Dispute the place of the pool's `draw.joined`, unless a dispute stands already."""
        records = self.loops.records
        for stream in records.book.streams("tender", own=False):
            rows = await records.desk.off(records.desk.store.places, stream.row.id)
            for row in rows:
                header = open_envelope(row.envelope).header
                joined = header.type == "draw.joined/v1" and header.author == f"centre:{key[1]}"
                if joined and key[0].encode() in (row.body or b""):
                    await self._dispute(stream, row.seq, error)

    async def _dispute(self, stream: Stream, seq: int, error: NodeError) -> None:
        side = await self.loops.side_of(stream)
        if getattr(side.state, "disputes", ()):
            return
        entry, salt = stream.state.entries[seq], self.loops.records.desk.salt()
        await self.loops.log_own(side, dispute_of(seq, entry, error, salt))

    async def _read_names(self, stream: Stream, state: TenderState) -> None:
        desk = self.loops.records.desk
        body = await desk.off(self.identities.due, state, desk.salt())
        if body is not None:
            side = await self.loops.side_of(stream)
            item = desk.scribe.own("identity.unlocked/v1", body, side.row.id)
            facts = self.identities.facts(state)
            await self.loops.records.sequencer.accept_all([item], facts=facts)
        try:
            await desk.off(self.identities.check, state)
        except RuleError as error:
            await self._dispute(stream, len(state.entries) - 1, error)
