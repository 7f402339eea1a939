"""Limits, uses and caps that can never bind: something else always cuts first (section 4.5).

A span is what a figure counts in: basket, day, week ... lifetime, or one anniversary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from math import ceil

from ..program.currencies import Caps
from ..program.offers import AmountOff, Benefit, OfferLimits, SpendBands
from ..program.program import Program
from ..program.rules import Bonus, Earn, Offer, Rule, Uses
from .findings import Found

_LONGER = {
    "basket": ("day", "week", "month", "quarter", "half", "year", "lifetime", "anniversary"),
    "day": ("week", "month", "quarter", "half", "year", "lifetime", "anniversary"),
    # Two anniversaries that give are 180 days apart: a quarter has one at most.
    "week": ("lifetime", "anniversary"),
    "month": ("quarter", "half", "year", "lifetime", "anniversary"),
    "quarter": ("half", "year", "lifetime", "anniversary"),
    "half": ("year", "lifetime"),
    "year": ("lifetime",),
    "lifetime": (),
    "anniversary": ("lifetime",),
}  # fmt: skip
"""Spans that hold a whole span."""

_MOST = {
    "week": {"day": 7},
    "month": {"day": 31, "week": 6},
    "quarter": {"day": 93, "week": 15, "month": 3},
    "half": {"day": 186, "week": 28, "month": 6, "quarter": 2, "anniversary": 2},
    "year": {"day": 366, "week": 54, "month": 12, "quarter": 4, "half": 2, "anniversary": 3},
}
"""How many of a shorter span a longer one touches at most, in either calendar."""

Figures = Mapping[str, Decimal]


def first_to_cut(span: str, figure: Decimal, others: Figures) -> str | None:
    """The span of another figure that always cuts before this one, or at the same time."""
    for name, other in others.items():
        if name == span or name in _LONGER[span]:
            if other <= figure:
                return name
        elif name in _MOST.get(span, {}) and other * _MOST[span][name] <= figure:
            return name
    return None


def lint_limits(program: Program) -> Iterator[Found]:
    """The caps of currencies, then limits and uses of rules."""
    for place, currency in enumerate(program.currency):
        caps = figures_of(currency.caps)
        for span, figure in caps.items():
            cut = first_to_cut(span, figure, _without(caps, span))
            if cut is not None:
                yield Found(
                    "cap-never-binds", f"currency[{place}].caps.{span}",
                    f"the cap of {caps[cut]} per {cut} always cuts no later than "
                    f"{figure} per {span}",
                )
    for place, rule in enumerate(program.rule):
        yield from _limits(program, f"rule[{place}]", rule)
        yield from _uses(f"rule[{place}]", rule)


def lint_referrals(program: Program) -> Iterator[Found]:
    """Milestones beyond the referrals that ever bring points."""
    for place, referral in enumerate(program.referral):
        if referral.cap is None or referral.per != "lifetime":
            continue
        for ordinal in referral.milestones:
            if int(ordinal) > referral.cap:
                yield Found(
                    "milestone-unreachable", f"referral[{place}].milestones",
                    f"{referral.cap} referrals bring points, ever, and it is of number {ordinal}",
                    referral.id,
                )


def figures_of(limits: Caps | OfferLimits | Uses) -> dict[str, Decimal]:
    """Figures that are given, by span."""
    given = ((name, getattr(limits, name)) for name in limits.__struct_fields__)
    return {name: Decimal(value) for name, value in given if value is not None}


def _without(figures: Figures, span: str) -> dict[str, Decimal]:
    return {name: figure for name, figure in figures.items() if name != span}


def most_at_once(rule: Rule) -> Decimal | None:
    """The most that a rule can give for one fact, or an offer take off, or None."""
    match rule:
        case Bonus(per_units=None, points=Decimal() as points):
            return points
        case Bonus(per_units=None, points=dict() as points):
            return max(points.values())
        case Bonus(of_balance=of_balance) if of_balance is not None:
            return of_balance.cap
        case Earn(basis="visit", points=Decimal() as points, round=None | "floor"):
            return points / rule.per
        case Offer():
            return _most_off(rule.benefit)
    return None


def _most_off(benefit: Benefit) -> Decimal | None:
    match benefit:
        case AmountOff(amount=amount, per_unit=False):
            return Decimal(amount)
        case SpendBands(bands=bands):
            amounts = [band.amount for band in bands if band.amount is not None]
            return Decimal(max(amounts)) if len(amounts) == len(bands) else None
    return None


def _limits(program: Program, path: str, rule: Rule) -> Iterator[Found]:
    limits, uses = figures_of(rule.limits), figures_of(rule.uses)
    caps: Figures = {}
    if not isinstance(rule, Offer):
        # An offer's limits are of money, which no cap counts.
        caps = figures_of(program.currency[program.currency_of(rule)].caps)
    most = most_at_once(rule)
    for span, figure in limits.items():
        own = {} if most is None else {"basket": most} | {
            name: most * count for name, count in uses.items()
        }  # fmt: skip
        for others, why in (
            (_without(limits, span), "its limit of {} per {} always cuts no later than"),
            (caps, "the cap of {} per {} always cuts no later than"),
            (own, "by its own figure it gives at most {} per {}, and the limit is"),
        ):
            cut = first_to_cut(span, figure, others)
            if cut is not None:
                told = f"{why.format(others[cut], cut)} {figure} per {span}"
                yield Found("limit-never-binds", f"{path}.limits.{span}", told, rule.id)
                break


def _uses(path: str, rule: Rule) -> Iterator[Found]:
    uses, limits = figures_of(rule.uses), figures_of(rule.limits)
    most = most_at_once(rule)
    # An offer takes less off where its lines cost less: its uses may end before its limit.
    by_points = {} if most is None or isinstance(rule, Offer) else {
        name: Decimal(ceil(figure / most)) for name, figure in limits.items() if name != "basket"
    }  # fmt: skip
    for span, figure in uses.items():
        cut = first_to_cut(span, figure, _without(uses, span))
        if cut is not None:
            yield Found(
                "uses-never-bind", f"{path}.uses.{span}",
                f"{uses[cut]} uses per {cut} always stop it no later than {figure} per {span}",
                rule.id,
            )
            continue
        # At the same figure both stop it together, and the limit is told already.
        cut = first_to_cut(span, figure - 1, by_points)
        if cut is not None:
            yield Found(
                "uses-never-bind", f"{path}.uses.{span}",
                f"its limit of {limits[cut]} per {cut} always stops it before {figure} uses "
                f"per {span}",
                rule.id,
            )
        elif isinstance(rule, Bonus) and rule.of_balance is not None:
            yield Found(
                "uses-never-bind", f"{path}.uses.{span}",
                "a bonus on the balance is given once a member", rule.id,
            )
        elif span == "anniversary" and figure > 1 and isinstance(rule, Bonus) and rule.on:
            yield Found(
                "uses-never-bind", f"{path}.uses.anniversary",
                "`on` gives once an anniversary", rule.id,
            )


