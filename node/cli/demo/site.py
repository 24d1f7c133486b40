"""The demo's folder: where everything lies (interfaces I2), and to whom it belongs.

`demo.json` marks a folder as a demo's and says what it runs, so that `--resume` needs no options;
it is locked while a demo, or a child of one, runs in the folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import BufferedRandom
from pathlib import Path

import msgspec

from chain.ports import free_port
from node.core.errors import ConfigError

MARK = "demo.json"
OWN_FILE = "sqlite:///data/node.db"
DATABASE = "YUANPING_DEMO_DATABASE_URL"
"""Names the nodes' databases, `{centre}` in the place of a member's id; else each has a file."""
ENDING_S = 12.0
"""How long the children of a killed run may take to end; the leash gives them less."""
POLL_S = 0.1
MAX_SOCKET_PATH = 100
"""A Unix socket's path is short on every system (104 bytes on macOS, 108 on Linux)."""


class Ports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where one node listens on 127.0.0.1."""

    http: int
    grpc: int


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a folder's demo runs: tender, rule set, centres, ports by member, databases.

    No ports: nothing of a network runs here (a replay through a network that ran already).
    """

    tender: str
    rules: str
    centres: int
    ports: dict[str, Ports]
    database: str = OWN_FILE


@dataclass(slots=True)
class Site:
    """The folder of one demo, locked for us."""

    root: Path
    mark: Mark
    lock: BufferedRandom = field(repr=False)

    def centre(self, member: str) -> Path:
        """A node's folder: config.toml, data/, keys/, node.log, pid."""
        return self.root / "centres" / member

    def door(self, member: str) -> Path:
        """The operator's door of a node."""
        return self.centre(member) / "data" / "door.sock"

    @property
    def chain(self) -> Path:
        """The development chain's folder."""
        return self.root / "chain"

    @property
    def actors(self) -> Path:
        """Keys of bidders, experts and buyer; no centre's process ever opens it."""
        return self.root / "actors"

    @property
    def evidence(self) -> Path:
        """Evidence files."""
        return self.root / "evidence"

    @property
    def receipts(self) -> Path:
        """The bidders' receipts."""
        return self.root / "receipts"


def find_mark(root: Path, *, resume: bool) -> Mark | None:
    """What the folder's demo runs, or None if the folder is new.

    Raises ConfigError if the folder is neither empty nor a demo's that may go on.
    """
    if root.exists() and not root.is_dir():
        raise _refused(f"{root} is not a folder; give another --out")
    path = root / MARK
    begun = _aside(path).name  # what a run leaves that was killed before it marked its folder
    if not root.exists() or all(one.name == begun for one in root.iterdir()):
        return None
    if not path.exists():
        raise _refused(f"{root} is not empty and not a demo's; give another --out")
    if not resume:
        raise _refused(f"{root} holds a demo: give --resume to go on, or another --out")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Mark)
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path}: {error}") from None


def claim(root: Path, mark: Mark, patience_s: float = ENDING_S) -> Site:
    """Take the folder for this run: write its mark if it is new, and lock it.

    The children of a run that was killed hold its lock until they have ended: they are waited
    for. Raises ConfigError if another demo runs in it.
    """
    longest = max(mark.ports, key=len, default="")
    deepest = root.resolve() / "centres" / longest / "data" / "door.sock"
    if len(os.fsencode(deepest)) > MAX_SOCKET_PATH:
        raise _refused(f"{root} is too long a path for a Unix socket; give a shorter --out")
    root.mkdir(parents=True, exist_ok=True)
    path = root / MARK
    if not path.exists():
        replace_file(path, msgspec.json.format(msgspec.json.encode(mark)) + b"\n")
    lock = path.open("r+b")
    end = time.monotonic() + patience_s
    while not _locked(lock):
        if time.monotonic() > end:
            lock.close()
            raise _refused(f"another demo runs in {root}; stop it first")
        time.sleep(POLL_S)
    return Site(root.resolve(), mark, lock)


def _locked(lock: BufferedRandom) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def wanted_database() -> str:
    """The address of the nodes' databases that the environment wants for a new demo.

    Raises ConfigError if it does not tell the members apart, or holds a password: the address is
    written down; libpq takes passwords from elsewhere.
    """
    url = os.environ.get(DATABASE, OWN_FILE)
    if url != OWN_FILE and "{centre}" not in url:
        raise _refused(f"{DATABASE} needs {{centre}} where the name of a member is to stand")
    if re.search(r"//[^/@]*:[^/@]*@|[?&](ssl)?password=", url):
        raise _refused(f"{DATABASE} holds a password; leave it to PGPASSFILE or PGPASSWORD")
    return url


def _refused(detail: str) -> ConfigError:
    return ConfigError(detail, code="usage")


def free_ports(members: Sequence[str]) -> dict[str, Ports]:
    """Two ports of the loopback interface for each member, all different and free now."""
    numbers: list[int] = []
    for _ in range(2 * len(members)):
        numbers.append(free_port(numbers))
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return {member: Ports(*pair) for member, pair in zip(members, pairs, strict=True)}


def make_private(folder: Path) -> None:
    """Make a folder its owner's alone, whether it is new or an older demo left it open."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def replace_file(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put a whole file in the place of another at once; it is on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path)
    aside.unlink(missing_ok=True)
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _aside(path: Path) -> Path:
    return path.with_name(f".{path.name}.new")


def replace_json(path: Path, document: object) -> None:
    """Write a JSON document for people and programs, at once."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    replace_file(path, text.encode() + b"\n")
