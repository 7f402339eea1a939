"""Terms of redemptions as integers: bounds, step, share of the basket, worth of points."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from ..program.program import Program
from ..program.spending import Redemption
from .layout import Layout


class RedemptionTerms:
    """The terms of one version, by the place of a redemption in the program.

    `rows` are (minimum, step, share numerator and denominator, points, whether more takes what
    is redeemable, maximum, least net of the basket): points in units, step 1, denominator 0 and
    maximum 0 where there is none, points 0 without a rate.
    """

    def __init__(
        self, program: Program, currency_number: Callable[[str | None], int], layout: Layout
    ) -> None:
        self.program = program
        self._number = currency_number
        self._scales = layout.scales
        self.tiers = [tier.id for tier in program.tiers()]
        self.rows = [self._row(one) for one in program.redemption]
        self.money = [
            [self._money(one, tier) for tier in (None, *self.tiers)]
            for one in program.redemption
        ]

    def _units(self, redemption: Redemption, points: Any) -> int:
        if points is None or redemption.currency is None:
            return 0
        return int(points * 10 ** self._scales[self._number(redemption.currency)])

    def _row(self, one: Redemption) -> tuple[int, ...]:
        share = Fraction(0) if one.share is None else Fraction(one.share)
        return (
            self._units(one, one.minimum), self._units(one, one.step) or 1, share.numerator,
            share.denominator if one.share is not None else 0, self._units(one, one.points),
            int(one.over == "clamp"), self._units(one, one.maximum), one.at_least or 0,
        )  # fmt: skip

    @staticmethod
    def _money(one: Redemption, tier: str | None) -> int:
        """Minor units that the terms' points are worth to a member of a tier."""
        if isinstance(one.money, dict):
            return one.money.get(tier, 0) if tier is not None else 0
        return one.money or 0

    def own(self, currency: str) -> int:
        """Place of the terms of redemptions of a currency outside a sale; -1 none."""
        places = [
            place for place, one in enumerate(self.program.redemption) if one.currency == currency
        ]
        return places[0] if places else -1

    def arrays(self, n_currencies: int) -> dict[str, Any]:
        """What the kernel takes beside `rows`: own terms by currency, money by terms and rung."""
        own = np.full(n_currencies, -1, np.int32)
        for currency in self.program.currency:
            own[self._number(currency.id)] = self.own(currency.id)
        money = np.array([m for row in self.money for m in row], np.int64)
        return {"own_terms": own, "money": money}
