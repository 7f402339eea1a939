"""One version of a program over the ledger's layout: where it finds what it names.

The rules of a version are numbered in (priority, file) order; that number is the rule's bit.
Counters, currencies and other slots are those of the ledger's layout.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from ..calendars.calendars import day_of, week_begins
from ..program.program import Program
from ..program.rules import Offer
from .layout import ACTIVITY, COUNTS, Layout, lines_key
from .words import RuleWords

Dates = Mapping[str, Sequence[dt.date]]

NEAR_BIRTH, NEAR_JOINING = -1, -2
"""What the kernel calls dates that every member may have."""


class PlacedProgram(RuleWords):
    """The words of the values that a version's rules look at, and its slots in the layout."""

    def __init__(self, program: Program, layout: Layout, holidays: Dates) -> None:
        super().__init__(program, {
            name: {day_of(date) for date in dates} for name, dates in holidays.items()
        })  # fmt: skip
        self.layout = layout
        self.offer_places = {
            rule.id: place for place, rule in enumerate(self.rules) if isinstance(rule, Offer)
        }
        self.numbers = [layout.currencies.index(c.id) for c in program.currency]
        self.rungs = [layout.tiers.index(tier.id) for tier in program.tiers()]

    def currency_number(self, name: str | None) -> int:
        """Number of a currency of this version in the layout."""
        return self.numbers[self.program.currency_at(name)]

    def date_slot(self, name: str) -> int:
        """What the kernel calls the date whose anniversaries are meant."""
        if name == "birthday":
            return NEAR_BIRTH
        if name == "joining":
            return NEAR_JOINING
        return self.layout.slot("anniversary", name, size=2)

    def counted(self, name: str) -> tuple[int, Hashable, int]:
        """(kind, subject, units in one) of a counter of the program."""
        rule = next(counter for counter in self.program.counter if counter.id == name)
        if rule.count == "activity":
            return ACTIVITY, tuple(sorted(rule.activity or ())), 1
        return COUNTS[rule.count], lines_key(rule.when), 1000 if rule.count == "quantity" else 1

    def own_counter(self, name: str) -> tuple[int, int]:
        """(number in the layout, units in one) of a counter in its own window."""
        rule = next(counter for counter in self.program.counter if counter.id == name)
        kind, subject, unit = self.counted(name)
        return self.layout.counter(kind, subject, self.period_window(rule.window)), unit

    def period_window(self, period: str) -> tuple[Hashable, ...]:
        """The layout's name of a calendar period of the program."""
        return ("period", period, self.program.calendar, week_begins(self.program))

    def activity_subjects(self) -> list[Any]:
        """Sets of activity codes that counters of the layout count, by bit."""
        return list(dict.fromkeys(k[1] for k in self.layout.counters if k[0] == ACTIVITY))
