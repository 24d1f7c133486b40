"""Carrying the tenders through a network that runs: actors started, all swept on one clock."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from node.adapters.rpc.door_client import DoorClient
from node.adapters.rpc.operator_client import OperatorDoor
from node.cli.demo.barrier import Barrier, jumper
from node.cli.demo.papers import TRUST
from node.cli.demo.patience import PatientOperator
from node.cli.demo.processes import Children, Command
from node.cli.demo.site import make_private, replace_file
from node.cli.language import say
from node.cli.replay.crowd import DONE, ENTERED
from node.cli.replay.prove import Prover
from node.cli.replay.sweep import Sweep
from node.core.evidence.trust import parse_trust
from node.core.records.canonical import decode, encode
from node.services.actors.crowd import Opened
from node.services.actors.hearing import houses_of

if TYPE_CHECKING:
    from pathlib import Path

    from node.cli.demo.site import Site
    from node.cli.output import Output
    from node.cli.replay.network import Found
    from node.cli.replay.prove import Line
    from node.services.actors.tender_file import TenderFile

EXPERTS = 200
LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Carry:
    """What is to do: all cases in their order, and the lines of those that are done."""

    site: Site
    found: Found
    cases: Sequence[TenderFile]
    done: Mapping[str, Line]
    jobs: int
    opened: Mapping[str, Opened] = field(init=False)

    def __post_init__(self) -> None:
        """Read what an earlier run had announced."""
        object.__setattr__(self, "opened", opened_before(self.site.root))

    @property
    def hosts(self) -> dict[str, str]:
        """Who keeps which tender: the centres in turn."""
        hosts = self.found.hosts
        return {case.tender: hosts[n % len(hosts)] for n, case in enumerate(self.cases)}

    def left(self) -> list[TenderFile]:
        """The cases that are still to be carried: those that are open already go first, as open."""
        left = [case for case in self.cases if case.tender not in self.done]
        begun = [self.opened[case.tender].case for case in left if case.tender in self.opened]
        return begun + [case for case in left if case.tender not in self.opened]


def opened_in(root: Path) -> Path:
    """The folder in which the actors find the tenders that are open."""
    return root / "opened"


def opened_before(root: Path) -> dict[str, Opened]:
    """The tenders that were announced to the actors, by name."""
    folder = opened_in(root)
    found = [decode(p.read_bytes(), Opened) for f in (folder, folder / DONE) for p in _files(f)]
    return {one.case.tender: one for one in found}


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


def crowd_command(carry: Carry) -> Command:
    """What starts the actors."""
    site, specialty = carry.site, carry.cases[0].strata[0].specialty
    words = (
        *("actors", "crowd", "--dir", str(site.actors), "--opened", str(opened_in(site.root))),
        *("--network", str(carry.found.path), "--receipts", str(site.receipts)),
        *("--specialty", specialty, "--count", str(EXPERTS)),
    )
    return Command("crowd", words, site.root / "crowd.log")


def carry(todo: Carry, output: Output, children: Children) -> dict[str, Line]:
    """Carry what is left to its evidence; the lines of all. The actors are one more of `children`.

    Raises NodeError for what goes wrong.
    """
    make_private(todo.site.actors)
    children.start(crowd_command(todo))
    return asyncio.run(_carry(todo, output, children))


async def _carry(todo: Carry, output: Output, children: Children) -> dict[str, Line]:
    site, found = todo.site, todo.found
    told = partial(_progress, output, len(todo.cases))
    async with AsyncExitStack() as stack:
        at_door = {name: OperatorDoor(door) for name, door in found.doors.items()}
        operators = {name: PatientOperator(door) for name, door in at_door.items()}
        doors = {name: DoorClient(found.doors[name]) for name in found.hosts}
        clients: list[OperatorDoor | DoorClient] = [*at_door.values(), *doors.values()]
        for client in clients:
            stack.push_async_callback(client.close)
        trust = parse_trust((site.root / TRUST).read_bytes())
        prover = Prover(operators[found.regulator], trust, site.root, told, dict(todo.done))
        sweep = Sweep(
            cases=todo.left(),
            hosts=todo.hosts,
            opened=todo.opened,
            operators=operators,
            houses=houses_of(doors, trust.form.network),
            barrier=Barrier(operators, jumper(found.rpc)),
            announce=partial(_announce, opened_in(site.root)),
            prove=prover.prove,
            check=children.check,
            jobs=todo.jobs,
        )
        await _until_entered(site.root / "crowd.log", children)
        await sweep.run()
    return prover.carried


def _announce(folder: Path, opened: Opened) -> None:
    replace_file(folder / f"{opened.case.tender}.json", encode(opened), 0o600)


def _progress(output: Output, tenders: int, line: Line, count: int) -> None:
    proven = say("已验证", "verified") if line["verified"] else say("不成立", "NOT PROVEN")
    output.progress(f"{count}/{tenders}  {line['tender_id']}  {proven}")


async def _until_entered(log: Path, children: Children) -> None:
    """Wait until the crowd says that its experts are in the pools."""
    while ENTERED not in log.read_text("utf-8"):
        children.check()
        await asyncio.sleep(LOOK_S)
