"""Calendar tables against other calendars: jdatetime, datetime and zoneinfo."""

from __future__ import annotations

import calendar
import datetime as dt
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import jdatetime
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from vafa.engine.calendars import (
    DAYS,
    EPOCH,
    FIRST_DAY,
    LAST_DAY,
    NEVER,
    business_day,
    business_days,
    date_of,
    day_of,
    month_starts,
    months_later,
    period_end_after,
    period_table,
    week_begins,
)
from vafa.engine.program import Currency, Program, Unit

UTC = dt.UTC

# Leap years of the Iranian calendar office, 1348-1498.
OFFICIAL_LEAP_YEARS = {
    *range(1350, 1367, 4), *range(1370, 1371), *range(1375, 1404, 4), *range(1408, 1437, 4),
    *range(1441, 1470, 4), *range(1474, 1499, 4),
}  # fmt: skip

# In 2124 the equinox falls between mean noon and apparent noon of Tehran (about 12:05): by
# the one the year 1503 begins on 21 March, by the other on the 20th.
AT_NOON = 1503


def jalali_start(year: int, month: int) -> dt.date:
    """First day of a Jalali month by the tables."""
    return date_of(int(month_starts("jalali")[(year - 1347) * 12 + month - 1]))


@pytest.mark.parametrize("year", range(1348, 1541))
def test_jalali_months_begin_as_in_jdatetime(year: int) -> None:
    for month in range(1, 13):
        if (year, month) == (AT_NOON, 1):
            assert jalali_start(year, month) == dt.date(2124, 3, 20)
            continue
        expected = jdatetime.date(year, month, 1).togregorian()
        if year == AT_NOON:
            # The months of a year stand where the year begins.
            expected -= dt.timedelta(days=1)
        assert jalali_start(year, month) == expected, month


def test_jalali_leap_years_are_the_official_ones() -> None:
    lengths = {
        year: (jalali_start(year + 1, 1) - jalali_start(year, 1)).days
        for year in range(1348, 1540)
    }
    assert set(lengths.values()) == {365, 366}
    leap = {year for year, days in lengths.items() if days == 366}
    assert {year for year in leap if year <= 1498} == OFFICIAL_LEAP_YEARS
    # After the official table: every fourth year, or the fifth.
    ordered = sorted(leap)
    assert {b - a for a, b in pairwise(ordered)} == {4, 5}


def test_jalali_months_have_their_lengths() -> None:
    for year in range(1348, 1540):
        starts = [jalali_start(year, month) for month in range(1, 13)]
        starts.append(jalali_start(year + 1, 1))
        lengths = [(b - a).days for a, b in pairwise(starts)]
        assert lengths[:11] == [31] * 6 + [30] * 5
        assert lengths[11] in (29, 30)


def test_gregorian_months_begin_where_they_do() -> None:
    starts = month_starts("gregorian")
    for place in range(12, 12 * 201):
        year, month = 1969 + place // 12, place % 12 + 1
        assert date_of(int(starts[place])) == dt.date(year, month, 1)


# -- months later -------------------------------------------------------------------------

days = st.integers(FIRST_DAY, LAST_DAY)


def gregorian_later(date: dt.date, months: int) -> dt.date:
    """A date plus months, clipped to the month's end."""
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return dt.date(year, month + 1, min(date.day, last))


@given(days, st.sampled_from([0, 1, 2, 3, 6, 11, 12, 13, 24, 600, 1_200]))
@example(day_of(dt.date(2024, 1, 31)), 1)
@example(day_of(dt.date(2023, 1, 31)), 1)
@example(day_of(dt.date(2024, 2, 29)), 12)
@example(day_of(dt.date(2024, 8, 31)), 6)
def test_gregorian_months_later(day: int, months: int) -> None:
    later = int(months_later("gregorian", months)[day])
    assert date_of(later) == gregorian_later(date_of(day), months)


@given(st.dates(dt.date(1970, 1, 1), dt.date(2110, 12, 31)), st.integers(0, 120))
@example(dt.date(2021, 3, 20), 12)  # 30 Esfand 1399, a leap year
@example(dt.date(2023, 9, 22), 1)  # 31 Shahrivar 1402
@example(dt.date(2023, 9, 22), 6)  # to Esfand, 29 days long
def test_jalali_months_later(date: dt.date, months: int) -> None:
    here = jdatetime.date.fromgregorian(date=date)
    year, month = divmod(here.year * 12 + here.month - 1 + months, 12)
    if year >= AT_NOON - 1:
        return
    length = 31 if month < 6 else 30 if month < 11 or jdatetime.date(year, 1, 1).isleap() else 29
    expected = jdatetime.date(year, month + 1, min(here.day, length)).togregorian()
    assert date_of(int(months_later("jalali", months)[day_of(date)])) == expected


# -- periods ------------------------------------------------------------------------------

MONTHS = {"month": 1, "quarter": 3, "half": 6, "year": 12}


def period_of(name: str, date: dt.date, begins: int) -> tuple[Any, dt.date]:
    """A key of the Gregorian period of a date, and its last day."""
    if name == "week":
        last = date + dt.timedelta(days=6 - (date.weekday() - begins) % 7)
        return last, last
    size = MONTHS[name]
    number = (date.year * 12 + date.month - 1) // size
    after = (number + 1) * size
    return number, dt.date(after // 12, after % 12 + 1, 1) - dt.timedelta(days=1)


@pytest.mark.parametrize("begins", range(7))
@pytest.mark.parametrize("name", ["week", "month", "quarter", "half", "year"])
def test_gregorian_periods(name: str, begins: int) -> None:
    number, end = period_table("gregorian", name, begins)
    previous: tuple[Any, int] | None = None
    for day in [*range(800), *range(18_000, 20_000), *range(LAST_DAY - 500, LAST_DAY + 1)]:
        key, last = period_of(name, date_of(day), begins)
        assert date_of(int(end[day])) == last
        if previous is not None and day > FIRST_DAY and previous[1] == day - 1:
            grown = int(number[day]) - int(number[day - 1])
            assert grown == (0 if key == previous[0] else 1)
        previous = key, day


@pytest.mark.parametrize(
    ("name", "date", "last"),
    [
        ("month", (1403, 1, 15), (1403, 1, 31)),
        ("quarter", (1403, 1, 1), (1403, 3, 31)),
        ("quarter", (1403, 12, 30), (1403, 12, 30)),
        ("half", (1403, 6, 31), (1403, 6, 31)),
        ("half", (1403, 7, 1), (1403, 12, 30)),
        ("half", (1402, 7, 1), (1402, 12, 29)),
        ("year", (1402, 1, 1), (1402, 12, 29)),
        ("year", (1403, 12, 29), (1403, 12, 30)),
    ],
)
def test_jalali_periods(name: str, date: tuple[int, int, int], last: tuple[int, int, int]) -> None:
    _, end = period_table("jalali", name, 5)
    day = day_of(jdatetime.date(*date).togregorian())
    assert date_of(int(end[day])) == jdatetime.date(*last).togregorian()


@pytest.mark.parametrize("kind", ["gregorian", "jalali"])
@pytest.mark.parametrize("name", ["day", "week", "month", "quarter", "half", "year"])
def test_periods_are_whole_and_numbers_rise_by_one(kind: str, name: str) -> None:
    number, end = period_table(kind, name, 5)
    assert number.dtype == end.dtype == np.int32
    assert len(number) == len(end) == DAYS
    day = np.arange(DAYS)
    assert (end >= day).all()
    step = np.diff(number)
    assert set(step.tolist()) <= {0, 1}
    # A new period begins on the day after the end of the one before, and only there.
    assert ((step == 1) == (end[:-1] == day[:-1])).all()


@given(days, st.sampled_from(["week", "month", "quarter", "half", "year"]), st.integers(0, 30))
def test_the_end_of_the_kth_period_after(day: int, name: str, k: int) -> None:
    for kind in ("gregorian", "jalali"):
        _, end = period_table(kind, name, 2)
        at = day
        for _ in range(k + 1):
            last = int(end[at])
            at = last + 1
            if at > LAST_DAY:
                return
        assert int(period_end_after(kind, name, 2, k)[day]) == last


def test_a_lifetime_has_no_end() -> None:
    number, end = period_table("gregorian", "lifetime", 0)
    assert set(number.tolist()) == {0}
    assert set(end.tolist()) == {NEVER}
    assert set(period_end_after("jalali", "lifetime", 0, 3).tolist()) == {NEVER}


def club(zone: str = "UTC", cut_over: int = 0, **fields: Any) -> Program:
    """A program that only its clock matters of."""
    return Program(
        format=1, id="club", unit=Unit(code="EUR"), zone=zone, day_starts_at=cut_over,
        currency=[Currency(id="points")], **fields,
    )  # fmt: skip


def test_weeks_begin_on_monday_or_saturday_or_as_the_program_says() -> None:
    assert week_begins(club()) == 0
    assert week_begins(club(calendar="jalali")) == 5
    assert week_begins(club(calendar="jalali", week_begins="sunday")) == 6


# -- business days --------------------------------------------------------------------------

ZONES = ("Asia/Tehran", "America/St_Johns", "UTC", "Australia/Lord_Howe", "Pacific/Apia")
LAST_US = 6_300_000_000_000_000

# Clocks set forward and back at midnight in Tehran, at 00:01 in Newfoundland.
NEAR_CHANGES = [
    int(dt.datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()) * 1_000_000
    for at in (
        "2021-03-21T20:30", "2021-09-21T19:30", "2022-03-21T20:30", "2022-09-21T19:30",
        "2008-03-20T20:30", "2005-03-21T20:30", "2006-09-21T20:30", "1991-05-02T20:30",
        "2006-04-02T03:31", "2006-10-29T02:31", "2010-03-14T03:31", "2010-11-07T02:31",
        "2011-03-13T03:31", "2023-11-05T06:00", "2011-12-30T10:00", "2023-10-01T16:00",
    )
]  # fmt: skip

instants = st.one_of(
    st.integers(0, LAST_US),
    st.builds(
        lambda at, by: at + by,
        st.sampled_from(NEAR_CHANGES),
        st.integers(-26 * 3_600_000_000, 26 * 3_600_000_000),
    ),
    st.builds(
        lambda at, by: at + by, st.sampled_from(NEAR_CHANGES), st.sampled_from([-1, 0, 1])
    ),
)


def by_zoneinfo(zone: str, cut_over: int, at_us: int) -> tuple[int, int]:
    """Business day and minute of the wall clock, from zoneinfo alone."""
    moment = dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(microseconds=at_us)
    local = moment.astimezone(ZoneInfo(zone))
    day = (local.date() - EPOCH).days - (1 if local.hour < cut_over else 0)
    return day, local.hour * 60 + local.minute


@given(st.sampled_from(ZONES), st.sampled_from([0, 1, 4, 23]), st.lists(instants, min_size=1))
def test_business_days_are_those_of_zoneinfo(zone: str, cut_over: int, at: list[int]) -> None:
    day, minute = business_days(club(zone, cut_over), np.array(at, np.int64))
    assert day.dtype == np.int32
    assert minute.dtype == np.int16
    expected = [by_zoneinfo(zone, cut_over, us) for us in at]
    assert list(zip(day.tolist(), minute.tolist(), strict=True)) == expected
    assert business_day(club(zone, cut_over), at[0]) == expected[0][0]


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_the_clock_is_seen_to_the_microsecond(zone: str) -> None:
    info = ZoneInfo(zone)

    def offset(second: int) -> dt.timedelta | None:
        return dt.datetime.fromtimestamp(second, info).utcoffset()

    changes, second = [], 0
    while second < LAST_US // 1_000_000:
        following = second + 6 * 3_600
        if offset(second) != offset(following):
            low, high = second, following
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == offset(second) else (low, middle)
            changes.append(high)
        second = following
    at = [change * 1_000_000 + by for change in changes for by in (-1, 0, 1)]
    if not at:
        assert zone == "UTC"
        return
    day, minute = business_days(club(zone), np.array(at, np.int64))
    assert list(zip(day.tolist(), minute.tolist(), strict=True)) == [
        by_zoneinfo(zone, 0, us) for us in at
    ]


def test_a_tehran_day_that_begins_at_one_o_clock() -> None:
    # On 1 Farvardin 1401 + 1 the clock went from 24:00 to 01:00; cut-over 1 loses nothing.
    at = int(dt.datetime(2022, 3, 21, 20, 30, tzinfo=UTC).timestamp()) * 1_000_000
    day, minute = business_days(club("Asia/Tehran"), np.array([at - 1, at], np.int64))
    assert [date_of(int(d)).isoformat() for d in day] == ["2022-03-21", "2022-03-22"]
    assert minute.tolist() == [23 * 60 + 59, 60]
    day, _ = business_days(club("Asia/Tehran", 1), np.array([at - 1, at], np.int64))
    assert [date_of(int(d)).isoformat() for d in day] == ["2022-03-21", "2022-03-22"]
