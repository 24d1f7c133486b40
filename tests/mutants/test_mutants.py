"""The suites notice planted mistakes: a fresh sample in each run, all of them in a long one.

`YUANPING_MUTANTS_SEED` draws the same sample again.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace

import pytest

from tests.conftest import ROOT
from tests.mutants.__main__ import WANTED, is_awaited, line_of, main
from tests.mutants.catalogue import Mutant, all_mutants
from tests.mutants.runner import BrokenRunError, check_green, try_all, try_one

MUTANTS = all_mutants()
SAMPLE = 8
QUICK = (
    "tests/unit/rules",
    "tests/unit/services",
    "tests/unit/log",
    "tests/fault",
    "tests/vectors",
    "tests/property",
    "tests/attacks/test_draw_attacks.py",
)
"""The sample is drawn of those whose suites all begin so: the others take half a minute each."""
UNTRIED = ("side", "state", "tender", "bid", "audience", "duties", "ruleset", "calendar", "change")
"""Rule files of which not every mutant was tried yet: `make mutants` tries them, no sample."""


def is_tried(mutant: Mutant) -> bool:
    """Whether all mutants of its file were tried: of rules, eras and the sequencer."""
    path = mutant.path
    rules = path.parent.name == "rules" and path.stem not in UNTRIED
    return rules or path.stem in ("eras", "sequencer")


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: f"{m.file}: {m.name}")
def test_place_of_each_mutant_is_there_once_and_the_changed_file_is_a_program(
    mutant: Mutant,
) -> None:
    text = mutant.path.read_text("utf-8")
    assert text.count(mutant.before) == 1
    assert mutant.before != mutant.after
    compile(mutant.changed(), mutant.file, "exec", dont_inherit=True)
    assert mutant.breaks
    assert all((ROOT / suite).exists() for suite in mutant.suites)


def test_list_has_no_mutant_twice_and_some_of_every_file_of_rules() -> None:
    changes = Counter((m.file, m.changed()) for m in MUTANTS)
    assert [file for (file, _), count in changes.items() if count > 1] == []
    names = Counter((m.file, m.name) for m in MUTANTS)
    assert [name for name, count in names.items() if count > 1] == []
    rules = {f"node/core/rules/{p.name}" for p in (ROOT / "node/core/rules").glob("*.py")}
    wanted = {*rules, "node/services/sequencer.py"} - {"node/core/rules/__init__.py"}
    assert wanted <= {m.file for m in MUTANTS}
    assert len(MUTANTS) >= 120


def test_enough_of_the_list_is_there_to_be_killed() -> None:
    survivors = [m for m in MUTANTS if m.survives]
    assert 100 * len(survivors) <= (100 - WANTED) * len(MUTANTS)


def test_fresh_sample_is_killed(capsys: pytest.CaptureFixture[str]) -> None:
    seed = int(os.environ.get("YUANPING_MUTANTS_SEED") or random.SystemRandom().randrange(10**6))
    tried = filter(is_tried, MUTANTS)
    quick = [m for m in tried if all(suite.startswith(QUICK) for suite in m.suites)]
    sample = random.Random(seed).sample([m for m in quick if not m.survives], SAMPLE)
    with capsys.disabled():
        print(f"\nmutants: a sample of {SAMPLE}, YUANPING_MUTANTS_SEED={seed}")
    wrong = [line_of(outcome) for outcome in try_all(sample) if not is_awaited(outcome)]
    assert wrong == [], f"YUANPING_MUTANTS_SEED={seed}"


def test_text_that_was_not_changed_survives_and_is_told() -> None:
    """The control: without a mutant nothing is killed, and a survivor is no success."""
    mutant = next(m for m in MUTANTS if m.file == "node/core/rules/committee.py")
    same = replace(mutant, after=f"{mutant.before}  # the same")
    outcome = try_one(same)
    assert outcome.end == "survived"
    assert not is_awaited(outcome)
    assert "breaks" in line_of(outcome)
    assert is_awaited(replace(outcome, mutant=replace(same, survives="it changes nothing")))
    assert not is_awaited(replace(outcome, end="killed", mutant=replace(same, survives="x")))


def test_suites_that_fail_by_themselves_kill_nothing() -> None:
    with pytest.raises(BrokenRunError):
        check_green(["tests/no_such_suite.py"])
    mutant = next(m for m in MUTANTS if m.file == "node/core/rules/committee.py")
    with pytest.raises(BrokenRunError):
        try_one(replace(mutant, suites=("tests/no_such_suite.py",)))


@pytest.mark.soak
def test_all_are_killed_but_those_that_say_why_not() -> None:
    assert main([]) == 0
