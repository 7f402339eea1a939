"""Conditions of the reference: which baskets and lines a rule sees (rulebook section 3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from .program import Bonus, Program, Rule
from .program_conditions import (
    WEEKDAYS,
    Dates,
    Hours,
    LineConditions,
    Near,
    NotConditions,
    Range,
    Reached,
    Step,
    Streak,
)
from .reference_basket import Basket, given_of_line, line_answer, meets
from .reference_calendar import (
    anniversary,
    period_dates,
    period_number,
    week_begins,
    whole_years,
    year_of,
)
from .reference_metrics import counter, days_since_purchase, in_segment, step_of, within
from .reference_state import About, State
from .reference_world import exactly, once, rungs


def matching(basket: Basket, rule: Rule) -> list[int]:
    """Places of the eligible lines that a rule matches; none if it does not apply."""
    if _failed_of_basket(basket, rule) is not None:
        return []
    return _lines_that_meet(basket, rule)


def failed_condition(basket: Basket, rule: Rule) -> str | None:
    """The first condition of a rule that does not hold, by its field; None if all do.

    A negated one is `not.field`; `eligible` says that nothing eligible was bought.
    """
    return _failed_of_basket(basket, rule) or _failed_line_condition(basket, rule)


def _failed_of_basket(basket: Basket, rule: Rule) -> str | None:
    failed = _not_of_kind(basket, rule)
    if failed is not None:
        return failed
    for name, asked in given(rule.when):
        if not CONDITIONS[name](basket, asked, rule):
            return name
    for name, asked in given(rule.when.negated):
        if CONDITIONS[name](basket, asked, rule):
            return f"not.{name}"
    return None


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
    return "eligible" if basket.is_sale and basket.eligible_sum <= 0 else None


def _failed_line_condition(basket: Basket, rule: Rule) -> str | None:
    left = set(basket.eligible_lines)
    for prefix, when in (("", rule.when), ("not.", rule.when.negated)):
        for place in sorted(left):
            line = basket.lines[place]
            for name, asked in given_of_line(when):
                if line_answer(line.line.sku, line.product, name, asked) == bool(prefix):
                    left.discard(place)
                    if not left:
                        return prefix + name
                    break
    return None if left else "eligible"


def _lines_that_meet(basket: Basket, rule: Rule) -> list[int]:
    unwanted = given_of_line(rule.when.negated)
    places = []
    for place in basket.eligible_lines:
        sku, product = basket.lines[place].line.sku, basket.lines[place].product
        if meets(sku, product, rule.when) and not any(
            line_answer(sku, product, *condition) for condition in unwanted
        ):
            places.append(place)
    return places


def _between(dates: Dates, day: dt.date) -> bool:
    if dates.first is not None and day < dates.first:
        return False
    return dates.last is None or day <= dates.last


def _during(hours: Hours, clock: dt.time) -> bool:
    if hours.start < hours.end:
        return hours.start <= clock < hours.end
    return clock >= hours.start or clock < hours.end


def _without(basket: Basket, when: LineConditions, _: Rule) -> bool:
    bought = (basket.lines[place] for place in basket.eligible_lines)
    return not any(meets(line.line.sku, line.product, when) for line in bought)


def _min_amount(basket: Basket, least: int, rule: Rule) -> bool:
    return sum(basket.eligible(place) for place in _lines_that_meet(basket, rule)) >= least


def _min_quantity(basket: Basket, least: Decimal, rule: Rule) -> bool:
    units = sum(
        basket.lines[place].quantity * basket.unredeemed(place)
        for place in _lines_that_meet(basket, rule)
    )
    return units >= 1000 * exactly(least)


# -- of the member -----------------------------------------------------------------------------


def _tier_at_least(basket: Basket, least: str, _: Rule) -> bool:
    places = rungs(basket.program)
    return basket.tier is not None and places[basket.tier] >= places[least]


def is_subscribed(member: State, plan: str, at_us: int) -> bool:
    """Whether a plan is active at an instant."""
    if plan not in member.about.plans:
        return False
    ends = member.about.plans[plan]
    return ends is None or at_us < ends


def _counter(basket: Basket, reached: Reached, _: Rule) -> bool:
    figure = counter(basket.program, basket.member, reached.id, basket.date)
    return figure >= exactly(reached.at_least)


def _age(basket: Basket, span: Range, _: Rule) -> bool:
    about = basket.member.about
    if about.birth is None:
        return False
    return within(span, whole_years(about.birth_calendar, about.birth, basket.date))


def _member_days(basket: Basket, span: Range, _: Rule) -> bool:
    joined = basket.member.about.joined
    return within(span, None if joined is None else (basket.date - joined).days)


def anniversary_year(basket: Basket, near: Near) -> int | None:
    """The year, in its own calendar, of the anniversary that a basket's date is near."""
    about, day = basket.member.about, basket.date
    origin = _origin(basket.program, about, near.of)
    if origin is None:
        return None
    date, calendar = origin
    for year in range(year_of(calendar, day) - 1, year_of(calendar, day) + 2):
        comes = anniversary(calendar, date, year)
        if near.of == "joining" and comes <= date:
            # The day of joining is no anniversary of itself.
            continue
        if comes - dt.timedelta(near.before) <= day <= comes + dt.timedelta(near.after):
            return year
    return None


def _origin(program: Program, about: About, name: str) -> tuple[dt.date, str] | None:
    if name == "birthday":
        return None if about.birth is None else (about.birth, about.birth_calendar)
    if name == "joining":
        return None if about.joined is None else (about.joined, program.calendar)
    named = about.anniversaries.get(name)
    return None if named is None else (named.date, named.calendar)


# -- of its purchases --------------------------------------------------------------------------


def _nth(basket: Basket) -> int:
    """The ordinal that this purchase has."""
    return len(basket.member.purchases) + 1


def _days_since_purchase(basket: Basket, least: int, _: Rule) -> bool:
    days = days_since_purchase(basket.member, basket.date)
    return days is not None and days >= least


def _sequence(basket: Basket, asked: Step, _: Rule) -> bool:
    rule = next(rule for rule in basket.program.sequence if rule.id == asked.id)
    if not basket.is_sale:
        return False
    return step_of(rule, basket.member.purchases, basket.date) in asked.step


def _is_first(basket: Basket, kind: str) -> bool:
    purchases = basket.member.purchases
    match kind:
        case "ever":
            return not purchases
        case "store":
            return basket.store != "" and all(p.store != basket.store for p in purchases)
        case "category":
            bought = frozenset[str]().union(*(p.categories for p in purchases))
            return bool(categories(basket) - bought)
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
    dates = [purchase.date for purchase in basket.member.purchases]
    if basket.is_sale:
        dates.append(basket.date)
    bought = {period_number(calendar, begins, streak.period, date) for date in dates}
    number = period_number(calendar, begins, streak.period, basket.date)
    length = 0
    while number - length in bought:
        length += 1
    return length


CONDITIONS: dict[str, Callable[[Basket, Any, Rule], bool]] = {
    "store": lambda basket, listed, _: basket.store in listed,
    "region": lambda basket, listed, _: basket.region in listed,
    "format": lambda basket, listed, _: basket.format in listed,
    "channel": lambda basket, listed, _: basket.channel in listed,
    "terminal": lambda basket, listed, _: basket.terminal in listed,
    "tender": lambda basket, listed, _: any(kind in listed for kind, _ in basket.tenders),
    "coupon": lambda basket, listed, _: any(coupon in listed for coupon in basket.coupons),
    "weekday": lambda basket, listed, _: WEEKDAYS[basket.date.weekday()] in listed,
    "date": lambda basket, dates, _: _between(dates, basket.date),
    "time": lambda basket, hours, _: _during(hours, basket.clock),
    "holiday": lambda basket, names, _: any(basket.date in basket.holidays[n] for n in names),
    "without": _without,
    "min_amount": _min_amount,
    "min_quantity": _min_quantity,
    "tier": lambda basket, listed, _: basket.tier is not None and basket.tier in listed,
    "tier_at_least": _tier_at_least,
    "segment": lambda basket, names, _: any(
        in_segment(basket.program, basket.member, name, basket.date) for name in names
    ),
    "subscription": lambda basket, plans, _: any(
        is_subscribed(basket.member, plan, basket.at_us) for plan in plans
    ),
    "counter": _counter,
    "age": _age,
    "member_days": _member_days,
    "anniversary": lambda basket, near, _: anniversary_year(basket, near) is not None,
    "first_purchase": lambda basket, kinds, _: basket.is_sale
    and any(_is_first(basket, kind) for kind in kinds),
    "nth_purchase": lambda basket, listed, _: basket.is_sale and _nth(basket) in listed,
    "every_nth": lambda basket, n, _: basket.is_sale and _nth(basket) % n == 0,
    "days_since_purchase": _days_since_purchase,
    "streak": lambda basket, streak, _: streak_length(basket, streak) >= streak.count,
    "sequence": _sequence,
}
"""Whether each condition holds, in the order in which they are told."""
