"""`yuanping centre propose | vote | execute | list`: who belongs to the network, by votes.

Each command speaks through the door of a running node, in the name and with the chain account of
that node's member (`--as`); nothing is signed here.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import os
import re
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from node.cli.language import say
from node.cli.output import JsonOption, Output
from node.core.errors import ConfigError
from node.core.records.canonical import b64decode
from node.core.records.envelope import NODE_ID

if TYPE_CHECKING:
    from node.adapters.rpc.operator_client import OperatorDoor
    from node.core.records.kinds.streams import MemberStatus
    from node.core.rules.registry import Descriptor
    from node.services.ports.operator import Ballot, Proposal

T = TypeVar("T")
SHOWN = 16
"""So many digits of an operation are shown to a person; `vote` and `execute` take them."""
MEMBER = re.compile(NODE_ID)
OP = re.compile("[0-9a-f]{8,64}")
KINDS = {
    "admit": ("接纳", "admit"),
    "suspend": ("停用", "suspend"),
    "change": ("变更", "change"),
    "malformed": ("无效提议", "malformed"),
}
STATES = {"active": ("正常", "active"), "suspended": ("已停用", "suspended")}
AsOption = Annotated[
    str | None,
    typer.Option(
        "--as",
        help=say(
            "以哪个成员的名义：配置文件、其文件夹，或 network.json 中的编号",
            "Whose vote: a config.toml, its folder, or an id of network.json.",
        ),
    ),
]
NetworkOption = Annotated[
    Path, typer.Option(help=say("成员编号所在的 network.json", "Where ids of --as are looked up."))
]
NETWORK = Path("network.json")


def propose(
    what: Annotated[
        str,
        typer.Argument(
            help=say(
                "admit 接纳或恢复 | suspend 停用 | leave 退出 | rotate 变更地址、名称或证书",
                "admit (or take back) | suspend | leave | rotate (address, name, certificate)",
            )
        ),
    ],
    subject: Annotated[
        str | None,
        typer.Argument(help=say("描述文件，或成员编号", "A descriptor file, or a member's id.")),
    ] = None,
    as_: AsOption = None,
    network: NetworkOption = NETWORK,
    json: JsonOption = False,
) -> int:
    """Propose a change of the members, with this member's vote."""
    if what == "leave" and subject is None:
        wanted: bytes | tuple[str, MemberStatus] = (settings_of(as_, network)[1], "suspended")
    else:
        wanted = _wanted(what, subject)

    async def act(door: OperatorDoor) -> str:
        if isinstance(wanted, bytes):
            return await door.propose(wanted)
        return await door.propose_status(*wanted)

    return _act(Output(as_json=json), as_, network, act)


def _wanted(what: str, subject: str | None) -> bytes | tuple[str, MemberStatus]:
    """A descriptor, or a member and its new status. Raises ConfigError if it is neither."""
    if what not in ("admit", "suspend", "rotate") or subject is None:
        raise ConfigError(
            f"`centre propose {what}`: say admit FILE|ID, suspend ID, leave, or rotate FILE",
            code="usage",
        )
    # A folder is no descriptor: the guide's own is called like its member.
    if what != "suspend" and Path(subject).is_file():
        return Path(subject).read_bytes().rstrip(b"\n")
    if what != "rotate" and MEMBER.fullmatch(subject):
        return subject, "suspended" if what == "suspend" else "active"
    wants = {
        "admit": ("既不是描述文件，也不是成员编号", "neither a descriptor file nor a member's id"),
        "suspend": ("不是成员编号", "no member's id"),
        "rotate": ("没有这个描述文件", "no such descriptor file"),
    }[what]
    raise ConfigError(f"{subject}: {say(*wants)}", code="usage")


def vote(
    op: Annotated[str, typer.Argument(help=say("操作编号", "The operation, or its beginning."))],
    as_: AsOption = None,
    network: NetworkOption = NETWORK,
    json: JsonOption = False,
) -> int:
    """Vote for a proposed change."""
    _check_op(op)
    return _act(Output(as_json=json), as_, network, lambda door: door.vote(op))


def execute(
    op: Annotated[str, typer.Argument(help=say("操作编号", "The operation, or its beginning."))],
    as_: AsOption = None,
    network: NetworkOption = NETWORK,
    json: JsonOption = False,
) -> int:
    """Make a change that has its votes; every node follows it within seconds."""
    _check_op(op)
    return _act(Output(as_json=json), as_, network, lambda door: door.execute(op))


def _check_op(op: str) -> None:
    if not OP.fullmatch(op):
        told = say(
            f"{op}：不是操作编号；请给出其开头至少 8 位十六进制数字（见 centre list）",
            f"{op}: no operation; give at least its first 8 hex digits (see `centre list`)",
        )
        raise ConfigError(told, code="usage")


def show(as_: AsOption = None, network: NetworkOption = NETWORK, json: JsonOption = False) -> int:
    """List the members, and the changes that wait for votes."""
    output = Output(as_json=json)
    ballot = at_door(as_, network, lambda door: door.ballot())
    for data in ballot.members:
        _tell_member(output, _read(data))
    waiting = [one for one in ballot.proposals if one.open]
    for one in waiting:
        _tell_proposal(output, one, ballot)
    output.end(
        "" if waiting else say("没有待表决的变更", "no change waits for votes"),
        members=len(ballot.members),
        open=len(waiting),
        needed=ballot.needed,
    )
    return 0


def _act(
    output: Output, as_: str | None, network: Path, act: Callable[[OperatorDoor], Awaitable[str]]
) -> int:
    """Do one thing, and tell how the operation stands after it."""

    async def both(door: OperatorDoor) -> tuple[str, Ballot]:
        op = await act(door)
        return op, await door.ballot()

    op, ballot = at_door(as_, network, both)
    found = next(one for one in ballot.proposals if one.op == op)
    _tell_proposal(output, found, ballot)
    short, votes = op[:SHOWN], len(found.voters)
    if not found.open:
        advice = say("已执行：各节点几秒内跟随", "executed: every node follows within seconds")
    elif votes >= ballot.needed:
        advice = say(
            f"票数已够：yuanping centre execute {short}",
            f"it has its votes: yuanping centre execute {short}",
        )
    else:
        advice = say(
            f"请其他成员表决：yuanping centre vote {short}",
            f"ask the other members to vote: yuanping centre vote {short}",
        )
    output.end(advice, op=op, votes=votes, needed=ballot.needed, open=found.open)
    return 0


def _tell_member(output: Output, one: Descriptor) -> None:
    tls = sha256(b64decode(one.tls)).hexdigest()
    name = say(one.name_zh, one.name_en)
    output.event(
        "member",
        f"{one.id}  {say(*STATES[one.status])}  {name}  {one.endpoint}  {one.http}",
        id=one.id,
        role=one.role,
        status=one.status,
        name={"zh": one.name_zh, "en": one.name_en},
        grpc=one.endpoint,
        http=one.http,
        tls_sha256=tls,
    )


def _tell_proposal(output: Output, one: Proposal, ballot: Ballot) -> None:
    what = say(*KINDS[one.what]) if one.what else say("已结束", "closed")
    voters = "、".join(one.voters) if say("zh", "en") == "zh" else ", ".join(one.voters)
    told = f"{one.op[:SHOWN]}  {what} {one.member}  {len(one.voters)}/{ballot.needed}  {voters}"
    output.event(
        "operation",
        f"{told}\n  {say('描述文件', 'descriptor')} SHA-256 {one.digest}",
        op=one.op,
        member=one.member,
        what=one.what,
        descriptor_sha256=one.digest,
        voters=list(one.voters),
        open=one.open,
    )


def _read(data: bytes) -> Descriptor:
    from node.core.rules.registry import read_descriptor

    return read_descriptor(data, str(jsonlib.loads(data)["id"]))


def at_door(as_: str | None, network: Path, ask: Callable[[OperatorDoor], Awaitable[T]]) -> T:
    """Ask a running node through its door. Raises ConfigError if there is no such node."""
    from node.adapters.rpc.operator_client import OperatorDoor

    door, member = settings_of(as_, network)
    if not door.exists():
        raise ConfigError(
            f"the node of {member} does not run: there is no {door}; "
            "start it with `yuanping node run`",
            code="usage",
        )

    async def asked() -> T:
        client = OperatorDoor(door)
        try:
            return await ask(client)
        finally:
            await client.close()

    return asyncio.run(asked())


def settings_of(as_: str | None, network: Path) -> tuple[Path, str]:
    """The door and the id of the member that `--as` names. Raises ConfigError."""
    from node.settings import read_settings

    settings = read_settings(_config_of(as_, network))
    return settings.store.blobs.parent / "door.sock", settings.centre.id


def _config_of(as_: str | None, network: Path) -> Path:
    if as_ is None:
        return Path(os.environ.get("YUANPING_CONFIG") or "config.toml")
    named = Path(as_)
    if named.is_dir():
        return named / "config.toml"
    if named.is_file():
        return named
    try:
        centres = jsonlib.loads(network.read_bytes())["centres"]
        folder = next(one["dir"] for one in centres if one["id"] == as_)
    except (OSError, ValueError, KeyError, TypeError, StopIteration):
        raise ConfigError(
            f"--as {as_}: no file, no folder, and no member of {network}", code="usage"
        ) from None
    return network.parent / str(folder) / "config.toml"
