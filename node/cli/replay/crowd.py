"""`yuanping actors crowd`: the buyers, bidders and experts of a replay, as one program.

It may be killed and started again at any moment: which tenders are open stands in a folder of
files, and each actor keeps what it made in a part of the program's drawer that is its own.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from node.adapters.drawer import FileDrawer
from node.adapters.entropy import SystemEntropy
from node.adapters.sqlite_drawer import SqliteDrawer
from node.cli.actors import patiently, regulator_key
from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import NodeError
from node.core.evidence.trust import parse_trust
from node.core.records.canonical import decode
from node.services.actors.crowd import Crowd, Opened
from node.services.actors.drawer import Inside
from node.services.actors.expert import Experts
from node.services.actors.hearing import houses_of
from node.services.actors.roll import Invented, roll_in

if TYPE_CHECKING:
    from node.core.evidence.trust import Trust
    from node.services.actors.drawer import Drawer
    from node.services.ports.door import Door

LOOK_S = 0.2
ENTERED = "the experts have entered their pools"
"""What the log says once a replay may begin."""
DONE = "done"
"""Folder inside for those tenders that all actors are done with."""
REGIONS = ("hunan", "hubei", "shaanxi")


def crowd(
    dir: Annotated[Path, typer.Option("--dir", help=say("各自的密钥与记录", "Keys and records."))],
    network: Annotated[Path, typer.Option(help=say("网络文件", "The network's network.json."))],
    opened: Annotated[Path, typer.Option(help=say("已开项目文件夹", "Folder of open tenders."))],
    receipts: Annotated[Path, typer.Option(help=say("回执文件夹", "Folder for receipts."))],
    specialty: Annotated[str, typer.Option(help=say("专家专业", "What the experts know."))],
    count: Annotated[int, typer.Option(help=say("每中心专家数", "Experts a centre."))] = 200,
    json: JsonOption = False,
) -> int:
    """Act for everybody in every open tender until stopped."""
    output = Output(as_json=json)
    asyncio.run(_run(Places(dir, network, opened, receipts, specialty, count), output))
    return 0


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything lies."""

    dir: Path
    network: Path
    opened: Path
    receipts: Path
    specialty: str
    count: int


@dataclass(slots=True)
class Playing:
    """The tenders that are played now."""

    crowd: Crowd
    folder: Path
    output: Output
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def forever(self) -> None:
        """Take up each tender whose file appears."""
        while True:
            for path in sorted(self.folder.glob("*.json")):
                if path.stem not in self.running:
                    task = asyncio.create_task(self._play(path), name=path.stem)
                    self.running[path.stem] = task
            await asyncio.sleep(LOOK_S)

    async def _play(self, path: Path) -> None:
        """Play one tender; what goes wrong in it is told and does not stop the others.

        Its file is put aside when all are done, so that the next start leaves it out.
        """

        def told(line: str) -> None:
            self.output.event("actor", f"{path.stem}: {line}", tender=path.stem, text=line)

        try:
            await self.crowd.play(decode(path.read_bytes(), Opened), told)
            path.replace(self.folder / DONE / path.name)
        except NodeError as error:
            told(f"stopped: {error}")


def _unheard(_line: str) -> None:
    """Hundreds of tenders have thousands of calls: nobody reads of each."""


async def _enter(
    door: Door, who: tuple[str, str], places: Places, drawer: Drawer, trust: Trust
) -> Experts:
    """Invent a centre's experts, or find those of an earlier start, and enter them."""
    centre, region = who
    now, known = await patiently(door.now), (places.specialty,)
    invented = Invented(centre, region, places.count, known, now, regulator_key(trust))
    roll = roll_in(Inside(drawer, f"experts/{centre}"), invented, SystemEntropy())
    experts = Experts(door, centre, roll)
    await experts.enter()
    return experts


async def _network(path: Path) -> dict[str, Any]:
    """network.json, once it is there."""
    while True:
        try:
            form: dict[str, Any] = jsonlib.loads(path.read_bytes())
        except FileNotFoundError:
            await asyncio.sleep(LOOK_S)
        else:
            return form


async def _run(places: Places, output: Output) -> None:
    from node.adapters.rpc.door_client import DoorClient

    form = await _network(places.network)
    root = places.network.parent
    trust = parse_trust((root / str(form["trust"])).read_bytes())
    drawer, receipts = SqliteDrawer(places.dir), FileDrawer(places.receipts)
    (places.opened / DONE).mkdir(parents=True, exist_ok=True)
    members = [one for one in form["centres"] if one.get("status", "active") == "active"]
    centres = [one for one in members if one["role"] == "centre"]
    async with AsyncExitStack() as stack:
        doors = {}
        for one in centres:
            doors[one["id"]] = DoorClient(root / one["dir"] / "data" / "door.sock")
            stack.push_async_callback(doors[one["id"]].close)
        experts = {}
        for number, (centre, door) in enumerate(doors.items()):
            region = REGIONS[number % len(REGIONS)]
            experts[centre] = await _enter(door, (centre, region), places, drawer, trust)
        output.progress(ENTERED)

        def publish(key: str, data: bytes) -> None:
            receipts.write(f"{key}.receipt", data)

        houses = houses_of(doors, trust.form.network)
        everybody = Crowd(houses, experts, drawer, SystemEntropy(), trust, publish)
        playing = Playing(everybody, places.opened, output)
        attending = [one.attend(_unheard) for one in experts.values()]
        listening = [house.run() for house in houses.values()]
        await asyncio.gather(playing.forever(), *listening, *attending)
