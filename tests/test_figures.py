"""Figures, names and times of files: exact for every value, refused where they are not."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from zoneinfo import ZoneInfo

import jdatetime
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vafa.engine.facts.parts import FormError
from vafa.engine.formats.basket import spread
from vafa.engine.formats.cells import cell_decimal, cell_text, moment_of
from vafa.engine.formats.figures import (
    decimal_of,
    decimal_of_double,
    folded_name,
    scaled,
)
from vafa.engine.formats.instants import reader_of
from vafa.engine.formats.skus import check_digit

PERSIAN = str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹")
ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")
TEHRAN = ZoneInfo("Asia/Tehran")

minor = st.integers(-(10**12), 10**12)
exponents = st.integers(0, 4)


def written(value: int, exponent: int, thousands: str, point: str) -> str:
    """An amount of minor units as a file writes it."""
    whole, rest = divmod(abs(value), 10**exponent)
    text = f"{whole:,}".replace(",", thousands)
    if exponent:
        text += point + str(rest).zfill(exponent)
    return text


@given(minor, exponents, st.sampled_from([("", "."), (",", "."), (".", ","), ("'", "."),
                                          (" ", ",")]),
       st.sampled_from(["{}", "-{}", "{}-", "({})", "- {}", "\u200e-{}", "−{}"]),
       st.sampled_from([None, PERSIAN, ARABIC]))  # fmt: skip
def test_every_amount_comes_back(
    value: int, exponent: int, marks: tuple[str, str], signs: str, digits: dict[int, int] | None
) -> None:
    thousands, point = marks
    text = signs.format(written(value, exponent, thousands, point))
    if digits is not None:
        text = text.translate(digits)
    expected = abs(value) if signs == "{}" else -abs(value)
    assert scaled(decimal_of(text, "net", thousands, point), exponent, "net") == expected


@given(minor, exponents)
def test_persian_marks_mean_what_they_mean(value: int, exponent: int) -> None:
    text = written(value, exponent, "٬", "٫").translate(PERSIAN)
    for thousands, point in (("", "."), (".", ","), (",", ".")):
        found = decimal_of(text, "net", thousands, point)
        assert scaled(found, exponent, "net") == abs(value)


@given(st.integers(-(10**12), 10**12), st.integers(0, 3))
def test_doubles_of_amounts_are_exact(value: int, exponent: int) -> None:
    double = value / 10**exponent
    assert scaled(decimal_of_double(double, "net"), exponent, "net") == value


@pytest.mark.parametrize("value", [1 / 3, 0.125, 1e-9, 12.345, float("nan"), float("inf")])
def test_doubles_that_are_no_amounts_are_refused(value: float) -> None:
    with pytest.raises(FormError):
        scaled(decimal_of_double(value, "net"), 2, "net")


def test_a_sum_that_lost_its_last_bit_is_what_the_sheet_shows() -> None:
    assert 0.1 + 0.2 != 0.3
    assert scaled(decimal_of_double(0.1 + 0.2, "net"), 2, "net") == 30


@given(minor, st.integers(1, 6), st.integers(1, 999_999))
def test_what_is_finer_than_the_unit_is_refused(value: int, more: int, rest: int) -> None:
    fine = Decimal(value).scaleb(-2) + Decimal(rest).scaleb(-2 - 6)
    with pytest.raises(FormError, match="is not exact"):
        scaled(fine, 2, "net")
    assert scaled(fine, 2 + 6, "net") == value * 10**6 + rest


@pytest.mark.parametrize(
    "text",
    ["", " ", "-", "()", "1e5", "0x10", "1_000", "1,5", "1,2345", ",100", "1.2.3", "--5", "+-5",
     "٫", "Infinity", "NaN", "1 000", "$5", "5%", "9" * 41, "1,000,00", "½", "5-5"],
)  # fmt: skip
def test_texts_that_are_no_figures_are_refused(text: str) -> None:
    with pytest.raises(FormError):
        decimal_of(text, "net", ",", ".")


@pytest.mark.parametrize(
    ("value", "exponent", "rounded"),
    [("0.3455", 3, 346), ("-0.3455", 3, -346), ("0.3454", 3, 345), ("1E-30", 3, 0),
     ("2E+3", 0, 2000)],
)  # fmt: skip
def test_rounding_is_asked_for(value: str, exponent: int, rounded: int) -> None:
    assert scaled(Decimal(value), exponent, "quantity", "half_up") == rounded


@pytest.mark.parametrize("value", ["1E+50", "1E-200", "9E999999"])
def test_figures_beyond_all_bounds_are_refused_at_once(value: str) -> None:
    with pytest.raises(FormError):
        scaled(Decimal(value), 2, "net", "half_up")


def test_names_are_folded_to_one_form() -> None:
    assert folded_name(" كريمي \u200f") == folded_name("کریمی")
    assert folded_name("آ") == "آ"
    assert folded_name("۰۹۱۲٣٤") == "091234"


def test_cells_are_names_whatever_their_type() -> None:
    cells = [
        6260000000001, 6260000000001.0, Decimal("626"), "6260", None, True, dt.date(2025, 1, 2),
    ]  # fmt: skip
    assert [cell_text(cell) for cell in cells] == [
        "6260000000001", "6260000000001", "626", "6260", "", "true", "2025-01-02",
    ]  # fmt: skip
    with pytest.raises(FormError):
        cell_decimal(True, "net", "", ".")


# -- times ----------------------------------------------------------------------------------


@given(
    st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1)),
    st.sampled_from([None, PERSIAN, ARABIC]),
)
def test_jalali_times_are_those_of_another_library(
    moment: dt.datetime, digits: dict[int, int] | None
) -> None:
    moment = moment.replace(microsecond=0)
    text = jdatetime.datetime.fromgregorian(datetime=moment).strftime("%Y/%m/%d %H:%M:%S")
    if digits is not None:
        text = text.translate(digits)
    found = reader_of("%Y/%m/%d %H:%M:%S", "jalali", TEHRAN)(text)
    expected = moment.replace(tzinfo=TEHRAN).astimezone(dt.UTC)
    assert dt.datetime.fromisoformat(found) == expected


@given(st.datetimes(dt.datetime(1971, 1, 1), dt.datetime(2160, 1, 1)))
def test_epochs_and_offsets_are_exact(moment: dt.datetime) -> None:
    aware = moment.replace(tzinfo=dt.UTC, microsecond=moment.microsecond // 1000 * 1000)
    count = (aware - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)
    assert dt.datetime.fromisoformat(reader_of("epoch_ms", "gregorian", None)(str(count))) == aware
    east = aware.astimezone(dt.timezone(dt.timedelta(hours=3, minutes=30)))
    text = east.strftime("%d.%m.%Y %H:%M:%S.%f%z")
    assert len(text.split(".")[2]) >= 4
    found = reader_of("%d.%m.%Y %H:%M:%S.%f%z", "gregorian", None)(text)
    assert dt.datetime.fromisoformat(found) == aware


@pytest.mark.parametrize(
    ("pattern", "calendar", "text"),
    [
        ("%Y-%m-%d", "gregorian", "2025-02-29"), ("%Y-%m-%d", "jalali", "1404-12-30"),
        ("%Y-%m-%d", "jalali", "1404-07-31"), ("%Y-%m-%d", "gregorian", "2025-1"),
        ("%Y-%m-%d %H:%M", "gregorian", "2025-01-01 24:00"), ("iso", "gregorian", "yesterday"),
        ("iso", "jalali", "1404-13-01T00:00"), ("epoch_ms", "gregorian", "1.5"),
        ("epoch_s", "gregorian", "99999999999999999"), ("%Y%m%d%z", "gregorian", "20250101+99:00"),
        ("%Y%m%d%z", "gregorian", "00010101+14:00"),
    ],
)  # fmt: skip
def test_times_that_are_none_are_refused(pattern: str, calendar: str, text: str) -> None:
    with pytest.raises(FormError):
        reader_of(pattern, calendar, TEHRAN)(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", ["%H:%M", "%Y-%m", "%y%Y%m%d", "%Y%Y%m%d", "%Q", "%Y%m%d%"])
def test_patterns_that_name_no_instant_are_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"%"):
        reader_of(pattern, "gregorian", None)


@pytest.mark.parametrize(
    "cells",
    [
        [dt.datetime(2025, 12, 5, 9)], [dt.datetime(2025, 12, 5, 5, 30, tzinfo=dt.UTC)],
        [dt.date(2025, 12, 5), dt.time(9)], [dt.date(2025, 12, 5), "۰۹:۰۰"],
        [dt.date(2025, 12, 5), dt.timedelta(hours=9)],
        [dt.datetime(2025, 12, 5), dt.datetime(1899, 12, 30, 9)],
        ["1404/09/14", dt.time(9)], ["1404/09/14", "09:00:00"],
    ],
    ids=repr,
)  # fmt: skip
def test_cells_of_times_may_have_any_type(cells: list[object]) -> None:
    """Nine o'clock in Tehran; dates by their type are Gregorian, texts are Jalali here."""
    moment = moment_of(reader_of("%Y/%m/%d %H:%M:%S", "jalali", TEHRAN), TEHRAN)
    assert moment(cells) == "2025-12-05T05:30:00Z"


@pytest.mark.parametrize(
    "cells", [[dt.date(2025, 12, 5), "soon"], [dt.date(2025, 12, 5), dt.timedelta(days=2)],
              [dt.date(2025, 12, 5), 9], [None, None], [dt.date(9999, 12, 31)]], ids=repr,
)  # fmt: skip
def test_cells_that_are_no_times_are_refused(cells: list[object]) -> None:
    moment = moment_of(reader_of("%Y/%m/%d %H:%M", "gregorian", TEHRAN), TEHRAN)
    if cells == [dt.date(9999, 12, 31)]:
        assert moment(cells).startswith("9999")  # the strict decoder knows the bounds
        return
    with pytest.raises(FormError):
        moment(cells)


def test_a_time_without_a_zone_needs_one() -> None:
    with pytest.raises(FormError, match="name no zone"):
        reader_of("iso", "gregorian", None)("2025-01-01T00:00")


# -- shares and codes -----------------------------------------------------------------------


@given(st.integers(-(10**9), 10**9), st.lists(st.integers(0, 10**9), min_size=1, max_size=9))
def test_what_is_spread_sums_up(amount: int, weights: list[int]) -> None:
    if not sum(weights):
        weights[0] = 1
    shares = spread(amount, weights)
    assert sum(shares) == amount
    total = sum(weights)
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share * total - amount * weight) < total
        assert weight or not share


def test_check_digits() -> None:
    for code in ("4006381333931", "6291041500213", "036000291452"):
        assert check_digit(code[:-1]) == code[-1]
