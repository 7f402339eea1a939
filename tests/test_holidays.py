"""Holiday calendars: a country's dates, what a program adds and takes, the override file."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from vafa.engine.checks.holiday_calendars import (
    Override,
    read_overrides,
    resolve_holidays,
    years_of,
)
from vafa.engine.checks.program_file import ProgramError
from vafa.engine.program.currencies import Currency, Unit
from vafa.engine.program.figures import Holidays
from vafa.engine.program.program import Program

UTC = dt.UTC
NOWRUZ = [dt.date(2025, 3, day) for day in (21, 22, 23, 24)]


def program(*holidays: Holidays) -> Program:
    """A program that only its holidays matter of."""
    return Program(
        format=1, id="club", unit=Unit(code="IRR", exponent=0), zone="Asia/Tehran",
        currency=[Currency(id="points")], holidays=list(holidays),
    )  # fmt: skip


IRAN = Holidays(id="iran", country="IR")
OWN = Holidays(id="own", add=[dt.date(2025, 11, 28), dt.date(2025, 5, 1)])


def test_a_country_s_dates_of_some_years() -> None:
    dates = resolve_holidays(program(IRAN), 2025, 2026)["iran"]
    assert set(NOWRUZ) <= set(dates)
    assert dt.date(2026, 3, 21) in dates
    assert {date.year for date in dates} == {2025, 2026}
    assert dates == sorted(set(dates))


def test_own_dates_are_there_in_any_year() -> None:
    found = resolve_holidays(program(OWN, IRAN), 2030, 2030)
    assert found["own"] == [dt.date(2025, 5, 1), dt.date(2025, 11, 28)]
    assert list(found) == ["own", "iran"]


def test_a_program_adds_and_takes_away_and_an_override_has_the_last_word() -> None:
    changed = Holidays(
        id="iran", country="IR", add=[dt.date(2025, 3, 25)], remove=[dt.date(2025, 3, 21)]
    )
    assert {date.day for date in resolve_holidays(program(changed), 2025, 2025)["iran"]
            if date.month == 3 and 20 < date.day < 26} == {22, 23, 24, 25}  # fmt: skip
    override = Override(add=[dt.date(2025, 3, 21)], remove=[dt.date(2025, 3, 25), NOWRUZ[1]])
    dates = resolve_holidays(program(changed), 2025, 2025, {"iran": override})["iran"]
    assert {date.day for date in dates if date.month == 3 and 20 < date.day < 26} == {21, 23, 24}


def test_no_holidays() -> None:
    assert resolve_holidays(program(), 2025, 2025) == {}
    with pytest.raises(ValueError, match="unknown holiday calendar 'iran'; known: none"):
        resolve_holidays(program(), 2025, 2025, {"iran": Override()})


@pytest.mark.parametrize(
    ("since", "now", "years"),
    [
        ("1970-01-01", "2026-11-25", (1970, 2036)),
        ("2026-01-01", "2026-11-25", (2025, 2036)),
        ("2030-01-01", "2026-11-25", (2029, 2040)),
        ("2169-01-01", "2026-11-25", (2168, 2169)),
    ],
)
def test_years_that_a_publication_carries(since: str, now: str, years: tuple[int, int]) -> None:
    at = [dt.datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (since, now)]
    assert years_of(at[0], at[1]) == years


def test_an_override_file(tmp_path: Path) -> None:
    file = tmp_path / "holidays.toml"
    file.write_text("[iran]\nadd = [2026-03-20]\nremove = [2026-03-21]\n[own]\n")
    assert read_overrides(file, program(IRAN, OWN)) == {
        "iran": Override(add=[dt.date(2026, 3, 20)], remove=[dt.date(2026, 3, 21)]),
        "own": Override(),
    }


@pytest.mark.parametrize(
    ("text", "line", "path", "part"),
    [
        ("[iran\n", 1, "$", "Expected"),
        ("\n[iraq]\n", 2, "iraq", "unknown holiday calendar 'iraq'; known: iran"),
        ("[iran]\nplus = []\n", 2, "iran.plus", "unknown field `plus`; known: add, remove"),
        ('[iran]\n\nadd = ["Nowruz"]\n', 3, "iran.add[0]", "Invalid RFC3339"),
        ("[iran]\nadd = [2026-03-20]\nremove = [2026-03-20]\n", 3, "iran.remove", "added as well"),
        ("[iran]\nadd = [1926-03-20]\n", 2, "iran.add", "is not of 1970 to 2169"),
        ("iran = 5\n", 1, "iran", "Expected `object`"),
    ],
)
def test_a_bad_override_file(
    tmp_path: Path, text: str, line: int, path: str, part: str
) -> None:
    file = tmp_path / "holidays.toml"
    file.write_text(text)
    with pytest.raises(ProgramError) as caught:
        read_overrides(file, program(IRAN))
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (line, path)
    assert part in problem.message
    assert str(caught.value).startswith(f"{file}:{line}: ")


def test_an_override_file_of_other_bytes(tmp_path: Path) -> None:
    file = tmp_path / "holidays.toml"
    file.write_bytes(b"\xef\xbb\xbf[iran]\r\nadd = [2026-03-20]\r\n")
    assert read_overrides(file, program(IRAN))["iran"].add == [dt.date(2026, 3, 20)]
    file.write_bytes(b"[iran]\nadd = [\xff]\n")
    with pytest.raises(ProgramError):
        read_overrides(file, program(IRAN))
