"""What a benefit takes off a basket's lines, exactly (rulebook section 8).

A discount is worked out as an exact figure, floored to a minor unit once, and spread over the
lines in proportion to what it is taken of: by largest remainder, ties to the earlier line, never
more than a line's net. A line without a quantity has nothing off. Units are whole; a weighed line
is one. Runs of units of one price are counted, never listed: a line may have a billion.

>>> one = Product("tea")
>>> lines = [Line(0, 2_000, 1_000, 1_000, one), Line(1, 1_000, 300, 300, one)]
>>> taken_off(NForM(n=3, m=2), lines, [0, 1])
{1: 300}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

from ..columns.dictionaries import Product
from ..compiling.rule_tables import line_meets
from ..program.conditions import LineConditions
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

Off = dict[int, int]
"""Minor units off, by the line's place; lines with nothing off are left out."""

_HUNDRED = 100


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
            return _of_amounts(benefit, own)
        case NForPrice(n=n, price=price):
            return _sets(_in_sets(own, [(_dearest(own), n)]), price, lines)
        case Bundle(part=parts, price=price):
            wants = [(_dearest(_such(lines, part.when)), part.quantity) for part in parts]
            return _sets(_in_sets(lines, wants), price, lines)
        case FreeDelivery(of=LineConditions() as of):
            return {x.place: x.net for x in lines if x.net and line_meets(of, x.product)}
    share = Fraction(benefit.percent) / _HUNDRED if isinstance(benefit, BuyGet) else Fraction(1)
    return _floored(_free(benefit, lines, mine), share)


def _free(benefit: Benefit, lines: Sequence[Line], mine: Sequence[int]) -> dict[int, Fraction]:
    """What the units cost that a benefit gives for nothing, or for less."""
    own = [lines[place] for place in mine]
    match benefit:
        case NForM(n=n, m=m):
            return _cheapest(own, sum(line.units for line in own) // n * (n - m))
        case BuyGet():
            return _bought(benefit, lines, mine)
        case FreeItem(sku=sku, quantity=quantity):
            such = [x for x in lines if x.product.sku == sku and not x.excluded]
            return _cheapest(such, quantity)
    return {}


def _of_amounts(
    benefit: Percent | AmountOff | SpendBands | VolumeBands, own: Sequence[Line]
) -> Off:
    match benefit:
        case Percent(percent=percent):
            return _off(own, percent, None)
        case AmountOff(amount=amount, per_unit=per_unit):
            return _off(own, None, amount, per_unit=per_unit)
        case SpendBands(bands=bands):
            figure = sum((Fraction(line.gross) for line in own), Fraction(0))
        case VolumeBands(bands=bands):
            figure = Fraction(sum(line.units for line in own))
    reached = [band for band in bands if band.start <= figure]
    if not reached:
        return {}
    per_unit = isinstance(benefit, VolumeBands)
    return _off(own, reached[-1].percent, reached[-1].amount, per_unit=per_unit)


def _off(
    lines: Sequence[Line], percent: Decimal | None, amount: int | None, *, per_unit: bool = False
) -> Off:
    """A percentage of all lines, or an amount off them together, or off each unit."""
    nets = {line.place: Fraction(line.net) for line in lines}
    if percent is not None:
        return _floored(nets, Fraction(percent) / _HUNDRED)
    assert amount is not None
    return _each(lines, amount) if per_unit else _spread(amount, nets)


def _such(lines: Sequence[Line], when: LineConditions) -> list[Line]:
    return [line for line in lines if not line.excluded and line_meets(when, line.product)]


def _each(lines: Sequence[Line], amount: int) -> Off:
    """An amount off every unit, of a line at most what it costs."""
    found = {line.place: min(line.net, amount * line.units) for line in lines}
    return {place: off for place, off in found.items() if off}


# -- units ---------------------------------------------------------------------------------------


def _dearest(lines: Sequence[Line]) -> list[int]:
    """Places of the lines with units, the dearest unit first, ties to the earlier line."""
    there = [line for line in lines if line.units]
    return [line.place for line in sorted(there, key=lambda x: (-x.price(1), x.place))]


def _cheapest(lines: Sequence[Line], units: int) -> dict[int, Fraction]:
    """What the cheapest units cost, by line; ties to the earlier line."""
    found = {}
    there = [line for line in lines if line.units]
    for line in sorted(there, key=lambda x: (x.price(1), x.place)):
        taken = min(units, line.units)
        if not taken:
            break
        found[line.place] = line.price(taken)
        units -= taken
    return found


def _bought(benefit: BuyGet, lines: Sequence[Line], mine: Sequence[int]) -> dict[int, Fraction]:
    """What is got with what is bought, at its price."""
    own = [lines[place] for place in mine]
    units = sum(line.units for line in own)
    if benefit.of is None:
        return _cheapest(own, units // (benefit.buy + benefit.get) * benefit.get)
    # A line that is bought is not got as well.
    others = [line for line in _such(lines, benefit.of) if line.place not in set(mine)]
    return _cheapest(others, units // benefit.buy * benefit.get)


Sets = Iterator[tuple[int, dict[int, int]]]
"""(how many sets, units of each by line)."""


def _in_sets(lines: Sequence[Line], wants: Sequence[tuple[list[int], int]]) -> Sets:
    """Sets of units, each want a number of units from its pool, the first that are left."""
    left = {line.place: line.units for line in lines}
    while True:
        one: dict[int, int] = {}
        for pool, quantity in wants:
            missing = quantity
            for place in pool:
                taken = min(missing, left[place] - one.get(place, 0))
                if taken > 0:
                    one[place] = one.get(place, 0) + taken
                    missing -= taken
            if missing:
                return
        times = min(left[place] // units for place, units in one.items())
        for place, units in one.items():
            left[place] -= times * units
        yield times, one


def _sets(sets: Sets, price: int, lines: Sequence[Line]) -> Off:
    """Sets for a price: what they cost beyond it is off; one that costs no more stays."""
    exact, weights = Fraction(0), dict[int, Fraction]()
    for times, one in sets:
        costs = {place: lines[place].price(units) for place, units in one.items()}
        off = sum(costs.values()) - price
        if off <= 0:
            continue
        exact += times * off
        for place, cost in costs.items():
            weights[place] = weights.get(place, Fraction(0)) + times * cost
    return _spread(int(exact), weights)


# -- whole minor units -----------------------------------------------------------------------------


def _floored(weights: Mapping[int, Fraction], share: Fraction = Fraction(1)) -> Off:
    """A share of amounts, floored in all."""
    return _spread(int(sum(weights.values()) * share), weights)


def _spread(amount: int, weights: Mapping[int, Fraction]) -> Off:
    """An amount over weights, at most what they sum to: largest remainder, ties to the earlier."""
    total = sum(weights.values())
    amount = min(amount, int(total))
    if amount <= 0:
        return {}
    exact = {place: amount * weight / total for place, weight in sorted(weights.items())}
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
