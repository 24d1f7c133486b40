"""The import rule of architecture 3, and the proof that each of its contracts can fail.

One violation of each kind is planted in a copy of the tree; one run must name every one of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PLANTED = {
    "node/services/planted_upward.py": "import node.adapters.sql\n",
    "node/core/planted_outsider.py": "",
    "node/core/records/planted_upward.py": "import node.core.rules\n",
    "node/core/log/planted_sideways.py": "import node.core.records\n",
    "node/core/rules/planted_clock.py": "import time\n",
    "node/core/rules/planted_chance.py": "import random\nimport secrets\n",
    "node/core/rules/planted_io.py": "import os.path\nimport socket\n",
    "node/core/rules/planted_threads.py": "import threading\nimport asyncio\n",
    "chain/planted_node.py": "import node.services\n",
    "chain/planted_api.py": "import api\n",
    "node/services/planted_chain.py": "import chain\n",
    "node/services/planted_wire.py": "import yuanping.v1\n",
    "node/cli/planted_sideways.py": "import api\n",
}
NAMED = [
    ("node.services.planted_upward", "node.adapters.sql"),
    ("node.core.records.planted_upward", "node.core.rules"),
    ("node.core.log.planted_sideways", "node.core.records"),
    ("node.core.rules.planted_clock", "time"),
    ("node.core.rules.planted_chance", "random"),
    ("node.core.rules.planted_chance", "secrets"),
    ("node.core.rules.planted_io", "os"),
    ("node.core.rules.planted_io", "socket"),
    ("node.core.rules.planted_threads", "threading"),
    ("node.core.rules.planted_threads", "asyncio"),
    ("chain.planted_node", "node.services"),
    ("chain.planted_api", "api"),
    ("node.services.planted_chain", "chain"),
    ("node.services.planted_wire", "yuanping.v1"),
    ("node.cli.planted_sideways", "api"),
]
CONTRACTS = [
    "edges above wiring above adapters above use cases above the core",
    "in the core: evidence above rules above records and log above errors",
    "the core has no clock, no chance, no I/O, no threads",
    "chain knows neither node nor api",
    "only the ledger adapter, the wiring and the commands import chain",
    "only node.adapters.rpc imports the generated wire types",
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the Python tree with the real configuration and no violation of our own."""
    top = tmp_path_factory.mktemp("tree")
    for folder in ("node", "chain", "api", "protos"):
        shutil.copytree(ROOT / folder, top / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", top)
    return top


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on a tree, on nothing else."""
    tool = Path(sys.executable).with_name("lint-imports")
    paths = os.pathsep.join([str(tree), str(tree / "protos")])
    return subprocess.run(
        [tool, "--no-cache"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def report(tree: Path) -> str:
    """Give what import-linter says of a tree with every violation planted."""
    for name, source in PLANTED.items():
        (tree / name).write_text(source, "utf-8")
    found = lint(tree)
    assert found.returncode == 1, found.stdout + found.stderr
    return found.stdout


@pytest.mark.parametrize("contract", CONTRACTS)
def test_contract_can_fail(report: str, contract: str) -> None:
    assert f"{contract} BROKEN" in report


@pytest.mark.parametrize(("importer", "imported"), NAMED)
def test_planted_import_is_named(report: str, importer: str, imported: str) -> None:
    assert f"- {importer} -> {imported} (l." in report.replace("-   ", "- ")


def test_module_outside_the_layers_of_the_core_is_refused(report: str) -> None:
    assert "not listed as layers" in report
    assert "- node.core.planted_outsider" in report
