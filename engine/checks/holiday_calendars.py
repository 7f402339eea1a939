"""Dates of a program's holiday calendars, as they are known when it is published.

A country's dates come from the `holidays` package, the program adds and takes away, and an
override file has the last word: lunar dates are confirmed late. The dates go into the
publish fact, so that a replay does not depend on the package (rulebook sections 1 and 3).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path

import msgspec
from holidays import country_holidays

from ..calendars.calendars import FIRST_DAY, LAST_DAY, date_of
from ..program.figures import Holidays
from ..program.program import Program
from .figures import known
from .program_file import Problem, ProgramError, lines_of, parse_toml, split_path
from .wording import wording

FIRST_YEAR = date_of(FIRST_DAY).year
LAST_YEAR = date_of(LAST_DAY).year
YEARS_AHEAD = 10
"""Years beyond the present whose dates a publication carries."""


class Override(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dates that a holiday calendar gains and loses."""

    add: list[dt.date] = []
    remove: list[dt.date] = []


def resolve_holidays(
    program: Program,
    first_year: int,
    last_year: int,
    overrides: Mapping[str, Override] | None = None,
) -> dict[str, list[dt.date]]:
    """Rising dates by holiday calendar: its country's in these years, added ones in any.

    Raises ValueError for an override of a calendar that the program does not have.
    """
    overrides = overrides or {}
    names = [entry.id for entry in program.holidays]
    for name in overrides:
        if name not in names:
            raise ValueError(
                f"unknown holiday calendar {name!r}; known: {', '.join(names) or 'none'}"
            )
    return {
        entry.id: _dates(entry, first_year, last_year, overrides.get(entry.id, Override()))
        for entry in program.holidays
    }


def years_of(since: dt.datetime, now: dt.datetime) -> tuple[int, int]:
    """First and last year of the dates that a program in force from an instant carries.

    The year before it is there too: its last evening may be today elsewhere.
    """
    first = max(FIRST_YEAR, since.year - 1)
    return first, min(LAST_YEAR, max(since.year, now.year) + YEARS_AHEAD)


def _dates(
    entry: Holidays, first_year: int, last_year: int, override: Override
) -> list[dt.date]:
    dates: set[dt.date] = set()
    if entry.country is not None:
        dates |= set(country_holidays(entry.country, years=range(first_year, last_year + 1)))
    dates = dates - set(entry.remove) | set(entry.add)
    return sorted(dates - set(override.remove) | set(override.add))


def read_overrides(path: Path, program: Program) -> dict[str, Override]:
    """An override file: a TOML table a calendar, with `add` and `remove`.

    Raises ProgramError with line and path, OSError if the file cannot be read.

    ```toml
    [iran]
    add = [2026-03-21]
    remove = [2026-03-20]
    ```
    """
    text = path.read_bytes().decode("utf-8-sig", "replace")
    lines = lines_of(text, str(path))
    document = parse_toml(text, str(path), lines)
    found = {}
    for name, table in document.items():
        try:
            found[name] = msgspec.convert(table, Override)
        except msgspec.ValidationError as error:
            below, message = wording(*split_path(str(error)), table, Override)
            at = name if below == "$" else f"{name}.{below}"
            raise ProgramError(str(path), [Problem(at, message, lines.line_of(at))]) from None
    problems = [
        Problem(at, message, lines.line_of(at)) for at, message in check_overrides(found, program)
    ]
    if problems:
        raise ProgramError(str(path), problems)
    return found


def check_overrides(
    overrides: Mapping[str, Override], program: Program
) -> list[tuple[str, str]]:
    """What is wrong with overrides for a program, as (path, message)."""
    names = [entry.id for entry in program.holidays]
    return [
        problem
        for name, override in overrides.items()
        for problem in _wrong(name, override, names)
    ]


def _wrong(name: str, override: Override, names: list[str]) -> list[tuple[str, str]]:
    unknown = list(known(name, "holiday calendar", name, names))
    if unknown:
        return unknown
    both = sorted(set(override.add) & set(override.remove))
    found = [(f"{name}.remove", f"{both[0]} is added as well")] if both else []
    for field in ("add", "remove"):
        for date in getattr(override, field):
            if not FIRST_YEAR <= date.year <= LAST_YEAR:
                found.append((f"{name}.{field}", f"{date} is not of {FIRST_YEAR} to {LAST_YEAR}"))
    return found
