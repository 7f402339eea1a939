"""Codes of goods: what of an in-store code names the product, and which codes are no goods."""

from __future__ import annotations

from collections.abc import Callable

from .figures import folded_name
from .settings import Settings


def sku_of(settings: Settings) -> Callable[[str], str]:
    """What makes a sku of a code: the name folded, of an in-store code its first digits.

    A scale prints codes that carry a price or a weight (prefixes 02, 20 to 29): left whole,
    every portion of cheese would be a product of its own.
    """
    if not settings.in_store:
        return folded_name
    rules = [(rule.prefix, rule.keep) for rule in settings.in_store]

    def sku(written: str) -> str:
        code = folded_name(written)
        if len(code) == 13 and code.isdecimal():
            for prefix, keep in rules:
                if code.startswith(prefix) and check_digit(code[:-1]) == code[-1]:
                    return code[:keep]
        return code

    return sku


def goods_of(settings: Settings) -> Callable[[str], bool]:
    """What tells whether a sku is of goods: not one of `not_goods`."""
    sku = sku_of(settings)
    not_goods = frozenset(map(sku, settings.not_goods))
    return lambda code: code not in not_goods


def check_digit(digits: str) -> str:
    """The GS1 check digit after so many digits.

    >>> check_digit("629104150021")
    '3'
    """
    total = sum(
        int(digit) * (1 if place % 2 else 3) for place, digit in enumerate(reversed(digits))
    )
    return str(-total % 10)
