"""Figures and names as files write them, to integers and names: exactly, or not at all.

Persian and Arabic digits are digits; the marks of direction that spreadsheets leave in
right-to-left text are dropped (rulebook section 1).
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from math import isfinite
from typing import Literal

from ..facts.parts import FormError

_DIGITS = {ord(d): str(n) for row in ("۰۱۲۳۴۵۶۷۸۹", "٠١٢٣٤٥٦٧٨٩") for n, d in enumerate(row)}
_MARKS = dict.fromkeys((0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A),
                        0xFEFF))  # fmt: skip
_LETTERS = {0x064A: "ی", 0x0649: "ی", 0x0643: "ک"}
_FIGURES = {
    **_DIGITS, **_MARKS, ord("−"): "-", 0x00A0: " ", 0x202F: " ",
}  # fmt: skip
_NAMES = {**_DIGITS, **_MARKS, **_LETTERS}

MOST_DIGITS = 40
LONGEST = 1_000
"""Digits of one figure: more is no amount, and would be slow to read."""

DOUBLE_DIGITS = 15
"""Decimal digits that a double keeps, and spreadsheets show."""

Rounding = Literal["refuse", "half_up"]

_PLAIN = re.compile(r"\d+(?:\.\d*)?|\.\d+", re.A)


def ascii_digits(text: str) -> str:
    """A text with Persian and Arabic digits as ASCII, without marks of direction."""
    return text.strip() if text.isascii() else text.translate({**_DIGITS, **_MARKS}).strip()


def folded_name(text: str) -> str:
    """A name as it is compared: NFC, ي and ك as ی and ک, digits ASCII, no marks of direction.

    >>> folded_name("شير ۲")
    'شیر 2'
    """
    if text.isascii():
        return text.strip()
    return unicodedata.normalize("NFC", text).translate(_NAMES).strip()


def decimal_of(text: str, path: str, thousands: str = "", point: str = ".") -> Decimal:
    """A figure as it is written, exactly. Raises FormError.

    A minus may stand before or behind, and brackets mean minus. Thousands are in groups of
    three, or the mark is none: `1,5` with `,` for thousands is no figure.

    >>> decimal_of("(۱٬۲۵۰٫۵)", "net", thousands=",")
    Decimal('-1250.5')
    """
    figure = text.strip()
    if not figure.isascii():
        figure = figure.translate(_FIGURES).strip().replace("٫", point)
        # The Persian mark means thousands whatever the file's own is.
        thousands = "٬" if "٬" in figure else thousands
    negative = False
    if figure.startswith("(") and figure.endswith(")"):
        negative, figure = True, figure[1:-1].strip()
    elif figure.startswith("-"):
        negative, figure = True, figure[1:].lstrip()
    elif figure.endswith("-"):
        negative, figure = True, figure[:-1].rstrip()
    elif figure.startswith("+"):
        figure = figure[1:]
    if thousands and thousands in figure:
        whole, mark, rest = figure.partition(point)
        groups = whole.split(thousands)
        if not 1 <= len(groups[0]) <= 3 or any(len(group) != 3 for group in groups[1:]):
            raise FormError(f"{text!r} has thousands that are not in groups of three", path)
        figure = "".join(groups) + mark + rest
    if point != ".":
        if "." in figure:
            raise FormError(f"{text!r} is no figure", path)
        figure = figure.replace(point, ".", 1)
    if len(figure) > MOST_DIGITS or not _PLAIN.fullmatch(figure):
        raise FormError(f"{text[:60]!r} is no figure", path)
    value = Decimal(figure)
    return -value if negative else value


def decimal_of_double(value: float, path: str) -> Decimal:
    """A double as spreadsheets show it: to 15 digits. Raises FormError for one that is none.

    An amount has at most 13 digits, so that 15 tell `0.1 + 0.2` from 0.3 and a third from
    any amount: the first is 0.3 here, the second is refused where it is scaled.
    """
    if not isfinite(value):
        raise FormError(f"{value} is no figure", path)
    return Decimal(format(value, f".{DOUBLE_DIGITS}g"))


def scaled(value: Decimal, exponent: int, path: str, rounding: Rounding = "refuse") -> int:
    """value x 10^exponent as an integer. Raises FormError where it is none, unless rounded.

    >>> scaled(Decimal("12.34"), 2, "net")
    1234
    """
    sign, digits, power = value.as_tuple()
    assert isinstance(power, int)
    if len(digits) > LONGEST:
        # So many are no figure, and Python makes no integer of them.
        raise FormError("has too many digits", path)
    whole = int("".join(map(str, digits)) or "0")
    power += exponent
    if power > MOST_DIGITS:
        raise FormError(f"{value} is beyond all bounds", path)
    if power >= 0:
        whole *= 10**power
    elif power < -2 * MOST_DIGITS and whole:
        raise FormError(f"{value} is no figure", path)
    else:
        unit = 10**-power
        whole, rest = divmod(whole, unit)
        if rest:
            if rounding == "refuse":
                raise FormError(f"{value} is not exact in units of 10^{-exponent}", path)
            whole += 2 * rest >= unit
    return -whole if sign else whole
