"""What may be redeemed: the most points that a redemption tender takes now (rulebook section 8).

A refusal, a quote and a member's answer ask the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..columns.answers import Answer
from ..columns.columns import SALE, Facts, Outcome, among
from ..columns.status import Status
from ..compiling.version import CompiledProgram
from ..folding.fold import Fold
from ..program.spending import Redemption

_ABOUT_TERMS = among((
    Status.INSUFFICIENT, Status.BELOW_MINIMUM, Status.NOT_A_MULTIPLE, Status.OVER_WORTH,
    Status.OVER_SHARE, Status.ABOVE_MAXIMUM, Status.BASKET_TOO_SMALL,
))  # fmt: skip
"""Refusals of redemptions that might have been smaller, or larger."""


class Terms(NamedTuple):
    """The terms of a redemption tender for one member: points in units of their currency.

    `share` is the largest part of a basket's net that may be redeemed. `worth` is what one
    unit is worth in minor units: None where the program does not say it, and no share can be
    asked then; 0 for a member of a tier without a figure, who redeems nothing. `at_least` is the
    least net of a basket of which any is redeemed.
    """

    minimum: int = 0
    step: int = 1
    share: Fraction = Fraction(1)
    worth: Fraction | None = None
    maximum: int | None = None
    at_least: int = 0


def terms_of(redemption: Redemption, scale: int, tier: str | None) -> Terms:
    """The terms of a redemption for a member of a tier; `scale` is its currency's."""
    money = redemption.money
    if isinstance(money, dict):
        money = money.get(tier, 0) if tier is not None else 0
    return _terms(
        redemption.minimum, redemption.step, redemption.share, redemption.maximum,
        redemption.at_least, redemption.points, money, 10**scale,
    )  # fmt: skip


@lru_cache(256)
def _terms(
    minimum: Decimal | None, step: Decimal | None, share: Decimal | None,
    maximum: Decimal | None, at_least: int | None, points: Decimal | None, money: int | None,
    unit: int,
) -> Terms:
    """Asked for with every balance, of few redemptions."""
    worth = None
    if money is not None and points is not None:
        worth = Fraction(money) / (Fraction(points) * unit)
    return Terms(
        int((minimum or 0) * unit),
        max(1, int((step or 0) * unit)),
        Fraction(1) if share is None else Fraction(share),
        worth,
        None if maximum is None else int(maximum * unit),
        at_least or 0,
    )


def redeemable(terms: Terms, active: int, net: int | None) -> int:
    """The largest multiple of the step not above the active balance or the maximum, nor above
    the points worth the share of a basket's net; 0 if below the minimum, or of a basket that is
    too small. Without a basket (None) neither share nor basket are asked.

    >>> half = Terms(minimum=100, step=50, share=Fraction(1, 2), worth=Fraction(10))
    >>> redeemable(half, 990, 6_000)
    300
    """
    most = active if terms.maximum is None else min(active, terms.maximum)
    if terms.worth == 0 or (net is not None and net < terms.at_least):
        return 0
    if net is not None and terms.worth is not None:
        most = min(most, terms.share * max(net, 0) // terms.worth)
    whole = most // terms.step * terms.step
    return whole if whole >= max(terms.minimum, 1) else 0


def tell_redeemable(
    fold: Fold, answers: Sequence[Answer], outcome: Outcome, facts: Facts,
    version: NDArray[np.uint16],
) -> None:
    """Tell refused redemptions what may be redeemed, as the members stand after the commit.

    `version` (uint16[n]) is the number of the version of each fact, 0 for none.
    """
    for row in np.flatnonzero(_ABOUT_TERMS[outcome.status]).tolist():
        if not version[row]:
            continue
        active = outcome.active.reshape(len(outcome.status), -1)[row].tolist()
        # Programs published since may have added currencies.
        active += [0] * (fold.n_currencies - len(active))
        rung = int(outcome.tier[row])
        net = None
        if facts.kind[row] == SALE:
            net = int(facts.net[facts.lines_from[row] : facts.lines_from[row + 1]].sum())
        answers[row]["redeemable"] = redeemable_tenders(
            fold.compiled.compiled[int(version[row]) - 1], active,
            fold.layout.tiers[rung] if rung >= 0 else None, net,
        )  # fmt: skip


def tell_taken(answers: Sequence[Answer], facts: Facts) -> None:
    """Tell redemptions what they took where they asked for more, and which items of a reward
    they have got or brought back."""
    for row, extra in enumerate(facts.extras or ()):
        if extra is not None and extra.asked:
            answers[row] |= {"asked": extra.asked, "taken": extra.amount}
        if extra is not None and extra.items:
            answers[row]["items"] = list(extra.items)


def redeemable_tenders(
    compiled: CompiledProgram, active: Sequence[int], tier: str | None, net: int | None
) -> list[Answer]:
    """What each redemption tender with a currency takes, in the program's order.

    `active` are balances by currency of the layout, `tier` the member's, `net` a basket's
    (None without one). `money` is what the points are worth, floored, None where the program
    does not say it.
    """
    found: list[Answer] = []
    for redemption in compiled.program.redemption:
        if redemption.currency is None:
            continue
        place = compiled.currency_number(redemption.currency)
        terms = terms_of(redemption, compiled.layout.scales[place], tier)
        points, worth = redeemable(terms, active[place], net), terms.worth
        found.append({
            "tender": redemption.tender, "currency": redemption.currency, "points": points,
            "money": None if worth is None else points * worth.numerator // worth.denominator,
        })  # fmt: skip
    return found
