"""Exact earn of a rule, line by line, and the roundings (rulebook section 4.2).

>>> [rounded(Fraction(5, 2), mode) for mode in ("floor", "ceil", "half_up", "half_even")]
[2, 3, 3, 2]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from ..program.rules import Earn
from .basket import spread
from .outcome import NOTHING
from .state import Basket
from .world import exactly


class Earned(NamedTuple):
    """Exact units earned, what of them belongs to each line, the basis of each line."""

    exact: Fraction
    by_line: dict[int, Fraction]
    basis: dict[int, Fraction]


def rounded(exact: Fraction, mode: str) -> int:
    """A whole number by one of the four modes."""
    whole = math.floor(exact)
    fraction = exact - whole
    half = Fraction(1, 2)
    up = {
        "floor": False,
        "ceil": fraction > 0,
        "half_up": fraction >= half,
        "half_even": fraction > half or (fraction == half and whole % 2 == 1),
    }
    return whole + up[mode]


def without_fractions(exact: Mapping[int, Fraction]) -> int:
    """The sum of lines each of which drops its fraction, of either sign."""
    return sum(math.trunc(figure) for figure in exact.values())


def at_tier(value: Decimal | Mapping[str, Decimal] | None, tier: str | None) -> Decimal | None:
    """The figure at the tier; None where a table by tier does not list it."""
    if value is None or isinstance(value, Decimal):
        return value
    return None if tier is None else value.get(tier)


def units_bought(basket: Basket, places: Sequence[int]) -> Fraction:
    """Units for "per N units"; the redeemed share is left out."""
    units = (basket.lines[place].units * basket.unredeemed(place) for place in places)
    return sum(units, NOTHING)


def exact_earn(
    basket: Basket, rule: Earn, places: Sequence[int], scale: int
) -> Earned:
    """What a rule earns on lines, by their places."""
    weights = {place: _basis(basket, rule, place) for place in places}
    total = Fraction(1) if rule.basis == "visit" else sum(weights.values(), NOTHING)
    if total <= 0:
        return Earned(NOTHING, {}, weights)
    earned = _rated(rule, total, basket.tier) * scale
    if rule.basis == "visit":
        weights = _shares_of_visit(basket, places)
    whole = sum(weights.values(), NOTHING)
    if not whole:
        return Earned(earned, {}, weights)
    by_line = {place: earned * weight / whole for place, weight in weights.items()}
    return Earned(earned, by_line, weights)


def _shares_of_visit(basket: Basket, places: Sequence[int]) -> dict[int, Fraction]:
    if not basket.is_sale:
        return {place: Fraction(1) for place in places}
    return {place: Fraction(basket.eligible(place)) for place in places}


def _basis(basket: Basket, rule: Earn, place: int) -> Fraction:
    if not basket.is_sale:
        return Fraction(basket.quantity if rule.basis == "quantity" else 0)
    if rule.basis == "tender":
        return _tendered(basket, rule, place)
    if rule.basis == "margin":
        return basket.margin(place)
    line, figure = basket.lines[place], NOTHING
    match rule.basis:
        case "net":
            figure = Fraction(line.net)
        case "gross":
            figure = line.line.gross * line.share_of_full
        case "quantity":
            figure = Fraction(line.quantity, 1000)
    return figure * basket.unredeemed(place)


def _tendered(basket: Basket, rule: Earn, place: int) -> Fraction:
    paid = sum(basket.counted.get(kind, 0) for kind in set(rule.tenders or []))
    shares = spread(paid, [line.line.net for line in basket.lines])
    sold = basket.lines[place].line.net
    return Fraction(shares[place] * basket.lines[place].net, sold) if sold else NOTHING


def _rated(rule: Earn, total: Fraction, tier: str | None) -> Fraction:
    """Points for the whole basis of a basket, by rate, blocks and bands."""
    if rule.bands is None:
        points = at_tier(rule.points, tier)
        assert points is not None
        return _at_rate(rule, total, points)
    starts = [exactly(band.start) for band in rule.bands]
    if rule.band_mode == "whole":
        reached = [band for band in rule.bands if exactly(band.start) <= total]
        return _at_rate(rule, total, reached[-1].points) if reached else NOTHING
    earned = NOTHING
    for band, start, end in zip(rule.bands, starts, [*starts[1:], total], strict=True):
        if total > start:
            earned += _at_rate(rule, min(total, end) - start, band.points)
    return earned


def _at_rate(rule: Earn, figure: Fraction, points: Decimal) -> Fraction:
    times = figure / rule.per
    return (math.floor(times) if rule.blocks else times) * exactly(points)
