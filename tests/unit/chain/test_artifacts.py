"""The committed artifacts are what the compiler makes of the committed sources, today."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from chain.compile import (
    ARTIFACTS,
    CONTRACTS,
    NAMES,
    CompileError,
    compile_contracts,
    compiler_path,
)
from chain.gas import measure
from tests.chain_process import ROOT, start_chain


@pytest.fixture(scope="module")
def compiled() -> dict[str, str]:
    try:
        compiler_path()
    except CompileError as error:
        pytest.skip(str(error))
    if shutil.which("node") is None:
        pytest.skip("node is missing: the Solidity compiler runs on it")
    return compile_contracts()


def test_artifacts_are_current(compiled: dict[str, str]) -> None:
    assert set(compiled) == {f"{name}.json" for name in NAMES}
    for name, text in compiled.items():
        assert (ARTIFACTS / name).read_text("utf-8") == text, f"run python -m chain.compile: {name}"


def test_state_is_private_and_errors_carry_their_contracts_name(compiled: dict[str, str]) -> None:
    for name in NAMES:
        artifact = json.loads(compiled[f"{name}.json"])
        errors = [item["name"] for item in artifact["abi"] if item["type"] == "error"]
        assert errors
        assert all(error.startswith(name) for error in errors)
        assert all(item["label"].startswith("_") for item in artifact["storage"]["storage"])
        assert (
            " public "
            not in (CONTRACTS / f"{name}.sol").read_text("utf-8").partition("constructor")[0]
        )


def test_gas_table_is_current(tmp_path: Path) -> None:
    chain = start_chain(tmp_path)
    try:
        assert measure(chain.url) == json.loads((ARTIFACTS / "gas.json").read_bytes())
    finally:
        chain.stop()


def test_npm_lock_pins_every_platform_and_holds_no_address() -> None:
    text = (ROOT / "package-lock.json").read_text("utf-8")
    assert "://" not in text
    packages = json.loads(text)["packages"]
    names = {
        name.rpartition("node_modules/")[2]: p["version"] for name, p in packages.items() if name
    }
    assert names["solc"] == "0.8.30"
    for platform in ("darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64"):
        assert names[f"@foundry-rs/anvil-{platform}"] == "1.7.1"
