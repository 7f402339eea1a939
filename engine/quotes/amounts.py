"""What a benefit takes off a basket's lines, exactly (rulebook section 8).

A discount is worked out as an exact figure, rounded to a minor unit once, and spread over the
lines in proportion to what it is taken of: by largest remainder, ties to the earlier line, never
more than a line's net. A line without a quantity has nothing off. Units are whole; a weighed line
is one. Runs of units of one price are counted, never listed: a line may have a billion.

>>> one = Product("tea")
>>> lines = [Line(0, 2_000, 1_000, 1_000, one), Line(1, 1_000, 300, 300, one)]
>>> taken_off(NForM(n=3, m=2), lines, [0, 1])
{1: 300}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from ..columns.dictionaries import Product
from ..compiling.rule_tables import line_meets
from ..program.conditions import LineConditions, Rounding
from ..program.offers import (
    AmountOff,
    Benefit,
    Bundle,
    BuyGet,
    FreeDelivery,
    FreeItem,
    NForM,
    NForPrice,
    Percent,
    SpendBands,
    VolumeBands,
)
from .sets import Sets, Units, in_sets

Off = dict[int, int]
"""Minor units off, by the line's place; lines with nothing off are left out."""

_HUNDRED = 100
_ROUND: dict[Rounding, Callable[[Fraction], int]] = {
    "floor": math.floor,
    "ceil": math.ceil,
    "half_up": lambda exact: math.floor(exact + Fraction(1, 2)),
    "half_even": round,
}


@dataclass(slots=True)
class Line:
    """A line of a basket: `net` is what offers before have left of it, in minor units.

    `quantity` is in thousandths; `gross` what was rung up for it before discounts. An excluded
    line is for free delivery only.
    """

    place: int
    quantity: int
    net: int
    gross: Fraction | int
    product: Product
    excluded: bool = False

    @property
    def units(self) -> int:
        """Whole units; a weighed line is one."""
        if self.product.weighed:
            return int(self.quantity > 0 or self.net > 0)
        return self.quantity // 1000

    def price(self, units: int) -> Fraction:
        """What some of its units cost together."""
        if self.product.weighed:
            return Fraction(self.net * units)
        return Fraction(self.net * units * 1000, self.quantity)


def taken_off(benefit: Benefit, lines: Sequence[Line], mine: Sequence[int]) -> Off:
    """What a benefit takes off; `mine` are the places of the offer's lines."""
    # What was rung up without a quantity is no goods: at an amount of 0 it would be void.
    lines = [line if line.quantity else replace(line, net=0) for line in lines]
    own = [lines[place] for place in mine]
    match benefit:
        case Percent() | AmountOff() | SpendBands() | VolumeBands():
            return _of_amounts(benefit, _on(benefit, lines, own))
        case NForPrice(n=n, price=price, times=times):
            return _sets(in_sets(_units(own), [(_dearest(own), n)], times), price, lines)
        case Bundle(part=parts, price=price, times=times):
            wants = [(_dearest(_such(lines, part.when)), part.quantity) for part in parts]
            return _sets(in_sets(_units(lines), wants, times), price, lines)
        case FreeDelivery(of=LineConditions() as of):
            return {x.place: x.net for x in lines if x.net and line_meets(of, x.product)}
        case BuyGet(percent=percent, round=mode):
            return _part(_cost(lines, _got(benefit, lines, mine)), percent, mode)
    return _part(_cost(lines, _free(benefit, lines, own)))


def _free(benefit: Benefit, lines: Sequence[Line], own: Sequence[Line]) -> Units:
    """Units that a benefit gives for nothing."""
    match benefit:
        case NForM(n=n, m=m):
            return _of_sets(own, n, n - m, benefit)
        case FreeItem(sku=sku, quantity=quantity):
            such = [x for x in lines if x.product.sku == sku and not x.excluded]
            return _first(_cheapest(such), quantity, _units(such))
    return {}


def _on(benefit: Benefit, lines: Sequence[Line], own: Sequence[Line]) -> Sequence[Line]:
    """The lines that an amount is off: the offer's own, or others that it names."""
    match benefit:
        case Percent(of=LineConditions() as of) | AmountOff(of=LineConditions() as of):
            return _such(lines, of)
    return own


def _of_amounts(
    benefit: Percent | AmountOff | SpendBands | VolumeBands, own: Sequence[Line]
) -> Off:
    match benefit:
        case Percent(percent=percent, units=None, round=mode):
            return _part(_nets(own), percent, mode)
        case Percent(percent=percent, round=mode):
            return _part(_cost(own, _some(benefit, own)), percent, mode)
        case AmountOff(amount=amount, per_unit=per_unit):
            return _each(own, amount, _some(benefit, own)) if per_unit else _amount(own, amount)
    return _of_bands(benefit, own)


def _of_bands(benefit: SpendBands | VolumeBands, own: Sequence[Line]) -> Off:
    """What the highest band that is reached takes off."""
    by_units = isinstance(benefit, VolumeBands)
    figure = sum(line.units if by_units else Fraction(line.gross) for line in own)
    reached = [band for band in benefit.bands if band.start <= figure]
    if not reached:
        return {}
    band = reached[-1]
    if band.percent is not None:
        return _part(_nets(own), band.percent, benefit.round)
    assert band.amount is not None
    return _each(own, band.amount, _units(own)) if by_units else _amount(own, band.amount)


def _such(lines: Sequence[Line], when: LineConditions) -> list[Line]:
    return [line for line in lines if not line.excluded and line_meets(when, line.product)]


# -- units ---------------------------------------------------------------------------------------


def _dearest(lines: Sequence[Line]) -> list[int]:
    """Places of the lines with units, the dearest unit first, ties to the earlier line."""
    there = [line for line in lines if line.units]
    return [line.place for line in sorted(there, key=lambda x: (-x.price(1), x.place))]


def _cheapest(lines: Sequence[Line]) -> list[int]:
    """Places of the lines with units, the cheapest unit first, ties to the earlier line."""
    there = [line for line in lines if line.units]
    return [line.place for line in sorted(there, key=lambda x: (x.price(1), x.place))]


def _first(order: Sequence[int], units: int, there: Mapping[int, int]) -> Units:
    """So many units of those that are there, in the order of their lines."""
    found = {}
    for place in order:
        taken = min(units, there[place])
        if not taken:
            break
        found[place] = taken
        units -= taken
    return found


def _units(lines: Sequence[Line]) -> Units:
    return {line.place: line.units for line in lines if line.units}


def _some(benefit: Percent | AmountOff, own: Sequence[Line]) -> Units:
    """The units that a benefit is of: all, or the cheapest or dearest, or some of each line."""
    there = _units(own)
    if benefit.units is None:
        return there
    if benefit.which == "each_line":
        return {place: min(benefit.units, units) for place, units in there.items()}
    order = _dearest(own) if benefit.which == "dearest" else _cheapest(own)
    return _first(order, benefit.units, there)


def _got(benefit: BuyGet, lines: Sequence[Line], mine: Sequence[int]) -> Units:
    """What is got with what is bought."""
    own = [lines[place] for place in mine]
    if benefit.of is None:
        return _of_sets(own, benefit.buy + benefit.get, benefit.get, benefit)
    # A line that is bought is not got as well.
    others = [line for line in _such(lines, benefit.of) if line.place not in set(mine)]
    sets = _at_most(sum(line.units for line in own) // benefit.buy, benefit.times)
    return _first(_cheapest(others), sets * benefit.get, _units(others))


def _of_sets(own: Sequence[Line], n: int, cheaper: int, benefit: NForM | BuyGet) -> Units:
    """Of every n units the cheaper ones: the cheapest of all, or the cheapest of each set."""
    there = _units(own)
    if not benefit.each_set:
        sets = _at_most(sum(there.values()) // n, benefit.times)
        return _first(_cheapest(own), sets * cheaper, there)
    found: Units = {}
    cheapest = _cheapest(own)
    for times, one in in_sets(there, [(_dearest(own), n)], benefit.times):
        order = [place for place in cheapest if place in one]
        for place, units in _first(order, cheaper, one).items():
            found[place] = found.get(place, 0) + times * units
    return found


def _at_most(sets: int, times: int | None) -> int:
    return sets if times is None else min(sets, times)


def _sets(sets: Sets, price: int, lines: Sequence[Line]) -> Off:
    """Sets for a price: what they cost beyond it is off; one that costs no more stays."""
    exact, weights = Fraction(0), dict[int, Fraction]()
    for times, one in sets:
        costs = _cost(lines, one)
        off = sum(costs.values()) - price
        if off <= 0:
            continue
        exact += times * off
        for place, cost in costs.items():
            weights[place] = weights.get(place, Fraction(0)) + times * cost
    return _spread(int(exact), weights)


# -- amounts ---------------------------------------------------------------------------------------

Costs = dict[int, Fraction]
"""Exact amounts by the line's place."""


def _nets(lines: Sequence[Line]) -> Costs:
    return {line.place: Fraction(line.net) for line in lines}


def _cost(lines: Sequence[Line], units: Units) -> Costs:
    """What units cost."""
    return {line.place: line.price(units[line.place]) for line in lines if line.place in units}


def _amount(lines: Sequence[Line], amount: int) -> Off:
    """An amount off lines together."""
    return _spread(min(amount, sum(line.net for line in lines)), _nets(lines))


def _each(lines: Sequence[Line], amount: int, units: Units) -> Off:
    """An amount off each of some units, at most what they cost; of each line floored."""
    found = {
        place: int(min(cost, Fraction(amount * units[place])))
        for place, cost in _cost(lines, units).items()
    }
    return {place: off for place, off in found.items() if off}


def _part(costs: Costs, percent: Decimal = Decimal(_HUNDRED), mode: Rounding = "floor") -> Off:
    """A percentage of what is got cheaper, rounded in all."""
    share = Fraction(percent) / _HUNDRED
    return _spread(_ROUND[mode](sum(costs.values(), Fraction(0)) * share), costs)


def _spread(amount: int, weights: Mapping[int, Fraction]) -> Off:
    """An amount over weights, at most their sum rounded up: largest remainder, ties to the
    earlier."""
    total = sum(weights.values(), Fraction(0))
    if amount <= 0 or not total:
        return {}
    # Scaled beyond the weights, a line that is free already could get a unit more than its net.
    share = min(Fraction(1), amount / total)
    exact = {place: weight * share for place, weight in sorted(weights.items())}
    off = {place: int(figure) for place, figure in exact.items()}
    rest = amount - sum(off.values())
    for place in sorted(exact, key=lambda place: (off[place] - exact[place], place))[:rest]:
        off[place] += 1
    return {place: figure for place, figure in off.items() if figure}


def cut(off: Off, most: int) -> Off:
    """A discount cut to what a limit leaves, in the same proportion."""
    if sum(off.values()) <= most:
        return off
    return _spread(most, {place: Fraction(figure) for place, figure in off.items()})
