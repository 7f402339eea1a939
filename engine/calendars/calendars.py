"""Calendars as tables: the kernel never computes a date, it looks one up (rulebook section 1).

A day is an int32 number of days since 1970-01-01. Every table has one entry a day from
FIRST_DAY to LAST_DAY (200 years, 0.3 MB of int32), so the kernel does not know which
calendar a program uses.
"""

from __future__ import annotations

import datetime as dt
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray
from persiantools.jdatetime import JalaliDate

from ..program.conditions import PERIODS, WEEKDAYS
from ..program.currencies import After, Currency, Inactivity, Never, PeriodEnd
from ..program.program import Program
from ..program.tiers import Ladder, Validity

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

EPOCH = dt.date(1970, 1, 1)
FIRST_DAY = 0
LAST_DAY = (dt.date(2169, 12, 31) - EPOCH).days
DAYS = LAST_DAY - FIRST_DAY + 1
NEVER = 2**31 - 1
"""Good-through day of points that never expire, and period end of a lifetime window."""

DAY_US = 86_400_000_000
_MARGIN_YEARS = 110
"""Expiry dates may lie beyond LAST_DAY; month tables reach this much further."""

_MONTHS = {"month": 1, "quarter": 3, "half": 6, "year": 12}

FIRST_YEAR = {"gregorian": 1969, "jalali": 1347}
"""Year of the first entry of `month_starts`, by calendar."""

MOST_TABLES = 256
"""Tables of days that are kept of those that a program can ask for in many ways: 0.3 MB each."""


def day_of(date: dt.date) -> int:
    """Day number of a date."""
    return (date - EPOCH).days


def date_of(day: int) -> dt.date:
    """Date of a day number."""
    return EPOCH + dt.timedelta(days=day)


@lru_cache(4096)
def date_text(day: int) -> str:
    """Date of a day number as ISO 8601."""
    return date_of(day).isoformat()


@cache
def date_texts() -> bytes:
    """The dates from day 0 on as ISO 8601, 10 bytes each.

    Points made on the last day may be pending for ten years.
    """
    days = np.arange(FIRST_DAY, LAST_DAY + 4_000)
    return np.datetime_as_string(days.astype("datetime64[D]")).astype("S10").tobytes()


@cache
def month_starts(calendar: str) -> Int32:
    """First day numbers of consecutive months, the first at or before FIRST_DAY.

    Entry i is month i % 12 + 1 of the year FIRST_YEAR[calendar] + i // 12.
    """
    first_year, last_year = FIRST_YEAR[calendar], 2169 + _MARGIN_YEARS
    if calendar == "gregorian":
        months = np.arange(f"{first_year}-01", f"{last_year + 1}-01", dtype="datetime64[M]")
        return months.astype("datetime64[D]").astype(np.int64).astype(np.int32)
    starts = [
        day_of(JalaliDate(year, month, 1).to_gregorian())  # type: ignore[no-untyped-call]
        for year in range(first_year, last_year - 621)
        for month in range(1, 13)
    ]
    return np.array(starts, dtype=np.int32)


def _month_index(calendar: str) -> NDArray[np.int64]:
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    return np.searchsorted(month_starts(calendar), days, side="right") - 1


def week_begins(program: Program, calendar: str | None = None) -> int:
    """Weekday number (Monday 0) on which the weeks of a calendar begin.

    The program's own calendar when none is named; Monday, in the Jalali calendar Saturday,
    unless the program says otherwise.
    """
    if program.week_begins is not None:
        return WEEKDAYS.index(program.week_begins)
    return 5 if (calendar or program.calendar) == "jalali" else 0


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


@lru_cache(MOST_TABLES)
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


@lru_cache(MOST_TABLES)
def months_later(calendar: str, months: int) -> Int32:
    """Each day plus a number of months, clipped to the month's end; int32[DAYS]."""
    starts = month_starts(calendar)
    index = _month_index(calendar)
    days = np.arange(FIRST_DAY, LAST_DAY + 1)
    into = days - starts[index]
    to = np.minimum(index + months, len(starts) - 2)
    length = starts[to + 1] - starts[to]
    return (starts[to] + np.minimum(into, length - 1)).astype(np.int32)


@lru_cache(MOST_TABLES)
def months_back(calendar: str, months: int) -> Int32:
    """First day of the last N months: the day after the same day N months ago; int32[DAYS].

    That same day is clipped to its month's end. A window that reaches beyond the tables
    begins at FIRST_DAY, since no fact is older.
    """
    starts = month_starts(calendar)
    index = _month_index(calendar)
    into = np.arange(FIRST_DAY, LAST_DAY + 1) - starts[index]
    to = np.maximum(index - months, 0)
    length = starts[to + 1] - starts[to]
    first = starts[to] + np.minimum(into, length - 1) + 1
    return np.where(index < months, FIRST_DAY, np.maximum(first, FIRST_DAY)).astype(np.int32)


@cache
def ymd_table(calendar: str) -> Int32:
    """Year, month and day of each day, packed as year * 10000 + month * 100 + day.

    >>> int(ymd_table("jalali")[day_of(dt.date(2025, 3, 20))])
    14031230
    """
    index = _month_index(calendar)
    into = np.arange(FIRST_DAY, LAST_DAY + 1) - month_starts(calendar)[index]
    year = FIRST_YEAR[calendar] + index // 12
    return (year * 10_000 + (index % 12 + 1) * 100 + into + 1).astype(np.int32)


def day_number(calendar: str, year: int, month: int, day: int) -> int:
    """Day number of a date of a calendar, clipped to the month's end.

    Years reach from FIRST_YEAR to a century beyond LAST_DAY; others raise ValueError.

    >>> date_of(day_number("jalali", 1404, 12, 30)).isoformat()
    '2026-03-20'
    """
    starts = month_starts(calendar)
    at = (year - FIRST_YEAR[calendar]) * 12 + month - 1
    if not 0 <= at < len(starts) - 1:
        raise ValueError(f"the year {year} is outside the tables of the {calendar} calendar")
    return int(min(starts[at] + day - 1, starts[at + 1] - 1))


# -- what a program says in periods and months ---------------------------------------------


def expiry_table(program: Program, currency: Currency) -> Int32:
    """Last good day of points by the day on which they were earned (rulebook section 5).

    With `inactivity` by the day of earning or of the last renewal, the later of the two.
    """
    expiry = currency.expiry
    if isinstance(expiry, Never):
        return np.full(DAYS, NEVER, np.int32)
    calendar = expiry.calendar or program.calendar
    match expiry:
        case After(days=int() as days):
            return np.arange(FIRST_DAY + days, LAST_DAY + 1 + days, dtype=np.int32)
        case After(months=int() as months) | Inactivity(months=months):
            return months_later(calendar, months)
        case PeriodEnd(period=period, k=k):
            return period_end_after(calendar, period, week_begins(program, calendar), k)
        case _:
            raise AssertionError(expiry)


def validity_period(ladder: Ladder) -> str:
    """Period in which a ladder's validity counts: named, else the window's, else the year.

    `membership_year` is one too; it has no table, since it is each member's own.
    """
    if ladder.validity_period is not None:
        return ladder.validity_period
    if isinstance(ladder.window, str) and ladder.window != "lifetime":
        return ladder.window
    return "year"


def validity_table(program: Program, ladder: Ladder) -> Int32 | None:
    """Last good day of a tier by the day from which its validity counts (rulebook section 6).

    None where no table can say it: `while_met`, and membership years.
    """
    calendar = ladder.calendar or program.calendar
    if isinstance(ladder.validity, Validity):
        return months_later(calendar, ladder.validity.months)
    period = validity_period(ladder)
    if ladder.validity == "while_met" or period not in PERIODS:
        return None
    k = 1 if ladder.validity == "next_period" else 0
    return period_end_after(calendar, period, week_begins(program, calendar), k)


# -- instants --------------------------------------------------------------------------------


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


@cache
def _days_reached(zone: str, cut_over_us: int) -> Int64:
    """Latest day that had begun before each offset's first instant; int64 an offset."""
    changes, offsets = _offsets(zone)
    reached = np.full(len(changes), FIRST_DAY - 3, np.int64)
    last = changes[1:] - 1 + offsets[:-1] - cut_over_us
    reached[1:] = np.maximum.accumulate(last // DAY_US)
    return reached


def business_days(program: Program, at_us: Int64) -> tuple[Int32, NDArray[np.int16]]:
    """(business day, wall-clock minute of the day) of instants (rulebook section 1).

    A day begins at the first instant that carries its date: where a clock is set back over
    midnight, or over the cut-over hour, the new day goes on, and a later instant never has
    an earlier date.
    """
    return _days(program.zone, program.day_starts_at, at_us)


def _days(zone: str, starts_at: int, at_us: Int64) -> tuple[Int32, NDArray[np.int16]]:
    cut_over = starts_at * 3_600_000_000
    if zone == "UTC":
        local = at_us
        day = (local - cut_over) // DAY_US
    else:
        changes, offsets = _offsets(zone)
        at = np.searchsorted(changes, at_us, side="right") - 1
        local = at_us + offsets[at]
        day = np.maximum((local - cut_over) // DAY_US, _days_reached(zone, cut_over)[at])
    minute = ((local % DAY_US) // 60_000_000).astype(np.int16)
    # West of Greenwich the first hours of 1970 are of a day before all tables.
    return np.maximum(day, FIRST_DAY).astype(np.int32), minute


def day_begins(program: Program, day: int, low: int, high: int) -> Int64:
    """Instants (us) between two at one of which a business day begins, or one after it: where
    the clock shows the cut-over hour, or is set."""
    midnight = day * DAY_US + program.day_starts_at * 3_600_000_000
    if program.zone == "UTC":
        return np.array([midnight], np.int64)
    changes, offsets = _offsets(program.zone)
    first, last = np.searchsorted(changes, (low, high), side="right")
    return np.concatenate([midnight - offsets[first - 1 : last], changes[first:last]])


def business_day(program: Program, at_us: int) -> int:
    """Business day of one instant."""
    return _day(program.zone, program.day_starts_at, at_us)


@lru_cache(1 << 12)
def _day(zone: str, starts_at: int, at_us: int) -> int:
    # A fact is looked at more than once: before it counts, when it does, and when it is late.
    return int(_days(zone, starts_at, np.array([at_us], np.int64))[0][0])
