"""What becomes of a tender that is over: evidence made, kept, judged, and told as one line (I3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from node.cli.demo.report import file_of, winner_of
from node.cli.demo.site import replace_file
from node.core.errors import StateError
from node.core.evidence.verify import verify

if TYPE_CHECKING:
    from node.cli.replay.cases import Answer
    from node.cli.replay.sweep import Play
    from node.core.evidence.report import Verdict
    from node.core.evidence.trust import Trust
    from node.core.rules.state import TenderState
    from node.services.ports.operator import Operator

READY_S = 60.0
AGAIN_S = 0.5
AT_ONCE = 3
"""So many files are made and judged at once."""


@dataclass(frozen=True, slots=True)
class Carried:
    """One tender at its end."""

    play: Play
    verdict: Verdict

    @property
    def name(self) -> str:
        """The tender's name."""
        return self.play.opened.case.tender

    @property
    def is_verified(self) -> bool:
        """Whether all seven checks hold."""
        return self.verdict.exit_code == 0


@dataclass(slots=True)
class Prover:
    """Fetches evidence from the regulator's node and judges it as a stranger would."""

    regulator: Operator
    trust: Trust
    root: Path
    told: Callable[[Carried, int], None]
    carried: dict[str, Carried] = field(default_factory=dict)
    busy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def prove(self, play: Play) -> None:
        """Keep the evidence of a tender that is over, once all of it is endorsed and anchored.

        What is still not anchored after a minute the verdict says. Raises StateError if there is
        no whole evidence by then.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + READY_S
        while True:
            late = loop.time() > end
            try:
                async with self.busy:
                    data = await self.regulator.evidence(play.hearing.reading.stream, "regulator")
                    verdict = await asyncio.to_thread(verify, data, self.trust)
                if late or (verdict.facts.get("closed") and not verdict.remarks):
                    break
            except StateError as error:
                if error.code != "too-early" or late:
                    raise
            await asyncio.sleep(AGAIN_S)
        name = play.opened.case.tender
        await asyncio.to_thread(replace_file, self.root / file_of(name, "regulator"), data, 0o600)
        self.carried[name] = Carried(play, verdict)
        self.told(self.carried[name], len(self.carried))


def line_of(carried: Carried, answer: Answer | None) -> dict[str, Any]:
    """The line of one tender, beside the city's answer."""
    state = carried.play.state
    if state is None:
        raise AssertionError("a tender that is over has a state")
    winner, _, price = winner_of(state)
    outcome = state.result.outcome if state.result else "failed"
    tied = sorted(_bidder(state, bid) for bid in (state.result.tied if state.result else ()))
    return {
        "tender_id": carried.name,
        "outcome": outcome,
        "winner": winner,
        "price": price,
        "currency": state.rules.currency,
        "tied": tied,
        "rejected": list(_rejected(state)),
        "city": {"winner": answer.winner, "outcome": answer.outcome} if answer else None,
        "agrees": agrees(outcome, winner, tied, answer) if answer else None,
        "records": len(state.entries),
        "host": state.keeper,
        "evidence": file_of(carried.name, "regulator"),
        "verified": carried.is_verified,
    }


def agrees(outcome: str, winner: str | None, tied: list[str], answer: Answer) -> bool:
    """The same winner, or both by lot and the city's winner among the tied, or both failed."""
    if outcome != answer.outcome:
        return False
    if outcome == "awarded_by_lot":
        return answer.winner in tied
    return winner == answer.winner


def _bidder(state: TenderState, bid: str) -> str:
    return state.opened[bid].bidder


def _rejected(state: TenderState) -> list[Mapping[str, str]]:
    rejected = state.result.rejected if state.result else ()
    rows = [(_bidder(state, one.bid), one.ground, one.clause) for one in rejected]
    return [{"bidder": b, "ground": g, "clause": c} for b, g, c in sorted(rows)]
