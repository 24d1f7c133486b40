"""Plants a mutant in a process of its own and runs the suites that should kill it.

The checkout is never touched: `plant/sitecustomize.py` changes the text on its way to the compiler.
A mutant is killed if a test or a collection fails, or if the suites do not end in time. Anything
else that pytest may say (no tests, wrong words) is our own mistake and raises.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.conftest import ROOT
from tests.mutants.catalogue import Mutant

PLANT = Path(__file__).parent / "plant"
LIMIT_S = 600
"""Suites take seconds; what is not over by then hangs."""
End = Literal["killed", "survived", "timeout"]


class BrokenRunError(Exception):
    """Pytest did not get as far as judging."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a mutant ended, and the test that killed it."""

    mutant: Mutant
    end: End
    by: str = ""

    @property
    def is_killed(self) -> bool:
        """A program that hangs is noticed too."""
        return self.end != "survived"


def try_one(mutant: Mutant) -> Outcome:
    """Plant one mutant and run its suites until the first failure. Raises BrokenRunError."""
    planted = {
        "path": str(mutant.path),
        "module": mutant.module,
        "before": mutant.before,
        "after": mutant.after,
    }
    try:
        status, text = run_suites(mutant.suites, {"MUTANT": json.dumps(planted)})
    except subprocess.TimeoutExpired:
        return Outcome(mutant, "timeout")
    if status == 0:
        return Outcome(mutant, "survived")
    return Outcome(mutant, "killed", _killer(status, text))


def run_suites(suites: Iterable[str], env: dict[str, str]) -> tuple[int, str]:
    """Pytest's exit status and words. Raises BrokenRunError, subprocess.TimeoutExpired.

    Each has temporary folders of its own: pytest removes those of earlier runs, and two that do
    so at once may stumble over each other.
    """
    with tempfile.TemporaryDirectory() as folder:
        words = ["-x", "--tb=no", "-p", "no:cacheprovider", f"--basetemp={folder}/pytest"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *words, *suites],
            cwd=ROOT,
            env={**_environment(folder), **env},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    return done.returncode, done.stdout + done.stderr


def _environment(folder: str) -> dict[str, str]:
    """Skips stay skips, so that none of them looks like a kill; no examples are left behind."""
    kept = {k: v for k, v in os.environ.items() if k not in ("YUANPING_REQUIRE", "MUTANT")}
    return {**kept, "PYTHONPATH": str(PLANT), "HYPOTHESIS_STORAGE_DIRECTORY": folder}


def _killer(status: int, text: str) -> str:
    marks = {1: ("FAILED ", "ERROR "), 2: ("ERROR ",)}.get(status, ())
    for line in text.splitlines():
        if line.startswith(marks or ("\0",)):
            return line.split(" - ")[0]
    raise BrokenRunError(f"pytest ended with {status}:\n{text[-2000:]}")


def check_green(suites: Iterable[str]) -> None:
    """Suites that fail without any mutant kill nothing. Raises BrokenRunError."""
    status, text = run_suites(sorted(set(suites)), {})
    if status != 0:
        raise BrokenRunError(f"the suites fail without a mutant:\n{text[-2000:]}")


def try_all(mutants: Sequence[Mutant], workers: int = 2) -> Iterator[Outcome]:
    """Try each, a few at a time, in order. Raises BrokenRunError."""
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(try_one, mutants)
