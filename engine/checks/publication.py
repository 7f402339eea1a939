"""Publications: what a program's publish fact says, and its name (rulebook section 10)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping

from ..facts import PublishFact
from ..facts.parts import instant_us, us_instant
from ..program.program import Program
from .holiday_calendars import Override


def publication(
    text: str, found: Program, since: dt.datetime,
    overrides: Mapping[str, Override] | None = None,
) -> PublishFact:
    """The publish fact of a program's text, which `found` is, with its holidays' dates.

    Its id is of what it says, so that a repeat is one: an instant of another zone is the same.
    """
    since = us_instant(instant_us(since))
    holidays = holiday_dates(found, since, overrides)
    said = hashlib.sha256(text.encode())
    if holidays or instant_us(since):
        said.update(f"{since.isoformat()} {sorted(holidays.items())}".encode())
    return PublishFact(f"program:{said.hexdigest()[:16]}", since, text, holidays)


def holiday_dates(
    found: Program, since: dt.datetime, overrides: Mapping[str, Override] | None = None
) -> dict[str, list[dt.date]]:
    """Dates of the program's holiday calendars as they are known now."""
    if not found.holidays and not overrides:
        return {}
    # The package of holidays takes a while to import, and few programs need it.
    from .holiday_calendars import resolve_holidays, years_of  # noqa: PLC0415

    years = years_of(since, dt.datetime.now(dt.UTC))
    return resolve_holidays(found, *years, overrides)
