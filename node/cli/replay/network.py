"""The network that a replay goes through, as its network.json tells (interfaces I2).

The replay's own network or one that runs already: both are found in the same way, and of both
nothing is used but the operators' doors, the chain's jumps and what everybody may read.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from node.cli.demo.papers import NETWORK_FORMAT
from node.cli.language import say
from node.core.errors import ConfigError, UnavailableError

TIMEOUT_S = 10.0
OK = 200


class Chain(msgspec.Struct, frozen=True):
    """What a replay needs to know of the chain."""

    kind: str
    rpc: str


class Centre(msgspec.Struct, frozen=True):
    """One member and its node."""

    id: str
    role: str
    http: str
    dir: str
    status: str = "active"


class NetworkForm(msgspec.Struct, frozen=True):
    """network.json, without the members that a replay has no use for."""

    format: str
    running: bool
    pid: int
    clock: str
    chain: Chain
    centres: tuple[Centre, ...]
    trust: str


@dataclass(frozen=True, slots=True)
class Found:
    """A network that runs."""

    path: Path
    form: NetworkForm

    @property
    def rpc(self) -> str:
        """Where the chain answers."""
        return self.form.chain.rpc

    @property
    def trust(self) -> Path:
        """Its trust.json."""
        return self.path.parent / self.form.trust

    @property
    def hosts(self) -> list[str]:
        """The centres in good standing, each of which can keep a tender."""
        centres = (one for one in self.form.centres if one.role == "centre")
        return [one.id for one in centres if one.status == "active"]

    @property
    def regulator(self) -> str:
        """The regulator whose node makes the evidence."""
        return next(one.id for one in self.form.centres if one.role == "regulator")

    @property
    def doors(self) -> dict[str, Path]:
        """The operator's door of every member in good standing."""
        return {one.id: self._door(one) for one in self.form.centres if one.status == "active"}

    def _door(self, one: Centre) -> Path:
        return self.path.parent / one.dir / "data" / "door.sock"

    def tenders(self) -> set[str]:
        """The names of all tenders that its centres keep. Raises UnavailableError."""
        centres = [one for one in self.form.centres if one.role == "centre"]
        return {name for one in centres for name in _tenders_of(one)}


def find_network(path: Path) -> Found:
    """Read network.json and check that a replay can go through this network now.

    Raises ConfigError saying why it cannot.
    """
    try:
        form = msgspec.json.decode(path.read_bytes(), type=NetworkForm)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: {error}", code="unreadable") from None
    if form.format != NETWORK_FORMAT:
        raise ConfigError(f"{path}: the format is not {NETWORK_FORMAT}", code="unreadable")
    if not form.running or not _is_alive(form.pid):
        raise _refused(
            f"{path} 所述网络没有运行；请先用 yuanping demo --keep 启动",
            f"the network of {path} does not run; start one with `yuanping demo --keep`",
        )
    if (form.clock, form.chain.kind) != ("test", "anvil"):
        raise _refused(
            f"{path} 所述网络不使用测试时钟，重放无法拨动它的时钟",
            f"the network of {path} has no test clock: a replay must be able to move it",
        )
    found = Found(path, form)
    _check_members(found)
    return found


def _check_members(found: Found) -> None:
    """There are centres and a regulator, and their doors are open to us."""
    if not found.hosts or len(found.hosts) == len(found.doors):
        raise ConfigError(f"{found.path} names no centre or no regulator", code="unreadable")
    for member, door in found.doors.items():
        if not door.exists():
            raise _refused(
                f"{member} 的节点没有运行：没有 {door}",
                f"the node of {member} does not run: there is no {door}",
            )
        if not os.access(door, os.R_OK | os.W_OK):
            raise _refused(
                f"没有 {door} 的写权限；请用运行该节点的账户执行",
                f"{door} is not writable for you; run this as the user who runs that node",
            )


def _is_alive(pid: int) -> bool:
    """Whether there is such a process, ours or somebody else's."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _tenders_of(one: Centre) -> list[str]:
    """Names of one centre's tenders, page by page (interfaces I7)."""
    names: list[str] = []
    while True:
        page = _page(one, names[-1] if names else "")
        if not page:
            return names
        names += page


def _page(one: Centre, after: str) -> list[str]:
    connection = http.client.HTTPConnection(urlsplit(one.http).netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/api/v1/tenders" + (f"?after={after}" if after else ""))
        answer = connection.getresponse()
        document = json.loads(answer.read())
        if answer.status != OK:
            raise UnavailableError(f"{one.id} does not list its tenders ({answer.status})")
        return [str(tender["id"]) for tender in document["tenders"]]
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        told = type(error).__name__
        raise UnavailableError(f"{one.id} does not list its tenders: {told}") from None
    finally:
        connection.close()


def check_new(found: Found, tenders: Set[str]) -> None:
    """None of these tenders is in the network yet. Raises ConfigError naming the first that is."""
    known = found.tenders().intersection(tenders)
    if known:
        name = min(known)
        raise _refused(
            f"网络中已有项目 {name}；请用 --resume 和当时的 --out 继续，或换一个网络",
            f"tender {name} is in this network already: go on with --resume and the --out of "
            "then, or take another network",
        )


def _refused(zh: str, en: str) -> ConfigError:
    return ConfigError(say(zh, en), code="usage")
