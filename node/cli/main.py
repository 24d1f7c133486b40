"""The `yuanping` program: find the command, load only it, turn what it raises into one line.

Exit codes (interfaces I0): 0 done and good; 1 done and bad; 2 wrong use, unreadable input or
configuration; 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

import typer

# typer carries its own copy of click and has no public name for "wrong use of a command".
from typer._click.exceptions import ClickException
from typer.main import get_command

from node.cli.commands import COMMANDS
from node.cli.language import say
from node.cli.output import Output
from node.cli.usage import find, help_page
from node.core.errors import ConfigError, NodeError

UNREADABLE = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
INTERRUPTED = 130
GC_THRESHOLD = (50_000, 20, 50)
"""We hold many values for long and make few circles: Python would look for them too often."""


def run() -> None:
    """Entry point of the console script."""
    gc.set_threshold(*GC_THRESHOLD)
    sys.exit(main(sys.argv[1:]))


def main(words: Sequence[str]) -> int:
    """Run one command line and give its exit code; writes at most one error, never a traceback."""
    output = Output(as_json="--json" in words)
    try:
        return _dispatch(["version"] if list(words) == ["--version"] else words)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:  # noqa: BLE001 - the one place of the program that may catch all
        shown = _told(error)
        output.error(shown)
        return 2 if isinstance(shown, ConfigError) else 1


def _dispatch(words: Sequence[str]) -> int:
    name, arguments = find(words)
    if name not in COMMANDS:
        sys.stdout.write(help_page(name) + "\n")
        return 0
    entry = COMMANDS[name]
    module, _, function = entry.target.partition(":")
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(
        help=say(entry.zh, entry.en),
        epilog=f"\b\n{say('示例', 'Example')}:\n  {entry.example}",
    )(getattr(import_module(module), function))
    command = get_command(app)
    result = command.main(arguments, prog_name=f"yuanping {name}", standalone_mode=False)
    return int(result or 0)


def _told(error: Exception) -> NodeError:
    """Say what went wrong in our own terms; a programmer's mistake stays `internal`."""
    if isinstance(error, NodeError):
        return error
    if isinstance(error, ClickException):
        return ConfigError(error.format_message(), code="usage")
    if isinstance(error, UNREADABLE) and error.filename is not None:
        return ConfigError(f"cannot open {error.filename}: {error.strerror}", code="unreadable")
    if os.environ.get("YUANPING_DEBUG"):
        traceback.print_exception(error)
    return NodeError(f"{type(error).__name__} (YUANPING_DEBUG=1 shows where)")
