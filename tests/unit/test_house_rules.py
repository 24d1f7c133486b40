"""Rules of the house that no other tool checks: sizes, names, docstrings, imports of the core."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

MAX_MODULE_LINES = 400
MAX_BODY_LINES = 30
MAX_PARAMETERS = 5
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
CORE_LIBRARIES = {"cryptography", "nacl", "msgspec", "node", "__future__"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    """Give every module that people write."""
    folders = ("node", "chain", "api")
    return sorted(p for folder in folders for p in (ROOT / folder).rglob("*.py"))


def faults_of(source: str, *, core: bool = False) -> Iterator[str]:
    """Name what a module's text does against the rules."""
    tree = ast.parse(source)
    if len(source.splitlines()) > MAX_MODULE_LINES:
        yield f"more than {MAX_MODULE_LINES} lines"
    if tree.body and not ast.get_docstring(tree):
        yield "no docstring"
    if tree.body and "from __future__ import annotations" not in source:
        yield "no `from __future__ import annotations`"
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield from function_faults(node)
        elif core:
            yield from (f"the core imports {name}" for name in foreign_imports(node))
    yield from undocumented(tree)


def function_faults(function: Function) -> Iterator[str]:
    """Check length without the docstring, and the number of parameters without self."""
    first = function.body[min(1, len(function.body) - 1) if ast.get_docstring(function) else 0]
    if (function.end_lineno or 0) - first.lineno + 1 > MAX_BODY_LINES:
        yield f"{function.name}: more than {MAX_BODY_LINES} lines"
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    names = [a.arg for a in given if not is_option(a)]
    count = len(names) - (names[:1] in (["self"], ["cls"]))
    if count > MAX_PARAMETERS and not overrides(function):
        yield f"{function.name}: {count} parameters"


def is_option(parameter: ast.arg) -> bool:
    """Tell whether this is an option of a command: interfaces.md fixes how many there are."""
    return "typer.Option" in ast.unparse(parameter.annotation or parameter)


def overrides(function: Function) -> bool:
    """Tell whether somebody else's class fixes the parameters."""
    return any(isinstance(d, ast.Name) and d.id == "override" for d in function.decorator_list)


def foreign_imports(node: ast.AST) -> Iterator[str]:
    """Give the top packages that one statement imports and the core may not."""
    names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
    if isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module]
    for name in names:
        top = name.partition(".")[0]
        if top not in CORE_LIBRARIES and top not in sys.stdlib_module_names:
            yield top


def undocumented(tree: ast.Module) -> Iterator[str]:
    """Name the public functions, classes and methods that make no promise."""
    for node in tree.body:
        if not isinstance(node, Function | ast.ClassDef) or node.name.startswith("_"):
            continue
        members = node.body if isinstance(node, ast.ClassDef) else []
        for item in (node, *members):
            if not isinstance(item, Function | ast.ClassDef) or item.name.startswith("_"):
                continue
            if not ast.get_docstring(item):
                yield f"{item.name}: no docstring"


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(ROOT)))
def test_module_keeps_the_rules_of_the_house(path: Path) -> None:
    assert path.stem not in VAGUE
    core = (ROOT / "node" / "core") in path.parents
    assert list(faults_of(path.read_text("utf-8"), core=core)) == []


GOOD = '"""A module."""\nfrom __future__ import annotations\n'


@pytest.mark.parametrize(
    ("source", "fault"),
    [
        (GOOD + "# \n" * 400, "more than 400 lines"),
        ("x = 1\n", "no docstring"),
        ('"""A module."""\nx = 1\n', "no `from __future__ import annotations`"),
        (GOOD + "def f() -> None:\n" + "    x = 1\n" * 31, "f: more than 30 lines"),
        (GOOD + "def f(a, b, c, d, e, *, g): ...\n", "f: 6 parameters"),
        (GOOD + "def f(a, b, c, d, e, g, h: typer.Option()): ...\n", "f: 6 parameters"),
        (GOOD + "def f(): ...\n", "f: no docstring"),
        (GOOD + "class A:\n    '''A.'''\n    def f(self): ...\n", "f: no docstring"),
        (GOOD + "import requests.api\n", "the core imports requests"),
        (GOOD + "def _f():\n    from sqlalchemy import x\n", "the core imports sqlalchemy"),
    ],
)
def test_each_rule_of_the_house_can_be_broken(source: str, fault: str) -> None:
    assert fault in list(faults_of(source, core=True))


def test_lawful_module_has_no_fault() -> None:
    method = "class A:\n    '''A.'''\n    def f(self, a, b, c, d, e):\n        '''F.'''\n"
    assert list(faults_of(GOOD + "import json, nacl.bindings\n" + method, core=True)) == []


def test_lock_files_hold_hashes_and_no_addresses() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", ".ci/requirements-npm.txt"):
        text = (ROOT / name).read_text("utf-8")
        assert "://" not in text
        assert "index-url" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins
        assert all("==" in pin and pin.endswith("\\") for pin in pins)
