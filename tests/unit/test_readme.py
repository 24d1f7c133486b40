"""The README says what is: the help of the program, files that exist, commands that are known.

`python -m tests.unit.test_readme` writes the help into it anew.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from node.cli.commands import COMMANDS
from node.cli.usage import help_page
from tests.conftest import ROOT

FILE = ROOT / "README.md"
TONGUES = ("zh", "en")


def with_help(text: str) -> str:
    """Give the README's text with the program's help between its marks."""
    for tongue in TONGUES:
        os.environ["YUANPING_LANG"] = tongue
        begin, end = f"<!-- help:{tongue} -->\n", f"<!-- /help:{tongue} -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        block = f"```console\n$ yuanping --help\n{help_page('')}\n```\n"
        text = before + begin + block + end + after
    return text


def test_help_in_the_readme_is_the_program_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YUANPING_LANG", "")
    text = FILE.read_text("utf-8")
    assert with_help(text) == text, "run: python -m tests.unit.test_readme"


def test_every_path_in_the_readme_exists() -> None:
    text = FILE.read_text("utf-8")
    quoted = re.findall(r"`((?:node|chain|deploy|api|tests)/[^`*]+)`", text)
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", text)
    assert len(quoted) > 10
    assert len(linked) >= 5
    assert [name for name in (*quoted, *linked) if not Path(ROOT, name).exists()] == []


def test_every_command_in_the_readme_is_known() -> None:
    said = re.findall(r"yuanping ((?:node |chain |centre )?[a-z]+)\b", FILE.read_text("utf-8"))
    assert {"demo", "verify"} <= set(said) <= set(COMMANDS)


if __name__ == "__main__":
    FILE.write_text(with_help(FILE.read_text("utf-8")), "utf-8")
