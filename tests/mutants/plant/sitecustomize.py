"""Plants one mutant in a process of Python; Python imports this by itself when it starts.

Put its folder first on PYTHONPATH and set MUTANT to a JSON object with `path` (of the source file),
`module`, `before` and `after`. The module is then compiled from the changed text, in this process
and in all that it starts. Nothing is written: neither the file nor its compiled form.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType


class Planting(SourceFileLoader):
    """Compiles the changed text; what Python may have compiled before is not looked at."""

    def __init__(self, name: str, path: str, change: tuple[str, str]) -> None:
        super().__init__(name, path)
        self._change = change

    def get_code(self, fullname: str) -> CodeType:
        """The code with the mutant in it. Raises ValueError if its place is not there once."""
        path = self.get_filename(fullname)
        text = Path(path).read_text("utf-8")
        if text.count(self._change[0]) != 1:
            raise ValueError(f"not once in {path}: {self._change[0]}")
        return compile(text.replace(*self._change), path, "exec", dont_inherit=True)


class Finder(MetaPathFinder):
    """Gives the planting loader for one module."""

    def __init__(self, mutant: dict[str, str]) -> None:
        self._mutant = mutant

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - of the interface
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The module's own file behind our loader; of others nothing is known here."""
        mutant = self._mutant
        if fullname != mutant["module"]:
            return None
        loader = Planting(fullname, mutant["path"], (mutant["before"], mutant["after"]))
        return spec_from_file_location(fullname, mutant["path"], loader=loader)


if "MUTANT" in os.environ:
    sys.meta_path.insert(0, Finder(json.loads(os.environ["MUTANT"])))
