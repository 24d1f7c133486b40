"""What becomes of a tender that is over: evidence made, kept, judged, and told as one line (I3)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from node.cli.demo.report import file_of, winner_of
from node.cli.demo.site import replace_file
from node.cli.replay.panels import Published
from node.core.errors import StateError, UnavailableError
from node.core.evidence.report import ranking_of
from node.core.evidence.verify import verify
from node.core.rules.tender import is_priced

if TYPE_CHECKING:
    from node.cli.replay.cases import Answer
    from node.cli.replay.panels import Place
    from node.cli.replay.sweep import Play
    from node.core.evidence.trust import Trust
    from node.core.rules.state import TenderState
    from node.services.ports.operator import Operator

READY_S = 120.0
FIRST_S, AGAIN_S = 5.0, 2.0
"""The end of a tender is endorsed, published and anchored within about the first."""
NUMBER = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
AT_ONCE = 3
"""So many files are made and judged at once."""


Line = dict[str, Any]
"""What is told of a tender, its evidence included; of the city it says nothing before the end."""


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proven tender's line, and the digest (hex) of the evidence that proves it."""

    line: Line
    sha256: str


@dataclass(slots=True)
class Prover:
    """Fetches evidence from the regulator's node and judges it as a stranger would.

    `carried` holds a line for each tender that is over; those that are proven stand in the folder
    as well, so that a run which goes on does not prove them again.
    """

    regulator: Operator
    trust: Trust
    root: Path
    told: Callable[[Line, int], None]
    carried: dict[str, Line] = field(default_factory=dict)
    busy: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def prove(self, play: Play) -> None:
        """Keep the evidence of a tender that is over, once all of it is endorsed and anchored.

        What is still not anchored after two minutes the verdict says. Raises StateError if there is
        no whole evidence by then, UnavailableError if the regulator's node stays away.
        """
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + READY_S, FIRST_S
        while True:
            await asyncio.sleep(pause)
            pause = AGAIN_S
            late = loop.time() > end
            try:
                async with self.busy:
                    data = await self.regulator.evidence(play.hearing.reading.stream, "regulator")
                    verdict = await asyncio.to_thread(verify, data, self.trust)
                if late or (verdict.facts.get("closed") and not verdict.remarks):
                    break
            except (StateError, UnavailableError) as error:
                waits = error.code == "too-early" or isinstance(error, UnavailableError)
                if late or not waits:
                    raise
        line = line_of(play, is_verified=verdict.exit_code == 0)
        await asyncio.to_thread(keep, self.root, line, data)
        self.carried[play.opened.case.tender] = line
        self.told(line, len(self.carried))


def keep(root: Path, line: Line, evidence: bytes) -> None:
    """Put the evidence on the disk, and then, if it proves the tender, its line."""
    replace_file(root / line["evidence"], evidence, 0o600)
    if line["verified"]:
        kept = Kept(line, sha256(evidence).hexdigest())
        replace_file(_kept_file(root, line["tender_id"]), msgspec.json.encode(kept), 0o600)


def kept_in(root: Path, tenders: Iterable[str]) -> dict[str, Line]:
    """The lines of those tenders whose proof stands in the folder, as it was made."""
    found = {}
    for name in tenders:
        try:
            kept = msgspec.json.decode(_kept_file(root, name).read_bytes(), type=Kept)
            evidence = (root / file_of(name, "regulator")).read_bytes()
        except (OSError, msgspec.DecodeError):
            continue  # it is proven again
        if sha256(evidence).hexdigest() == kept.sha256:
            found[name] = kept.line
    return found


def _kept_file(root: Path, tender: str) -> Path:
    return root / "carried" / f"{tender}.json"


def line_of(play: Play, *, is_verified: bool) -> Line:
    """The line of a tender that is over, before anybody has looked at the city's answer."""
    state, name = play.state, play.opened.case.tender
    if state is None:
        raise AssertionError("a tender that is over has a state")
    common = {
        "records": len(state.entries),
        "host": state.keeper,
        "evidence": file_of(name, "regulator"),
        "verified": is_verified,
    }
    outcome = state.result.outcome if state.result else "failed"
    if not is_priced(state.lot.method):
        ranked = {"ranking": ranking_of(state), "agrees": None}
        return {"tender_id": name, "outcome": outcome} | ranked | common
    winner, _, price = winner_of(state)
    tied = sorted(_bidder(state, bid) for bid in (state.result.tied if state.result else ()))
    return {
        "tender_id": name,
        "outcome": outcome,
        "winner": winner,
        "price": price,
        "currency": state.rules.currency,
        "tied": tied,
        "rejected": list(_rejected(state)),
        "city": None,
        "agrees": None,
    } | common


def beside(line: Line, answer: Answer | Published | None) -> Line:
    """The same line beside the city's answer, or beside what was published, where there is one."""
    if answer is None:
        return line
    if isinstance(answer, Published):
        return line | {"agrees": is_as_published(line["ranking"], answer)}
    same = agrees(line["outcome"], line["winner"], line["tied"], answer)
    city = {"winner": answer.winner, "outcome": answer.outcome}
    return line | {"city": city, "agrees": same}


def agrees(outcome: str, winner: str | None, tied: list[str], answer: Answer) -> bool:
    """The same winner, or both by lot and the city's winner among the tied, or both failed."""
    if outcome != answer.outcome:
        return False
    if outcome == "awarded_by_lot":
        return answer.winner in tied
    return winner == answer.winner


def is_as_published(ranking: Sequence[Mapping[str, Any]], published: Published) -> bool:
    """Every entry with the very components, total and rank that were published, and no other.

    Numbers are compared as numbers; an entry of which several were published agrees with none.
    """
    found = {
        row["bidder"]: {(Decimal(row["components"]), Decimal(row["total"]), Decimal(row["rank"]))}
        for row in ranking
    }
    told = {entry: {*map(_numbers, places)} for entry, places in published.places.items()}
    return found == told


def _numbers(place: Place) -> tuple[Decimal | None, ...]:
    return tuple(Decimal(text) if NUMBER.fullmatch(text) else None for text in place)


def _bidder(state: TenderState, bid: str) -> str:
    return state.opened[bid].bidder


def _rejected(state: TenderState) -> list[Mapping[str, str]]:
    rejected = state.result.rejected if state.result else ()
    rows = [(_bidder(state, one.bid), one.ground, one.clause) for one in rejected]
    return [{"bidder": b, "ground": g, "clause": c} for b, g, c in sorted(rows)]
