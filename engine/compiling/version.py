"""A checked program becomes arrays: rule words, rates, limits, calendars (house rules: a
rule is a bit, dates are looked up, ratios share a denominator).
"""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from vafa.native.rules import Rules
from vafa.native.shown import Shown

from ..calendars.calendars import (
    FIRST_YEAR,
    LAST_DAY,
    date_texts,
    expiry_table,
    month_starts,
    period_table,
    ymd_table,
)
from ..columns.status import LIMIT_CODES
from ..facts.parts import MOST_POINTS
from ..program.currencies import Caps, Inactivity
from ..program.offers import OfferLimits
from ..program.program import Program
from ..program.rules import Bonus, Offer, Uses
from .figures import RuleFigures, rounding_code
from .general import GeneralRules, by_class, counts_more, needs_general
from .ladder import OF_COUNTER, asked_of, asked_to_enter, ladder_arrays, rolling_starts
from .layout import (
    ACTIVITY,
    BASKETS,
    CURRENCY,
    EARNED,
    LINES,
    RULE_POINTS,
    RULE_USES,
    SPEND,
    UNITS,
    VISITS,
    Key,
    Layout,
)
from .member_conditions import MemberConditions, bounds
from .placed import Dates, PlacedProgram
from .terms import RedemptionTerms

_SHORTFALLS = ("debt", "forgive", "refuse", "withhold")
PERIOD, ROLLING, MEMBERSHIP, ANNIVERSARY, KEPT = range(5)
_OF_A_POSTING = 10**12
"""Most whole points that one posting moves (rulebook 1)."""


class CompiledProgram(PlacedProgram):
    """One version: placed, and as arrays in the kernel's own form."""

    def __init__(self, program: Program, layout: Layout, holidays: Dates) -> None:
        super().__init__(program, layout, holidays)
        self.full = (
            needs_general(program) or counts_more(layout) or not layout.one_ladder
        )
        conditions = MemberConditions(self)
        limits, limits_from = self._rule_limits()
        currencies = self._currencies(limits)
        ladder_ = program.ladder
        self.asked = [] if ladder_ is None else [
            asked_of(self, tier.at_least, ladder_.window) for tier in ladder_.tier
        ]  # fmt: skip
        self.some_count_nothing = any(
            rung and all(of != OF_COUNTER for _, of, _, _ in rung) for rung in self.asked
        )
        """Whether a rung asks for figures, and for none that is counted in the ladder's window."""
        self.entry = asked_to_enter(self)
        ladder, self._ladder_figures = ladder_arrays(self, self.asked)
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

    @cached_property
    def shown(self) -> Shown:
        """It as answers about members need it, over the same layout as `native`."""
        layout = self.layout
        rungs = [
            b'{"tier":%b,"join":%b,"metrics":{' % (orjson.dumps(tier.id), orjson.dumps(tier.join))
            for tier in self.program.tiers()
        ]
        asked = [
            b'%b:{"asked":%d,"has":' % (orjson.dumps(name), least)
            for rung in self.asked for name, _, _, least in rung
        ]
        return Shown(
            self.native, [*map(orjson.dumps, layout.currencies)],
            [b"null", *map(orjson.dumps, layout.tiers)], rungs, asked, date_texts(), LAST_DAY,
        )  # fmt: skip

    # -- counters and limits ------------------------------------------------------------

    def _limit_window(self, period: str) -> tuple[Hashable, ...]:
        """As _window, for limits: a day that is closed late asks for the room of its own period."""
        dated = any(isinstance(rule, Bonus) and rule.on for rule in self.rules)
        return ("kept" if dated else "period", *self.period_window(period)[1:])

    def _counter_row(self, key: Key) -> tuple[Any, ...]:
        """A counter of the layout as this version moves it."""
        kind, subject, window = key
        number = -1
        if kind in (RULE_POINTS, RULE_USES):
            ids = [rule.id for rule in self.rules]
            number = ids.index(subject) if subject in ids else -1
        elif kind in (CURRENCY, EARNED):
            number = self.layout.currencies.index(subject)  # type: ignore[arg-type]
        elif kind in (LINES, UNITS, BASKETS):
            number = self.layout.lines[subject]
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

    def _segment(self, segment: Any) -> tuple[int, ...]:
        window = self.period_window(segment.window)
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
            "once_code": LIMIT_CODES["once"],
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
            limits += self._point_limits(rule.limits, RULE_POINTS, rule.id, scale, "")
            for name in Uses.__struct_fields__:
                most = getattr(rule.uses, name)
                if most is not None:
                    window = ("anniversary",) if name == "anniversary" else self._limit_window(name)
                    counter = self.layout.counter(RULE_USES, rule.id, window)
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
            idle = list(self.layout.idle[name].values())
            if currency is None:
                # What a member has of it, or gets back, lives by the last version that had it.
                last = self.layout.last_with(name, self.program)
                rows.append({
                    **_absent(first), "good_through": expiry_table(*last),
                    "fixes": self.layout.fixes(*last), "idle": idle,
                })  # fmt: skip
                continue
            limits += self._point_limits(
                currency.caps, CURRENCY, name, currency.scale, "cap."
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
                "fixes": self.layout.fixes(self.program, currency), "idle": idle,
            })  # fmt: skip
        return rows


def _absent(first: int) -> dict[str, Any]:
    """A currency that this version does not have."""
    return {
        "good_through": None, "rate_den": 1, "most": MOST_POINTS, "known": 0, "pending_days": 0,
        "multiplied": 0, "caps_from": first, "caps_to": first, "spendable": 0, "at_basket": 0,
        "rounding": 0, "inactivity": 0, "renewed_by_sale": 0, "renewed_by_redemption": 0,
        "renewed_by_activity": 0, "fixes": 0, "idle": [],
    }  # fmt: skip
