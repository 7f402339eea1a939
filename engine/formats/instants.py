"""Dates and times as files write them, to instants in UTC.

Patterns have the letters of `strftime`; dates may be of the Jalali calendar, digits Persian
or Arabic.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from persiantools.jdatetime import JalaliDate

from ..facts.parts import FormError
from .figures import ascii_digits

Calendar = Literal["gregorian", "jalali"]
InstantOf = Callable[[str], str]
"""A text to an RFC 3339 instant; raises FormError."""

_PARTS = {
    "Y": r"(?P<Y>\d{4})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,6})",
    "z": r"(?P<z>Z|[+-]\d{2}:?\d{2})",
    # Two digits before it mean a year of this century: 04 is 1404, and 2004.
    "y": r"(?P<y>\d{2})",
}  # fmt: skip
_EPOCHS = {"epoch_s": 1_000_000, "epoch_ms": 1_000}
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
CENTURY = {"gregorian": 2000, "jalali": 1400}


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"unknown IANA time zone {name!r}") from None


def instant_text(moment: dt.datetime) -> str:
    """An aware instant as the wire has it, in UTC."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat() + "Z"


def reader_of(pattern: str, calendar: Calendar, zone: ZoneInfo | None) -> InstantOf:
    """What reads texts of a pattern: `iso`, `epoch_s`, `epoch_ms`, or with `strftime` letters.

    Raises ValueError for a pattern that names no instant. A wall clock that shows an hour
    twice means the first; a time that it passed over counts from before the change.
    """
    if pattern in _EPOCHS:
        unit = _EPOCHS[pattern]

        def of_epoch(text: str) -> str:
            plain = ascii_digits(text)
            if not re.fullmatch(r"-?\d{1,17}", plain, re.A):
                raise FormError(f"{text!r} is no count since 1970", "occurred_at")
            return _in_range(lambda: _EPOCH + dt.timedelta(microseconds=int(plain) * unit))

        return of_epoch
    if pattern == "iso":

        def of_iso(text: str) -> str:
            return iso_instant(text, zone)

        return of_iso if calendar == "gregorian" else _of_pattern(
            _compiled(r"%Y-%m-%d[T ]%H:%M(?::%S(?:\.%f)?)?(?:%z)?", escape=False), calendar, zone
        )
    parsed = _compiled(pattern, escape=True)
    missing = [letter for letter in "md" if letter not in parsed.groupindex]
    if missing or ("Y" in parsed.groupindex) == ("y" in parsed.groupindex):
        raise ValueError(f"{pattern!r} has no year, month and day")
    return _of_pattern(parsed, calendar, zone)


def _jalali(year: int, month: int, day: int) -> dt.date:
    found: dt.date = JalaliDate(year, month, day).to_gregorian()  # type: ignore[no-untyped-call]
    return found


@lru_cache(4096)
def _day(year: int, month: int, day: int, calendar: Calendar) -> dt.date:
    """A date of a calendar. Raises ValueError."""
    if calendar == "gregorian":
        return dt.date(year, month, day)
    return _jalali(year, month, day)


def iso_instant(text: str, zone: ZoneInfo | None) -> str:
    """An ISO 8601 time with an offset, or on the wall clock of the zone. Raises FormError."""
    try:
        moment = dt.datetime.fromisoformat(ascii_digits(text))
    except ValueError:
        raise FormError(f"{text[:60]!r} is no ISO 8601 time", "occurred_at") from None
    return _in_zone(moment, zone, text)


def _compiled(pattern: str, *, escape: bool) -> re.Pattern[str]:
    found = ""
    place = 0
    while place < len(pattern):
        letter = pattern[place]
        if letter == "%":
            place += 1
            part = _PARTS.get(pattern[place : place + 1])
            if part is None:
                raise ValueError(
                    f"{pattern!r} has letters other than {' '.join('%' + p for p in _PARTS)}"
                )
            found += part
        else:
            found += re.escape(letter) if escape else letter
        place += 1
    try:
        return re.compile(found, re.A)
    except re.error:
        raise ValueError(f"{pattern!r} has a letter twice") from None


def _of_pattern(
    pattern: re.Pattern[str], calendar: Calendar, zone: ZoneInfo | None
) -> InstantOf:
    century = CENTURY[calendar]

    def of_text(text: str) -> str:
        match = pattern.fullmatch(ascii_digits(text))
        if match is None:
            raise FormError(f"{text[:60]!r} is not of the form of the times", "occurred_at")
        parts = match.groupdict()
        year = int(parts["Y"]) if parts.get("Y") else century + int(parts["y"])
        try:
            moment = dt.datetime.combine(
                _day(year, int(parts["m"]), int(parts["d"]), calendar),
                dt.time(
                    int(parts.get("H") or 0), int(parts.get("M") or 0), int(parts.get("S") or 0),
                    int((parts.get("f") or "").ljust(6, "0")),
                ),
            )  # fmt: skip
        except ValueError:
            raise FormError(
                f"{text[:60]!r} is no {calendar} date and time", "occurred_at"
            ) from None
        offset = parts.get("z")
        if offset:
            moment = moment.replace(tzinfo=_offset(offset))
        return _in_zone(moment, zone, text)

    return of_text


def _offset(text: str) -> dt.timezone:
    if text == "Z":
        return dt.UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    if minutes >= 24 * 60:
        raise FormError(f"{text!r} is no offset", "occurred_at")
    return dt.timezone(dt.timedelta(minutes=-minutes if text[0] == "-" else minutes))


def _in_zone(moment: dt.datetime, zone: ZoneInfo | None, text: str) -> str:
    if moment.tzinfo is None:
        if zone is None:
            raise FormError(
                f"{text[:60]!r} has no offset, and the settings name no zone", "occurred_at"
            )
        moment = moment.replace(tzinfo=zone)
    return _in_range(lambda: moment)


def _in_range(moment: Callable[[], dt.datetime]) -> str:
    try:
        return instant_text(moment())
    except OverflowError:
        raise FormError("is outside 1970 to 2169", "occurred_at") from None
