"""Calendars as tables: the kernel never computes a date, it looks one up (rulebook section 1).

A day is an int32 number of days since 1970-01-01. Every table has one entry a day from
FIRST_DAY to LAST_DAY (200 years, 0.3 MB of int32), so the kernel does not know which
calendar a program uses.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from persiantools.jdatetime import JalaliDate

from .program import WEEKDAYS, After, Currency, Never, PeriodEnd, Program

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

EPOCH = dt.date(1970, 1, 1)
FIRST_DAY = 0
LAST_DAY = (dt.date(2169, 12, 31) - EPOCH).days
DAYS = LAST_DAY - FIRST_DAY + 1
NEVER = 2**31 - 1
"""Good-through day of points that never expire, and period end of a lifetime window."""

_US_PER_DAY = 86_400_000_000
_MARGIN_YEARS = 110
"""Expiry dates may lie beyond LAST_DAY; month tables reach this much further."""

_MONTHS = {"month": 1, "quarter": 3, "half": 6, "year": 12}


def day_of(date: dt.date) -> int:
    """Day number of a date."""
    return (date - EPOCH).days


def date_of(day: int) -> dt.date:
    """Date of a day number."""
    return EPOCH + dt.timedelta(days=day)


@cache
def month_starts(calendar: str) -> Int32:
    """First day numbers of consecutive months, the first at or before FIRST_DAY.

    Entry 0 is the first month of a year, so entry i is month i % 12 + 1.
    """
    last_year = 2169 + _MARGIN_YEARS
    if calendar == "gregorian":
        months = np.arange("1969-01", f"{last_year + 1}-01", dtype="datetime64[M]")
        return months.astype("datetime64[D]").astype(np.int64).astype(np.int32)
    starts = [
        day_of(JalaliDate(year, month, 1).to_gregorian())  # type: ignore[no-untyped-call]
        for year in range(1347, last_year - 621)
        for month in range(1, 13)
    ]
    return np.array(starts, dtype=np.int32)


def _month_index(calendar: str) -> NDArray[np.int64]:
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    return np.searchsorted(month_starts(calendar), days, side="right") - 1


def week_begins(program: Program) -> int:
    """Weekday number (Monday 0) on which the program's weeks begin."""
    if program.week_begins is not None:
        return WEEKDAYS.index(program.week_begins)
    return 5 if program.calendar == "jalali" else 0


@cache
def period_table(calendar: str, period: str, begins: int) -> tuple[Int32, Int32]:
    """(number, last day) of the period of each day; both int32[DAYS].

    `period` is day, week, month, quarter, half, year or lifetime. Numbers rise by one a
    period.
    """
    days = np.arange(FIRST_DAY, LAST_DAY + 1, dtype=np.int32)
    if period == "day":
        return days, days
    if period == "lifetime":
        return np.zeros(DAYS, np.int32), np.full(DAYS, NEVER, np.int32)
    if period == "week":
        # 1970-01-01 was a Thursday: day 0 is weekday 3.
        into = (days + 3 - begins) % 7
        first = days - into
        return ((first + 10) // 7).astype(np.int32), (first + 6).astype(np.int32)
    size = _MONTHS[period]
    starts = month_starts(calendar)
    number = _month_index(calendar) // size
    return number.astype(np.int32), (starts[(number + 1) * size] - 1).astype(np.int32)


@cache
def period_end_after(calendar: str, period: str, begins: int, k: int) -> Int32:
    """Last day of the k-th period after that of each day (k = 0: of its own period)."""
    number, end = period_table(calendar, period, begins)
    if period == "lifetime":
        return end
    if period == "week":
        return (end + 7 * k).astype(np.int32)
    size = _MONTHS[period]
    starts = month_starts(calendar)
    at = np.minimum((number.astype(np.int64) + 1 + k) * size, len(starts) - 1)
    return (starts[at] - 1).astype(np.int32)


@cache
def months_later(calendar: str, months: int) -> Int32:
    """Each day plus a number of months, clipped to the month's end; int32[DAYS]."""
    starts = month_starts(calendar)
    index = _month_index(calendar)
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    into = days - starts[index]
    to = np.minimum(index + months, len(starts) - 2)
    length = starts[to + 1] - starts[to]
    return (starts[to] + np.minimum(into, length - 1)).astype(np.int32)


def expiry_table(program: Program, currency: Currency) -> Int32:
    """Last good day of points by the day on which they were earned (rulebook section 5)."""
    match currency.expiry:
        case Never():
            return np.full(DAYS, NEVER, np.int32)
        case After(days=int() as days):
            return np.arange(FIRST_DAY + days, LAST_DAY + 1 + days, dtype=np.int32)
        case After(months=int() as months):
            return months_later(program.calendar, months)
        case PeriodEnd(period=period, k=k):
            return period_end_after(program.calendar, period, week_begins(program), k)
        case _:
            raise AssertionError(currency.expiry)


@cache
def _offsets(zone: str) -> tuple[Int64, Int64]:
    """(instants in us at which the UTC offset changes, offset in us from each instant on)."""
    info = ZoneInfo(zone)
    step = 86_400

    def offset(second: int) -> int:
        moment = dt.datetime.fromtimestamp(second, info)
        delta = moment.utcoffset()
        assert delta is not None
        return int(delta.total_seconds())

    first = (FIRST_DAY - 2) * step
    at, values = [first], [offset(first)]
    for second in range(first + step, (LAST_DAY + 3) * step, step):
        now = offset(second)
        if now != values[-1]:
            low, high = second - step, second
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if offset(middle) == now else (middle, high)
            at.append(high)
            values.append(now)
    return np.array(at, np.int64) * 1_000_000, np.array(values, np.int64) * 1_000_000


def local_us(zone: str, at_us: Int64) -> Int64:
    """Wall-clock microseconds since 1970 in the zone for instants in microseconds UTC."""
    if zone == "UTC":
        return at_us
    changes, offsets = _offsets(zone)
    return at_us + offsets[np.searchsorted(changes, at_us, side="right") - 1]


def business_days(program: Program, at_us: Int64) -> tuple[Int32, NDArray[np.int16]]:
    """(business day, wall-clock minute of the day) of instants (rulebook section 1)."""
    local = local_us(program.zone, at_us)
    cut_over = program.day_starts_at * 3_600_000_000
    day = ((local - cut_over) // _US_PER_DAY).astype(np.int32)
    minute = ((local % _US_PER_DAY) // 60_000_000).astype(np.int16)
    return day, minute


def business_day(program: Program, at_us: int) -> int:
    """Business day of one instant."""
    return int(business_days(program, np.array([at_us], np.int64))[0][0])
