"""Numbers, money and dates as people of a language write them.

Persian has its own digits and separators; dates are of the program's calendar, so a Jalali
program speaks of Azar in both languages.

>>> Voice("fa").number(1250000)
'۱٬۲۵۰٬۰۰۰'
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from fractions import Fraction

from ..program.program import Program
from ..reference.calendar import JALALI

LANGUAGES = ("en", "fa")

_DIGITS = str.maketrans("0123456789,.", "۰۱۲۳۴۵۶۷۸۹٬٫")
_GREGORIAN = {
    "en": ("January", "February", "March", "April", "May", "June", "July", "August",
           "September", "October", "November", "December"),
    "fa": ("ژانویه", "فوریه", "مارس", "آوریل", "مه", "ژوئن", "ژوئیه", "اوت", "سپتامبر",
           "اکتبر", "نوامبر", "دسامبر"),
}  # fmt: skip
_JALALI = {
    "en": ("Farvardin", "Ordibehesht", "Khordad", "Tir", "Mordad", "Shahrivar", "Mehr", "Aban",
           "Azar", "Dey", "Bahman", "Esfand"),
    "fa": ("فروردین", "اردیبهشت", "خرداد", "تیر", "مرداد", "شهریور", "مهر", "آبان", "آذر",
           "دی", "بهمن", "اسفند"),
}  # fmt: skip
_MONEY = {"IRR": ("rials", "ریال"), "USD": ("USD", "دلار"), "EUR": ("EUR", "یورو")}
_OR = {"en": " or ", "fa": " یا "}
MOST_DECIMALS = 6


class Voice:
    """Writes figures of a program in a language, en or fa."""

    def __init__(self, lang: str, program: Program | None = None) -> None:
        self.lang = lang
        self._program = program
        self._scales = {c.id: c.scale for c in program.currency} if program is not None else {}

    @property
    def place(self) -> int:
        """Place of the language among those of a table."""
        return LANGUAGES.index(self.lang)

    def digits(self, text: str) -> str:
        """A text of digits in the language's own."""
        return text.translate(_DIGITS) if self.lang == "fa" else text

    def number(self, value: int) -> str:
        """A whole number with separators."""
        return self.digits(f"{value:,}")

    def exact(self, value: Fraction) -> str:
        """An exact figure: as a decimal where a short one says it, else as a fraction."""
        if value.denominator == 1:
            return self.number(value.numerator)
        scaled = value * 10**MOST_DECIMALS
        if scaled.denominator == 1:
            text = f"{Decimal(scaled.numerator).scaleb(-MOST_DECIMALS):,f}".rstrip("0")
            return self.digits(text)
        return self.digits(f"{value.numerator}/{value.denominator}")

    def points(self, units: int | Fraction, currency: str) -> str:
        """Points of a currency, from its units."""
        return self.exact(Fraction(units) / 10 ** self._scales.get(currency, 0))

    def money(self, minor: int | Fraction) -> str:
        """An amount with its unit."""
        assert self._program is not None
        unit = self._program.unit
        name = _MONEY.get(unit.code, (unit.code, unit.code))[self.place]
        amount = Fraction(minor) / 10**unit.exponent
        if amount.denominator == 1 or not unit.exponent:
            return f"{self.exact(amount)} {name}"
        if (amount * 10**unit.exponent).denominator != 1:
            return f"{self.exact(amount)} {name}"
        text = f"{Decimal((amount * 10**unit.exponent).numerator).scaleb(-unit.exponent):,f}"
        return f"{self.digits(text)} {name}"

    def date(self, day: dt.date) -> str:
        """A date of the program's calendar."""
        jalali = self._program is not None and self._program.calendar == "jalali"
        if jalali:
            found = JALALI(day)
            year, month, number = found.year, found.month, found.day
        else:
            year, month, number = day.year, day.month, day.day
        name = (_JALALI if jalali else _GREGORIAN)[self.lang][month - 1]
        return self.digits(f"{number} {name} {year}")

    def some(self, values: list[str]) -> str:
        """Values of which one serves."""
        return _OR[self.lang].join(values)

    def listed(self, values: list[str]) -> str:
        """Values one after the other."""
        return ("، " if self.lang == "fa" else ", ").join(values)

    def name(self, text: str) -> str:
        """A name of the program or of the wire: it reads the same in both languages."""
        return f"«{text}»"
