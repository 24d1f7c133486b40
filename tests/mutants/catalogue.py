"""The list of planted mutants, read from `lists/*.toml`.

A list names for each source file the suites that should kill its mutants, cheapest first, and then
the mutants. A mutant may name other suites. One that no test can kill says why in `survives`: it
changes nothing that a caller could see, or nothing that we promise.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

LISTS = Path(__file__).parent / "lists"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `before`, which stands once in `file`, becomes `after`; `breaks` names what.

    `suites` are paths of tests as pytest takes them. `survives` is why nothing kills it, or empty.
    """

    name: str
    file: str
    before: str
    after: str
    breaks: str
    suites: tuple[str, ...]
    survives: str = ""

    @property
    def path(self) -> Path:
        """The source file."""
        return ROOT / self.file

    @property
    def module(self) -> str:
        """The module's name."""
        return self.file.removesuffix(".py").replace("/", ".")

    def changed(self) -> str:
        """The file's text with the mutant in it."""
        return self.path.read_text("utf-8").replace(self.before, self.after)


def read_list(path: Path) -> list[Mutant]:
    """The mutants of one list. Raises KeyError or TypeError for a member missing or unknown."""
    found: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    suites = found["suites"]
    return [
        Mutant(**{**one, "suites": tuple(one.get("suites") or suites[one["file"]])})
        for one in found["mutant"]
    ]


def all_mutants() -> list[Mutant]:
    """Every mutant of every list, in order."""
    return [mutant for path in sorted(LISTS.glob("*.toml")) for mutant in read_list(path)]
