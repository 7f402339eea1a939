"""Checks of single figures and names, shared by the checks of a program's parts.

Each yields (path, message) for what is wrong and nothing for what is right. The bounds
keep every exact figure of a basket within the kernel's integers (rulebook section 1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, Protocol

from ..program.conditions import LINE_FIELDS, LINE_LISTS, LineConditions, Range
from ..program.program import Program

MAX_POINTS = 10**12
MAX_AMOUNT = 10**12
MAX_UNITS = 10**9
MAX_RATE = 10**9
MAX_FACTOR = 1_000
MAX_DECIMALS = 6
UNIT_DECIMALS = 3
"""Quantities are thousandths of a unit on the wire."""

Found = Iterator[tuple[str, str]]
Check = Callable[[str, Decimal], Found]


def points(path: str, value: Decimal, scale: int) -> Found:
    """A figure of points above zero, whole in units of 10^-scale."""
    if not value.is_finite() or value <= 0:
        yield path, "must be above zero"
    else:
        yield from points_or_none(path, value, scale)


def points_or_none(path: str, value: Decimal, scale: int) -> Found:
    """A figure of points that may be zero."""
    if not value.is_finite() or value < 0:
        yield path, "must not be below zero"
    elif value > MAX_POINTS:
        yield path, f"must be at most {MAX_POINTS}"
    elif value != round(value, scale):
        yield path, f"has more decimals than the currency's scale of {scale}"


def rate(path: str, value: Decimal) -> Found:
    """Points for every `per`."""
    if not value.is_finite() or value <= 0:
        yield path, "must be above zero"
    else:
        yield from rate_or_none(path, value)


def rate_or_none(path: str, value: Decimal) -> Found:
    """A rate that may be zero, as that of a band."""
    if not value.is_finite() or value < 0:
        yield path, "must not be below zero"
    elif value > MAX_RATE or value != round(value, MAX_DECIMALS):
        yield path, f"must be at most 10^9 with at most {MAX_DECIMALS} decimals"


def factor(path: str, value: Decimal) -> Found:
    """What a multiply takes figures times."""
    if not value.is_finite() or value < 1:
        yield path, "a factor is at least 1"
    elif value > MAX_FACTOR or value != round(value, MAX_DECIMALS):
        yield path, f"must be at most {MAX_FACTOR} with at most {MAX_DECIMALS} decimals"


def share(path: str, value: Decimal) -> Found:
    """A part of the whole."""
    if not value.is_finite() or not 0 < value <= 1:
        yield path, "must be above 0 and at most 1"
    elif value != round(value, MAX_DECIMALS):
        yield path, f"must have at most {MAX_DECIMALS} decimals"


def units(path: str, value: Decimal) -> Found:
    """A quantity in units, zero too."""
    if not (
        value.is_finite() and 0 <= value <= MAX_UNITS and value == round(value, UNIT_DECIMALS)
    ):
        yield path, f"must be 0 to 10^9 units with at most {UNIT_DECIMALS} decimals"


def whole(path: str, value: Decimal, most: int, what: str) -> Found:
    """A whole figure from zero on: an amount in minor units, a number of visits."""
    if not (value.is_finite() and 0 <= value <= most and value == value.to_integral_value()):
        yield path, f"must be 0 to {most} {what}, without decimals"


def span(path: str, value: Range) -> Found:
    """At least and at most."""
    if value.at_least is None and value.at_most is None:
        yield path, "give at_least, at_most or both"
    elif (
        value.at_least is not None
        and value.at_most is not None
        and value.at_most < value.at_least
    ):
        yield path, "ends before it begins"


def by_tier(
    program: Program, path: str, value: Decimal | dict[str, Decimal], each: Check
) -> Found:
    """One figure, or one a tier."""
    if isinstance(value, Decimal):
        yield from each(path, value)
        return
    if not value:
        yield path, "names no tier"
    for tier, figure in value.items():
        yield from known_tier(program, f"{path}.{tier}", tier)
        yield from each(f"{path}.{tier}", figure)


# -- names -----------------------------------------------------------------------------------


def unique(table: str, ids: Iterable[str], field: str = "id") -> Found:
    """Entries of a list whose names must differ."""
    seen: set[str] = set()
    for place, name in enumerate(ids):
        if name in seen:
            yield f"{table}[{place}].{field}", f"the {field} {name!r} is used twice"
        seen.add(name)


def once(path: str, names: Iterable[str]) -> Found:
    """Names of a list that may stand in it once."""
    seen: set[str] = set()
    for place, name in enumerate(names):
        if name in seen:
            yield f"{path}[{place}]", f"{name!r} is listed twice"
        seen.add(name)


class InDaysOrMonths(Protocol):
    """A part of a program that lasts some days, or some months."""

    @property
    def days(self) -> int | None:
        """So many days."""

    @property
    def months(self) -> int | None:
        """So many months of the calendar."""


def days_or_months(path: str, part: InDaysOrMonths) -> Found:
    """One of the two."""
    if (part.days is None) == (part.months is None):
        yield path, "give either days or months"


def known(path: str, what: str, name: str, names: Sequence[str], none: str = "none") -> Found:
    """A name that the program must define elsewhere."""
    if name not in names:
        yield path, f"unknown {what} {name!r}; known: {', '.join(names) or none}"


def known_currency(program: Program, path: str, name: str | None) -> Found:
    """A currency of the program; None is the first one."""
    if name is not None:
        yield from known(path, "currency", name, [c.id for c in program.currency])


def known_tier(program: Program, path: str, name: str) -> Found:
    """A tier of the program's ladder."""
    yield from known(path, "tier", name, [t.id for t in program.tiers()], "none (no ladder)")


def filled(path: str, part: Any, names: Iterable[str]) -> Found:
    """Lists that say something where they are given."""
    for name in names:
        value = getattr(part, name)
        if value is not None and not value:
            yield f"{path}.{name}", "the list is empty; leave the field out instead"


def some_product(path: str, lines: LineConditions) -> Found:
    """Line conditions that must name products."""
    yield from filled(path, lines, LINE_LISTS)
    if all(getattr(lines, name) is None for name in LINE_FIELDS):
        yield path, "names no product: give at least one of " + ", ".join(LINE_FIELDS)
