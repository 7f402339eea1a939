"""Amounts and quantities at which a program's figures change (rulebook sections 4 and 6):
bands, blocks, least amounts, limits, caps, thresholds of tiers, edges of rounding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from math import ceil

from ..program.program import Program
from ..program.rules import Bonus, Earn, Rule
from .limits import figures_of

MOST_AMOUNTS = 32
MOST_QUANTITIES = 8
MOST_NET = 10**10
MOST_QUANTITY = 10**7


def amounts_of(program: Program, rules: Iterable[Rule]) -> list[int]:
    """Rising nets of a line, on and beside every edge; few enough to be tried all."""
    edges: set[int] = {1, 100}
    for rule in rules:
        edges |= set(_amounts(program, rule))
    for tier in program.tiers():
        edges |= {tier.at_least.spend or 0}
    return _thinned({near for edge in edges for near in (edge - 1, edge, edge + 1, 2 * edge)},
                    MOST_NET, MOST_AMOUNTS)  # fmt: skip


def _amounts(program: Program, rule: Rule) -> Iterator[int]:
    for part in (rule.when, rule.when.negated):
        yield from (part.min_amount or 0, part.min_basket or 0)
    if not isinstance(rule, Earn) or rule.basis in ("quantity", "visit"):
        return
    yield rule.per
    yield from (int(band.start) for band in rule.bands or ())
    caps = figures_of(program.currency[program.currency_of(rule)].caps)
    wanted = [Decimal("0.5"), Decimal(1), Decimal("1.5"), *caps.values(),
              *figures_of(rule.limits).values()]  # fmt: skip
    for rate in rates(rule):
        yield from (ceil(figure * rule.per / rate) for figure in wanted)


def rates(rule: Earn) -> list[Decimal]:
    """Points for every `per`, above zero."""
    if isinstance(rule.points, Decimal):
        found = [rule.points]
    elif rule.points is not None:
        found = list(rule.points.values())
    else:
        found = [band.points for band in rule.bands or ()]
    return sorted({rate for rate in found if rate > 0})


def quantities_of(rules: Iterable[Rule]) -> list[int]:
    """Rising quantities of a line in thousandths, on and beside every edge."""
    edges: set[int] = {1_000}
    for rule in rules:
        for part in (rule.when, rule.when.negated):
            edges.add(int((part.min_quantity or 0) * 1_000))
        if isinstance(rule, Earn) and rule.basis == "quantity":
            edges.add(rule.per * 1_000)
            edges |= {int(band.start * 1_000) for band in rule.bands or ()}
        if isinstance(rule, Bonus) and rule.per_units is not None:
            edges.add(int(rule.per_units * 1_000))
    near = {at for edge in edges for at in (edge - 1_000, edge, edge + 1_000)}
    return _thinned(near, MOST_QUANTITY, MOST_QUANTITIES)


def _thinned(figures: set[int], most: int, count: int) -> list[int]:
    """The figures from 1 to `most`, evenly chosen where they are too many."""
    rising = sorted(figure for figure in figures if 1 <= figure <= most)
    if len(rising) <= count:
        return rising
    step = (len(rising) - 1) / (count - 1)
    return [rising[round(place * step)] for place in range(count)]
