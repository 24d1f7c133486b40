"""`yuanping actors`: the programs of buyer, bidders and experts, as the demo runs them.

Each keeps its own keys in its own folder and speaks to a node through its door only. It may be
killed and started again at any moment. Not in the main help: in a real network everybody brings a
program of his own; these show what such a program does, with invented people.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError, UnavailableError
from node.core.evidence.trust import Trust, parse_trust
from node.core.records.keys import PublicKey
from node.services.actors.tender_file import TenderFile, read_tender_file

if TYPE_CHECKING:
    from node.adapters.rpc.door_client import DoorClient
    from node.services.actors.reading import Reading

Told = Callable[[str], None]
DirOption = Annotated[
    Path, typer.Option("--dir", help=say("本人的文件夹：密钥与记录", "Own folder: keys, records."))
]
DoorOption = Annotated[
    Path, typer.Option("--door", help=say("节点的 door.sock", "The node's door.sock."))
]
TenderOption = Annotated[
    Path, typer.Option("--tender", help=say("项目文件", "The tender file (yuanping-tender/v1)."))
]
TrustOption = Annotated[
    Path, typer.Option("--trust", help=say("信任策略文件", "The policy: whom you trust."))
]
START_S = 0.2


def buyer(
    dir: DirOption,
    door: DoorOption,
    tender: TenderOption,
    trust: TrustOption,
    json: JsonOption = False,
) -> int:
    """Plan, announce, publish the candidates, award; ends with the tender."""
    from node.adapters.drawer import FileDrawer
    from node.adapters.entropy import SystemEntropy
    from node.services.actors.buyer import BuyerProgram

    output, case, policy = Output(as_json=json), _case(tender), _policy(trust)
    drawer = FileDrawer(dir)

    async def run(client: DoorClient) -> int:
        program = BuyerProgram(client, drawer, SystemEntropy(), case)
        reading = await _found(client, case, policy, new=True)
        state = await program.run(reading, _told(output, f"buyer {case.buyer.id}"))
        output.end(phase=str(state.phase))
        return 0

    return _run(door, run)


def bidders(
    dir: DirOption,
    door: DoorOption,
    tender: TenderOption,
    trust: TrustOption,
    receipts: Annotated[
        Path, typer.Option(help=say("回执文件夹", "Folder for verified receipts."))
    ],
    json: JsonOption = False,
) -> int:
    """Bid for every bidder of the tender file; 0 only if every bid is in the published list."""
    from node.adapters.drawer import FileDrawer
    from node.adapters.entropy import SystemEntropy
    from node.services.actors.bidder import BidderProgram, Means
    from node.services.actors.drawer import Inside

    output, case, policy = Output(as_json=json), _case(tender), _policy(trust)
    drawer, shown = FileDrawer(dir), FileDrawer(receipts)

    async def run(client: DoorClient) -> int:
        reading = await _found(client, case, policy)
        runs = []
        for one in case.bidders:
            own = Inside(drawer, one.id)
            means = Means(client, own, SystemEntropy(), policy, _publisher(shown.write))
            told = _told(output, f"bidder {one.id}")
            runs.append(BidderProgram(means, one).run(_again(reading), told))
        stands = await asyncio.gather(*runs)
        output.end(bids=len(stands), standing=sum(stands))
        return 0 if all(stands) else 1

    return _run(door, run)


def experts(
    dir: DirOption,
    door: DoorOption,
    tender: TenderOption,
    trust: TrustOption,
    centre: Annotated[str, typer.Option(help=say("中心编号", "The centre whose pool they enter."))],
    region: Annotated[str, typer.Option(help=say("地区", "The experts' region."))],
    count: Annotated[int, typer.Option(help=say("专家人数", "How many experts."), min=1)] = 200,
    busy: Annotated[
        int, typer.Option(help=say("每百人谢绝数", "How many of 100 decline."), min=0, max=100)
    ] = 8,
    silent: Annotated[
        int,
        typer.Option(help=say("每百人不应答数", "How many of 100 never answer."), min=0, max=100),
    ] = 0,
    json: JsonOption = False,
) -> int:
    """Enter one centre's invented experts, answer calls, take seats and judge by the case file."""
    from node.adapters.drawer import FileDrawer
    from node.adapters.entropy import SystemEntropy
    from node.services.actors.expert import Experts
    from node.services.actors.roll import Calendar, Invented, roll_in
    from node.services.actors.seats import SeatsProgram

    output, case, policy = Output(as_json=json), _case(tender), _policy(trust)
    regulator = regulator_key(policy)
    drawer, entropy = FileDrawer(dir), SystemEntropy()

    async def run(client: DoorClient) -> int:
        told = _told(output, f"experts of {centre}")
        asked = tuple(stratum.specialty for stratum in case.strata)
        now = await patiently(client.now)
        invented = Invented(centre, region, count, asked, now, regulator)
        roll = roll_in(drawer, invented, entropy)
        people = Experts(client, centre, roll, Calendar(busy, silent))
        program = SeatsProgram(people, drawer, entropy, case)
        await people.enter()
        told(f"{len(roll.experts)} experts entered the pool")
        reading = await _found(client, case, policy)
        state = await people.during(program.run(reading, told), told)
        output.end(phase=str(state.phase), seats=len(program.pens))
        return 0

    return _run(door, run)


def _run(door: Path, program: Callable[[DoorClient], Coroutine[Any, Any, int]]) -> int:
    async def main() -> int:
        from node.adapters.rpc.door_client import DoorClient

        client = DoorClient(door)
        try:
            return await program(client)
        finally:
            await client.close()

    return asyncio.run(main())


async def _found(
    client: DoorClient, case: TenderFile, policy: Trust, *, new: bool = False
) -> Reading:
    """The tender's stream; a `new` one may have no name yet: its buyer gives it."""
    from node.services.actors.reading import Reading, find_tender

    stream = await find_tender(
        client, "public", lambda row: row.tender == case.tender or (new and row.tender is None)
    )
    return Reading(stream, policy.form.network)


def _again(reading: Reading) -> Reading:
    """The same stream for another reader, from its beginning."""
    from node.services.actors.reading import Reading

    return Reading(reading.stream, reading.network)


async def patiently(call: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Ask a node again until it is there."""
    while True:
        try:
            return await call()
        except UnavailableError:
            await asyncio.sleep(START_S)


def _case(path: Path) -> TenderFile:
    return read_tender_file(_read(path))


def _policy(path: Path) -> Trust:
    return parse_trust(_read(path))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot open {path}: {error.strerror}", code="unreadable") from None


def regulator_key(policy: Trust) -> PublicKey:
    """The key that experts' names are sealed to. Raises ConfigError if the policy has none."""
    for member in policy.form.regulators:
        for key in member.keys:
            if key.role == "box":
                return PublicKey(key=key.key, suite=key.suite)
    raise ConfigError("the policy names no regulator with a box key")


def _told(output: Output, who: str) -> Told:
    return lambda line: output.event("actor", f"{who}: {line}", who=who, text=line)


def _publisher(write: Callable[[str, bytes], None]) -> Callable[[str, bytes], None]:
    return lambda key, data: write(f"{key}.receipt", data)
