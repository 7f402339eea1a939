"""Dates that are not of the calendar tables, and what was probably meant by them."""

from __future__ import annotations

import datetime as dt

from persiantools.jdatetime import JalaliDate

from ..calendars.calendars import FIRST_DAY, LAST_DAY, date_of
from .figures import Found

JALALI_YEARS = range(1300, 1500)
"""Years in which a Gregorian date of a shop is a Jalali one by mistake."""


def within(path: str, date: dt.date) -> Found:
    """A date of a program, which the calendar tables must hold."""
    first, last = date_of(FIRST_DAY), date_of(LAST_DAY)
    if not first <= date <= last:
        yield path, f"must be from {first} to {last}, {gregorian(date.isoformat())}"


def gregorian(text: str) -> str:
    """What to say of a date that should be Gregorian: which one it is, if it is a Jalali one.

    >>> gregorian("1405-08-10")
    'a Gregorian date; 1405-08-10 of the Jalali calendar is 2026-11-01'
    >>> gregorian("1960-01-02")
    'a Gregorian date'
    """
    meant = from_jalali(text)
    if meant is None:
        return "a Gregorian date"
    return f"a Gregorian date; {text} of the Jalali calendar is {meant}"


def from_jalali(text: str) -> dt.date | None:
    """The Gregorian date of a Jalali one of our time, as YYYY-MM-DD; None for any other text."""
    parts = text.split("-")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    year, month, day = map(int, parts)
    if year not in JALALI_YEARS:
        return None
    try:
        return JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    except ValueError:
        return None
