"""Days as the tender's place counts them."""

from __future__ import annotations

from datetime import date

import pytest

from node.core.errors import InvalidError
from node.core.records.canonical import epoch_of
from node.core.rules.calendar import (
    DaysOff,
    add_days,
    add_working_days,
    day_of,
    days_between,
    instant_of,
    is_working,
    parse_day,
    period_end,
)

CHINA, JAPAN = 480, 540
# National Day 2026: 1-7 October off, Saturday 10 October and Sunday 20 September worked.
OCTOBER = DaysOff(
    off=frozenset(date(2026, 10, day) for day in range(1, 8)),
    worked=frozenset({date(2026, 9, 20), date(2026, 10, 10)}),
)


def test_the_day_changes_at_local_midnight() -> None:
    assert day_of(epoch_of("2026-05-31T15:59:59Z"), CHINA) == date(2026, 5, 31)
    assert day_of(epoch_of("2026-05-31T16:00:00Z"), CHINA) == date(2026, 6, 1)
    assert day_of(epoch_of("2026-05-31T15:00:00Z"), JAPAN) == date(2026, 6, 1)
    assert day_of(0, -60) == date(1969, 12, 31)


def test_nine_in_the_morning_in_tsuchiura() -> None:
    assert instant_of(date(2007, 5, 9), 540, JAPAN) == epoch_of("2007-05-09T00:00:00Z")


def test_twenty_days_from_issue_to_deadline() -> None:
    issued = epoch_of("2026-06-01T09:00:00Z")
    assert days_between(issued, epoch_of("2026-06-21T01:00:00Z"), CHINA) == 20
    assert days_between(issued, epoch_of("2026-06-20T15:59:59Z"), CHINA) == 19


def test_publicity_ends_with_its_third_day() -> None:
    monday = epoch_of("2026-06-01T02:00:00Z")
    assert period_end(monday, 3, CHINA) == epoch_of("2026-06-04T16:00:00Z")
    assert day_of(period_end(monday, 3, CHINA) - 1, CHINA) == date(2026, 6, 4)
    assert period_end(monday, 0, CHINA) == monday


def test_a_last_day_off_moves_to_the_next_working_day() -> None:
    monday = epoch_of("2026-09-28T02:00:00Z")  # + 3 = 1 October
    assert period_end(monday, 3, CHINA) == epoch_of("2026-10-01T16:00:00Z")
    assert period_end(monday, 3, CHINA, OCTOBER) == epoch_of("2026-10-08T16:00:00Z")


def test_swapped_weekends_are_worked() -> None:
    assert is_working(date(2026, 10, 10), OCTOBER)
    assert not is_working(date(2026, 10, 11), OCTOBER)
    assert not is_working(date(2026, 10, 5), OCTOBER)
    assert add_working_days(date(2026, 9, 30), 3, OCTOBER) == date(2026, 10, 10)
    assert add_working_days(date(2026, 10, 9), 0, OCTOBER) == date(2026, 10, 9)


def test_a_table_without_working_days_ends_in_an_error() -> None:
    every_day = {add_days(date(2026, 1, 1), n) for n in range(500)}
    with pytest.raises(InvalidError, match="no working day"):
        add_working_days(date(2026, 1, 1), 1, DaysOff(off=every_day))


@pytest.mark.parametrize("days", [-1, 1_001])
def test_unreasonable_counts_of_working_days(days: int) -> None:
    with pytest.raises(InvalidError):
        add_working_days(date(2026, 1, 1), days, OCTOBER)


def test_off_the_calendar() -> None:
    with pytest.raises(InvalidError):
        add_days(date(9999, 12, 31), 1)
    with pytest.raises(InvalidError):
        add_days(date(2026, 1, 1), 10**12)
    for epoch in (10**15, -(10**15), 10**30):
        with pytest.raises(InvalidError):
            day_of(epoch, CHINA)


def test_days_have_one_spelling() -> None:
    assert parse_day("2007-05-09") == date(2007, 5, 9)
    for text in ("20070509", "2007-W19-3", "2007-05-32", "2007-5-9", "", "2007-05-09T00:00:00Z"):
        with pytest.raises(InvalidError):
            parse_day(text)
