"""Rates of rules as integers: numerators, denominators, bands, and bounds of plain figures.

Each earn rule's rates stand over a denominator of its own. Where multiplies act on a currency,
the plain fold adds its exact earn over one common denominator, as long as that is of 62 bits;
the general one finds those of the rules that a basket has (rulebook section 4).
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..columns.status import KINDS
from ..program.rules import Bonus, Earn, Multiply, Offer, Rule, RuleLimits, Uses
from .placed import PlacedProgram

_ROUNDINGS = ("floor", "ceil", "half_up", "half_even", "carry", "line")
_BASES = ("net", "quantity", "gross", "margin", "visit", "tender")
MOST_UNITS = 10**16
"""One posting moves at most 10^12 points of at most 10^4 units; the kernel has the same."""

NO_CURRENCY = 255

_MOST = 2**62


class RuleFigures:
    """The figures of one version's rules."""

    def __init__(self, placed: PlacedProgram) -> None:
        self.placed = placed
        self.program = placed.program
        self.layout = placed.layout
        self.rules = placed.rules
        self.tier_names = placed.tier_names
        self.too_fine = False

    def _figure(self, rule: Rule, tier: int) -> Fraction:
        """Points a basis unit, factor - 1, or points; at a tier (-1: none); 0 without one."""
        if isinstance(rule, Offer):
            return Fraction(0)
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
        return Fraction(self._at_tier_value(rule.points, tier)) * 10**scale / per_units(rule)

    def _at_tier_value(self, value: Any, tier: int) -> Decimal:
        if isinstance(value, dict):
            return value.get(self.tier_names[tier], Decimal(0)) if tier >= 0 else Decimal(0)
        return Decimal(0) if value is None else value

    def _rates(self, rule: Earn) -> list[Fraction]:
        """Every exact rate of an earn rule a basis unit, and of a block."""
        scale = 10 ** self.program.currency[self.program.currency_of(rule)].scale
        tiers = range(-1, len(self.tier_names))
        found = [self._figure(rule, tier) for tier in tiers]
        found += [f * per_units(rule) for f in found]
        for band in rule.bands or ():
            found += [Fraction(band.points) * scale / per_units(rule),
                      Fraction(band.points) * scale]  # fmt: skip
        return found

    def _common(
        self, of: list[int], currencies: list[dict[str, Any]], dens: list[int]
    ) -> list[int]:
        """Common denominators of the currencies, 1 where no multiply asks for one."""
        common = [1] * len(currencies)
        for currency, row in enumerate(currencies):
            mine = [rule for rule, number in zip(self.rules, of, strict=True) if number == currency]
            row["multiplied"] = any(isinstance(rule, Multiply) for rule in mine)
            if row["multiplied"]:
                common[currency] = lcm(*(
                    den for den, number in zip(dens, of, strict=True) if number == currency
                ))  # fmt: skip
            if common[currency] > _MOST:
                self.too_fine = True
                common[currency] = 1
            row["rate_den"] = common[currency]
        return common

    def arrays(self, currencies: list[dict[str, Any]]) -> dict[str, Any]:
        """Rates, bands and bounds by rule; tells the currencies their common denominators."""
        tiers = range(-1, len(self.tier_names))
        figures = [[self._figure(rule, tier) for tier in tiers] for rule in self.rules]
        of = [self._currency(rule) for rule in self.rules]
        own = [rate_den(self._rates(rule)) if isinstance(rule, Earn) else 1 for rule in self.rules]
        dens = self._common(of, currencies, own)
        exact = [
            [int(f * dens[of[i]]) if isinstance(rule, Earn) else 0 for f in figures[i]]
            for i, rule in enumerate(self.rules)
        ]
        if any(rate > _MOST for row in exact for rate in row):
            self.too_fine = True
            exact = [[0] * len(row) for row in exact]
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
            "full_den": int64s([[min(den, _MOST) for den in row] for row in full_den]),
            "kind": np.array([KINDS.index(_kind(rule)) for rule in self.rules], np.uint8),
            "currency": np.array(of, np.uint8),
            "basis": np.array([_BASES.index(_basis(rule)) for rule in self.rules], np.uint8),
            "rounding": np.array([self._rounding(rule) for rule in self.rules], np.uint8),
            "num": int64s([[f.numerator for f in row] for row in figures]),
            "den": int64s([[f.denominator for f in row] for row in figures]),
            "exact": int64s(exact),
            "rate": int64s([
                [int(f * own[i]) if isinstance(rule, Earn) else 0 for f in figures[i]]
                for i, rule in enumerate(self.rules)
            ]),
            "rate_den": int64s(own),
            "min_amount": int64s([least(rule.when.min_amount) for rule in self.rules]),
            "min_quantity": int64s([thousandths(q) for q in quantities]),
            "block_rate": int64s([
                [int(f * per_units(rule) * own[i]) if isinstance(rule, Earn) else 0
                 for f in figures[i]]
                for i, rule in enumerate(self.rules)
            ]),
            **self._band_arrays(own),
        }  # fmt: skip

    def _currency(self, rule: Rule) -> int:
        """Number of the rule's currency in the layout; that of an offer is none's."""
        if isinstance(rule, Offer):
            return NO_CURRENCY
        return self.placed.currency_number(rule.currency)

    def _rounding(self, rule: Rule) -> int:
        default = self.program.currency[self.program.currency_of(rule)].round
        return rounding_code(rule.round or default)

    def _band_arrays(self, own: list[int]) -> dict[str, Any]:
        """The bands of earn rules, rates over each rule's denominator."""
        starts, exact, block, first = [], [], [], [0]
        for place, rule in enumerate(self.rules):
            if isinstance(rule, Earn):
                scale = 10 ** self.program.currency[self.program.currency_of(rule)].scale
                unit = 1000 if rule.basis == "quantity" else 1
                for band in rule.bands or ():
                    points = Fraction(band.points) * scale
                    starts.append(int(band.start * unit))
                    exact.append(int(points / per_units(rule) * own[place]))
                    block.append(int(points * own[place]))
            first.append(len(starts))
        return {
            "bands_from": np.array(first, np.int32),
            "band_start": int64s(starts),
            "band_rate": int64s(exact),
            "band_block": int64s(block),
        }

    def _safe_bounds(
        self, figures: list[list[Fraction]], exact: list[list[int]], full_den: list[list[int]]
    ) -> dict[str, int]:
        """Basket amount and quantity within which no product can pass MOST_UNITS."""
        limited = any(
            isinstance(rule, Earn) and (rule.limits != RuleLimits() or rule.uses != Uses())
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


def rate_den(rates: Iterable[Fraction]) -> int:
    """The least denominator of all rates of a rule."""
    return lcm(*(rate.denominator for rate in rates))


def per_units(rule: Earn) -> int:
    """Basis units of one `per`: quantities come in thousandths."""
    return rule.per * (1000 if rule.basis == "quantity" else 1)


def rounding_code(name: str) -> int:
    """The kernel's number of a rounding."""
    return _ROUNDINGS.index(name)


def _kind(rule: Rule) -> str:
    return {Earn: "earn", Multiply: "multiply", Bonus: "bonus", Offer: "offer"}[type(rule)]


def _basis(rule: Rule) -> str:
    return rule.basis if isinstance(rule, Earn) else "net"


def least(value: int | None) -> int:
    return -1 if value is None else value


def thousandths(value: Decimal | None) -> int:
    return -1 if value is None else int(value * 1000)


def int64s(rows: list[Any]) -> NDArray[np.int64]:
    return np.ascontiguousarray(np.array(rows, np.int64).reshape(-1))
