"""What may be redeemed: the most points that a redemption tender takes now (rulebook section 8).

A refusal, a quote and a member's answer ask the same function.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .answers import Answer
    from .compile import CompiledProgram


class Terms(NamedTuple):
    """The terms of a redemption tender for one member: points in units of their currency.

    `share` is the largest part of a basket's net that may be redeemed. `points` units are
    worth `money` minor units; without a worth (`money` 0) no share can be asked.
    """

    minimum: int = 0
    step: int = 1
    share: Fraction = Fraction(1)
    points: int = 1
    money: int = 0


def redeemable(terms: Terms, active: int, net: int | None) -> int:
    """The largest multiple of the step not above the active balance, nor above the points
    worth the share of a basket's net; 0 if below the minimum. Without a basket (None) the
    share is not asked.

    >>> half = Terms(minimum=100, step=50, share=Fraction(1, 2), points=10, money=100)
    >>> redeemable(half, 990, 6_000)
    300
    """
    most = active
    if net is not None and terms.money:
        most = min(most, points_worth(terms, int(terms.share * max(net, 0))))
    whole = most // terms.step * terms.step
    return whole if whole >= max(terms.minimum, 1) else 0


def points_worth(terms: Terms, money: int) -> int:
    """The most points that are worth no more than an amount."""
    return money * terms.points // terms.money


def worth(terms: Terms, points: int) -> int:
    """What points are worth in minor units, floored."""
    return points * terms.money // terms.points


def redeemable_tenders(
    compiled: CompiledProgram, active: Sequence[int], net: int | None
) -> list[Answer]:
    """What each redemption tender with a currency takes: points, by the active balances (of
    the layout) and a basket's net."""
    found = []
    for redemption in compiled.program.redemption:
        if redemption.currency is None:
            continue
        place = compiled.currency_number(redemption.currency)
        points = redeemable(Terms(), active[place], net)
        found.append({
            "tender": redemption.tender, "currency": redemption.currency, "points": points,
        })  # fmt: skip
    return found
