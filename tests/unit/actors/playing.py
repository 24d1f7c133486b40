"""What the tests of the actors share: a stage, programs on it, and how they are run together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from node.cli.replay.panels import COLUMNS, read_panels
from node.cli.replay.table import Table
from node.core.evidence.trust import Trust, parse_trust
from node.core.log.note import ED25519, VerifierKey
from node.core.records.envelope import open_envelope
from node.core.rules.ruleset import builtin_digest
from node.core.rules.state import Phase, TenderState
from node.services.actors import expert as expert_module
from node.services.actors import reading as reading_module
from node.services.actors.bidder import BidderProgram, Means
from node.services.actors.buyer import BuyerProgram
from node.services.actors.expert import Experts
from node.services.actors.reading import Reading
from node.services.actors.roll import Calendar, Invented, roll_in
from node.services.actors.seats import SeatsProgram
from node.services.actors.tender_file import Bidder, TenderFile, read_tender_file
from node.services.trust import ChainFacts, trust_of
from tests.conftest import ROOT
from tests.simulators import people
from tests.simulators.crashing import Fuse, FusedDrawer, start_again
from tests.simulators.people import GUEST, HOST, REGULATOR, log_vkey
from tests.simulators.sources import HandClock, SeededEntropy
from tests.simulators.stage import CENTRES, SimDoor, Stage, play

TENDERS = ROOT / "deploy" / "three-centres" / "tenders"
REAL, SCORED, CONTEST = "tsuchiura-2009-10-27-00570", "cn-2026-018", "a-short"
EXPERTS = {REAL: 36, SCORED: 84, CONTEST: 36}
"""A pool's size: just enough that each stratum has the thirty fit ones that the rules ask for."""


def tender_file(name: str) -> TenderFile:
    """One of the demo's tenders."""
    return read_tender_file((TENDERS / f"{name}.json").read_bytes())


def contest() -> TenderFile:
    """A contest of three, as a replay reads it: equal totals, an expert who was not there."""
    head = ",".join((*COLUMNS[:-2], "element_total", "deductions"))
    rows = (
        f"{CONTEST},A,Skill,1.0,8,8,8,8,8,8,8,8,8,30.00,0.00",
        f"{CONTEST},B,Skill,1.0,9.5,7,7,7,7,7,7,7,6.5,31.00,0.00",
        f"{CONTEST},C,Skill,1.0,0,5,5,5,5,5,5,6,6,20.00,1.00",
    )
    (case,) = read_panels(Table(Path("c.csv"), "\n".join((head, *rows)).encode()), "judging")
    return case


def trust() -> Trust:
    """A policy that names exactly the stage's members."""
    return parse_trust(json.dumps(trust_document()).encode())


def trust_document() -> dict[str, Any]:
    """The same, as JSON."""
    contracts = {name: "aa" * 20 for name in ("registry", "anchor", "beacon")}
    operator = VerifierKey("yuanping-devnet/31337", ED25519, log_vkey(GUEST).public).encode()
    facts = ChainFacts(people.NETWORK.chain_id, contracts, operator)
    return trust_of(people.members(HOST), facts, test=True)


@dataclass
class Cast:
    """All actors of one tender on one stage; each has a fuse and a drawer of its own."""

    case: TenderFile
    stage: Stage = field(init=False)
    calendar: Calendar = field(default_factory=Calendar)
    fuse_of: Callable[[str], Fuse] = lambda _name: Fuse()
    lines: list[str] = field(default_factory=list)
    receipts: dict[str, bytes] = field(default_factory=dict)
    drawers: dict[str, FusedDrawer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stage = Stage(builtin_digest(self.case.rules), HandClock())
        self.trust = trust()

    @property
    def state(self) -> TenderState:
        """The stage's state."""
        return self.stage.now_state

    def drawer(self, name: str) -> FusedDrawer:
        """An actor's drawer, the same after a restart."""
        if name not in self.drawers:
            self.drawers[name] = FusedDrawer(self.fuse_of(name))
        return self.drawers[name]

    def door(self, name: str, member: str = HOST) -> SimDoor:
        """An actor's way to a node."""
        return SimDoor(self.stage, member, self.drawer(name).fuse.pass_by)

    def reading(self) -> Reading:
        """The stream, from its beginning."""
        return Reading(self.stage.stream, people.NETWORK)

    async def buyer(self) -> TenderState:
        """The buyer's program."""
        drawer = self.drawer("buyer")
        program = BuyerProgram(self.door("buyer"), drawer, SeededEntropy("buyer"), self.case)
        return await start_again(
            drawer.fuse, lambda: program_of(program.run(self.reading(), self.lines.append))
        )

    async def bidder(self, one: Bidder) -> bool:
        """One bidder's program, made anew at every start."""
        drawer = self.drawer(one.id)

        async def run() -> bool:
            return await self.bidder_program(one).run(self.reading(), self.lines.append)

        return await start_again(drawer.fuse, run)

    def bidder_program(self, one: Bidder) -> BidderProgram:
        """One bidder, as at a start."""
        drawer = self.drawer(one.id)
        entropy = SeededEntropy(f"{one.id} {drawer.fuse.moment}")
        publish = self.receipts.__setitem__
        return BidderProgram(Means(self.door(one.id), drawer, entropy, self.trust, publish), one)

    def experts_program(self, centre: str) -> SeatsProgram:
        """One centre's experts, as at a start."""
        drawer = self.drawer(centre)
        entropy = SeededEntropy(f"{centre} {drawer.fuse.moment}")
        asked = tuple(stratum.specialty for stratum in self.case.strata)
        count, now = EXPERTS[self.case.tender], self.stage.clock.now()
        key = people.box_public(REGULATOR)
        roll = roll_in(drawer, Invented(centre, "hunan", count, asked, now, key), entropy)
        door = self.door(centre, centre)
        everybody = Experts(door, centre, roll, self.calendar)
        return SeatsProgram(everybody, drawer, entropy, self.case)

    async def experts(self, centre: str) -> TenderState:
        """One centre's experts' program, made anew at every start."""

        async def run() -> TenderState:
            program = self.experts_program(centre)
            await program.experts.enter()
            self.stage.publish(centre)
            told = self.lines.append
            return await program.experts.during(program.run(self.reading(), told), told)

        return await start_again(self.drawer(centre).fuse, run)

    def actors(self) -> list[Awaitable[Any]]:
        """Everybody's programs."""
        return [
            self.buyer(),
            *(self.bidder(one) for one in self.case.bidders),
            *(self.experts(centre) for centre in CENTRES),
        ]

    async def whole(self) -> list[Any]:
        """Everybody plays until the tender is over; gives what the actors ended with."""
        self.stage.awaited_pools = len(CENTRES)
        running = asyncio.ensure_future(asyncio.gather(*self.actors()))
        playing = asyncio.create_task(play(self.stage, len(self.case.bidders)))
        await asyncio.wait([running, playing], return_when=asyncio.FIRST_EXCEPTION, timeout=60)
        if playing.done():
            playing.result()
        playing.cancel()
        return list(await asyncio.wait_for(running, 1))

    async def until(self, phase: Phase) -> None:
        """Everybody plays until a phase begins; there all members halt and the actors stop."""
        self.stage.awaited_pools, self.stage.halt = len(CENTRES), phase
        tasks = [asyncio.ensure_future(one) for one in self.actors()]
        try:
            async with asyncio.timeout(60):
                await play(self.stage, len(self.case.bidders))
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        self.stage.halt = None

    def said(self, kind: str) -> list[str]:
        """Who said records of a kind, in order."""
        headers = [open_envelope(place.envelope).header for place in self.stage.places]
        return [header.author for header in headers if header.type == kind]


async def program_of(run: Awaitable[TenderState]) -> TenderState:
    """An awaitable as a coroutine."""
    return await run


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pause before asking again."""
    for module in (reading_module, expert_module):
        monkeypatch.setattr(module, "AGAIN_S", 0.002)


__all__ = ["CONTEST", "REAL", "SCORED", "Cast", "at_once", "contest", "tender_file", "trust"]
