"""Conditions of the reference: which baskets and lines a rule sees (rulebook section 3)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from ..facts.parts import NO_ID
from ..program.conditions import (
    WEEKDAYS,
    Dates,
    Draw,
    Hours,
    LineConditions,
    Near,
    NotConditions,
    Range,
    Reached,
    Step,
    Streak,
)
from ..program.program import Program
from ..program.referrals import REFERRED
from ..program.rules import Bonus, Offer, Rule
from .basket import given_of_line, lies_under, line_answer, meets
from .calendar import (
    anniversary,
    period_dates,
    period_number,
    week_begins,
    whole_years,
    year_of,
)
from .lines import BasketLine
from .metrics import (
    Figure,
    counter,
    days_since_purchase,
    in_segment,
    is_candidate,
    step_of,
    within,
)
from .state import About, Basket, State
from .world import exactly, once, rungs


def matching(basket: Basket, rule: Rule) -> list[int]:
    """Places of the eligible lines that a rule matches; none if it does not apply."""
    if failed_of_basket(basket, rule) is not None:
        return []
    return _lines_that_meet(basket, rule)


def failed_condition(basket: Basket, rule: Rule) -> str | None:
    """The first condition of a rule that does not hold, by its field; None if all do.

    A negated one is `not.field`; `eligible` says that nothing eligible was bought.
    """
    return failed_of_basket(basket, rule) or _failed_line_condition(basket, rule)


def failed_of_basket(basket: Basket, rule: Rule) -> str | None:
    """The first condition on the basket or the member that does not hold."""
    if is_candidate(basket.program, basket.member) and not isinstance(rule, Offer):
        return "entry"
    failed = _not_of_kind(basket, rule)
    if failed is not None:
        return failed
    for name, asked in given(rule.when):
        if not holds(basket, name, asked, rule):
            return name
    for name, asked in given(rule.when.negated):
        if holds(basket, name, asked, rule):
            return f"not.{name}"
    return None


def holds(basket: Basket, name: str, asked: Any, rule: Rule) -> bool:
    """Whether a condition on the basket or the member holds, by its field."""
    condition = CONDITIONS[name]
    return condition.meets(basket, condition.look(basket, asked, rule), asked)


@once
def given(when: NotConditions) -> list[tuple[str, Any]]:
    """The conditions on the basket and the member that are given, by field."""
    fields = ((name, getattr(when, name)) for name in CONDITIONS)
    return [(name, asked) for name, asked in fields if asked is not None]


def _not_of_kind(basket: Basket, rule: Rule) -> str | None:
    """A rule acts on sales, on activities, or on the close of a day."""
    on = rule.on if isinstance(rule, Bonus) else None
    activity = rule.when.activity
    if (activity is not None) != (basket.kind == "activity"):
        return "activity"
    if (on is not None) != (basket.kind == "closing"):
        return "on"
    if activity is not None and basket.code not in activity:
        return "activity"
    if on is not None and anniversary_year(basket, Near(of=on)) is None:
        return "on"
    if isinstance(rule, Offer):
        # It may itself have taken all of it off.
        return None
    return "eligible" if basket.is_sale and basket.eligible_sum <= 0 else None


def _failed_line_condition(basket: Basket, rule: Rule) -> str | None:
    failed = [failed_of_line(basket.lines[place], rule) for place in basket.eligible_lines]
    if not failed:
        return "eligible"
    if None in failed:
        return None
    # Lines are sifted by all plain conditions first: what the last one failed is told.
    return next((name for name in reversed(failed) if name and name.startswith("not.")), failed[-1])


def failed_of_line(line: BasketLine, rule: Rule) -> str | None:
    """The first condition on lines that a line does not meet, as `failed_condition`."""
    for prefix, when in (("", rule.when), ("not.", rule.when.negated)):
        for name, asked in given_of_line(when):
            if line_answer(line.line.sku, line.product, name, asked) == bool(prefix):
                return prefix + name
    return None


def _lines_that_meet(basket: Basket, rule: Rule) -> list[int]:
    return [
        place for place in basket.eligible_lines
        if failed_of_line(basket.lines[place], rule) is None
    ]


def _between(dates: Dates, day: dt.date) -> bool:
    if dates.first is not None and day < dates.first:
        return False
    return dates.last is None or day <= dates.last


def _during(hours: Hours, clock: dt.time) -> bool:
    if hours.start < hours.end:
        return hours.start <= clock < hours.end
    return clock >= hours.start or clock < hours.end


def _such_lines(basket: Basket, when: LineConditions, _: Rule) -> list[str]:
    bought = (basket.lines[place] for place in basket.eligible_lines)
    return [line.line.sku for line in bought if meets(line.line.sku, line.product, when)]


def _amount(basket: Basket, _: int, rule: Rule) -> Fraction | int:
    if isinstance(rule, Offer):
        # As it was rung up: an offer may itself have lowered what is charged.
        lines = (basket.lines[place] for place in _lines_that_meet(basket, rule))
        return sum((x.line.gross * x.share_of_full for x in lines), Fraction(0))
    return sum(basket.eligible(place) for place in _lines_that_meet(basket, rule))


def _whole_amount(basket: Basket, _: int, rule: Rule) -> Fraction | int:
    if isinstance(rule, Offer):
        lines = (basket.lines[place] for place in basket.eligible_lines)
        return sum((x.line.gross * x.share_of_full for x in lines), Fraction(0))
    return sum(basket.eligible(place) for place in basket.eligible_lines)


def _quantity(basket: Basket, _: Decimal, rule: Rule) -> Fraction:
    whole = isinstance(rule, Offer)
    thousandths = sum(
        (basket.lines[place].quantity * (Fraction(1) if whole else basket.unredeemed(place))
         for place in _lines_that_meet(basket, rule)), Fraction(0),
    )  # fmt: skip
    return thousandths / 1000


# -- of the member -----------------------------------------------------------------------------


def _reaches(basket: Basket, tier: str | None, least: str) -> bool:
    places = rungs(basket.program)
    return tier is not None and places[tier] >= places[least]


def is_subscribed(member: State, plan: str, at_us: int) -> bool:
    """Whether a plan is active at an instant."""
    if plan not in member.about.plans:
        return False
    ends = member.about.plans[plan]
    return ends is None or at_us < ends


def _counter(basket: Basket, reached: Reached, _: Rule) -> Figure:
    return counter(basket.program, basket.member, reached.id, basket.date)


def _age(basket: Basket, _: Range, __: Rule) -> int | None:
    about = basket.member.about
    if about.birth is None:
        return None
    return whole_years(about.birth_calendar, about.birth, basket.date)


def _member_days(basket: Basket, _: Range, __: Rule) -> int | None:
    joined = basket.member.about.joined
    return None if joined is None else (basket.date - joined).days


def anniversary_year(basket: Basket, near: Near) -> int | None:
    """The year, in its own calendar, of the anniversary that a basket's date is near."""
    about, day = basket.member.about, basket.date
    found = origin(basket.program, about, near.of)
    if found is None:
        return None
    date, calendar = found
    for year in range(year_of(calendar, day) - 1, year_of(calendar, day) + 2):
        comes = anniversary(calendar, date, year)
        if comes <= date:
            # The day itself is no anniversary of it.
            continue
        if comes - dt.timedelta(near.before) <= day <= comes + dt.timedelta(near.after):
            return year
    return None


def origin(program: Program, about: About, name: str) -> tuple[dt.date, str] | None:
    """The date of which a member has anniversaries, and its calendar."""
    if name == "birthday":
        return None if about.birth is None else (about.birth, about.birth_calendar)
    if name == "joining":
        return None if about.joined is None else (about.joined, program.calendar)
    named = about.anniversaries.get(name)
    return None if named is None else (named.date, named.calendar)


# -- of its purchases --------------------------------------------------------------------------


def _nth(basket: Basket, _: object, __: Rule) -> int | None:
    """The ordinal that this purchase has; None where nothing is bought."""
    return len(basket.member.purchases) + 1 if basket.is_sale else None


def _days_since_purchase(basket: Basket, _: int, __: Rule) -> int | None:
    return days_since_purchase(basket.member, basket.date)


def _sequence(basket: Basket, asked: Step, _: Rule) -> int | None:
    rule = next(rule for rule in basket.program.sequence if rule.id == asked.id)
    if not basket.is_sale:
        return None
    return step_of(rule, [p for p in basket.member.purchases if p.streak], basket.date)


def _drawn(basket: Basket, asked: Draw, _: Rule) -> int | None:
    """What the fact draws: 64 bits of a hash of the seed and its id; None without an id."""
    if basket.fact == NO_ID:
        return None
    said = f"{asked.seed}\0{basket.fact}".encode()
    return int(hashlib.sha256(said).hexdigest()[:16], 16) % asked.one_in


def _is_first(basket: Basket, kind: str, rule: Rule) -> bool:
    purchases = basket.member.purchases
    match kind:
        case "ever":
            return not purchases
        case "store":
            return basket.store != "" and all(p.store != basket.store for p in purchases)
        case "category":
            here, nodes = categories(basket), rule.when.category
            bought = frozenset[str]().union(*(p.categories for p in purchases))
            return any(
                any(lies_under(path, node) for path in here)
                and not any(lies_under(path, node) for path in bought)
                for node in nodes or here
            )
        case period:
            begin, end = period_dates(basket.program, period, basket.date)
            return not any(begin <= purchase.date <= end for purchase in purchases)


def categories(basket: Basket) -> frozenset[str]:
    """Full category paths of the eligible lines."""
    found = (basket.lines[place].product.category for place in basket.eligible_lines)
    return frozenset(category for category in found if category is not None)


def streak_length(basket: Basket, streak: Streak) -> int:
    """Consecutive periods with a purchase, up to the basket's; its own purchase counts."""
    calendar, begins = basket.program.calendar, week_begins(basket.program)
    dates = [purchase.date for purchase in basket.member.purchases if purchase.streak]
    if basket.is_sale:
        dates.append(basket.date)
    bought = {period_number(calendar, begins, streak.period, date) for date in dates}
    number = period_number(calendar, begins, streak.period, basket.date)
    length = 0
    while number - length in bought:
        length += 1
    return length


class Condition(NamedTuple):
    """What a condition looks at (basket, asked, rule), and whether that meets it
    (basket, found, asked)."""

    look: Callable[[Basket, Any, Rule], Any]
    meets: Callable[[Basket, Any, Any], bool]


def _listed(look: Callable[[Basket], Any]) -> Condition:
    """One value that must be among those listed."""
    return Condition(
        lambda basket, _, __: look(basket), lambda _, found, listed: found in listed
    )


def _some(look: Callable[[Basket, Any], list[Any]]) -> Condition:
    """Those of the values listed that are so: there must be one."""
    return Condition(
        lambda basket, listed, _: look(basket, listed), lambda _, found, __: bool(found)
    )


def _known(look: Callable[..., Any], meets: Callable[[Any, Any], bool]) -> Condition:
    """A value that must be known and meet what is asked."""
    return Condition(look, lambda _, found, asked: found is not None and meets(found, asked))


CONDITIONS: dict[str, Condition] = {
    "store": _listed(lambda basket: basket.store),
    "region": _listed(lambda basket: basket.region),
    "format": _listed(lambda basket: basket.format),
    "channel": _listed(lambda basket: basket.channel),
    "terminal": _listed(lambda basket: basket.terminal),
    "tender": Condition(
        lambda basket, _, __: [kind for kind, _ in basket.tenders],
        lambda _, found, listed: any(kind in listed for kind in found),
    ),
    "coupon": Condition(
        lambda basket, _, __: list(basket.coupons),
        lambda _, found, listed: any(coupon in listed for coupon in found),
    ),
    "weekday": _listed(lambda basket: WEEKDAYS[basket.date.weekday()]),
    "date": _known(lambda basket, _, __: basket.date, lambda day, dates: _between(dates, day)),
    "time": _known(lambda basket, _, __: basket.clock, lambda clock, hours: _during(hours, clock)),
    "holiday": _some(lambda basket, names: [n for n in names if basket.date in basket.holidays[n]]),
    "without": Condition(_such_lines, lambda _, found, __: not found),
    "min_amount": _known(_amount, lambda amount, least: amount >= least),
    "min_quantity": _known(_quantity, lambda units, least: units >= exactly(least)),
    "min_basket": _known(_whole_amount, lambda amount, least: amount >= least),
    "tier": Condition(
        lambda basket, _, __: basket.tier,
        lambda _, tier, listed: tier is not None and tier in listed,
    ),
    "tier_at_least": Condition(lambda basket, _, __: basket.tier, _reaches),
    "member_type": _some(lambda basket, types: [
        one for one in types if one == basket.member.about.type
        or (one == REFERRED and basket.member.about.referred)
    ]),
    "segment": _some(lambda basket, names: [
        name for name in names
        if in_segment(basket.program, basket.member, name, basket.date)
    ]),
    "subscription": _some(lambda basket, plans: [
        plan for plan in plans if is_subscribed(basket.member, plan, basket.at_us)
    ]),
    "counter": _known(_counter, lambda figure, reached: figure >= exactly(reached.at_least)),
    "age": Condition(_age, lambda _, years, span: within(span, years)),
    "member_days": Condition(_member_days, lambda _, days, span: within(span, days)),
    "anniversary": _known(
        lambda basket, near, _: anniversary_year(basket, near), lambda _, __: True
    ),
    "first_purchase": Condition(
        lambda basket, kinds, rule: [
            kind for kind in kinds if basket.is_sale and _is_first(basket, kind, rule)
        ],
        lambda _, found, __: bool(found),
    ),
    "nth_purchase": _known(_nth, lambda nth, listed: nth in listed),
    "every_nth": _known(_nth, lambda nth, n: nth % n == 0),
    "days_since_purchase": _known(_days_since_purchase, lambda days, least: days >= least),
    "streak": _known(
        lambda basket, streak, _: streak_length(basket, streak),
        lambda length, streak: length >= streak.count,
    ),
    "sequence": _known(_sequence, lambda step, asked: step in asked.step),
    "draw": _known(_drawn, lambda number, _: number == 0),
}  # fmt: skip
"""What each condition looks at and asks, in the order in which they are told."""
