"""Anniversaries: the days that come back each year in a date's own calendar (section 1).

A date keeps its calendar: 29 February falls on 28 February, 30 Esfand on 29 Esfand, in
years that lack it. Years, months and days are those of the calendar named.

>>> ymd("jalali", dt.date(2025, 3, 20))
(1403, 12, 30)
"""

from __future__ import annotations

import datetime as dt

from persiantools.jdatetime import JalaliDate

from .calendars import day_number


def ymd(calendar: str, date: dt.date) -> tuple[int, int, int]:
    """(year, month, day) of any date in a calendar; `ymd_table` has them for the kernel."""
    if calendar == "gregorian":
        return date.year, date.month, date.day
    jalali = JalaliDate(date)  # type: ignore[no-untyped-call]
    return jalali.year, jalali.month, jalali.day


def anniversary_day(month: int, day: int, calendar: str, year: int) -> int:
    """Day number on which the anniversary of a month's day falls in a year of the calendar.

    >>> anniversary_day(2, 29, "gregorian", 2025) == day_number("gregorian", 2025, 2, 28)
    True
    """
    return day_number(calendar, year, month, day)
