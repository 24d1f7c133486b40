"""Playing the tender on a running network: doors opened, stream opened, conducted, judged."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from node.adapters.rpc.door_client import DoorClient
from node.adapters.rpc.operator_client import OperatorDoor
from node.cli.demo.barrier import Barrier, jumper
from node.cli.demo.conduct import Conductor
from node.cli.demo.ears import Case, Ears
from node.cli.demo.papers import TRUST
from node.cli.demo.patience import PatientOperator
from node.cli.demo.report import Ending, anchored, file_of, winner_of
from node.cli.demo.site import replace_file
from node.cli.demo.telling import Telling
from node.cli.demo.watch import Watch
from node.cli.language import say
from node.core.evidence.trust import parse_trust
from node.core.records.kinds.streams import Network as NetworkPart
from node.core.rules.ruleset import builtin_digest
from node.services.judging import Laws

if TYPE_CHECKING:
    from node.cli.demo.papers import Network
    from node.cli.demo.plan import Plan
    from node.cli.demo.processes import Children
    from node.cli.demo.site import Site
    from node.cli.demo.tender import Tender
    from node.cli.output import Output
    from node.core.rules.state import TenderState
    from node.services.ports.operator import Operator

Stage = tuple["Site", "Plan", "Tender"]
READERS = ("regulator", "public")
"""For whom evidence files are made; the regulator's is the one that is told of."""


async def play(stage: Stage, network: Network, children: Children, output: Output) -> Ending:
    """Play the whole tender and judge its evidence. Raises NodeError for what goes wrong."""
    site, plan, tender = stage
    members = [planned.id for planned in plan.members]
    async with AsyncExitStack() as doors:
        at_door = {name: OperatorDoor(site.door(name)) for name in members}
        operators = {name: PatientOperator(door) for name, door in at_door.items()}
        talking = {name: DoorClient(site.door(name)) for name in members}
        for name in members:
            doors.push_async_callback(at_door[name].close)
            doors.push_async_callback(talking[name].close)
        stream = await operators[plan.host].open_tender(tender.id, builtin_digest(tender.rules))
        ears = Ears(case_of(plan, tender, stream), talking, Watch(laws_of(network), stream))
        names = {one.id: say(one.name_zh, one.name_en) for one in plan.members}
        barrier = Barrier(operators, jumper(network.rpc))
        await Conductor(ears, Telling(output, names), barrier, children).run()
        state = ears.watch.state
        if state is None:
            raise AssertionError("a tender that is over has a state")
        return await _judged(site, tender, operators[plan.regulator], state)


def case_of(plan: Plan, tender: Tender, stream: str) -> Case:
    """What is conducted."""
    pools = {planned.id: planned.experts for planned in plan.centres}
    members = tuple(planned.id for planned in plan.members)
    return Case(stream, len(tender.file.bidders), pools, members)


def laws_of(network: Network) -> Laws:
    """What its streams must name."""
    registry = network.contracts["registry"]
    return Laws(NetworkPart(chain_id=network.deployment.chain_id, registry=registry))


async def _judged(site: Site, tender: Tender, regulator: Operator, state: TenderState) -> Ending:
    trust = parse_trust((site.root / TRUST).read_bytes())
    verdicts = {}
    for reader in READERS:
        data, verdict = await anchored(regulator, (state.stream, reader), trust)
        # The regulator's file holds votes by seat: it is for its owner alone.
        mode = 0o644 if reader == "public" else 0o600
        replace_file(site.root / file_of(tender.id, reader), data, mode)
        verdicts[reader] = verdict
    winner, name, price = winner_of(state)
    return Ending(
        tender=tender.id,
        verdict=verdicts[READERS[0]],
        winner=winner,
        name=name,
        price=price,
        city=tender.city_winner,
        invented=tender.is_invented,
    )
