"""Rule words: which rules each value of a dimension satisfies (house rules: a rule is a bit)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calendars.calendars import FIRST_DAY, LAST_DAY, day_of
from ..program.conditions import WEEKDAYS, Conditions, LineConditions
from ..program.draws import draws_of
from ..program.program import Program
from ..program.rules import Earn, Multiply, Offer, Rule
from .conditions import in_dates, in_hours, listed

Words = NDArray[np.uint64]


class RuleWords:
    """The words of one version's rules, numbered in (priority, file) order."""

    def __init__(self, program: Program, holidays: dict[str, set[int]]) -> None:
        """`holidays` are day numbers by the calendar's id."""
        self.program = program
        self.rules = program.rules_in_order()
        self._bits = [(1 << place, rule) for place, rule in enumerate(self.rules)]
        self.n_words = max(1, (len(self.rules) + 63) // 64)
        self.tier_names = [tier.id for tier in program.tiers()]
        self.holidays = holidays
        self.draws = draws_of(program)

    def words_of(self, holds: Callable[[Rule], bool]) -> Words:
        """The word of the rules that satisfy a predicate."""
        return split(sum(bit for bit, rule in self._bits if holds(rule)), self.n_words)

    def words(self, holds: Callable[[Conditions], bool]) -> Words:
        """The word of the rules whose conditions satisfy a predicate."""
        return split(sum(bit for bit, rule in self._bits if holds(rule.when)), self.n_words)

    def table(
        self, values: Iterable[Any], holds: Callable[[Conditions, Any], bool]
    ) -> Words | None:
        """Words by value, or None when every rule takes every value (nothing to look up)."""
        rows = [self.words(lambda when, v=value: holds(when, v)) for value in values]  # type: ignore[misc]
        everything = self.words(lambda _: True)
        if all((row == everything).all() for row in rows):
            return None
        return np.concatenate(rows)

    def looks_at(self, name: str) -> bool:
        """Whether any rule has a condition on a field, negated or not."""
        return any(
            getattr(when, name) is not None
            for rule in self.rules
            for when in (rule.when, rule.when.negated)
        )

    def values_of(self, name: str) -> set[str]:
        """Every value that a rule or an exclusion names for a line field."""
        rules = [when for rule in self.rules for when in (rule.when, rule.when.negated)]
        lines: list[LineConditions] = [*rules, *self.program.exclude]
        lines += [when.without for when in rules if when.without is not None]
        return {value for one in lines for value in getattr(one, name) or ()}

    def dimension_arrays(self) -> dict[str, Any]:
        """Words by store, day, hour, tender and tier; None where no rule looks."""
        day, span = self._day_words()
        return {
            "every": self.words_of(lambda rule: not isinstance(rule, Offer)),
            "offer_mask": self.words_of(lambda rule: isinstance(rule, Offer)),
            "earn_mask": self.words_of(lambda rule: isinstance(rule, Earn)),
            "weekday": self.table(WEEKDAYS, lambda when, v: listed(when, "weekday", v)),
            "minute": self._minute_words() if self.looks_at("time") else None,
            "day": day,
            "day_span": span,
            "tender_needs": self._needs("tender"),
            "coupon_needs": self._needs("coupon"),
            "draw_needs": self._draw_words(lambda when, draw: when.draw == draw),
            "draw_bars": self._draw_words(lambda when, draw: when.negated.draw == draw),
            "tier": self._tier_words(),
        }

    def _minute_words(self) -> Words:
        """Minutes between the hours that conditions name are alike."""
        edges = {0}
        for rule in self.rules:
            for hours in (rule.when.time, rule.when.negated.time):
                if hours is not None:
                    edges |= {t.hour * 60 + t.minute for t in (hours.start, hours.end)}
        first = sorted(edges)
        rows = [self.words(lambda when, m=minute: in_hours(when, m)) for minute in first]  # type: ignore[misc]
        return np.repeat(np.stack(rows), np.diff([*first, 1440]), axis=0).reshape(-1)

    def _needs(self, name: str) -> Words | None:
        """Rules that want one of a list to be there; None when no rule looks."""
        if not self.looks_at(name):
            return None
        return self.words(lambda when: getattr(when, name) is not None)

    def _draw_words(self, asks: Callable[[Conditions, Any], bool]) -> Words | None:
        """Rules that ask for each draw; None without any."""
        rows = [self.words(lambda when, d=draw: asks(when, d)) for draw in self.draws]  # type: ignore[misc]
        return np.concatenate(rows) if rows else None

    def _day_words(self) -> tuple[Words | None, NDArray[np.uint16] | None]:
        """Days between the dates that conditions name are alike: a word a span."""
        if not (self.looks_at("date") or self.looks_at("holiday")):
            return None, None
        starts = {FIRST_DAY}
        for rule in self.rules:
            for dates in (rule.when.date, rule.when.negated.date):
                if dates and dates.first:
                    starts.add(day_of(dates.first))
                if dates and dates.last:
                    starts.add(day_of(dates.last) + 1)
        for days in self.holidays.values():
            starts |= days | {day + 1 for day in days}
        edges = sorted(s for s in starts if FIRST_DAY <= s <= LAST_DAY)
        spans = np.searchsorted(edges, np.arange(FIRST_DAY, LAST_DAY + 1), side="right") - 1
        # Most rules take every day.
        asking = [(bit, rule.when) for bit, rule in self._bits if _dated(rule.when)]
        others = sum(bit for bit, rule in self._bits if not _dated(rule.when))
        words = [
            split(others + sum(bit for bit, when in asking if self._on_day(when, edge)),
                  self.n_words)
            for edge in edges
        ]  # fmt: skip
        return np.concatenate(words), spans.astype(np.uint16)

    def _on_day(self, when: Conditions, day: int) -> bool:
        def holiday(names: list[str]) -> bool:
            return any(day in self.holidays.get(name, ()) for name in names)

        if when.holiday is not None and not holiday(when.holiday):
            return False
        if when.negated.holiday is not None and holiday(when.negated.holiday):
            return False
        return in_dates(when, day)

    def _tier_words(self) -> Words | None:
        """Row 0 is a member without a tier, row i + 1 tier i."""
        if not self.tier_names:
            return None
        rows = []
        for tier in (None, *self.tier_names):
            word = self.words(lambda when, t=tier: self._at_tier(when, t))  # type: ignore[misc]
            for place, rule in enumerate(self.rules):
                value = figure_of(rule)
                if isinstance(value, dict) and tier not in value:
                    word[place >> 6] &= ~np.uint64(1 << (place & 63))
            rows.append(word)
        return np.concatenate(rows)

    def _at_tier(self, when: Conditions, tier: str | None) -> bool:
        if when.tier_at_least is not None and (
            tier is None
            or self.tier_names.index(tier) < self.tier_names.index(when.tier_at_least)
        ):
            return False
        least = when.negated.tier_at_least
        if least is not None and tier is not None and (
            self.tier_names.index(tier) >= self.tier_names.index(least)
        ):
            return False
        return listed(when, "tier", tier)


def _dated(when: Conditions) -> bool:
    """Whether conditions look at the date."""
    return any(
        asked is not None
        for one in (when, when.negated)
        for asked in (one.date, one.holiday)
    )


def split(word: int, n_words: int) -> Words:
    """Bits of rules as words of the kernel."""
    return np.frombuffer(bytearray(word.to_bytes(8 * n_words, "little")), np.uint64)


def figure_of(rule: Rule) -> Any:
    """The figure of a rule that may be given by tier: points or factor."""
    if isinstance(rule, Offer):
        return None
    return rule.factor if isinstance(rule, Multiply) else rule.points
