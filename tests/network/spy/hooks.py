"""How a process of a running network is changed from outside: a function runs on a module once it
is loaded. Python imports `sitecustomize` by itself; the program itself knows nothing of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

Hook = Callable[[ModuleType], None]


def party_of(words: Sequence[str]) -> str:
    """Whose process a command line starts, or nothing if it is neither a node nor an actor."""
    for option in ("--config", "--dir"):
        if option in words and "chain" not in words:
            path = Path(words[words.index(option) + 1])
            return path.parent.name if option == "--config" else f"actors-{path.name}"
    return ""


class Hooks(MetaPathFinder):
    """Runs a function on a module right after it was loaded."""

    def __init__(self, hooks: dict[str, Hook]) -> None:
        self._hooks = hooks

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002 - of the interface
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """The true spec, with the hook behind its loader."""
        hook = self._hooks.pop(fullname, None)
        spec = find_spec(fullname) if hook else None
        if spec is None or spec.loader is None or hook is None:
            return None
        _follow(spec.loader, hook)
        return spec


def _follow(loader: Loader, hook: Hook) -> None:
    load = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        load(module)
        hook(module)

    loader.exec_module = exec_module  # type: ignore[method-assign]


def install(hooks: dict[str, Hook]) -> None:
    """Have each function run on its module."""
    if hooks:
        sys.meta_path.insert(0, Hooks(hooks))
