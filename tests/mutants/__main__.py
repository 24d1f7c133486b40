"""Try planted mutants: all, a sample (`--sample 8 --seed 1`), or those whose names have a word.

Prints one line for each, then the share that was killed. Exit status 1 if it is under 95 %, if a
mutant survives that should not, or if one is killed that is said to survive.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence

from tests.mutants.catalogue import Mutant, all_mutants
from tests.mutants.runner import Outcome, check_green, try_all

WANTED = 95
"""Percent of all mutants, those that no test can kill among them."""


def chosen(mutants: Sequence[Mutant], words: argparse.Namespace) -> list[Mutant]:
    """What the command line asks for."""
    found = [m for m in mutants if not words.words or any(w in told(m) for w in words.words)]
    if words.sample is None:
        return found
    return random.Random(words.seed).sample(found, min(words.sample, len(found)))


def told(mutant: Mutant) -> str:
    """A mutant in one line."""
    return f"{mutant.file}: {mutant.name}"


def line_of(outcome: Outcome) -> str:
    """An outcome in one line."""
    mutant, why = outcome.mutant, outcome.by
    if outcome.end == "survived":
        why = f"as expected: {mutant.survives}" if mutant.survives else f"breaks: {mutant.breaks}"
    return f"{outcome.end:9}{told(mutant)} ({why})"


def is_awaited(outcome: Outcome) -> bool:
    """Did a mutant end as the list says?"""
    return outcome.is_killed != bool(outcome.mutant.survives)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose file or name has one of these")
    parser.add_argument("--sample", type=int, help="so many, drawn with the seed")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    words = parser.parse_args(arguments)
    mutants = chosen(all_mutants(), words)
    print(f"{len(mutants)} mutants" + (f", seed {words.seed}" if words.sample else ""), flush=True)
    check_green(suite for mutant in mutants for suite in mutant.suites)
    outcomes: list[Outcome] = []
    for outcome in try_all(mutants):
        outcomes.append(outcome)
        print(f"{len(outcomes):3}/{len(mutants)} {line_of(outcome)}", flush=True)
    killed = sum(outcome.is_killed for outcome in outcomes)
    print(f"killed {killed} of {len(outcomes)} ({100 * killed / max(1, len(outcomes)):.1f} %)")
    wrong = [line_of(outcome) for outcome in outcomes if not is_awaited(outcome)]
    print("".join(f"not as listed: {line}\n" for line in wrong), end="")
    enough = 100 * killed >= WANTED * len(outcomes) or words.sample or words.words
    return 0 if enough and not wrong else 1


if __name__ == "__main__":
    sys.exit(main())
