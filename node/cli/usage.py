"""From words to a command, and the help pages that need no command's code."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

from node.cli.commands import COMMANDS, GROUPS, HIDDEN
from node.cli.language import say
from node.core.errors import ConfigError

HELP = ("--help", "-h")


def group_names() -> list[str]:
    """Give the groups that have commands."""
    return [g for g in GROUPS if any(name.startswith(f"{g} ") for name in COMMANDS)]


def find(words: Sequence[str]) -> tuple[str, list[str]]:
    """Split a command line into the command's name and its own arguments.

    The name is a key of `COMMANDS`, or a group's name (or "") whose help is asked for.
    Raises ConfigError (`usage`) naming the nearest command if there is no such one.
    """
    group = words[0] if words and words[0] in group_names() else ""
    rest = list(words[1:] if group else words)
    if rest and rest[0] in HELP:
        return group, []
    if not rest:
        raise ConfigError(f"`{_line(group)}` needs a command", code="usage")
    name = f"{group} {rest[0]}".strip()
    if name in COMMANDS:
        return name, rest[1:]
    raise ConfigError(f"no command `{name}`{_nearest(name)}", code="usage")


def _line(name: str) -> str:
    return f"yuanping {name}".strip()


def _nearest(name: str) -> str:
    near = get_close_matches(name, [*COMMANDS, *group_names()], n=1)
    return f"; the nearest is `{near[0]}`" if near else ""


def help_page(group: str) -> str:
    """Write the help of the program (group "") or of one group, from the tables alone."""
    about = GROUPS.get(group, ("远程异地评标节点。", "A node for remote bid evaluation."))
    rows = [(name, say(c.zh, c.en)) for name, c in COMMANDS.items() if _belongs(name, group)]
    if not group:
        rows += [(name, say(*GROUPS[name])) for name in group_names() if name not in HIDDEN]
    width = max(len(name) for name, _ in rows) + 2
    first = next(c.example for name, c in COMMANDS.items() if name.startswith(group))
    return "\n".join(
        [
            f"{say('用法', 'Usage')}: {_line(group)} {say('命令 [参数]', 'COMMAND [ARGUMENTS]')}",
            "",
            f"  {say(*about)}",
            "",
            f"{say('命令', 'Commands')}:",
            *(f"  {name:<{width}}{text}" for name, text in rows),
            "",
            f"{say('示例', 'Example')}:",
            f"  {first}",
            "",
            say("每条命令都有 --help。", "Every command has its own --help."),
        ]
    )


def _belongs(name: str, group: str) -> bool:
    return name.startswith(f"{group} ") if group else " " not in name
