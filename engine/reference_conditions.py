"""Conditions of the plain-Python reference (rulebook section 3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .program import (
    WEEKDAYS,
    Conditions,
    Dates,
    Hours,
    LineConditions,
    NotConditions,
    Program,
)
from .reference_sale import Line, Product, Sale, is_void

UNKNOWN = Product()


@dataclass(frozen=True)
class Basket:
    """A sale with what conditions look at: eligible lines, date, clock, tier before it."""

    program: Program
    products: Mapping[str, Product]
    sale: Sale
    lines: Sequence[Line]
    date: dt.date
    clock: dt.time
    tier: str | None

    def matching(self, when: Conditions) -> list[int]:
        """Places of the eligible lines that match; empty if the basket does not."""
        if not self._basket_meets(when):
            return []
        places = [place for place, line in enumerate(self.lines) if self._line_meets(line, when)]
        net = sum(self.lines[place].net for place in places)
        thousandths = sum(self.lines[place].quantity for place in places)
        if when.min_amount is not None and net < when.min_amount:
            return []
        if when.min_quantity is not None and thousandths < when.min_quantity * 1000:
            return []
        return places

    def _line_meets(self, line: Line, when: Conditions) -> bool:
        product = self.products.get(line.sku, UNKNOWN)
        wanted = line_answers(line, product, when)
        unwanted = line_answers(line, product, when.negated)
        return all(wanted) and not any(unwanted)

    def _basket_meets(self, when: Conditions) -> bool:
        if when.tier_at_least is not None and not self._tier_at_least(when.tier_at_least):
            return False
        return all(self._answers(when)) and not any(self._answers(when.negated))

    def _tier_at_least(self, least: str) -> bool:
        names = [tier.id for tier in self.program.tiers()]
        return self.tier is not None and names.index(self.tier) >= names.index(least)

    def _answers(self, when: NotConditions) -> list[bool]:
        answers = []
        if when.store is not None:
            answers.append(self.sale.store in when.store)
        if when.terminal is not None:
            answers.append(self.sale.terminal in when.terminal)
        if when.tender is not None:
            answers.append(any(kind in when.tender for kind, _ in self.sale.tenders))
        if when.weekday is not None:
            answers.append(WEEKDAYS[self.date.weekday()] in when.weekday)
        if when.date is not None:
            answers.append(_within(when.date, self.date))
        if when.time is not None:
            answers.append(_during(when.time, self.clock))
        if when.tier is not None:
            answers.append(self.tier is not None and self.tier in when.tier)
        return answers


def eligible_lines(
    program: Program, products: Mapping[str, Product], lines: Sequence[Line]
) -> list[Line]:
    """Lines that rules may see: neither void nor excluded."""
    return [
        line
        for line in lines
        if not is_void(line)
        and not any(
            all(line_answers(line, products.get(line.sku, UNKNOWN), excluded))
            for excluded in program.exclude
        )
    ]


def line_answers(line: Line, product: Product, when: LineConditions) -> list[bool]:
    """The truth of each given line condition."""
    answers = []
    if when.sku is not None:
        answers.append(line.sku in when.sku)
    if when.brand is not None:
        answers.append(product.brand in when.brand)
    if when.department is not None:
        answers.append(product.department in when.department)
    if when.supplier is not None:
        answers.append(product.supplier in when.supplier)
    if when.category is not None:
        answers.append(any(_under(product.category, node) for node in when.category))
    return answers


def _under(category: str | None, node: str) -> bool:
    return category is not None and (category == node or category.startswith(node + "/"))


def _within(dates: Dates, day: dt.date) -> bool:
    if dates.first is not None and day < dates.first:
        return False
    return dates.last is None or day <= dates.last


def _during(hours: Hours, clock: dt.time) -> bool:
    if hours.start < hours.end:
        return hours.start <= clock < hours.end
    return clock >= hours.start or clock < hours.end
