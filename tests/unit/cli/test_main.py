"""The program: lazy help, one line for every error, exit codes of interfaces I0."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType

import pytest

from node.cli import commands, usage
from node.cli import main as program
from node.cli.commands import COMMANDS, GROUPS, Command
from node.core.errors import ConfigError, RuleError
from tests.conftest import ROOT

SOME_HEAVY = {"grpc", "sqlalchemy", "fastapi", "eth_account", "eth_abi", "pydantic_settings"}

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs a command line in English: exit code, stdout, stderr."""
    monkeypatch.setenv("YUANPING_LANG", "en")

    def call(*words: str) -> tuple[int, str, str]:
        code = program.main(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | int | None], None]:
    """Give a function that plants the command `centre try`, which raises or returns a thing."""

    def plant(outcome: BaseException | int | None) -> None:
        def attempt(what: str = "x") -> int | None:
            """Try."""
            assert what
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        module = ModuleType("planted_command")
        module.__dict__["attempt"] = attempt
        monkeypatch.setitem(sys.modules, "planted_command", module)
        entry = Command("planted_command:attempt", "试", "Try.", "yuanping centre try")
        table = {**COMMANDS, "centre try": entry}
        for place in (commands, usage, program):
            monkeypatch.setattr(place, "COMMANDS", table)

    return plant


def fresh(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_help_lists_every_command_with_an_example(run: Run, words: Sequence[str]) -> None:
    code, out, err = run(*words)
    assert (code, err) == (0, "")
    for name, entry in COMMANDS.items():
        assert (f"  {name} " in out and entry.en in out) or " " in name
    assert "Example:\n  yuanping " in out


def test_help_imports_no_command() -> None:
    targets = {c.target.partition(":")[0] for c in COMMANDS.values()}
    result = fresh(
        "import sys\nfrom node.cli.main import main\nassert main(['--help']) == 0\n"
        f"print(sorted(sys.modules.keys() & {targets | SOME_HEAVY!r}), file=sys.stderr)"
    )
    assert (result.returncode, result.stderr) == (0, "[]\n"), result.stderr


@pytest.mark.parametrize("name", sorted(COMMANDS))
class TestEveryCommand:
    """What holds for each line of the table."""

    def test_help_has_its_sentence_and_its_example(self, run: Run, name: str) -> None:
        code, out, err = run(*name.split(), "--help")
        assert (code, err) == (0, "")
        assert COMMANDS[name].example in out
        assert f"Usage: yuanping {name}" in out

    def test_wrong_option_is_one_line_and_exit_2(self, run: Run, name: str) -> None:
        code, out, err = run(*name.split(), "--no-such-option")
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert err.startswith("error: usage: ")
        assert err.endswith(". See --help of this command.\n")

    def test_table_line_is_whole(self, name: str) -> None:
        entry = COMMANDS[name]
        assert entry.example.startswith(f"yuanping {name}")
        assert entry.target.startswith(("node.cli.", "api.run:"))
        assert entry.en.endswith(".")
        assert entry.zh.endswith("。")
        assert len(name.split()) == 1 or name.split()[0] in GROUPS


def test_version(run: Run) -> None:
    from node import __version__

    assert run("version") == (0, f"yuanping {__version__}\n", "") == run("--version")
    code, out, err = run("version", "--json")
    assert (code, err) == (0, "")
    assert [json.loads(line) for line in out.splitlines()] == [
        {"event": "end", "version": __version__}
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "needs a command"),
        (["vesion"], "no command `vesion`; the nearest is `version`"),
        (["--nonsense"], "no command `--nonsense`"),
        (["version", "--jason"], "--jason"),
        (["version", "more"], "more"),
        (["node", "rum"], "no command"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(run: Run, words: list[str], said: str) -> None:
    code, out, err = run(*words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: usage: ")
    assert said in err


def test_wrong_use_with_json_is_one_object(run: Run) -> None:
    code, out, err = run("version", "--no-such", "--json")
    event = json.loads(out)
    assert (code, err) == (2, "")
    assert list(event) == ["event", "code", "detail", "advice"]
    assert (event["event"], event["code"]) == ("error", "usage")


@pytest.mark.parametrize(
    ("outcome", "code", "said"),
    [
        (None, 0, ""),
        (0, 0, ""),
        (1, 1, ""),
        (RuleError("no"), 1, "error: rule: no. The rule set forbids it; read the article named."),
        (RuleError("no.", article="art. 37"), 1, "error: rule: art. 37: no. The rule"),
        (ConfigError("bad"), 2, "error: config: bad. "),
        (ConfigError("bad", code="usage"), 2, "error: usage: bad. "),
        (
            FileNotFoundError(2, "No such file", "a.json"),
            2,
            "error: unreadable: cannot open a.json",
        ),
        (ConnectionRefusedError(111, "refused"), 1, "error: internal: ConnectionRefusedError"),
        (ValueError("two\nlines"), 1, "error: internal: ValueError"),
        (KeyboardInterrupt(), 130, ""),
        (EOFError(), 130, ""),
    ],
)
def test_outcome_decides_exit_code_and_line(
    run: Run,
    planted: Callable[[BaseException | int | None], None],
    outcome: BaseException | int | None,
    code: int,
    said: str,
) -> None:
    planted(outcome)
    got, out, err = run("centre", "try")
    assert (got, out) == (code, "")
    assert err.strip().startswith(said)
    assert err.strip().count("\n") == 0


def test_commands_of_a_group(run: Run, planted: Callable[[int | None], None]) -> None:
    planted(0)
    code, out, _ = run("centre", "--help")
    assert code == 0
    assert "  centre try      Try.\n" in out
    assert "Example:\n  yuanping centre propose admit descriptor.json --as zhuzhou\n" in out
    assert "centre" in run("--help")[1].partition("Commands:")[2]
    code, _, err = run("centre", "tri")
    assert code == 2
    assert "the nearest is `centre try`" in err
    assert run("centre")[0] == 2


def test_debug_shows_where_a_mistake_is(
    run: Run, planted: Callable[[BaseException], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YUANPING_DEBUG", "1")
    planted(ValueError("deep"))
    code, _, err = run("centre", "try")
    assert code == 1
    assert "Traceback" in err
    assert "ValueError: deep" in err


def test_reader_that_went_away_is_no_traceback(tmp_path: Path) -> None:
    script = tmp_path / "gone.py"
    script.write_text(
        "import os, sys\nsys.path.insert(0, sys.argv[1])\nread, write = os.pipe()\n"
        "os.dup2(write, 1)\nos.close(read)\nos.close(write)\n"
        "from node.cli.main import main\nsys.exit(main(['version']))\n",
        "utf-8",
    )
    words = [sys.executable, str(script), str(ROOT)]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert (result.returncode, result.stderr) == (1, "")


@pytest.mark.parametrize(
    ("environ", "word"),
    [
        ({}, "Usage"),
        ({"LANG": "zh_CN.UTF-8"}, "用法"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "Usage"),
        ({"LANG": "zh_CN.UTF-8", "YUANPING_LANG": "en"}, "Usage"),
        ({"LANG": "en_GB.UTF-8", "YUANPING_LANG": "zh"}, "用法"),
    ],
)
def test_help_speaks_the_readers_language(environ: dict[str, str], word: str) -> None:
    code = "from node.cli.main import main\nmain(['--help'])"
    assert fresh(code, PYTHONUTF8="1", **environ).stdout.startswith(word)
