"""Solidity in, committed artifacts out: the same sources always give the same bytes.

The compiler is npm's `solc` 0.8.30 (a pure JavaScript program, run by `node`). EVM version paris
and no metadata hash make the bytecode independent of machine, path and comment. A test compiles
again and compares with what is committed.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "chain" / "contracts"
ARTIFACTS = ROOT / "chain" / "artifacts"
NAMES = ("Registry", "Anchor", "Beacon")
COMPILER = "0.8.30"
TIMEOUT_S = 120
SETTINGS: dict[str, Any] = {
    "evmVersion": "paris",
    "optimizer": {"enabled": True, "runs": 200},
    "metadata": {"bytecodeHash": "none", "appendCBOR": False},
    "outputSelection": {
        "*": {
            "*": ["abi", "evm.bytecode.object", "evm.methodIdentifiers", "storageLayout"],
        }
    },
}


class CompileError(Exception):
    """The compiler is missing, is another one, or refuses the sources."""


def compiler_path(root: Path = ROOT) -> Path:
    """npm's `solc` below `root`; raises CompileError if `npm ci` has not been run."""
    path = root / "node_modules" / "solc" / "solc.js"
    if not path.is_file():
        raise CompileError("npm solc is missing: run `npm ci --ignore-scripts`")
    return path


def compile_contracts(root: Path = ROOT) -> dict[str, str]:
    """The text of each artifact by file name, compiled now; any warning is an error."""
    version = json.loads((root / "node_modules" / "solc" / "package.json").read_text("utf-8"))
    if version["version"] != COMPILER:
        raise CompileError(f"need solc {COMPILER}, found {version['version']}")
    sources = {p.name: {"content": p.read_text("utf-8")} for p in sorted(CONTRACTS.glob("*.sol"))}
    job = {"language": "Solidity", "sources": sources, "settings": SETTINGS}
    done = subprocess.run(  # noqa: S603 - our own compiler, no shell
        ["node", str(compiler_path(root)), "--standard-json"],  # noqa: S607 - node is found on PATH
        input=json.dumps(job).encode(),
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    # The JavaScript front end may print a line about the SMT solver before the document.
    answer = json.loads(done.stdout[done.stdout.index(b"{") :])
    if answer.get("errors"):
        raise CompileError("\n".join(e["formattedMessage"] for e in answer["errors"]))
    return {f"{n}.json": _artifact(answer["contracts"][f"{n}.sol"][n]) for n in NAMES}


def _artifact(output: dict[str, Any]) -> str:
    layout = json.dumps(output["storageLayout"])
    # Type names carry the compiler's node numbers, which change with every unrelated edit.
    plain = json.loads(re.sub(r"(\(\w+\))\d+", r"\1", layout))
    for item in plain["storage"]:
        del item["astId"]
    for kind in (plain["types"] or {}).values():
        for member in kind.get("members", ()):
            del member["astId"]
    document = {
        "abi": output["abi"],
        "bytecode": output["evm"]["bytecode"]["object"],
        "compiler": {"version": COMPILER, "settings": {"evmVersion": SETTINGS["evmVersion"]}},
        "methods": output["evm"]["methodIdentifiers"],
        "storage": plain,
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def write_artifacts(root: Path = ROOT) -> None:
    """Compile and replace the committed artifacts."""
    ARTIFACTS.mkdir(exist_ok=True)
    for name, text in compile_contracts(root).items():
        (ARTIFACTS / name).write_text(text, "utf-8")


if __name__ == "__main__":
    write_artifacts()
