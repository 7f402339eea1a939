"""A checked program becomes arrays: rule words, rates, limits, calendars (house rules: a
rule is a bit, dates are looked up, ratios share a denominator).

Rules are numbered in (priority, file) order; that number is the rule's bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.native.rules import Rules

from .calendars import (
    FIRST_DAY,
    LAST_DAY,
    day_of,
    expiry_table,
    period_end_after,
    period_table,
    week_begins,
)
from .conditions import in_dates, in_hours, listed
from .program import (
    WEEKDAYS,
    Bonus,
    Caps,
    Conditions,
    Earn,
    Multiply,
    Program,
    Rule,
    Uses,
)
from .status import KINDS, LIMIT_CODES

Words = NDArray[np.uint64]

_ROUNDINGS = ("floor", "ceil", "half_up", "half_even")
MOST_UNITS = 10**16
"""One posting moves at most 10^12 points of at most 10^4 units; the kernel has the same."""

_MOST = 2**62
_SPEND, _VISITS, _RULE_POINTS, _RULE_USES, _CURRENCY_POINTS = range(5)


class CompiledProgram:
    """A program ready for the kernel, and the words of the values its rules look at."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.rules = program.rules_in_order()
        self.n_words = max(1, (len(self.rules) + 63) // 64)
        self.tier_names = [tier.id for tier in program.tiers()]
        self._counters: list[tuple[NDArray[np.int32], int, int]] = []
        self._counter_at: dict[tuple[str, int, int], int] = {}
        limits, limits_from = self._rule_limits()
        currencies = self._currencies(limits)
        arrays = {
            **self._rule_arrays(currencies),
            **self._dimension_arrays(),
            **self._ladder_arrays(),
            "limits_from": limits_from,
        }
        self.native = Rules(arrays, limits, self._counters, currencies)

    # -- rule figures ------------------------------------------------------------------

    def _figure(self, rule: Rule, tier: int) -> Fraction:
        """Points, or factor - 1, of a rule at a tier (-1: no tier); 0 where it has none."""
        value = rule.factor if isinstance(rule, Multiply) else rule.points
        if isinstance(value, dict):
            value = value.get(self.tier_names[tier], Decimal(0)) if tier >= 0 else Decimal(0)
        scale = self.program.currency[self.program.currency_of(rule)].scale
        match rule:
            case Multiply():
                return Fraction(value) - 1 if value else Fraction(0)
            case Earn(basis=basis, per=per):
                # Quantities come in thousandths.
                return Fraction(value) * 10**scale / (per * (1000 if basis == "quantity" else 1))
            case Bonus():
                return Fraction(value) * 10**scale

    def _rule_arrays(self, currencies: list[Any]) -> dict[str, Any]:
        tiers = range(-1, len(self.tier_names))
        figures = [[self._figure(rule, tier) for tier in tiers] for rule in self.rules]
        of = [self.program.currency_of(rule) for rule in self.rules]
        dens = [1] * len(self.program.currency)
        for rule, row, currency in zip(self.rules, figures, of, strict=True):
            if isinstance(rule, Earn):
                dens[currency] = lcm(dens[currency], *(f.denominator for f in row))
        for currency, den in enumerate(dens):
            multiplied = any(
                isinstance(rule, Multiply) and of[i] == currency
                for i, rule in enumerate(self.rules)
            )
            through, _, pending, _, caps = currencies[currency]
            currencies[currency] = (through, den if multiplied else 1, pending, multiplied, caps)
        exact = [
            [int(f * dens[of[i]]) if isinstance(rule, Earn) else 0 for f in figures[i]]
            for i, rule in enumerate(self.rules)
        ]
        roundings = [
            rule.round or self.program.currency[currency].round
            for rule, currency in zip(self.rules, of, strict=True)
        ]
        full_den = [
            [f.denominator * (dens[of[i]] if isinstance(rule, Multiply) else 1) for f in figures[i]]
            for i, rule in enumerate(self.rules)
        ]
        quantities = [rule.when.min_quantity for rule in self.rules]
        return {
            **self._safe_bounds(figures, exact, full_den),
            "full_den": _int64([[min(den, _MOST) for den in row] for row in full_den]),
            "kind": np.array([KINDS.index(_kind(rule)) for rule in self.rules], np.uint8),
            "currency": np.array(of, np.uint8),
            "basis": np.array([_basis(rule) == "quantity" for rule in self.rules], np.uint8),
            "rounding": np.array([_ROUNDINGS.index(r) for r in roundings], np.uint8),
            "num": _int64([[f.numerator for f in row] for row in figures]),
            "den": _int64([[f.denominator for f in row] for row in figures]),
            "exact": _int64(exact),
            "min_amount": _int64([_least(rule.when.min_amount) for rule in self.rules]),
            "min_quantity": _int64([-1 if q is None else int(q * 1000) for q in quantities]),
            "uses_quantity": any(_basis(rule) == "quantity" for rule in self.rules)
            or any(q is not None for q in quantities),
        }

    def _safe_bounds(
        self, figures: list[list[Fraction]], exact: list[list[int]], full_den: list[list[int]]
    ) -> dict[str, int]:
        """Basket amount and quantity within which no product can pass MOST_UNITS."""
        limited = any(
            isinstance(rule, Earn) and (rule.limits != Caps() or rule.uses != Uses())
            for rule in self.rules
        )
        multiplied = any(isinstance(rule, Multiply) for rule in self.rules)
        most_bonus = max(
            (max(row) for rule, row in zip(self.rules, figures, strict=True)
             if isinstance(rule, Bonus)), default=0,
        )  # fmt: skip
        if (limited and multiplied) or most_bonus > MOST_UNITS:
            return {"safe_amount": -1, "safe_quantity": -1}
        if any(den > _MOST for row in full_den for den in row):
            return {"safe_amount": -1, "safe_quantity": -1}
        factor = max(
            (f.numerator for rule, row in zip(self.rules, figures, strict=True) for f in row
             if isinstance(rule, Multiply)), default=1,
        )  # fmt: skip
        bounds = {}
        for name, basis in (("safe_amount", "net"), ("safe_quantity", "quantity")):
            of_basis = [
                i for i, rule in enumerate(self.rules)
                if isinstance(rule, Earn) and rule.basis == basis
            ]  # fmt: skip
            rate = sum(max(exact[i]) for i in of_basis) * max(1, factor)
            rate = max([rate, *(f.numerator for i in of_basis for f in figures[i])], default=1)
            # Half for each basis: a multiply sums both.
            bounds[name] = MOST_UNITS // 2 // max(1, rate)
        return bounds

    # -- limits and counters -------------------------------------------------------------

    def _counter(self, period: str, kind: int, subject: int) -> int:
        """Index of the counter of this subject and period, made when it is new."""
        key = (period, kind, subject)
        if key not in self._counter_at:
            self._counter_at[key] = len(self._counters)
            number, _ = period_table(
                self.program.calendar, period, week_begins(self.program)
            )
            self._counters.append((number, kind, subject))
        return self._counter_at[key]

    def _point_limits(
        self, caps: Caps, kind: int, subject: int, scale: int, prefix: str
    ) -> list[tuple[int, int, int, int]]:
        found = []
        for name in Caps.__struct_fields__:
            value = getattr(caps, name)
            if value is not None:
                counter = -1 if name == "basket" else self._counter(name, kind, subject)
                code = LIMIT_CODES[prefix + name]
                found.append((int(value * 10**scale), counter, 0, code))
        return found

    def _rule_limits(self) -> tuple[list[tuple[int, int, int, int]], NDArray[np.int32]]:
        limits: list[tuple[int, int, int, int]] = []
        starts = [0]
        for place, rule in enumerate(self.rules):
            scale = self.program.currency[self.program.currency_of(rule)].scale
            limits += self._point_limits(rule.limits, _RULE_POINTS, place, scale, "")
            for name in Uses.__struct_fields__:
                most = getattr(rule.uses, name)
                if most is not None:
                    counter = self._counter(name, _RULE_USES, place)
                    limits.append((most, counter, 1, LIMIT_CODES["uses"]))
            starts.append(len(limits))
        return limits, np.array(starts, np.int32)

    def _currencies(self, limits: list[tuple[int, int, int, int]]) -> list[Any]:
        """Currency rows; appends the program caps to the limits."""
        rows = []
        for place, currency in enumerate(self.program.currency):
            first = len(limits)
            limits += self._point_limits(
                currency.caps, _CURRENCY_POINTS, place, currency.scale, "cap."
            )
            through = expiry_table(self.program, currency)
            rows.append((through, 1, currency.pending_days, False, (first, len(limits))))
        return rows

    # -- dimensions ------------------------------------------------------------------

    def words(self, holds: Callable[[Conditions], bool]) -> Words:
        """The word of the rules whose conditions satisfy a predicate."""
        out = np.zeros(self.n_words, np.uint64)
        for place, rule in enumerate(self.rules):
            if holds(rule.when):
                out[place >> 6] |= np.uint64(1 << (place & 63))
        return out

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
        return {
            value
            for conditions in (*rules, *self.program.exclude)
            for value in getattr(conditions, name) or ()
        }

    def _dimension_arrays(self) -> dict[str, Any]:
        day, span = self._day_words()
        return {
            "every": self.words(lambda _: True),
            "earn_mask": self._mask(Earn),
            "weekday": self.table(WEEKDAYS, lambda when, v: listed(when, "weekday", v)),
            "minute": self.table(range(1440), in_hours) if self.looks_at("time") else None,
            "day": day,
            "day_span": span,
            "tender_needs": (
                self.words(lambda when: when.tender is not None)
                if self.looks_at("tender")
                else None
            ),
            "tier": self._tier_words(),
        }

    def _mask(self, kind: type) -> Words:
        out = np.zeros(self.n_words, np.uint64)
        for place, rule in enumerate(self.rules):
            if isinstance(rule, kind):
                out[place >> 6] |= np.uint64(1 << (place & 63))
        return out

    def _day_words(self) -> tuple[Words | None, NDArray[np.uint16] | None]:
        """Days between the dates that conditions name are alike: a word a span."""
        if not self.looks_at("date"):
            return None, None
        starts = {FIRST_DAY}
        for rule in self.rules:
            for dates in (rule.when.date, rule.when.negated.date):
                if dates and dates.first:
                    starts.add(day_of(dates.first))
                if dates and dates.last:
                    starts.add(day_of(dates.last) + 1)
        edges = sorted(s for s in starts if FIRST_DAY <= s <= LAST_DAY)
        spans = np.searchsorted(edges, np.arange(FIRST_DAY, LAST_DAY + 1), side="right") - 1
        words = [self.words(lambda when, d=edge: in_dates(when, d)) for edge in edges]  # type: ignore[misc]
        return np.concatenate(words), spans.astype(np.uint16)

    def _tier_words(self) -> Words | None:
        """Row 0 is a member without a tier, row i + 1 tier i."""
        if not self.tier_names:
            return None
        rows = []
        for tier in (None, *self.tier_names):
            word = self.words(lambda when, t=tier: self._at_tier(when, t))  # type: ignore[misc]
            for place, rule in enumerate(self.rules):
                value = rule.factor if isinstance(rule, Multiply) else rule.points
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
        return listed(when, "tier", tier)

    # -- ladder ------------------------------------------------------------------------

    def _ladder_arrays(self) -> dict[str, Any]:
        ladder, tiers = self.program.ladder, self.program.tiers()
        asked = [(t.at_least.spend, t.at_least.visits) for t in tiers]
        through = None
        spend = visits = -1
        if ladder is not None:
            if any(figure is not None for figure, _ in asked):
                spend = self._counter(ladder.window, _SPEND, 0)
            if any(figure is not None for _, figure in asked):
                visits = self._counter(ladder.window, _VISITS, 0)
            # A tier is checked again on the first date after its validity: lifetime metrics
            # hold then as well, those of a period have begun anew (rulebook section 6).
            k = 1 if ladder.validity == "next_period" else 0
            through = period_end_after(
                self.program.calendar, ladder.window, week_begins(self.program), k
            )
        return {
            "tier_spend": _int64([_least(s) for s, _ in asked]),
            "tier_visits": _int64([_least(v) for _, v in asked]),
            "tier_any": np.array([t.join == "any" for t in tiers], np.uint8),
            "tier_always": np.array([_always(t.join, a) for t, a in zip(tiers, asked, strict=True)],
                                    np.uint8),
            "tier_through": through,
            "spend_counter": spend,
            "visits_counter": visits,
        }


def _kind(rule: Rule) -> str:
    return {Earn: "earn", Multiply: "multiply", Bonus: "bonus"}[type(rule)]


def _basis(rule: Rule) -> str:
    return rule.basis if isinstance(rule, Earn) else "net"


def _least(value: int | None) -> int:
    return -1 if value is None else value


def _always(join: str, asked: tuple[int | None, int | None]) -> bool:
    """A tier that asks nothing above zero is always held, before any purchase too."""
    given = [figure for figure in asked if figure is not None]
    test = any if join == "any" and given else all
    return test(figure <= 0 for figure in given)


def _int64(rows: list[Any]) -> NDArray[np.int64]:
    return np.ascontiguousarray(np.array(rows, np.int64).reshape(-1))
