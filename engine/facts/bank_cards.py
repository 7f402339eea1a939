"""Numbers of bank cards, which no fact may hold: the journal is for ever.

A number counts as one when it has a network's or an Iranian bank's first digits, its length, and a
right check digit (Luhn). Numbers of the shop's own cards seldom have all three; ids of receipts and
products are not looked at, since some of them would.
"""

from __future__ import annotations

import re

_IRAN = (
    "502229|502806|502908|502910|502938|504172|504706|505416|505785|505801|505809|507677|581874"
    "|585947|585949|585983|589210|589463|603769|603770|603799|606256|606373|610433|621986|622106"
    "|627353|627381|627412|627488|627648|627760|627884|627961|628023|628157|636214|636795|636797"
    "|636949|639194|639217|639346|639347|639370|639599|639607|991975"
)
BANK_CARD = (
    r"^(?:4[0-9]{15}"
    r"|5[1-5][0-9]{14}|2(?:22[1-9]|2[3-9][0-9]|[3-6][0-9]{2}|7[01][0-9]|720)[0-9]{12}"
    r"|220[0-4][0-9]{12}"
    r"|3[47][0-9]{13}"
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12}"
    r"|6(?:011|5[0-9]{2}|4[4-9][0-9])[0-9]{12}"
    r"|62[0-9]{14}"
    rf"|(?:{_IRAN})[0-9]{{10}})$"
)
"""First digits and lengths, in order: Visa, Mastercard, Mir, American Express, JCB, Discover,
UnionPay, banks of Iran."""

BETWEEN = " ._/\\-\u00a0\u2000-\u200a\u2010-\u2015\u202f"
"""What stands between groups of digits, as a class of letters."""

LEAST_DIGITS = 15

_SHAPE = re.compile(BANK_CARD)
_BETWEEN = re.compile(f"[{BETWEEN}]")
_RUN = re.compile(f"[0-9](?:[{BETWEEN}]?[0-9]){{14,}}")
_DIGITS = {
    zero + figure: str(figure) for zero in (0x0660, 0x06F0, 0xFF10) for figure in range(10)
}
"""Arabic, Persian and full-width digits."""


def is_bank_card(text: str) -> bool:
    """Whether a text is the number of a bank card, written in a row or in groups, in any digits.

    >>> is_bank_card("4111 1111 1111 1111"), is_bank_card("4111111111111112")
    (True, False)
    >>> is_bank_card("۴۱۱۱.۱۱۱۱.۱۱۱۱.۱۱۱۱")
    True
    """
    if len(text) < LEAST_DIGITS or not text[0].isdigit():
        return False
    digits = _BETWEEN.sub("", text.translate(_DIGITS))
    return _SHAPE.match(digits) is not None and is_luhn(digits)


def holds_bank_card(text: str) -> bool:
    """Whether the number of a bank card stands anywhere in a text.

    >>> holds_bank_card("paid with 4111-1111-1111-1111, twice")
    True
    """
    if len(text) < LEAST_DIGITS:
        return False
    return any(map(is_bank_card, _RUN.findall(text.translate(_DIGITS))))


def is_luhn(digits: str) -> bool:
    """Whether the last of some digits is the check digit of the others."""
    figures = [int(digit) for digit in reversed(digits)]
    doubled = [figure * 2 - 9 * (figure > 4) for figure in figures[1::2]]
    return (sum(figures[::2]) + sum(doubled)) % 10 == 0
