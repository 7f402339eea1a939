"""Cells of tables as names, figures and instants, whatever type the file gives them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ..facts.parts import FormError
from .figures import decimal_of, decimal_of_double, folded_name, scaled
from .instants import InstantOf, instant_text

_MIDNIGHT = dt.time()

WHOLE = float(1 << 53)
"""Doubles below it that are whole are exact, and shown with all their digits."""

SHORT = 18
"""Texts of fewer digits are figures without a look at their marks."""


def cell_text(cell: Any) -> str:
    """A cell as a name: whole figures without a point, nothing as the empty text."""
    if isinstance(cell, str):
        return folded_name(cell)
    match cell:
        case None:
            text = ""
        case bool():
            text = "true" if cell else "false"
        case float() if cell.is_integer() and abs(cell) < WHOLE:
            text = str(int(cell))
        case Decimal():
            text = f"{cell.normalize():f}"
        case dt.datetime() | dt.date() | dt.time():
            text = cell.isoformat()
        case _:
            text = str(cell)
    return text


def cell_name(cell: Any, path: str) -> str:
    """A cell as a name that must not be another's. Raises FormError for a figure that is not exact.

    A double keeps 15 to 16 digits: a longer code that was taken for a figure has lost the rest.
    """
    if isinstance(cell, bool) or (
        isinstance(cell, float) and not (cell.is_integer() and abs(cell) < WHOLE)
    ):
        raise FormError(f"{cell} is no name; make the column one of texts", path)
    return cell_text(cell)


def cell_decimal(cell: Any, path: str, thousands: str, point: str) -> Decimal | None:
    """A cell as a figure, exactly; None for nothing. Raises FormError."""
    if isinstance(cell, str):
        if cell.isdecimal() and len(cell) < SHORT:
            return Decimal(int(cell))
        return decimal_of(cell, path, thousands, point) if cell.strip() else None
    match cell:
        case None:
            return None
        case Decimal() if cell.is_finite():
            return cell
        case int() if not isinstance(cell, bool):
            return Decimal(cell)
        case float():
            return decimal_of_double(cell, path)
    raise FormError(f"{cell} is no figure", path)


def scaled_cell(
    cell: Any, exponent: int, path: str, thousands: str, point: str
) -> int | None:
    """A cell x 10^exponent as an integer, exactly; None for nothing. Raises FormError.

    As `cell_decimal` and `figures.scaled`, with a short way for plain figures.
    """
    if isinstance(cell, str) and exponent >= 0 and len(cell) < SHORT:
        whole, mark, rest = cell.partition(point)
        if whole.isdecimal():
            if not mark:
                return int(whole) * 10**exponent
            if rest.isdecimal() and len(rest) <= exponent:
                return int(whole + rest) * 10 ** (exponent - len(rest))
    value = cell_decimal(cell, path, thousands, point)
    return None if value is None else scaled(value, exponent, path)


def moment_of(of_text: InstantOf, zone: ZoneInfo) -> Callable[[list[Any]], str]:
    """What reads an instant from the cells of one or two columns.

    Cells that are dates by their type are Gregorian, whatever calendar texts are in.
    """

    def moment(cells: list[Any]) -> str:
        first = cells[0]
        if not isinstance(first, dt.date):
            texts = [cell if isinstance(cell, str) else cell_text(cell) for cell in cells]
            return of_text(" ".join(texts))
        if isinstance(first, dt.datetime):
            day, clock = first.date(), first.timetz()
        else:
            day, clock = first, _MIDNIGHT
        if len(cells) > 1:
            clock = _clock(cells[1])
        found = dt.datetime.combine(day, clock)
        return instant_text(found if found.tzinfo else found.replace(tzinfo=zone))

    return moment


def _clock(cell: Any) -> dt.time:
    match cell:
        case dt.datetime():
            return cell.timetz()
        case dt.time():
            return cell
        case dt.timedelta() if dt.timedelta(0) <= cell < dt.timedelta(days=1):
            return (dt.datetime.min + cell).time()
        case str():
            try:
                return dt.time.fromisoformat(folded_name(cell))
            except ValueError:
                pass
    raise FormError(f"{str(cell)[:60]!r} is no time of day", "occurred_at")
