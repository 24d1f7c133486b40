"""Local days at a fixed offset, calendar-day periods, and working days with a holiday table.

Law counts days where the tender is held; a rule set fixes the offset from UTC, so every node counts
alike. Times are epoch seconds. Periods follow 民法典 arts 201-203: the day on which something
happens does not count, the period ends with the last second of its last day, and a period that ends
on a day off ends on the next working day if a table of days off is given.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from node.core.errors import InvalidError

DAY_SECONDS = 86_400
MAX_WORKING_DAYS = 1_000
_SATURDAY = 5
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class DaysOff:
    """A country's table: week days off, and week-end days that are worked instead (调休)."""

    off: Collection[date] = frozenset()
    worked: Collection[date] = frozenset()


def day_of(epoch: int, offset_minutes: int) -> date:
    """The local day of an instant. Raises InvalidError outside the years 1 … 9999."""
    try:
        zone = timezone(timedelta(minutes=offset_minutes))
        return datetime.fromtimestamp(epoch, zone).date()
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidError(f"instant {epoch}: {error}") from None


def parse_day(text: str) -> date:
    """The day of `YYYY-MM-DD`; raises InvalidError for any other spelling."""
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(f"{text[:40]!r}: {error}") from None
    if day.isoformat() != text:
        raise InvalidError(f"{text[:40]!r} is not YYYY-MM-DD")
    return day


def instant_of(day: date, minute: int, offset_minutes: int) -> int:
    """Epoch seconds of a local minute of the day (0 = midnight; 540 = 09:00)."""
    return (day - _EPOCH).days * DAY_SECONDS + (minute - offset_minutes) * 60


def add_days(day: date, days: int) -> date:
    """The day so many calendar days later (earlier if negative); raises InvalidError off range."""
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise InvalidError(f"{day} and {days} days leave the calendar") from None


def days_between(start: int, end: int, offset_minutes: int) -> int:
    """Whole local calendar days from the day of `start` to that of `end`; the first not counted.

    So a notice at any hour of 1 June and a deadline on 21 June are twenty days apart.
    """
    return (day_of(end, offset_minutes) - day_of(start, offset_minutes)).days


def period_end(start: int, days: int, offset_minutes: int, table: DaysOff | None = None) -> int:
    """First instant after a period of `days` calendar days that `start` sets running.

    With 0 days the period ends at once, at `start`. Publicity of three days published on Monday at
    any hour ends with Thursday: the answer is Friday 00:00 local time. With a table, a last day
    that is a day off moves to the next working day.
    """
    if days == 0:
        return start
    last = add_days(day_of(start, offset_minutes), days)
    if table is not None and not is_working(last, table):
        last = add_working_days(last, 1, table)
    return instant_of(add_days(last, 1), 0, offset_minutes)


def is_working(day: date, table: DaysOff) -> bool:
    """Is this a working day: a worked week-end day, or a week day that is not off?"""
    if day.weekday() >= _SATURDAY:
        return day in table.worked
    return day not in table.off


def add_working_days(day: date, days: int, table: DaysOff) -> date:
    """The n-th working day after `day`, which itself does not count.

    Raises InvalidError for a negative count or more than 1 000, or if the table leaves no day.
    """
    if not 0 <= days <= MAX_WORKING_DAYS:
        raise InvalidError(f"{days} working days")
    limit = add_days(day, 10 * days + 366)
    while days:
        day = add_days(day, 1)
        if day > limit:
            raise InvalidError("the table of days off leaves no working day")
        days -= is_working(day, table)
    return day
