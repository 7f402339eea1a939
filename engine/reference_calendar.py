"""Dates of the plain-Python reference: business date, periods, months (rulebook section 1).

Written apart from `calendars`, whose tables it is there to check.

>>> period_number("gregorian", 0, "quarter", dt.date(2017, 6, 30))
8069
>>> add_months("gregorian", dt.date(2017, 8, 31), 6)
datetime.date(2018, 2, 28)
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate

from .program import WEEKDAYS, Program

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# persiantools has no types.
JALALI: Any = JalaliDate
ONE_DAY = dt.timedelta(days=1)
MONTHS_IN = {"month": 1, "quarter": 3, "half": 6, "year": 12}


def business_date(program: Program, at_us: int) -> tuple[dt.date, dt.time]:
    """(business date, wall-clock time) of an instant in microseconds UTC."""
    instant = EPOCH + dt.timedelta(microseconds=at_us)
    local = instant.astimezone(ZoneInfo(program.zone))
    date = local.date()
    if local.hour < program.day_starts_at:
        date -= ONE_DAY
    return date, local.time()


def week_begins(program: Program) -> int:
    """Weekday, Monday 0, on which the program's weeks begin."""
    if program.week_begins is not None:
        return WEEKDAYS.index(program.week_begins)
    return WEEKDAYS.index("saturday" if program.calendar == "jalali" else "monday")


def period_number(calendar: str, begins: int, period: str, day: dt.date) -> int:
    """A number that the days of one period share and that rises by one a period."""
    if period == "day":
        return day.toordinal()
    if period == "week":
        # Ordinal 1 is a Monday.
        return (day.toordinal() - 1 - begins) // 7
    if period == "lifetime":
        return 0
    return _month_number(calendar, day) // MONTHS_IN[period]


def period_end(calendar: str, begins: int, period: str, day: dt.date, k: int) -> dt.date:
    """Last day of the k-th period after that of the day (k = 0: of its own)."""
    number = period_number(calendar, begins, period, day) + k
    if period == "week":
        return dt.date.fromordinal(number * 7 + 7 + begins)
    return _month_start(calendar, (number + 1) * MONTHS_IN[period]) - ONE_DAY


def add_months(calendar: str, day: dt.date, months: int) -> dt.date:
    """The day that many months later, clipped to the month's end."""
    number = _month_number(calendar, day)
    into = day - _month_start(calendar, number)
    last = _month_start(calendar, number + months + 1) - ONE_DAY
    return min(_month_start(calendar, number + months) + into, last)


def _month_number(calendar: str, day: dt.date) -> int:
    if calendar == "jalali":
        jalali = JALALI(day)
        number: int = jalali.year * 12 + jalali.month - 1
        return number
    return day.year * 12 + day.month - 1


def _month_start(calendar: str, number: int) -> dt.date:
    year, month = number // 12, number % 12 + 1
    if calendar == "jalali":
        first: dt.date = JALALI(year, month, 1).to_gregorian()
        return first
    return dt.date(year, month, 1)
