"""What the demo runs: the members of its network, from `deploy/three-centres/network.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec

import node
from node.core.errors import ConfigError
from node.core.records.kinds.streams import MemberRole

LEAST = 2
FOLDER = Path(node.__file__).resolve().parents[1] / "deploy" / "three-centres"
NodeId = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}$")]


class Planned(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One member to be: its names, and the size and region of its pool (a regulator has none)."""

    id: NodeId
    name_zh: str
    name_en: str
    region: str = ""
    experts: int = 0

    @property
    def role(self) -> MemberRole:
        """`centre` or `regulator`."""
        return "centre" if self.experts else "regulator"


class NetworkFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file: milliseconds of a tick, how many entries it has at least, and members."""

    tick_ms: int
    smallest_tick: int
    default_centres: int
    regulator: Planned
    centre: tuple[Planned, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """The members of one demo: the centres, the host first, and the regulator last."""

    members: tuple[Planned, ...]
    tick_ms: int
    smallest_tick: int

    @property
    def host(self) -> str:
        """The centre that keeps the tender."""
        return self.members[0].id

    @property
    def regulator(self) -> str:
        """The regulator's id."""
        return self.members[-1].id

    @property
    def centres(self) -> tuple[Planned, ...]:
        """The members that have a pool of experts."""
        return self.members[:-1]


def read_plan(centres: int | None, folder: Path = FOLDER) -> Plan:
    """Read the plan for so many centres (None: as many as the file says).

    Raises ConfigError if the file is missing or malformed, or there are not so many.
    """
    path = folder / "network.toml"
    try:
        found = msgspec.convert(tomllib.loads(path.read_text("utf-8")), NetworkFile)
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing: run the demo from a checkout") from None
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"{path}: {error}") from None
    count = found.default_centres if centres is None else centres
    if not LEAST <= count <= len(found.centre):
        raise ConfigError(
            f"--centres must be {LEAST} to {len(found.centre)}, not {count}", code="usage"
        )
    return Plan((*found.centre[:count], found.regulator), found.tick_ms, found.smallest_tick)
