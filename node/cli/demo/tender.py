"""The tender that is run, chosen among the files of `deploy/three-centres/tenders`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from node.cli.demo.plan import FOLDER
from node.core.errors import ConfigError
from node.core.rules.calendar import add_days, instant_of, parse_day
from node.core.rules.ruleset import builtin_digest, builtin_rulesets
from node.services.actors.tender_file import TenderFile, read_tender_file

DEFAULT_RULES = "jp-tsuchiura"
MORNING = 540
"""Minute of the day at which the demo begins, local time of the rule set."""
DAYS_MORE = 2
"""A tender begins so many days before the last day on which the notice would still be lawful."""


@dataclass(frozen=True, slots=True)
class Tender:
    """A tender file and where it lies; `start` is when the test clock begins (epoch seconds)."""

    path: Path
    file: TenderFile
    start: int

    @property
    def id(self) -> str:
        """The tender's name."""
        return self.file.tender

    @property
    def rules(self) -> str:
        """The id of its rule set."""
        return self.file.rules

    @property
    def is_invented(self) -> bool:
        """Whether no city ever decided it."""
        return self.file.outcome.winner is None

    @property
    def city_winner(self) -> str | None:
        """Who won in the real world."""
        return self.file.outcome.winner


def choose_tender(
    tender: str | None, rules: str | None, folder: Path = FOLDER / "tenders"
) -> Tender:
    """The tender of this id, or the first one under these rules (default: the real one).

    Raises ConfigError naming those there are.
    """
    files = {path: read_tender_file(path.read_bytes()) for path in sorted(folder.glob("*.json"))}
    fit = [
        (path, file)
        for path, file in files.items()
        if tender in (None, file.tender)
        and (rules or (DEFAULT_RULES if tender is None else file.rules)) == file.rules
    ]
    if not fit:
        known = ", ".join(f"{file.tender} ({file.rules})" for file in files.values()) or "none"
        raise ConfigError(f"no such tender in {folder}; there are: {known}", code="usage")
    path, file = fit[0]
    return Tender(path, file, start_of(file, MORNING))


def start_of(file: TenderFile, minute: int) -> int:
    """When a tender begins so that it can close on its real date: epoch seconds.

    `minute` of the day, local time of the rule set.
    """
    law = builtin_rulesets()[builtin_digest(file.rules)]
    day = add_days(parse_day(file.opened_on), -law.clock.notice_days.value - DAYS_MORE)
    return instant_of(day, minute, law.utc_offset_minutes)
