"""What a bench is given: a folder, how much to do, and the network that several of them share."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from node.cli.bench.network import BenchNetwork
    from node.cli.output import Output


class LeftOut(Exception):  # noqa: N818 - it is no error
    """A bench cannot be run here; its text says why."""


@dataclass(slots=True)
class Setting:
    """One run of `yuanping bench`. What `stack` holds is closed at its end."""

    folder: Path
    quick: bool
    output: Output
    stack: ExitStack
    network: BenchNetwork | None = None

    def amount(self, full: int, quick: int) -> int:
        """How many of something one run does."""
        return quick if self.quick else full

    def part(self, name: str) -> Path:
        """A new folder of one bench's own."""
        made = self.folder / name
        made.mkdir()
        return made
