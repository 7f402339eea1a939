"""Checked programs become arrays: rule words, rates, limits, calendars (house rules: a
rule is a bit, dates are looked up, ratios share a denominator).

The rules of a version are numbered in (priority, file) order; that number is the rule's bit.
Counters, currencies and other slots are those of the ledger's layout.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.native.rules import Rules
from vafa.native.state import State

from .calendars import (
    FIRST_DAY,
    FIRST_YEAR,
    LAST_DAY,
    day_of,
    expiry_table,
    month_starts,
    period_table,
    week_begins,
    ymd_table,
)
from .columns import Facts
from .compile_conditions import (
    NEAR_BIRTH,
    NEAR_JOINING,
    MemberConditions,
    asks_member,
    bounds,
)
from .compile_ladder import (
    ACTIVITY,
    BASKETS,
    COUNTS,
    LINES,
    SPEND,
    UNITS,
    VISITS,
    is_simple,
    ladder_arrays,
    rolling_starts,
)
from .conditions import in_dates, in_hours, listed
from .dictionaries import Codes, Dictionaries
from .kernel_columns import KernelColumns, kernel_columns
from .layout import Key, Layout
from .program import (
    WEEKDAYS,
    Bonus,
    Caps,
    Conditions,
    Earn,
    Inactivity,
    LineConditions,
    Multiply,
    Program,
    Rule,
    Uses,
)
from .rule_tables import RuleTables
from .status import KINDS, LIMIT_CODES

Words = NDArray[np.uint64]
Dates = Mapping[str, Sequence[dt.date]]

_ROUNDINGS = ("floor", "ceil", "half_up", "half_even", "carry", "line")
_BASES = ("net", "quantity", "gross", "margin", "visit", "tender")
_GROUPS = {"first": 1, "best": 2}
_STACKS = {"add": 3, "best": 4, "compound": 5, "first": 6}
_SHORTFALLS = ("debt", "forgive", "refuse", "withhold")
FIXED, PER_UNITS, OF_BALANCE = range(3)
PERIOD, ROLLING, MEMBERSHIP, ANNIVERSARY = range(4)
MOST_UNITS = 10**16
"""One posting moves at most 10^12 points of at most 10^4 units; the kernel has the same."""

_MOST = 2**62
_RULE_POINTS, _RULE_USES, _CURRENCY_POINTS = 2, 3, 4


class CompiledPrograms:
    """All versions of a ledger's program, ready for the kernel, over one layout."""

    def __init__(
        self, programs: Sequence[Program], holidays: Sequence[Dates], dictionaries: Dictionaries
    ) -> None:
        self.programs = list(programs)
        self.layout = Layout(programs)
        self.coupons, self.channels, self.activities = Codes(), Codes(), Codes()
        # Number 0 of each is what a fact without one has.
        self.channels.number("")
        self.activities.number("")
        self.dictionaries = dictionaries
        # Once to learn what the layout has to hold, once more to know where.
        for program, days in zip(programs, holidays, strict=True):
            CompiledProgram(program, self.layout, days)
        self.compiled = [
            CompiledProgram(program, self.layout, days)
            for program, days in zip(programs, holidays, strict=True)
        ]
        self.natives: list[Rules] = [one.native for one in self.compiled]
        self.tables = [RuleTables(one, self) for one in self.compiled]

    def follow(self) -> None:
        """Keep the native tables as long as the dictionaries."""
        for tables in self.tables:
            tables.follow()

    def new_state(self) -> State:
        """An empty state table."""
        return self.layout.new_state()

    def set_epochs(self, closed: Sequence[Collection[str]]) -> None:
        """closed[e] are the rules whose budget is closed in epoch e; 0 closes none."""
        for one in self.compiled:
            if not any(closed):
                one.native.set_epochs(None, 1)
                continue
            rows = [
                one.words_of(lambda rule, gone=gone: rule.id not in gone)  # type: ignore[misc]
                for gone in closed
            ]
            one.native.set_epochs(np.concatenate(rows), len(rows))

    def columns(
        self, facts: Facts, version: NDArray[np.uint16], epoch: NDArray[np.uint32],
        names: NDArray[np.int64], accepted: NDArray[np.bool_],
    ) -> KernelColumns:
        """Facts as the kernel takes them; see `kernel_columns`."""
        columns = kernel_columns(self, facts, version, epoch, names, accepted)
        self.follow()
        return columns


class CompiledProgram:
    """One version: arrays for the kernel, and the words of the values its rules look at."""

    def __init__(self, program: Program, layout: Layout, holidays: Dates) -> None:
        self.program = program
        self.layout = layout
        self.rules = program.rules_in_order()
        self.holidays = {
            name: {day_of(date) for date in dates} for name, dates in holidays.items()
        }
        self.n_words = max(1, (len(self.rules) + 63) // 64)
        self.tier_names = [tier.id for tier in program.tiers()]
        self.numbers = [layout.currencies.index(c.id) for c in program.currency]
        self.groups = [group.id for group in program.group]
        self.stacks = [stack.id for stack in program.stack]
        self.full = self._needs_general()
        conditions = MemberConditions(self)
        limits, limits_from = self._rule_limits()
        currencies = self._currencies(limits)
        ladder, figures, asked = ladder_arrays(self)
        arrays = {
            **self._rule_arrays(currencies),
            **self._general_arrays(conditions, currencies),
            **self._dimension_arrays(),
            **ladder,
            **self._calendar_arrays(),
            "limits_from": limits_from,
        }
        numbers = {**arrays.pop("numbers"), **figures, **self._numbers(conditions)}
        arrays["streak_slot"] = np.array([slot for slot, _ in conditions.streaks], np.int32)
        segments = [self._segment(segment) for segment in program.segment]
        sequences = [self._sequence(sequence) for sequence in program.sequence]
        for own in program.counter:
            self.own_counter(own.id)
        self.native = Rules(arrays, numbers, {
            "limits": limits,
            "counters": [self._counter_row(key) for key in layout.counters],
            "currencies": currencies,
            "conds": conditions.conds,
            "segments": segments,
            "sequences": sequences,
            "asked": asked,
            "first_periods": conditions.first_periods,
            "streak_periods": [numbers for _, numbers in conditions.streaks],
        })  # fmt: skip

    # -- names -----------------------------------------------------------------------------

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
        return COUNTS[rule.count], name, 1000 if rule.count == "quantity" else 1

    def own_counter(self, name: str) -> tuple[int, int]:
        """(number in the layout, units in one) of a counter in its own window."""
        rule = next(counter for counter in self.program.counter if counter.id == name)
        kind, subject, unit = self.counted(name)
        return self.layout.counter(kind, subject, self._window(rule.window)), unit

    def _window(self, period: str) -> tuple[Hashable, ...]:
        return ("period", period, self.program.calendar, week_begins(self.program))

    def _counter_row(self, key: Key) -> tuple[Any, ...]:
        """A counter of the layout as this version moves it."""
        kind, subject, window = key
        number = -1
        if kind in (_RULE_POINTS, _RULE_USES):
            ids = [rule.id for rule in self.rules]
            number = ids.index(subject) if subject in ids else -1
        elif kind in (_CURRENCY_POINTS, 6):
            number = self.layout.currencies.index(subject)  # type: ignore[arg-type]
        elif kind in (LINES, UNITS, BASKETS):
            own = [counter.id for counter in self.program.counter]
            number = own.index(subject) if subject in own else -1
        elif kind == ACTIVITY:
            number = self.activity_subjects().index(subject)
        slot = self.layout.counter_slot(self.layout.counter(*key))
        form = window[0]  # type: ignore[index]
        if form == "rolling":
            return rolling_starts(window), kind, number, ROLLING, slot  # type: ignore[arg-type]
        if form == "membership":
            return None, kind, number, MEMBERSHIP, slot
        if form == "anniversary":
            return None, kind, number, ANNIVERSARY, slot
        period: tuple[Any, ...] = window  # type: ignore[assignment]
        numbers, _ = period_table(period[2], period[1], period[3])
        return numbers, kind, number, PERIOD, slot

    def activity_subjects(self) -> list[Any]:
        """Sets of activity codes that counters of the layout count, by bit."""
        return list(dict.fromkeys(k[1] for k in self.layout.counters if k[0] == ACTIVITY))

    # -- rule figures ------------------------------------------------------------------

    def _figure(self, rule: Rule, tier: int) -> Fraction:
        """Points a basis unit, factor - 1, or points; at a tier (-1: none); 0 without one."""
        scale = self.program.currency[self.program.currency_of(rule)].scale
        if isinstance(rule, Multiply):
            value = self._at_tier_value(rule.factor, tier)
            return Fraction(value) - 1 if value else Fraction(0)
        if isinstance(rule, Bonus):
            if rule.of_balance is not None:
                return Fraction(rule.of_balance.factor) - 1
            return Fraction(self._at_tier_value(rule.points, tier)) * 10**scale
        if rule.points is None:
            return Fraction(0)
        return Fraction(self._at_tier_value(rule.points, tier)) * 10**scale / self._per(rule)

    def _at_tier_value(self, value: Any, tier: int) -> Decimal:
        if isinstance(value, dict):
            return value.get(self.tier_names[tier], Decimal(0)) if tier >= 0 else Decimal(0)
        return Decimal(0) if value is None else value

    @staticmethod
    def _per(rule: Earn) -> int:
        """Basis units of one `per`: quantities come in thousandths."""
        return rule.per * (1000 if rule.basis == "quantity" else 1)

    def _rates(self, rule: Earn) -> list[Fraction]:
        """Every exact rate of an earn rule a basis unit, and of a block."""
        scale = 10 ** self.program.currency[self.program.currency_of(rule)].scale
        tiers = range(-1, len(self.tier_names))
        found = [self._figure(rule, tier) for tier in tiers]
        found += [f * self._per(rule) for f in found]
        for band in rule.bands or ():
            found += [Fraction(band.points) * scale / self._per(rule),
                      Fraction(band.points) * scale]  # fmt: skip
        return found

    def _rule_arrays(self, currencies: list[dict[str, Any]]) -> dict[str, Any]:
        tiers = range(-1, len(self.tier_names))
        figures = [[self._figure(rule, tier) for tier in tiers] for rule in self.rules]
        of = [self.currency_number(rule.currency) for rule in self.rules]
        dens = [1] * len(currencies)
        for rule, currency in zip(self.rules, of, strict=True):
            if isinstance(rule, Earn):
                dens[currency] = lcm(dens[currency], *(f.denominator for f in self._rates(rule)))
        for currency, den in enumerate(dens):
            multiplied = any(
                isinstance(rule, Multiply) and of[i] == currency
                for i, rule in enumerate(self.rules)
            )
            currencies[currency]["rate_den"] = den
            currencies[currency]["multiplied"] = multiplied
        exact = [
            [int(f * dens[of[i]]) if isinstance(rule, Earn) else 0 for f in figures[i]]
            for i, rule in enumerate(self.rules)
        ]
        full_den = [
            [f.denominator * (dens[of[i]] if isinstance(rule, Multiply) else 1) for f in figures[i]]
            for i, rule in enumerate(self.rules)
        ]
        quantities = [rule.when.min_quantity for rule in self.rules]
        safe = self._safe_bounds(figures, exact, full_den)
        return {
            "numbers": {
                **safe,
                "uses_quantity": any(_basis(rule) == "quantity" for rule in self.rules)
                or any(q is not None for q in quantities),
            },
            "number": np.array([self.layout.rules.index(r.id) for r in self.rules], np.uint16),
            "full_den": _int64([[min(den, _MOST) for den in row] for row in full_den]),
            "kind": np.array([KINDS.index(_kind(rule)) for rule in self.rules], np.uint8),
            "currency": np.array(of, np.uint8),
            "basis": np.array([_BASES.index(_basis(rule)) for rule in self.rules], np.uint8),
            "rounding": np.array([self._rounding(rule) for rule in self.rules], np.uint8),
            "num": _int64([[f.numerator for f in row] for row in figures]),
            "den": _int64([[f.denominator for f in row] for row in figures]),
            "exact": _int64(exact),
            "min_amount": _int64([_least(rule.when.min_amount) for rule in self.rules]),
            "min_quantity": _int64([_thousandths(q) for q in quantities]),
            "block_exact": _int64([
                [int(f * self._per(rule) * dens[of[i]]) if isinstance(rule, Earn) else 0
                 for f in figures[i]]
                for i, rule in enumerate(self.rules)
            ]),
            **self._band_arrays(dens, of),
        }  # fmt: skip

    def _rounding(self, rule: Rule) -> int:
        default = self.program.currency[self.program.currency_of(rule)].round
        return _ROUNDINGS.index(rule.round or default)

    def _band_arrays(self, dens: list[int], of: list[int]) -> dict[str, Any]:
        """The bands of earn rules, rates over the currency's common denominator."""
        starts, exact, block, first = [], [], [], [0]
        for place, rule in enumerate(self.rules):
            if isinstance(rule, Earn):
                scale = 10 ** self.program.currency[self.program.currency_of(rule)].scale
                unit = 1000 if rule.basis == "quantity" else 1
                for band in rule.bands or ():
                    points = Fraction(band.points) * scale
                    starts.append(int(band.start * unit))
                    exact.append(int(points / self._per(rule) * dens[of[place]]))
                    block.append(int(points * dens[of[place]]))
            first.append(len(starts))
        return {
            "bands_from": np.array(first, np.int32),
            "band_start": _int64(starts),
            "band_exact": _int64(exact),
            "band_block": _int64(block),
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

    # -- what only the general form looks at ---------------------------------------------

    def _needs_general(self) -> bool:
        """Whether a sale of this version can need more than the plain fold has."""
        program = self.program
        return (
            bool(program.redemption or program.counter)
            or not is_simple(program.ladder, program.calendar)
            or any(
                currency.round_at == "basket" or isinstance(currency.expiry, Inactivity)
                for currency in program.currency
            )
            or any(self._rule_needs_general(rule) for rule in self.rules)
        )

    @staticmethod
    def _rule_needs_general(rule: Rule) -> bool:
        when = rule.when
        return (
            rule.budget is not None
            or rule.donate is not None
            or rule.round in ("carry", "line")
            or rule.limits.anniversary is not None
            or rule.uses.anniversary is not None
            or when.activity is not None
            or any(
                asks_member(asked) or asked.channel or asked.coupon or asked.without
                for asked in (when, when.negated)
            )
            or when.negated.min_amount is not None
            or when.negated.min_quantity is not None
            or (isinstance(rule, Earn)
                and (rule.basis not in ("net", "quantity") or bool(rule.bands) or rule.blocks
                     or rule.group is not None))
            or (isinstance(rule, Multiply) and rule.stack is not None)
            or (isinstance(rule, Bonus)
                and (rule.points is None or rule.per_units is not None or rule.on is not None
                     or rule.stack is not None))
        )  # fmt: skip

    def _general_arrays(
        self, conditions: MemberConditions, currencies: list[dict[str, Any]]
    ) -> dict[str, Any]:
        near, conds_from = [], [0]
        for rule in self.rules:
            near.append(conditions.add(rule.when))
            conds_from.append(len(conditions.conds))
        modes = [_GROUPS[group.mode] for group in self.program.group]
        modes += [_STACKS[stack.mode] for stack in self.program.stack]
        assert len(modes) <= 64, "more groups than the kernel has bits for"
        rules = self.rules
        return {
            "not_amount": _int64([_least(rule.when.negated.min_amount) for rule in rules]),
            "not_quantity": _int64([_thousandths(r.when.negated.min_quantity) for r in rules]),
            "blocks": np.array([isinstance(r, Earn) and r.blocks for r in rules], np.uint8),
            "per": _int64([self._per(r) if isinstance(r, Earn) else 1 for r in rules]),
            "marginal": np.array(
                [isinstance(r, Earn) and r.band_mode == "marginal" for r in rules], np.uint8
            ),
            "group": np.array([self._group(rule) for rule in rules], np.int32),
            "group_mode": np.array(modes or [0], np.uint8),
            "form": np.array([_form(rule) for rule in rules], np.uint8),
            "units": _int64([
                int(r.per_units * 1000) if isinstance(r, Bonus) and r.per_units else 1
                for r in rules
            ]),
            "slot": np.array([self._rest_slot(rule) for rule in rules], np.int32),
            "cap": _int64([self._cap(rule) for rule in rules]),
            "donates": np.array([rule.donate is not None for rule in rules], np.uint8),
            "on_activity": np.array([r.when.activity is not None for r in rules], np.uint8),
            "near": np.array(near, np.int32),
            "ann_slot": np.array([self._year_slot(rule) for rule in rules], np.int32),
            "given_on": np.array([
                self.date_slot(r.on) if isinstance(r, Bonus) and r.on else 0 for r in rules
            ], np.int32),
            "conds_from": np.array(conds_from, np.int32),
            "lists": _int64(conditions.lists),
            "activity_mask": self.words_of(lambda r: r.when.activity is not None),
            "dated_mask": self.words_of(lambda r: isinstance(r, Bonus) and r.on is not None),
            "opens_mask": self.words(lambda when: when.negated.without is not None),
        }  # fmt: skip

    def _group(self, rule: Rule) -> int:
        if isinstance(rule, Earn):
            return -1 if rule.group is None else self.groups.index(rule.group)
        return -1 if rule.stack is None else len(self.groups) + self.stacks.index(rule.stack)

    def _rest_slot(self, rule: Rule) -> int:
        """Slot of a carried remainder, or of the once-only guard."""
        if isinstance(rule, Bonus) and rule.of_balance is not None:
            return self.layout.slot("once", rule.id)
        if rule.round == "carry" or (isinstance(rule, Bonus) and rule.per_units is not None):
            return self.layout.slot("rest", rule.id, size=4)
        return -1

    def _year_slot(self, rule: Rule) -> int:
        if rule.limits.anniversary is None and rule.uses.anniversary is None:
            return -1
        return self.layout.slot("year", rule.id, size=2, empty=True)

    def _cap(self, rule: Rule) -> int:
        if isinstance(rule, Bonus) and rule.of_balance is not None:
            scale = self.program.currency[self.program.currency_of(rule)].scale
            return int(rule.of_balance.cap * 10**scale)
        return 0

    def _segment(self, segment: Any) -> tuple[int, ...]:
        window = self._window(segment.window)
        spend = visits = -1
        if segment.spend is not None:
            spend = self.layout.counter(SPEND, None, window)
        if segment.visits is not None:
            visits = self.layout.counter(VISITS, None, window)
        return (
            spend, visits, *bounds(segment.spend), *bounds(segment.visits),
            *bounds(segment.days_since_purchase), *bounds(segment.member_days),
        )  # fmt: skip

    def _sequence(self, sequence: Any) -> tuple[int, ...]:
        slot = self.layout.slot("sequence", sequence.id, size=2)
        reset = -1 if sequence.reset_days is None else sequence.reset_days
        return slot, sequence.steps, int(sequence.repeat), sequence.gap_days, reset

    def _numbers(self, conditions: MemberConditions) -> dict[str, int]:
        program, returns = self.program, self.program.returns
        receipt = returns.no_receipt
        points = Fraction(0)
        currency = -1
        if receipt is not None:
            currency = self.currency_number(receipt.currency)
            points = Fraction(receipt.points) * 10 ** self.layout.scales[currency] / receipt.per
        slot = self.layout.slot
        return {
            "n_currencies": len(self.layout.currencies),
            "full": int(self.full),
            "earn_on_redeemed": int(program.earn_on_redeemed),
            "proportional": int(returns.policy == "proportional"),
            "shortfall": _SHORTFALLS.index(returns.shortfall),
            "late_forgives": int(program.late_shortfall == "forgive"),
            "keeps_tiers": int(returns.tiers == "keep"),
            "restored_days": returns.restored_days,
            "receipt_currency": currency,
            "receipt_num": points.numerator,
            "receipt_den": points.denominator,
            "calendar": int(program.calendar == "jalali"),
            "stores_at": slot("stores", holds_list=True) if conditions.asks_store else -1,
            "categories_at": (
                slot("categories", holds_list=True) if conditions.asks_category else -1
            ),
            "first_year.gregorian": FIRST_YEAR["gregorian"],
            "first_year.jalali": FIRST_YEAR["jalali"],
        }

    @staticmethod
    def _calendar_arrays() -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name in ("gregorian", "jalali"):
            out[f"ymd.{name}"] = ymd_table(name)
            out[f"month_start.{name}"] = month_starts(name)
        return out

    # -- limits and counters -------------------------------------------------------------

    def _point_limits(
        self, caps: Caps, kind: int, subject: str, scale: int, prefix: str
    ) -> list[tuple[int, int, int, int]]:
        found = []
        for name in (*Caps.__struct_fields__, "anniversary"):
            value = getattr(caps, name, None)
            if value is None:
                continue
            counter = -1
            if name == "anniversary":
                counter = self.layout.counter(kind, subject, ("anniversary",))
            elif name != "basket":
                counter = self.layout.counter(kind, subject, self._window(name))
            found.append((int(value * 10**scale), counter, 0, LIMIT_CODES[prefix + name]))
        return found

    def _rule_limits(self) -> tuple[list[tuple[int, int, int, int]], NDArray[np.int32]]:
        limits: list[tuple[int, int, int, int]] = []
        starts = [0]
        for rule in self.rules:
            scale = self.program.currency[self.program.currency_of(rule)].scale
            limits += self._point_limits(rule.limits, _RULE_POINTS, rule.id, scale, "")
            for name in Uses.__struct_fields__:
                most = getattr(rule.uses, name)
                if most is not None:
                    window = ("anniversary",) if name == "anniversary" else self._window(name)
                    counter = self.layout.counter(_RULE_USES, rule.id, window)
                    limits.append((most, counter, 1, LIMIT_CODES["uses"]))
            starts.append(len(limits))
        return limits, np.array(starts, np.int32)

    def _currencies(self, limits: list[tuple[int, int, int, int]]) -> list[dict[str, Any]]:
        """Currency rows of the layout; appends the program caps to the limits."""
        known = dict(zip(self.numbers, self.program.currency, strict=True))
        rows = []
        for number, name in enumerate(self.layout.currencies):
            first = len(limits)
            currency = known.get(number)
            if currency is None:
                rows.append(_absent(first))
                continue
            limits += self._point_limits(
                currency.caps, _CURRENCY_POINTS, name, currency.scale, "cap."
            )
            expiry = currency.expiry
            renewed = expiry.renewed_by if isinstance(expiry, Inactivity) else []
            rows.append({
                **_absent(first),
                "good_through": expiry_table(self.program, currency),
                "known": 1,
                "pending_days": currency.pending_days,
                "caps_to": len(limits),
                "spendable": int(currency.kind != "status"),
                "at_basket": int(currency.round_at == "basket"),
                "rounding": _ROUNDINGS.index(currency.round),
                "inactivity": int(isinstance(expiry, Inactivity)),
                "renewed_by_sale": int("sale" in renewed),
                "renewed_by_redemption": int("redemption" in renewed),
                "renewed_by_activity": int("activity" in renewed),
            })  # fmt: skip
        return rows

    # -- dimensions ------------------------------------------------------------------

    def words_of(self, holds: Callable[[Rule], bool]) -> Words:
        """The word of the rules that satisfy a predicate."""
        out = np.zeros(self.n_words, np.uint64)
        for place, rule in enumerate(self.rules):
            if holds(rule):
                out[place >> 6] |= np.uint64(1 << (place & 63))
        return out

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
        lines: list[LineConditions] = [*rules, *self.program.exclude]
        lines += [when.without for when in rules if when.without is not None]
        lines += [counter.when for counter in self.program.counter]
        return {value for one in lines for value in getattr(one, name) or ()}

    def _dimension_arrays(self) -> dict[str, Any]:
        day, span = self._day_words()
        return {
            "every": self.words(lambda _: True),
            "earn_mask": self.words_of(lambda rule: isinstance(rule, Earn)),
            "weekday": self.table(WEEKDAYS, lambda when, v: listed(when, "weekday", v)),
            "minute": self._minute_words() if self.looks_at("time") else None,
            "day": day,
            "day_span": span,
            "tender_needs": self._needs("tender"),
            "coupon_needs": self._needs("coupon"),
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
        words = [self.words(lambda when, d=edge: self._on_day(when, d)) for edge in edges]  # type: ignore[misc]
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
        least = when.negated.tier_at_least
        if least is not None and tier is not None and (
            self.tier_names.index(tier) >= self.tier_names.index(least)
        ):
            return False
        return listed(when, "tier", tier)



def _absent(first: int) -> dict[str, Any]:
    """A currency that this version does not have."""
    return {
        "good_through": None, "rate_den": 1, "known": 0, "pending_days": 0, "multiplied": 0,
        "caps_from": first, "caps_to": first, "spendable": 0, "at_basket": 0, "rounding": 0,
        "inactivity": 0, "renewed_by_sale": 0, "renewed_by_redemption": 0,
        "renewed_by_activity": 0,
    }  # fmt: skip


def _kind(rule: Rule) -> str:
    return {Earn: "earn", Multiply: "multiply", Bonus: "bonus"}[type(rule)]


def _basis(rule: Rule) -> str:
    return rule.basis if isinstance(rule, Earn) else "net"


def _form(rule: Rule) -> int:
    if not isinstance(rule, Bonus) or (rule.per_units is None and rule.of_balance is None):
        return FIXED
    return PER_UNITS if rule.per_units is not None else OF_BALANCE


def _least(value: int | None) -> int:
    return -1 if value is None else value


def _thousandths(value: Decimal | None) -> int:
    return -1 if value is None else int(value * 1000)


def _int64(rows: list[Any]) -> NDArray[np.int64]:
    return np.ascontiguousarray(np.array(rows, np.int64).reshape(-1))
