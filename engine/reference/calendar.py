"""Dates of the plain-Python reference: business date, periods, anniversaries (section 1).

Written apart from `calendars`, whose tables it is there to check.

>>> period_number("gregorian", 0, "quarter", dt.date(2017, 6, 30))
8069
>>> add_months("gregorian", dt.date(2017, 8, 31), 6)
datetime.date(2018, 2, 28)
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from persiantools.jdatetime import JalaliDate

from ..program.conditions import WEEKDAYS
from ..program.program import Program

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# persiantools has no types.
JALALI: Any = JalaliDate
ONE_DAY = dt.timedelta(days=1)
MONTHS_IN = {"month": 1, "quarter": 3, "half": 6, "year": 12}
NEVER = dt.date.max
"""Stands for "no end" where dates are compared."""


def business_date(program: Program, at_us: int) -> tuple[dt.date, dt.time]:
    """(business date, wall-clock time) of an instant in microseconds UTC.

    A day begins at the first instant that carries its date: a clock that is set back over
    the beginning of a day does not bring the day before again.
    """
    return _business_date(program.zone, program.day_starts_at, at_us)


def first_instant(program: Program, date: dt.date) -> int:
    """The first instant, in microseconds UTC, that carries a business date or a later one."""
    noon = dt.datetime.combine(date, dt.time(12), dt.UTC)
    early, late = (
        (noon + dt.timedelta(days=days) - EPOCH) // dt.timedelta(microseconds=1)
        for days in (-3, 3)
    )
    while late - early > 1:
        middle = (early + late) // 2
        if business_date(program, middle)[0] < date:
            early = middle
        else:
            late = middle
    return late


@lru_cache(maxsize=65_536)
def _business_date(zone: str, cut_over: int, at_us: int) -> tuple[dt.date, dt.time]:
    info = ZoneInfo(zone)
    instant = EPOCH + dt.timedelta(microseconds=at_us)
    date, clock = _carried(info, cut_over, instant)
    before = instant - dt.timedelta(hours=6)
    if before.astimezone(info).utcoffset() != instant.astimezone(info).utcoffset():
        minute = instant.replace(second=0, microsecond=0)
        for n in range(360):
            earlier = minute - dt.timedelta(minutes=n)
            date = max(date, _carried(info, cut_over, earlier)[0])
    return date, clock


def _carried(info: ZoneInfo, cut_over: int, instant: dt.datetime) -> tuple[dt.date, dt.time]:
    local = instant.astimezone(info)
    date = local.date()
    if local.hour < cut_over:
        date -= ONE_DAY
    return date, local.time()


def week_begins(program: Program, calendar: str = "") -> int:
    """Weekday, Monday 0, on which weeks begin, in the program's calendar or another."""
    if program.week_begins is not None:
        return WEEKDAYS.index(program.week_begins)
    jalali = (calendar or program.calendar) == "jalali"
    return WEEKDAYS.index("saturday" if jalali else "monday")


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


def period_dates(program: Program, period: str, day: dt.date) -> tuple[dt.date, dt.date]:
    """(first, last) date of the day, week, month .. of the program's calendar, or of all time."""
    if period == "day":
        return day, day
    if period == "lifetime":
        return dt.date.min, dt.date.max
    begins = week_begins(program)
    return (
        period_begin(program.calendar, begins, period, day),
        period_end(program.calendar, begins, period, day, 0),
    )


@lru_cache(maxsize=65_536)
def period_begin(calendar: str, begins: int, period: str, day: dt.date) -> dt.date:
    """First day of the period of a day."""
    number = period_number(calendar, begins, period, day)
    if period == "week":
        return dt.date.fromordinal(number * 7 + 1 + begins)
    return _month_start(calendar, number * MONTHS_IN[period])


@lru_cache(maxsize=65_536)
def period_end(calendar: str, begins: int, period: str, day: dt.date, k: int) -> dt.date:
    """Last day of the k-th period after that of the day (k = 0: of its own)."""
    number = period_number(calendar, begins, period, day) + k
    if period == "week":
        return dt.date.fromordinal(number * 7 + 7 + begins)
    return _month_start(calendar, (number + 1) * MONTHS_IN[period]) - ONE_DAY


@lru_cache(maxsize=65_536)
def add_months(calendar: str, day: dt.date, months: int) -> dt.date:
    """The day that many months later, clipped to the month's end; months may be negative."""
    number = _month_number(calendar, day)
    into = day - _month_start(calendar, number)
    last = _month_start(calendar, number + months + 1) - ONE_DAY
    return min(_month_start(calendar, number + months) + into, last)


def anniversary(calendar: str, date: dt.date, year: int) -> dt.date:
    """The anniversary of a date in a year of the calendar, clipped to the month's end.

    >>> anniversary("gregorian", dt.date(1992, 2, 29), 2023)
    datetime.date(2023, 2, 28)
    """
    return add_months(calendar, date, 12 * (year - year_of(calendar, date)))


def year_of(calendar: str, day: dt.date) -> int:
    """The calendar's year in which a day lies."""
    return _month_number(calendar, day) // 12


def whole_years(calendar: str, since: dt.date, day: dt.date) -> int:
    """Years that have passed: anniversaries up to the day."""
    year = year_of(calendar, day)
    return year - year_of(calendar, since) - (anniversary(calendar, since, year) > day)


def member_year(calendar: str, joined: dt.date, day: dt.date) -> int:
    """Number of the membership year, counted from the joining date, in which a day lies."""
    return whole_years(calendar, joined, day)


@lru_cache(maxsize=65_536)
def member_year_begin(calendar: str, joined: dt.date, day: dt.date) -> dt.date:
    """First day of the membership year in which a day lies."""
    return add_months(calendar, joined, 12 * member_year(calendar, joined, day))


@lru_cache(maxsize=65_536)
def member_year_end(calendar: str, joined: dt.date, day: dt.date, k: int) -> dt.date:
    """Last day of the k-th membership year after that of the day."""
    number = member_year(calendar, joined, day) + k
    return add_months(calendar, joined, 12 * (number + 1)) - ONE_DAY


@lru_cache(maxsize=65_536)
def _month_number(calendar: str, day: dt.date) -> int:
    if calendar == "jalali":
        jalali = JALALI(day)
        number: int = jalali.year * 12 + jalali.month - 1
        return number
    return day.year * 12 + day.month - 1


@lru_cache(maxsize=65_536)
def _month_start(calendar: str, number: int) -> dt.date:
    year, month = number // 12, number % 12 + 1
    if calendar == "jalali":
        first: dt.date = JALALI(year, month, 1).to_gregorian()
        return first
    return dt.date(year, month, 1)
