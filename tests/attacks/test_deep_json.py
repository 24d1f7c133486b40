"""Attack: a deeply nested document, sent to kill the process that reads it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.conftest import ROOT

PROGRAM = """
import json, msgspec, sys
from chain.sender import Sender
from chain.rpc import Rpc
{imported}
Sender(Rpc("http://127.0.0.1:9"), 1, b"\\1" * 32)
for read in (json.loads, msgspec.json.decode):
    for deep in ("[" * 1_000_000, '{{"a":' * 1_000_000):
        try:
            read(deep)
        except (RecursionError, ValueError):
            continue
        raise AssertionError("read it")
print("alive")
"""


@pytest.mark.parametrize("imported", ["", "import chain.client, chain.deploy, chain.gas"])
def test_deep_nesting_does_not_overflow_the_stack_of_a_process_that_signs(imported: str) -> None:
    """eth_account's import raises the recursion limit; chain.sender takes that back."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(imported=imported)],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, b"alive\n"), done.stderr[-500:]
