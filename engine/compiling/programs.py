"""Checked programs become arrays: rule words, rates, limits, calendars (house rules: a
rule is a bit, dates are looked up, ratios share a denominator).

The rules of a version are numbered in (priority, file) order; that number is the rule's bit.
Counters, currencies and other slots are those of the ledger's layout.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Hashable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vafa.native.rules import Rules
from vafa.native.state import State

from ..calendars.calendars import (
    FIRST_YEAR,
    day_of,
    expiry_table,
    month_starts,
    period_table,
    week_begins,
    ymd_table,
)
from ..columns.columns import Facts
from ..columns.dictionaries import Codes, Dictionaries
from ..columns.named import Names
from ..columns.status import LIMIT_CODES
from ..facts.parts import MOST_POINTS
from ..members.accounts import Settled
from ..program.draws import won
from ..program.offers import OfferLimits
from ..program.program import Bonus, Caps, Inactivity, Offer, Program, Uses
from .figures import RuleFigures, rounding_code
from .general import GeneralRules, by_class, counts_more, needs_general
from .kernel_columns import KernelColumns, kernel_columns
from .ladder import (
    ACTIVITY,
    BASKETS,
    COUNTS,
    LINES,
    SPEND,
    UNITS,
    VISITS,
    asked_of,
    asked_to_enter,
    ladder_arrays,
    rolling_starts,
)
from .layout import Key, Layout
from .member_conditions import (
    NEAR_BIRTH,
    NEAR_JOINING,
    MemberConditions,
    bounds,
)
from .rule_tables import RuleTables
from .terms import RedemptionTerms
from .words import RuleWords

Words = NDArray[np.uint64]
Dates = Mapping[str, Sequence[dt.date]]

_SHORTFALLS = ("debt", "forgive", "refuse", "withhold")
PERIOD, ROLLING, MEMBERSHIP, ANNIVERSARY, KEPT = range(5)
_RULE_POINTS, _RULE_USES, _CURRENCY_POINTS = 2, 3, 4
_OF_A_POSTING = 10**12
"""Most whole points that one posting moves (rulebook 1)."""


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
        # Once to learn what the layout has to hold, once more to know where: without the arrays
        # that hold no place in it.
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

    def sizes(self) -> tuple[int, int, int]:
        """How many channels, coupons and activities have been seen."""
        return len(self.channels), len(self.coupons), len(self.activities)

    def cut(self, sizes: tuple[int, int, int]) -> None:
        """Forget the channels, coupons and activities beyond earlier lengths."""
        codes = self.channels, self.coupons, self.activities
        for seen, length in zip(codes, sizes, strict=True):
            seen.cut(length)

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

    @property
    def draws(self) -> bool:
        """Whether a version draws."""
        return any(one.draws for one in self.compiled)

    def drawn(
        self, version: NDArray[np.uint16], ids: Sequence[str]
    ) -> NDArray[np.uint64] | None:
        """The draws of its version that each fact wins, as bits; None where no version draws.

        `version` are numbers from 1, as the journal has them.
        """
        if not self.draws:
            return None
        draws = [one.draws for one in self.compiled]
        return np.array([
            won(draws[number - 1], name) if number and draws[number - 1] else 0
            for number, name in zip(version.tolist(), ids, strict=True)
        ], np.uint64)  # fmt: skip

    def columns(
        self, facts: Facts, version: NDArray[np.uint16], epoch: NDArray[np.uint32],
        names: Names, accepted: NDArray[Any], drawn: NDArray[np.uint64] | None = None,
        settled: Settled | None = None,
    ) -> KernelColumns:
        """Facts as the kernel takes them; see `kernel_columns`. `drawn`: see the method."""
        columns = kernel_columns(self, facts, version, epoch, names, accepted, settled)
        columns.drawn = drawn
        self.follow()
        return columns


class CompiledProgram(RuleWords):
    """One version: arrays for the kernel, and the words of the values its rules look at."""

    def __init__(self, program: Program, layout: Layout, holidays: Dates) -> None:
        super().__init__(program, {
            name: {day_of(date) for date in dates} for name, dates in holidays.items()
        })  # fmt: skip
        self.layout = layout
        self.offer_places = {
            rule.id: place for place, rule in enumerate(self.rules) if isinstance(rule, Offer)
        }
        self.numbers = [layout.currencies.index(c.id) for c in program.currency]
        self.full = needs_general(program) or counts_more(layout)
        conditions = MemberConditions(self)
        limits, limits_from = self._rule_limits()
        currencies = self._currencies(limits)
        self.rungs = [layout.tiers.index(tier.id) for tier in program.tiers()]
        ladder_ = program.ladder
        self.asked = [] if ladder_ is None else [
            asked_of(self, tier.at_least, ladder_.window) for tier in ladder_.tier
        ]  # fmt: skip
        self.entry = asked_to_enter(self)
        ladder, self._ladder_figures = ladder_arrays(self)
        self.terms = RedemptionTerms(program, self.currency_number, layout)
        self._placed = {
            **GeneralRules(self).arrays(conditions), **ladder, "limits_from": limits_from,
        }
        segments = [self._segment(segment) for segment in program.segment]
        for own in program.counter:
            self.own_counter(own.id)
        for reward in program.reward:
            layout.slot("reward", reward.id)
        for name in program.causes:
            for currency in program.currency:
                if currency.kind != "status":
                    layout.slot("cause", name, currency.id)
        self._lists: dict[str, Any] = {
            "limits": limits, "currencies": currencies, "conds": conditions.conds,
            "segments": segments, "first_periods": conditions.first_periods,
            "terms": self.terms.rows,
        }  # fmt: skip

    @cached_property
    def native(self) -> Rules:
        """All of it as the kernel takes it, where the layout holds what all versions ask for."""
        layout = self.layout
        streaks = layout.keys("streak")
        rates = RuleFigures(self)
        arrays = {
            **rates.arrays(self._lists["currencies"]), **self._placed, **self.dimension_arrays(),
            **self._calendar_arrays(), **self.terms.arrays(len(layout.currencies)),
            "streak_slot": np.array([layout.slot(*key) for key in streaks], np.int32),
        }
        self.full = self.full or rates.too_fine
        numbers = {**arrays.pop("numbers"), **self._ladder_figures, **self._numbers()}
        return Rules(arrays, numbers, {
            **self._lists,
            "counters": [self._counter_row(key) for key in layout.counters],
            "sequences": [(layout.slot(*key), *key[2:]) for key in layout.keys("sequence")],
            "asked": [
                figure[1:] for some in (*self.asked, self.entry) for figure in some
            ],
            "streak_periods": [
                period_table(calendar, period, begins)[0] for _, period, calendar, begins in streaks
            ],
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

    def _limit_window(self, period: str) -> tuple[Hashable, ...]:
        """As _window, for limits: a day that is closed late asks for the room of its own period."""
        dated = any(isinstance(rule, Bonus) and rule.on for rule in self.rules)
        return ("kept" if dated else "period", *self._window(period)[1:])

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
        return numbers, kind, number, KEPT if form == "kept" else PERIOD, slot

    def activity_subjects(self) -> list[Any]:
        """Sets of activity codes that counters of the layout count, by bit."""
        return list(dict.fromkeys(k[1] for k in self.layout.counters if k[0] == ACTIVITY))

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

    def _numbers(self) -> dict[str, int]:
        program, returns = self.program, self.program.returns
        receipt = returns.no_receipt
        points = Fraction(0)
        currency = -1
        if receipt is not None:
            currency = self.currency_number(receipt.currency)
            points = Fraction(receipt.points) * 10 ** self.layout.scales[currency] / receipt.per
        stores, categories = self.layout.find("stores"), self.layout.find("categories")
        entry = program.membership.entry
        return {
            "n_entry": len(self.entry),
            "entry_any": int(entry is not None and entry.join == "any"),
            "n_currencies": len(self.layout.currencies),
            "n_draws": len(self.draws),
            "full": int(self.full),
            "by_class": int(categories is None and by_class(program)),
            "earn_on_redeemed": int(program.earn_on_redeemed),
            "proportional": int(returns.policy == "proportional"),
            "shortfall": _SHORTFALLS.index(returns.shortfall),
            "late_forgives": int(program.late_shortfall == "forgive"),
            "keeps_tiers": int(returns.tiers == "keep"),
            "restored_days": returns.restored_days,
            "broken_code": LIMIT_CODES["minimum"],
            "beyond_code": LIMIT_CODES["maximum"],
            "uses_code": LIMIT_CODES["uses"],
            "offer_code": LIMIT_CODES["offer"],
            "budget_code": LIMIT_CODES["budget"],
            "receipt_currency": currency,
            "receipt_num": points.numerator,
            "receipt_den": points.denominator,
            "calendar": int(program.calendar == "jalali"),
            "stores_at": -1 if stores is None else stores,
            "categories_at": -1 if categories is None else categories,
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
        self, caps: Caps | OfferLimits, kind: int, subject: str, scale: int, prefix: str
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
                counter = self.layout.counter(kind, subject, self._limit_window(name))
            found.append((int(value * 10**scale), counter, 0, LIMIT_CODES[prefix + name]))
        return found

    def _rule_limits(self) -> tuple[list[tuple[int, int, int, int]], NDArray[np.int32]]:
        limits: list[tuple[int, int, int, int]] = []
        starts = [0]
        for rule in self.rules:
            scale = self.program.currency[self.program.currency_of(rule)].scale
            if isinstance(rule, Offer):
                # Its limits are of money.
                scale = 0
            limits += self._point_limits(rule.limits, _RULE_POINTS, rule.id, scale, "")
            for name in Uses.__struct_fields__:
                most = getattr(rule.uses, name)
                if most is not None:
                    window = ("anniversary",) if name == "anniversary" else self._limit_window(name)
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
                "most": _OF_A_POSTING * 10**currency.scale,
                "known": 1,
                "pending_days": currency.pending_days,
                "caps_to": len(limits),
                "spendable": int(currency.kind != "status"),
                "at_basket": int(currency.round_at == "basket"),
                "rounding": rounding_code(currency.round),
                "inactivity": int(isinstance(expiry, Inactivity)),
                "renewed_by_sale": int("sale" in renewed),
                "renewed_by_redemption": int("redemption" in renewed),
                "renewed_by_activity": int("activity" in renewed),
            })  # fmt: skip
        return rows


def _absent(first: int) -> dict[str, Any]:
    """A currency that this version does not have."""
    return {
        "good_through": None, "rate_den": 1, "most": MOST_POINTS, "known": 0, "pending_days": 0,
        "multiplied": 0, "caps_from": first, "caps_to": first, "spendable": 0, "at_basket": 0,
        "rounding": 0, "inactivity": 0, "renewed_by_sale": 0, "renewed_by_redemption": 0,
        "renewed_by_activity": 0,
    }  # fmt: skip
