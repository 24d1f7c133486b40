"""`yuanping version`."""

from __future__ import annotations

from node import __version__
from node.cli.output import JsonOption, Output


def version(json: JsonOption = False) -> None:
    """Show which version of Yuanping this is."""
    Output(as_json=json).end(f"yuanping {__version__}", version=__version__)
