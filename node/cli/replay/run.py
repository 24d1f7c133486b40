"""One replay from an empty folder, or a cut-off one, to its last line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from node.adapters.rpc.door_client import DoorClient
from node.adapters.rpc.operator_client import OperatorDoor
from node.cli.demo.barrier import Barrier, jumper
from node.cli.demo.papers import NETWORK, TRUST
from node.cli.demo.plan import Plan, read_plan
from node.cli.demo.processes import Command
from node.cli.demo.running import Running, heed_signals
from node.cli.demo.site import Mark, Site, claim, find_mark, free_ports, replace_file
from node.cli.language import say
from node.cli.replay.cases import RULES, read_answers, read_cases
from node.cli.replay.crowd import ENTERED
from node.cli.replay.prove import Carried, Prover, line_of
from node.cli.replay.sweep import Sweep, gathered, opening_day
from node.core.errors import ConfigError
from node.core.evidence.trust import parse_trust
from node.core.records.canonical import encode
from node.services.actors.hearing import houses_of

if TYPE_CHECKING:
    from node.cli.demo.papers import Network
    from node.cli.output import Output
    from node.services.actors.crowd import Opened
    from node.services.actors.tender_file import TenderFile

EXPERTS = 200
LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command."""

    csv: Path
    limit: int | None
    jobs: int
    together: int
    out: Path
    resume: bool


def run_replay(wanted: Wanted, output: Output) -> int:
    """Carry the tenders; 0 only if each is verified and none disagrees with the city.

    Whatever happens, no child is left. Raises ConfigError for a wrong file or a folder that is not
    ours, NodeError for what goes wrong.
    """
    began = time.monotonic()
    cases = gathered(read_cases(wanted.csv)[: wanted.limit], wanted.together)
    site, plan = _claimed(wanted)
    running = Running(site, plan, output)
    heed_signals()
    try:
        network = running.set_up(opening_day(cases[0]), [crowd_command(site)])
        carried = asyncio.run(_carry((running, network), cases, wanted.jobs))
    finally:
        running.stop()
    return _tell(wanted, carried, len(cases), (output, time.monotonic() - began))


def _claimed(wanted: Wanted) -> tuple[Site, Plan]:
    """The folder, marked with the digest of the file that is replayed in it."""
    digest = sha256(wanted.csv.read_bytes()).hexdigest()
    mark = find_mark(wanted.out, resume=wanted.resume)
    if mark is not None and mark.tender != digest:
        raise ConfigError(f"{wanted.out} began with another file; give that one", code="usage")
    plan = read_plan(mark.centres if mark else None)
    ports = free_ports([planned.id for planned in plan.members])
    return claim(wanted.out, mark or Mark(digest, RULES, len(plan.centres), ports)), plan


def opened_in(site: Site) -> Path:
    """The folder in which the actors find the tenders that are open."""
    return site.root / "opened"


def crowd_command(site: Site) -> Command:
    """What starts the actors."""
    words = (
        *("actors", "crowd", "--dir", str(site.actors), "--opened", str(opened_in(site))),
        *("--network", str(site.root / NETWORK), "--receipts", str(site.receipts)),
        *("--count", str(EXPERTS)),
    )
    return Command("crowd", words, site.root / "crowd.log")


async def _carry(
    network: tuple[Running, Network], cases: Sequence[TenderFile], jobs: int
) -> list[Carried]:
    running, founded = network
    site, plan = running.site, running.plan

    def announce(opened: Opened) -> None:
        replace_file(opened_in(site) / f"{opened.case.tender}.json", encode(opened), 0o600)

    async with AsyncExitStack() as stack:
        operators = {one.id: OperatorDoor(site.door(one.id)) for one in plan.members}
        doors = {one.id: DoorClient(site.door(one.id)) for one in plan.centres}
        clients: list[OperatorDoor | DoorClient] = [*operators.values(), *doors.values()]
        for client in clients:
            stack.push_async_callback(client.close)
        trust = parse_trust((site.root / TRUST).read_bytes())
        told = partial(_progress, running.output, len(cases))
        prover = Prover(operators[plan.regulator], trust, site.root, told)
        sweep = Sweep(
            cases=cases,
            hosts=[planned.id for planned in plan.centres],
            operators=operators,
            houses=houses_of(doors, trust.form.network),
            barrier=Barrier(operators, jumper(founded.rpc)),
            announce=announce,
            prove=prover.prove,
            check=running.children.check,
            jobs=jobs,
        )
        await _until_entered(running)
        await sweep.run()
    return list(prover.carried.values())


def _progress(output: Output, tenders: int, carried: Carried, count: int) -> None:
    output.progress(f"{count}/{tenders}  {carried.name}  {_proven(carried.is_verified)}")


def _proven(is_verified: object) -> str:
    return say("已验证", "verified") if is_verified else say("不成立", "NOT PROVEN")


async def _until_entered(running: Running) -> None:
    """Wait until the crowd says that its experts are in the pools."""
    log = running.site.root / "crowd.log"
    while ENTERED not in log.read_text("utf-8"):
        running.children.check()
        await asyncio.sleep(LOOK_S)


def _tell(
    wanted: Wanted, carried: Sequence[Carried], tenders: int, told: tuple[Output, float]
) -> int:
    """One line a tender beside the city's answer, which is opened only now, and the sum."""
    (output, seconds), answers = told, read_answers(wanted.csv)
    lines = [line_of(one, answers.get(one.name)) for one in carried]
    for line in lines:
        output.event("tender", _sentence(line), **line)
    failed = [line["tender_id"] for line in lines if not line["verified"]]
    agree = sum(line["agrees"] is True for line in lines)
    verified, rate = len(lines) - len(failed), f"{len(lines) / seconds:.2f}"
    output.end(
        say(
            f"{tenders} 个项目，{verified} 个已验证，{agree} 个与原结果一致；每秒 {rate} 个",
            f"{tenders} tenders, {verified} verified, {agree} agree with the city; {rate} a second",
        ),
        tenders=tenders,
        carried=len(lines),
        decided=sum(line["outcome"] != "failed" for line in lines),
        agree=agree,
        verified=verified,
        failed=failed,
        seconds=round(seconds, 1),
        tenders_per_s=rate,
        trust=TRUST,
    )
    return 0 if verified == tenders and all(one["agrees"] is not False for one in lines) else 1


def _sentence(line: dict[str, object]) -> str:
    """One tender's line for a person."""
    agrees = {True: say("一致", "agrees"), False: say("不一致", "DISAGREES"), None: ""}
    words = (line["tender_id"], line["outcome"], line["winner"] or "-", line["price"] or "-")
    proven = _proven(line["verified"])
    return "  ".join(map(str, (*words, proven, agrees[line["agrees"]])))  # type: ignore[index]
