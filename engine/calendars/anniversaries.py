"""Anniversaries: the days that come back each year in a date's own calendar (section 1).

A date keeps its calendar: 29 February falls on 28 February, 30 Esfand on 29 Esfand, in
years that lack it. Years, months and days are those of the calendar named.

>>> ymd("jalali", dt.date(2025, 3, 20))
(1403, 12, 30)
"""

from __future__ import annotations

import datetime as dt

from persiantools.jdatetime import JalaliDate

from .calendars import date_of, day_number

MOST_DAYS_NEAR = 180
"""A window reaches this far on either side, so that two years' windows never meet."""


def ymd(calendar: str, date: dt.date) -> tuple[int, int, int]:
    """(year, month, day) of any date in a calendar; `ymd_table` has them for the kernel."""
    if calendar == "gregorian":
        return date.year, date.month, date.day
    jalali = JalaliDate(date)  # type: ignore[no-untyped-call]
    return jalali.year, jalali.month, jalali.day


def anniversary_day(month: int, day: int, calendar: str, year: int) -> int:
    """Day number on which the anniversary of a month's day falls in a year of the calendar.

    >>> date_of(anniversary_day(2, 29, "gregorian", 2025)).isoformat()
    '2025-02-28'
    """
    return day_number(calendar, year, month, day)


def year_near(
    calendar: str, month: int, day: int, today: int, before: int, after: int
) -> int | None:
    """Year of the anniversary near which a day lies; None when it is near none.

    The window of an anniversary is from `before` days ahead of it through `after` days
    behind it, both at most MOST_DAYS_NEAR. The year is that of the anniversary, so a date
    in Esfand may be near one of the next year.

    >>> year_near("gregorian", 1, 2, day_of(dt.date(2024, 12, 31)), 3, 0)
    2025
    """
    here = ymd(calendar, date_of(today))[0]
    for year in (here - 1, here, here + 1):
        falls = anniversary_day(month, day, calendar, year)
        if falls - before <= today <= falls + after:
            return year
    return None


def whole_years(calendar: str, born: dt.date, today: int) -> int:
    """Anniversaries of a date that have come by a day: an age, in the date's calendar.

    >>> whole_years("gregorian", dt.date(2004, 2, 29), day_of(dt.date(2025, 2, 28)))
    21
    """
    year, month, day = ymd(calendar, born)
    here = ymd(calendar, date_of(today))[0]
    reached = anniversary_day(month, day, calendar, here) <= today
    return here - year - (0 if reached else 1)


def membership_year(calendar: str, joined: int, today: int, k: int = 0) -> tuple[int, int, int]:
    """(number, first day, last day) of the membership year of a day, or of the k-th after it.

    Years begin on the anniversaries of the day of joining; number 0 is the first one.

    >>> number, first, last = membership_year("gregorian", 59, 500)
    >>> number, date_of(first).isoformat(), date_of(last).isoformat()
    (1, '1971-03-01', '1972-02-29')
    """
    year, month, day = ymd(calendar, date_of(joined))
    here = ymd(calendar, date_of(today))[0]
    if anniversary_day(month, day, calendar, here) > today:
        here -= 1
    first = anniversary_day(month, day, calendar, here + k)
    last = anniversary_day(month, day, calendar, here + k + 1) - 1
    return here + k - year, first, last
