"""A node whose clock is off: CLOCKS names a folder; a file of a node's id there holds seconds.

The file is read again at each look at the clock, so a clock is set wrong and mended while it runs.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.network.spy.hooks import Hook


def wanted(party: str) -> dict[str, Hook]:
    """The hook of one node, if clocks may be off."""
    if not party or "CLOCKS" not in os.environ:
        return {}
    return {"node.adapters.clock": hook(Path(os.environ["CLOCKS"]) / party)}


def hook(file: Path) -> Hook:
    """Adds what the file says to every time that is told."""

    def change(module: ModuleType) -> None:
        for kind in ("SystemClock", "ChainClock"):
            owner = getattr(module, kind)
            owner.now = _shifted(owner.now, file)

    return change


def _shifted(tell: Any, file: Path) -> Any:  # noqa: ANN401 - a method
    def now(self: Any) -> int:  # noqa: ANN401 - a clock
        try:
            off = int(file.read_text() or "0")
        except FileNotFoundError:
            off = 0
        return int(tell(self)) + off

    return now
