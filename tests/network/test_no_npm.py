"""A machine without npm and node: `make` brings its own, and the chain runs without either."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chain.compile import compile_contracts
from tests.conftest import ROOT

pytestmark = pytest.mark.network
JAVASCRIPT = {"npm", "npx", "node", "nodejs", "corepack", "yarn", "pnpm"}
NEEDED = ("Makefile", "package.json", "package-lock.json", ".npmrc", ".ci/requirements-npm.txt")
LIMIT_S = 300


def other_programs(folder: Path) -> Path:
    """A folder of links to every program on the path but those of JavaScript."""
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).glob("*"):
            link = folder / program.name
            if program.name not in JAVASCRIPT and not link.is_symlink():
                link.symlink_to(program)
    return folder


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `make` has brought chain and compiler, with nothing kept from before."""
    root = tmp_path_factory.mktemp("machine")
    for name in NEEDED:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    programs = other_programs(root / "programs")
    gone = ("YUANPING_CACHE", "NODE_PATH", "VIRTUAL_ENV", "PYTHONPATH")
    kept = {name: value for name, value in os.environ.items() if name not in gone}
    done = subprocess.run(
        ["make", "node_modules/.done"],
        cwd=root,
        env={**kept, "HOME": str(root / "home"), "PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "npm (kept in" in done.stdout, "there was an npm after all"
    return root


def test_chain_runs_without_node(machine: Path) -> None:
    (anvil,) = machine.glob("node_modules/@foundry-rs/anvil-*/bin/anvil")
    done = subprocess.run([anvil, "--version"], env={}, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("anvil Version")


def test_compiler_runs_with_the_node_that_make_brought(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = machine / "home" / ".cache" / "yuanping" / "node" / "bin"
    monkeypatch.setenv("PATH", f"{machine / 'programs'}{os.pathsep}{node}")
    for name, text in compile_contracts(machine).items():
        assert text == (ROOT / "chain" / "artifacts" / name).read_text("utf-8"), name
