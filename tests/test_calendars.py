"""Calendar tables against other calendars: jdatetime, datetime and zoneinfo."""

from __future__ import annotations

import calendar
import datetime as dt
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import jdatetime
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vafa.engine.calendars.anniversaries import (
    anniversary_day,
    ymd,
)
from vafa.engine.calendars.calendars import (
    DAYS,
    EPOCH,
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    NEVER,
    business_day,
    business_days,
    date_of,
    day_number,
    day_of,
    expiry_table,
    month_starts,
    months_back,
    months_later,
    period_end_after,
    period_table,
    validity_period,
    validity_table,
    week_begins,
    ymd_table,
)
from vafa.engine.program.currencies import After, Currency, Inactivity, Never, PeriodEnd, Unit
from vafa.engine.program.program import Program
from vafa.engine.program.tiers import Ladder, Rolling, Tier, Validity

UTC = dt.UTC

# Leap years of the Iranian calendar office, 1206-1498: every fourth year, and at the ends
# of the cycles the fifth. The equinoxes say so; no arithmetic rule says all of them.
OFFICIAL_LEAP_YEARS = {
    *range(1210, 1239, 4), *range(1243, 1272, 4), *range(1276, 1305, 4), *range(1309, 1338, 4),
    *range(1342, 1371, 4), *range(1375, 1404, 4), *range(1408, 1437, 4), *range(1441, 1470, 4),
    *range(1474, 1499, 4),
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
    assert {year for year in leap if year <= 1498} == {
        year for year in OFFICIAL_LEAP_YEARS if year >= 1348
    }
    # After the official table: every fourth year, or the fifth.
    ordered = sorted(leap)
    assert {b - a for a, b in pairwise(ordered)} == {4, 5}


def test_leap_years_before_the_tables_are_the_official_ones_too() -> None:
    # Birthdays are older than the tables; they are told by ymd().
    first = {year: jdatetime.date(year, 1, 1).togregorian() for year in range(1206, 1500)}
    for year, date in first.items():
        assert ymd("jalali", date) == (year, 1, 1)
        if year > 1206:
            before = ymd("jalali", date - dt.timedelta(days=1))
            assert before == (year - 1, 12, 30 if year - 1 in OFFICIAL_LEAP_YEARS else 29)
    lengths = {year: (first[year + 1] - first[year]).days for year in range(1206, 1499)}
    assert {year for year, days in lengths.items() if days == 366} == OFFICIAL_LEAP_YEARS
    # The 2820-year rule of other libraries has 1404 in place of 1403.
    assert 1403 in OFFICIAL_LEAP_YEARS
    assert 1404 not in OFFICIAL_LEAP_YEARS
    assert 1408 in OFFICIAL_LEAP_YEARS


def test_every_jalali_day_is_that_of_jdatetime() -> None:
    table = ymd_table("jalali")
    last = day_of(jdatetime.date(1499, 1, 1).togregorian())
    for day in range(FIRST_DAY, last):
        date = jdatetime.date.fromgregorian(date=date_of(day))
        assert table[day] == date.year * 10_000 + date.month * 100 + date.day


@pytest.mark.parametrize("kind", ["gregorian", "jalali"])
def test_day_numbers_are_the_inverse_of_years_months_and_days(kind: str) -> None:
    table = ymd_table(kind)
    assert table.dtype == np.int32
    assert len(table) == DAYS
    for day in [*range(800), *range(18_000, 20_000), LAST_DAY - 1, LAST_DAY]:
        year, month, into = int(table[day]) // 10_000, table[day] // 100 % 100, table[day] % 100
        assert (year, month, into) == ymd(kind, date_of(day))
        assert day_number(kind, year, int(month), int(into)) == day
        # The kernel's own way.
        assert month_starts(kind)[(year - FIRST_YEAR[kind]) * 12 + month - 1] + into - 1 == day


@pytest.mark.parametrize(
    ("kind", "date", "falls"),
    [
        ("gregorian", (2024, 2, 29), "2024-02-29"),
        ("gregorian", (2025, 2, 29), "2025-02-28"),
        ("gregorian", (2023, 4, 31), "2023-04-30"),
        ("jalali", (1403, 12, 30), "2025-03-20"),
        ("jalali", (1404, 12, 30), "2026-03-20"),
        ("jalali", (1404, 7, 31), "2025-10-22"),
        ("jalali", (1408, 12, 30), "2030-03-20"),
    ],
)
def test_a_day_that_a_month_lacks_falls_on_its_last(
    kind: str, date: tuple[int, int, int], falls: str
) -> None:
    year, month, day = date
    assert date_of(day_number(kind, year, month, day)).isoformat() == falls
    assert anniversary_day(month, day, kind, year) == day_number(kind, year, month, day)


@pytest.mark.parametrize(("kind", "year"), [("gregorian", 1968), ("jalali", 1346),
                                            ("gregorian", 2280), ("jalali", 1660)])  # fmt: skip
def test_years_outside_the_tables_are_refused(kind: str, year: int) -> None:
    with pytest.raises(ValueError, match=f"the year {year} is outside"):
        day_number(kind, year, 1, 1)


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


@given(st.dates(dt.date(1985, 1, 1), dt.date(2169, 12, 31)), st.integers(1, 120))
@example(dt.date(2024, 3, 31), 1)
@example(dt.date(2023, 3, 31), 1)
@example(dt.date(2023, 3, 1), 12)
@example(dt.date(2024, 2, 29), 12)
def test_gregorian_months_back(date: dt.date, months: int) -> None:
    first = date_of(int(months_back("gregorian", months)[day_of(date)]))
    assert first - dt.timedelta(days=1) == gregorian_later(date, -months)


@given(st.dates(dt.date(1985, 1, 1), dt.date(2119, 12, 31)), st.integers(1, 120))
@example(dt.date(2025, 3, 20), 12)  # 30 Esfand 1403; the year before ends on the 29th
@example(dt.date(2024, 9, 21), 6)  # 31 Shahrivar; Esfand 1402 has 29 days
def test_jalali_months_back(date: dt.date, months: int) -> None:
    here = jdatetime.date.fromgregorian(date=date)
    year, month = divmod(here.year * 12 + here.month - 1 - months, 12)
    leap = year in OFFICIAL_LEAP_YEARS
    length = 31 if month < 6 else 30 if month < 11 or leap else 29
    same = jdatetime.date(year, month + 1, min(here.day, length)).togregorian()
    first = date_of(int(months_back("jalali", months)[day_of(date)]))
    assert first - dt.timedelta(days=1) == same


@pytest.mark.parametrize("kind", ["gregorian", "jalali"])
def test_a_window_beyond_the_tables_begins_with_them(kind: str) -> None:
    back = months_back(kind, 12)
    assert back.dtype == np.int32
    assert (back >= FIRST_DAY).all()
    assert (back[:365] == FIRST_DAY).all()
    assert (np.diff(back) >= 0).all()
    # Today and the same day of a month that has it: N months are N months.
    assert date_of(int(back[day_of(dt.date(2024, 5, 15))])) in (
        dt.date(2023, 5, 16), dt.date(2023, 5, 17),
    )  # fmt: skip


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
    # The weeks of another calendar begin as that calendar says, unless the program says.
    assert week_begins(club(), "jalali") == 5
    assert week_begins(club(calendar="jalali"), "gregorian") == 0
    assert week_begins(club(week_begins="sunday"), "jalali") == 6


# -- what a program says in periods --------------------------------------------------------


@pytest.mark.parametrize(
    ("expiry", "earned", "through"),
    [
        (After(days=30), "2025-01-01", "2025-01-31"),
        (After(months=1), "2025-01-31", "2025-02-28"),
        (After(months=1, calendar="jalali"), "2025-01-31", "2025-03-02"),
        (After(months=12, calendar="jalali"), "2025-03-20", "2026-03-20"),
        (Inactivity(months=6), "2025-08-31", "2026-02-28"),
        (Inactivity(months=6, calendar="jalali"), "2025-09-22", "2026-03-20"),
        (PeriodEnd(period="year", k=0), "2025-03-20", "2025-12-31"),
        (PeriodEnd(period="year", k=0, calendar="jalali"), "2025-03-20", "2025-03-20"),
        (PeriodEnd(period="year", k=1, calendar="jalali"), "2025-03-20", "2026-03-20"),
        (PeriodEnd(period="week", k=0), "2025-01-01", "2025-01-05"),
        (PeriodEnd(period="week", k=0, calendar="jalali"), "2025-01-01", "2025-01-03"),
    ],
)
def test_points_expire_by_their_own_calendar(expiry: Any, earned: str, through: str) -> None:
    table = expiry_table(club(), Currency(id="points", expiry=expiry))
    assert table.dtype == np.int32
    assert len(table) == DAYS
    assert date_of(int(table[day_of(dt.date.fromisoformat(earned))])).isoformat() == through


def test_points_that_never_expire() -> None:
    assert set(expiry_table(club(), Currency(id="points", expiry=Never())).tolist()) == {NEVER}


@pytest.mark.parametrize(
    ("fields", "since", "through"),
    [
        ({"window": "quarter"}, "2025-02-10", "2025-06-30"),
        ({"window": "quarter", "validity": "this_period"}, "2025-02-10", "2025-03-31"),
        ({"window": "quarter", "validity_period": "year"}, "2025-02-10", "2026-12-31"),
        ({"window": "lifetime"}, "2025-02-10", "2026-12-31"),
        ({"window": Rolling(days=90)}, "2025-02-10", "2026-12-31"),
        ({"window": Rolling(days=90), "calendar": "jalali"}, "2025-02-10", "2026-03-20"),
        ({"window": "year", "validity": Validity(months=3)}, "2025-11-30", "2026-02-28"),
        ({"window": "year", "validity": "while_met"}, "2025-11-30", None),
        ({"window": "membership_year"}, "2025-11-30", None),
        ({"window": "membership_year", "validity_period": "half"}, "2025-11-30", "2026-06-30"),
    ],
)
def test_a_tier_is_good_through_its_validity(
    fields: dict[str, Any], since: str, through: str | None
) -> None:
    ladder = Ladder(tier=[Tier(id="gold")], **fields)
    table = validity_table(club(), ladder)
    if through is None:
        assert table is None
        return
    assert table is not None
    assert date_of(int(table[day_of(dt.date.fromisoformat(since))])).isoformat() == through


def test_the_period_of_a_validity_is_that_of_the_window() -> None:
    def period(window: Any) -> str:
        return validity_period(Ladder(window=window, tier=[Tier(id="gold")]))

    assert [period(w) for w in ("week", "membership_year", "lifetime", Rolling(months=1))] == [
        "week", "membership_year", "year", "year",
    ]  # fmt: skip


# -- anniversaries ---------------------------------------------------------------------------


# -- business days --------------------------------------------------------------------------

ZONES = (
    "Asia/Tehran", "America/St_Johns", "UTC", "Australia/Lord_Howe", "Pacific/Apia",
    "Antarctica/Troll",
)  # fmt: skip
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


SET_BACK_S = 3 * 3_600
"""No clock of the zones here is set back by more, since 1970."""


def carried(zone: str, cut_over: int, at_us: int) -> tuple[int, int]:
    """Business day and minute that the wall clock shows, from zoneinfo alone."""
    moment = dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(microseconds=at_us)
    local = moment.astimezone(ZoneInfo(zone))
    day = (local.date() - EPOCH).days - (1 if local.hour < cut_over else 0)
    return day, local.hour * 60 + local.minute


def by_zoneinfo(zone: str, cut_over: int, at_us: int) -> tuple[int, int]:
    """As `carried`, where a day that has begun goes on when the clock is set back."""
    day, minute = carried(zone, cut_over, at_us)
    return max(day, begun(zone, cut_over, at_us // 1_000_000)), minute


@cache
def begun(zone: str, cut_over: int, end: int) -> int:
    """The latest day that the wall clock has shown in a second and the hours before it."""
    info = ZoneInfo(zone)
    if zone == "UTC" or len({
        dt.datetime.fromtimestamp(at, info).utcoffset()
        for at in range(end - 2 * SET_BACK_S, end + 1, 60)
    }) == 1:  # fmt: skip
        return carried(zone, cut_over, end * 1_000_000)[0]
    return max(
        carried(zone, cut_over, (end - before) * 1_000_000)[0]
        for before in range(0, 2 * SET_BACK_S, 30)
    )


@settings(deadline=None)
@given(
    st.sampled_from(ZONES), st.sampled_from([0, 1, 2, 4, 23]),
    st.lists(instants, min_size=1, max_size=3),
)  # fmt: skip
def test_business_days_are_those_of_zoneinfo(zone: str, cut_over: int, at: list[int]) -> None:
    day, minute = business_days(club(zone, cut_over), np.array(at, np.int64))
    assert day.dtype == np.int32
    assert minute.dtype == np.int16
    # What comes before all tables is of their first day.
    expected = [
        (max(0, day), clock) for day, clock in (by_zoneinfo(zone, cut_over, us) for us in at)
    ]
    assert list(zip(day.tolist(), minute.tolist(), strict=True)) == expected
    assert business_day(club(zone, cut_over), at[0]) == expected[0][0]


@pytest.mark.parametrize("zone", ZONES)
def test_every_change_of_the_clock_is_seen_to_the_microsecond(zone: str) -> None:
    info = ZoneInfo(zone)

    def offset(second: int) -> dt.timedelta | None:
        return dt.datetime.fromtimestamp(second, info).utcoffset()

    changes, second, was = [], 0, offset(0)
    while second < LAST_US // 1_000_000:
        following = second + 6 * 3_600
        now = offset(following)
        if now != was:
            low, high = second, following
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset(middle) == was else (low, middle)
            changes.append(high)
        second, was = following, now
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


def us(text: str) -> int:
    """Microseconds of an instant of UTC."""
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


MINUTE_US, HOUR_US, DAY_US = 60_000_000, 3_600_000_000, 86_400_000_000

# (zone, cut-over, minutes of a business date, date): Tehran had summer time until 2022.
LENGTHS = [
    ("Asia/Tehran", 0, "2022-03-22", 23),
    ("Asia/Tehran", 0, "2022-09-21", 25),
    ("Asia/Tehran", 0, "2021-03-22", 23),
    ("Asia/Tehran", 0, "2021-09-21", 25),
    ("Asia/Tehran", 4, "2021-03-21", 23),
    ("Asia/Tehran", 4, "2021-09-21", 25),
    ("Asia/Tehran", 0, "2020-03-21", 23),
    ("Asia/Tehran", 0, "2020-09-20", 25),
    ("Asia/Tehran", 0, "2023-03-22", 24),
    ("Asia/Tehran", 0, "2023-09-21", 24),
    ("Europe/Berlin", 0, "2023-03-26", 23),
    ("Europe/Berlin", 0, "2023-10-29", 25),
    ("Europe/Berlin", 4, "2023-03-25", 23),
    ("Europe/Berlin", 4, "2023-10-28", 25),
    ("Antarctica/Troll", 0, "2023-03-26", 22),
    ("Antarctica/Troll", 0, "2023-10-29", 26),
    # The cut-over hour comes twice: the date that has begun goes on.
    ("Antarctica/Troll", 2, "2023-10-28", 24),
    ("Antarctica/Troll", 2, "2023-10-29", 26),
    ("Europe/Berlin", 2, "2023-10-29", 25),
    # 00:01 became 23:01 of the day before: that minute has begun the new date.
    ("America/St_Johns", 0, "2005-10-29", 24),
    ("America/St_Johns", 0, "2005-10-30", 25),
    ("America/St_Johns", 0, "2005-04-03", 23),
    # The day that Samoa left out.
    ("Pacific/Apia", 0, "2011-12-29", 24),
    ("Pacific/Apia", 0, "2011-12-30", 0),
    ("Pacific/Apia", 0, "2011-12-31", 24),
]


@pytest.mark.parametrize(("zone", "cut_over", "date", "hours"), LENGTHS)
def test_dates_have_the_hours_that_the_clock_gives_them(
    zone: str, cut_over: int, date: str, hours: int
) -> None:
    first = us(date) - 2 * DAY_US
    at = np.arange(first, first + 5 * DAY_US, MINUTE_US, dtype=np.int64)
    days, _ = business_days(club(zone, cut_over), at)
    assert (np.diff(days) >= 0).all()
    on = np.flatnonzero(days == day_of(dt.date.fromisoformat(date)))
    assert len(on) == hours * 60
    assert len(on) == 0 or on[-1] - on[0] == len(on) - 1


@pytest.mark.parametrize(
    ("zone", "cut_over", "at", "carried_before", "minute"),
    [
        # 29 October 2005, 23:59; midnight; 00:01 is set back to 23:01; midnight again.
        ("America/St_Johns", 0, "2005-10-30T02:29:59", "2005-10-29", 23 * 60 + 59),
        ("America/St_Johns", 0, "2005-10-30T02:30:00", "2005-10-30", 0),
        ("America/St_Johns", 0, "2005-10-30T02:31:00", "2005-10-30", 23 * 60 + 1),
        ("America/St_Johns", 0, "2005-10-30T03:29:59", "2005-10-30", 23 * 60 + 59),
        ("America/St_Johns", 0, "2005-10-30T03:30:00", "2005-10-30", 0),
        # 03:00 is set back to 01:00: with a cut-over at two, 02:00 to 03:00 comes twice.
        ("Antarctica/Troll", 2, "2023-10-28T23:59:59", "2023-10-28", 60 + 59),
        ("Antarctica/Troll", 2, "2023-10-29T00:00:00", "2023-10-29", 2 * 60),
        ("Antarctica/Troll", 2, "2023-10-29T01:00:00", "2023-10-29", 60),
        ("Antarctica/Troll", 2, "2023-10-29T01:59:00", "2023-10-29", 60 + 59),
        ("Antarctica/Troll", 2, "2023-10-29T02:00:00", "2023-10-29", 2 * 60),
    ],
)
def test_a_day_begins_at_the_first_instant_that_carries_its_date(
    zone: str, cut_over: int, at: str, carried_before: str, minute: int
) -> None:
    day, clock = business_days(club(zone, cut_over), np.array([us(at)], np.int64))
    assert date_of(int(day[0])).isoformat() == carried_before
    assert clock.tolist() == [minute]


@pytest.mark.parametrize("zone", [*ZONES, "America/Goose_Bay", "Antarctica/Casey"])
def test_no_later_instant_has_an_earlier_date(zone: str) -> None:
    at = np.arange(us("1999-01-01"), us("2026-01-01"), 30 * MINUTE_US, dtype=np.int64)
    for cut_over in range(24):
        days, _ = business_days(club(zone, cut_over), at)
        assert (np.diff(days) >= 0).all()


@pytest.mark.parametrize(("zone", "cut_over"), [("America/New_York", 0), ("UTC", 4)])
def test_what_comes_before_all_tables_is_of_their_first_day(zone: str, cut_over: int) -> None:
    """A fact may come from the first instant of 1970, which is of the day before elsewhere."""
    days, _ = business_days(club(zone, cut_over), np.array([0, 1, DAY_US], np.int64))
    assert days.tolist() == [0, 0, 0]
    assert business_day(club(zone, cut_over), 0) == 0
