"""The README says what is: the help of the program, files that exist, commands that are known."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from node.cli.commands import COMMANDS
from node.cli.usage import help_page
from tests.conftest import ROOT

README = (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("tongue", ["zh", "en"])
def test_help_in_the_readme_is_the_program_s_own(
    tongue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUANPING_LANG", tongue)
    _, _, rest = README.partition(f"<!-- help:{tongue} -->\n")
    block, _, _ = rest.partition(f"<!-- /help:{tongue} -->")
    assert block == f"```console\n$ yuanping --help\n{help_page('')}\n```\n"


def test_every_path_in_the_readme_exists() -> None:
    quoted = re.findall(r"`((?:node|chain|deploy|api|tests)/[^`*]+)`", README)
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert len(quoted) > 10
    assert len(linked) >= 5
    assert [name for name in (*quoted, *linked) if not Path(ROOT, name).exists()] == []


def test_every_command_in_the_readme_is_known() -> None:
    said = set(re.findall(r"yuanping ((?:node |chain |centre )?[a-z]+)\b", README))
    names = {name for name in said if name not in ("命令", "demo2")}
    assert {"demo", "verify"} <= names
    assert names <= {*COMMANDS, "demo"}
