"""Checks of rules, of their groups and of their stack groups (rulebook sections 3, 4, 10).

(path, message) pairs, as `whole.check` gives them.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import partial
from math import lcm

from ..program.conditions import LINE_FIELDS
from ..program.currencies import Caps, Currency
from ..program.draws import MOST_DRAWS, draws_of
from ..program.program import Program
from ..program.rules import Bonus, Earn, Multiply, Offer, Rule
from . import offers as check_offers
from .conditions import conditions
from .figures import (
    MAX_AMOUNT,
    Found,
    by_tier,
    factor,
    filled,
    known,
    known_currency,
    points,
    rate,
    rate_or_none,
    units,
    whole,
)

TIER_RULES = "tier."
"""Postings of a tier-reached bonus name a rule of this beginning and the tier's id."""

_OF_LINES = (
    *LINE_FIELDS, "without", "min_amount", "min_quantity", "min_basket", "tender", "coupon",
)  # fmt: skip
_OF_BASKETS = (
    "store", "region", "format", "channel", "terminal", "weekday", "date", "time", "holiday",
)  # fmt: skip
_OF_PURCHASES = ("first_purchase", "nth_purchase", "every_nth", "sequence")


def rules(program: Program) -> Found:
    """Every rule, then the groups that they stand in."""
    if len(draws_of(program)) > MOST_DRAWS:
        yield "rule", f"ask for more than {MOST_DRAWS} different draws"
    for place, rule in enumerate(program.rule):
        path = f"rule[{place}]"
        if rule.id.startswith(TIER_RULES):
            yield f"{path}.id", f"names that begin with {TIER_RULES!r} are of tier-reached bonuses"
        unknown = list(known_currency(program, f"{path}.currency", rule.currency))
        yield from unknown or _rule(program, path, rule)
    yield from _groups(program)
    yield from _stacks(program)
    yield from check_offers.groups(program)


def _rule(program: Program, path: str, rule: Rule) -> Found:
    currency = program.currency[program.currency_of(rule)]
    yield from conditions(program, f"{path}.when", rule.when)
    yield from _anniversary_limits(path, rule)
    if isinstance(rule, Offer):
        yield from check_offers.offer(program, path, rule)
        return
    yield from caps(f"{path}.limits", rule.limits, currency.scale)
    if rule.budget is not None:
        yield from points(f"{path}.budget", rule.budget, currency.scale)
    if rule.when.activity is not None:
        yield from _on_activities(path, rule)
    if rule.accrual == "payment":
        yield from _on_payment(program, path, rule, currency)
    match rule:
        case Earn():
            yield from _earn(program, path, rule, currency)
        case Multiply():
            yield from by_tier(program, f"{path}.factor", rule.factor, factor)
            yield from _rounding(path, rule, currency)
            if not any(_multiplies(program, rule, other) for other in program.rule):
                yield path, "there is no earn rule in its currency for it to multiply"
        case Bonus():
            yield from _bonus(program, path, rule, currency)


def caps(path: str, limits: Caps, scale: int) -> Found:
    """Most points by basket, day, period and ever."""
    for name in limits.__struct_fields__:
        value = getattr(limits, name)
        if value is not None:
            yield from points(f"{path}.{name}", value, scale)


def _anniversary_limits(path: str, rule: Rule) -> Found:
    if rule.when.anniversary is not None or (isinstance(rule, Bonus) and rule.on is not None):
        return
    for name, value in (("limits", rule.limits.anniversary), ("uses", rule.uses.anniversary)):
        if value is not None:
            yield f"{path}.{name}.anniversary", "the rule has no condition on an anniversary"


def _given(rule: Rule, names: tuple[str, ...]) -> Iterator[str]:
    """Those of some conditions that a rule has, as paths."""
    for prefix, when in (("when", rule.when), ("when.not", rule.when.negated)):
        for name in names:
            if getattr(when, name) is not None:
                yield f"{prefix}.{name}"


def _on_activities(path: str, rule: Rule) -> Found:
    for name in _given(rule, _OF_LINES):
        yield f"{path}.{name}", "an activity has no lines, tenders or coupons"
    for name in _given(rule, _OF_PURCHASES):
        yield f"{path}.{name}", "an activity is no purchase"
    match rule:
        case Earn() if rule.basis not in ("quantity", "visit"):
            yield f"{path}.basis", "an activity has no amounts: give quantity or visit"
        case Earn(round="line"):
            yield f"{path}.round", "an activity has no lines"
        case Multiply():
            yield f"{path}.when.activity", "a multiply acts on sales only"
        case Bonus() if rule.per_units is not None:
            yield f"{path}.per_units", "an activity has no lines: earn by quantity instead"
        case Bonus() if rule.of_balance is not None:
            yield f"{path}.of_balance", "a bonus on an activity is a fixed figure"


def _on_payment(
    program: Program, path: str, rule: Earn | Multiply | Bonus, currency: Currency
) -> Found:
    """What may wait for the money of a sale."""
    path = f"{path}.accrual"
    if not program.on_account:
        yield path, "waits for nothing: `on_account` lists no tender that brings no money yet"
    if currency.kind == "status":
        yield path, f"{currency.id!r} cannot be spent: it qualifies from the day earned anyway"
    if currency.kind == "coupons":
        yield path, "members are told of coupons when a rule gives them"
    if rule.donate is not None:
        yield path, "what a rule gives to a cause leaves at once"
    if rule.when.activity is not None:
        yield path, "nobody pays for an activity"
    if isinstance(rule, Bonus) and rule.on is not None:
        yield path, "`on` gives at the end of a day, for which nobody pays"
    if isinstance(rule, Earn) and rule.basis == "tender":
        yield path, "a basis of tenders says itself which money counts"


def _rounding(path: str, rule: Earn | Multiply, currency: Currency) -> Found:
    if rule.round is not None and currency.round_at == "basket":
        yield f"{path}.round", f"{currency.id!r} is rounded once a basket (see round_at)"


def _multiplies(program: Program, rule: Multiply, other: Rule) -> bool:
    return (
        isinstance(other, Earn)
        and other.when.activity is None
        and program.currency_of(other) == program.currency_of(rule)
    )


# -- earn --------------------------------------------------------------------------------------


def _earn(program: Program, path: str, rule: Earn, currency: Currency) -> Found:
    yield from _basis(path, rule)
    if (rule.points is None) == (rule.bands is None):
        yield path, "give either points or bands"
    if rule.points is not None:
        yield from by_tier(program, f"{path}.points", rule.points, rate)
    yield from _exact(path, rule, currency)
    if rule.bands is not None:
        yield from _bands(path, rule)
    elif rule.band_mode != "whole":
        yield f"{path}.band_mode", "there are no bands"
    yield from _rounding(path, rule, currency)
    if rule.round == "line":
        if rule.blocks:
            yield f"{path}.round", "blocks count the whole basket; no line is rounded"
        elif rule.bands is not None and rule.band_mode == "marginal":
            yield f"{path}.round", "marginal bands rate the whole basket; no line is rounded"
        elif rule.basis == "visit":
            yield f"{path}.round", "a visit is of no line"


def _basis(path: str, rule: Earn) -> Found:
    yield from filled(path, rule, ("tenders",))
    if rule.basis == "tender" and rule.tenders is None:
        yield f"{path}.tenders", "is missing: the basis tender needs the types it rates"
    if rule.basis != "tender" and rule.tenders is not None:
        yield f"{path}.tenders", f"is of the basis tender, and this is {rule.basis}"
    if rule.basis == "visit" and rule.blocks and rule.per > 1:
        yield f"{path}.blocks", "a visit counts 1: blocks of more than 1 give nothing"


def _exact(path: str, rule: Earn, currency: Currency) -> Found:
    """All rates of a rule stand over one denominator, in words of 64 bits."""
    given = rule.points.values() if isinstance(rule.points, dict) else [rule.points]
    told = [*given, *(band.points for band in rule.bands or ())]
    if any(any(True for _ in rate_or_none(path, value)) for value in told if value is not None):
        # That is told at its own place.
        return
    values = [Fraction(value) * 10**currency.scale for value in told if value is not None]
    a_rate = rule.per * (1000 if rule.basis == "quantity" else 1)
    common = lcm(*(part.denominator for value in values for part in (value, value / a_rate)))
    if common * max([Fraction(1), *values]) >= 2**63:
        yield f"{path}.per", (
            "is too fine for these points to be kept exactly: give fewer decimals, or a rounder per"
        )


def _bands(path: str, rule: Earn) -> Found:
    bands = rule.bands or []
    if not bands:
        yield f"{path}.bands", "the list is empty; leave the field out instead"
    elif all(band.points.is_zero() for band in bands):
        yield f"{path}.bands", "no band gives points"
    for place, band in enumerate(bands):
        at = f"{path}.bands[{place}]"
        yield from rate_or_none(f"{at}.points", band.points)
        wrong = list(_from(f"{at}.from", rule, band.start))
        yield from wrong
        before = bands[place - 1].start if place else None
        # What is no number cannot be compared, and was told.
        if not wrong and before is not None and before.is_finite() and band.start <= before:
            yield f"{at}.from", f"must be above the {before} of the band before"


def _from(path: str, rule: Earn, start: Decimal) -> Found:
    if rule.basis == "quantity":
        yield from units(path, start)
    elif rule.basis == "visit":
        yield from whole(path, start, 1, "visits, which count 1 a basket")
    else:
        yield from whole(path, start, MAX_AMOUNT, "minor units")


# -- bonus -------------------------------------------------------------------------------------


def _bonus(program: Program, path: str, rule: Bonus, currency: Currency) -> Found:
    if rule.round is not None:
        yield f"{path}.round", "a bonus is a whole figure; nothing is rounded"
    if (rule.points is None) == (rule.of_balance is None):
        yield path, "give either points or of_balance"
    if rule.points is not None:
        yield from by_tier(
            program, f"{path}.points", rule.points, partial(points, scale=currency.scale)
        )
    if rule.per_units is not None:
        if rule.points is None:
            yield f"{path}.per_units", "needs the points that every so many units give"
        if rule.per_units.is_zero():
            yield f"{path}.per_units", "must be above zero"
        else:
            yield from units(f"{path}.per_units", rule.per_units)
    if rule.of_balance is not None:
        if currency.kind == "status":
            yield f"{path}.of_balance", f"{currency.id!r} cannot be spent: it has no balance"
        yield from factor(f"{path}.of_balance.factor", rule.of_balance.factor)
        yield from points(f"{path}.of_balance.cap", rule.of_balance.cap, currency.scale)
    if rule.on is not None:
        yield from _on_day(path, rule)


def _on_day(path: str, rule: Bonus) -> Found:
    for name in _given(rule, (*_OF_LINES, *_OF_BASKETS, *_OF_PURCHASES)):
        yield f"{path}.{name}", "`on` gives at the end of a day, to which no basket belongs"
    if rule.when.activity is not None:
        yield f"{path}.when.activity", "`on` gives at the end of a day, not for an activity"
    for name in _given(rule, ("anniversary",)):
        yield f"{path}.{name}", "`on` is the rule's anniversary"
    for name in _given(rule, ("draw",)):
        yield f"{path}.{name}", "`on` gives at the end of a day, which draws nothing"
    if rule.per_units is not None:
        yield f"{path}.per_units", "`on` gives at the end of a day, on which nothing is bought"
    if rule.stack is not None:
        yield f"{path}.stack", "`on` gives at the end of a day, where it stands alone"


# -- groups ------------------------------------------------------------------------------------


def _groups(program: Program) -> Found:
    members: dict[str, int] = {}
    modes = {group.id: group.mode for group in program.group}
    for place, rule in enumerate(program.rule):
        if not isinstance(rule, Earn) or rule.group is None:
            continue
        path = f"rule[{place}].group"
        yield from known(path, "group", rule.group, list(modes))
        first = members.setdefault(rule.group, place)
        if modes.get(rule.group) == "best":
            yield from _one_currency(program, path, rule.group, first, rule)
    yield from _unused("group", list(modes), members)


def _stacks(program: Program) -> Found:
    members: dict[str, int] = {}
    modes = {stack.id: stack.mode for stack in program.stack}
    for place, rule in enumerate(program.rule):
        if not isinstance(rule, Multiply | Bonus) or rule.stack is None:
            continue
        path = f"rule[{place}].stack"
        yield from known(path, "stack", rule.stack, list(modes))
        first = members.setdefault(rule.stack, place)
        if modes.get(rule.stack) == "compound" and isinstance(rule, Bonus):
            yield path, f"{rule.stack!r} compounds factors, and a bonus has none"
        yield from _one_currency(program, path, rule.stack, first, rule)
    yield from _unused("stack", list(modes), members)


def _one_currency(program: Program, path: str, group: str, first: int, rule: Rule) -> Found:
    ids = {currency.id for currency in program.currency}
    other = program.rule[first]
    if {rule.currency, other.currency} - {None} - ids:
        return
    mine, its = (program.currency[program.currency_of(r)].id for r in (rule, other))
    if mine != its:
        yield path, f"{group!r} has {its!r} in {other.id!r}; a group has one currency"


def _unused(table: str, names: list[str], members: dict[str, int]) -> Found:
    for place, name in enumerate(names):
        if name not in members:
            yield f"{table}[{place}]", f"no rule names the {table} {name!r}"


def warnings(program: Program) -> Found:
    """What rules may say but rarely mean."""
    yield from _early_multiplies(program)
    for place, rule in enumerate(program.rule):
        if not isinstance(rule, Earn) or rule.per > 1 or rule.basis in ("quantity", "visit"):
            continue
        bands = [band.points for band in rule.bands or []]
        figures = rule.points.values() if isinstance(rule.points, dict) else [rule.points, *bands]
        if any(figure is not None and figure >= 1 for figure in figures):
            yield f"rule[{place}].per", "gives points for every single minor unit"


def _early_multiplies(program: Program) -> Found:
    """Multiplies whose points are there before those that they multiply."""
    waiting = {
        program.currency_of(rule) for rule in program.rule
        if isinstance(rule, Earn) and rule.accrual == "payment"
    }
    for place, rule in enumerate(program.rule):
        if (
            isinstance(rule, Multiply) and rule.accrual == "invoice"
            and program.currency_of(rule) in waiting
        ):
            yield (
                f"rule[{place}].accrual",
                "does not wait for the money, and acts on rules that do",
            )
