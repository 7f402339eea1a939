"""Conditions of the reference: which baskets and lines a rule sees (rulebook section 3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from fractions import Fraction

from .program import Bonus, Program, Rule
from .program_conditions import WEEKDAYS, Dates, Hours, Near, NotConditions, Streak
from .reference_basket import Basket, line_answers
from .reference_calendar import (
    anniversary,
    period_number,
    same_period,
    week_begins,
    whole_years,
    year_of,
)
from .reference_metrics import counter, days_since_purchase, in_segment, step_of, within
from .reference_state import About, State

Answers = Iterator[tuple[str, bool]]


def matching(basket: Basket, rule: Rule) -> list[int]:
    """Places of the eligible lines that a rule matches; none if it does not apply."""
    if failed_condition(basket, rule) is not None:
        return []
    return _lines_that_meet(basket, rule)


def failed_condition(basket: Basket, rule: Rule) -> str | None:
    """The first condition of a rule that does not hold, by its field; None if all do.

    A negated one is `not.field`; `eligible` says that nothing eligible was bought.
    """
    answers = [
        *_of_kind(basket, rule),
        *_answers(basket, rule.when, rule),
        *(
            (f"not.{name}", not truth)
            for name, truth in _answers(basket, rule.when.negated, rule)
        ),
    ]
    for name, truth in answers:
        if not truth:
            return name
    return _failed_line_condition(basket, rule)


def _of_kind(basket: Basket, rule: Rule) -> Answers:
    """A rule acts on sales, on activities, or on the close of a day."""
    on = rule.on if isinstance(rule, Bonus) else None
    activity = rule.when.activity
    yield "activity", (activity is not None) == (basket.kind == "activity")
    yield "on", (on is not None) == (basket.kind == "closing")
    if activity is not None:
        yield "activity", basket.code in activity
    if on is not None:
        yield "on", anniversary_year(basket, Near(of=on)) is not None
    if basket.is_sale:
        yield "eligible", basket.eligible_sum > 0


def _failed_line_condition(basket: Basket, rule: Rule) -> str | None:
    left = set(basket.eligible_lines)
    for prefix, when in (("", rule.when), ("not.", rule.when.negated)):
        for place in sorted(left):
            line = basket.lines[place]
            for name, truth in line_answers(line.line.sku, line.product, when):
                if truth == bool(prefix):
                    left.discard(place)
                    if not left:
                        return prefix + name
                    break
    return None if left else "eligible"


def _lines_that_meet(basket: Basket, rule: Rule) -> list[int]:
    places = []
    for place in basket.eligible_lines:
        line = basket.lines[place]
        wanted = line_answers(line.line.sku, line.product, rule.when)
        unwanted = line_answers(line.line.sku, line.product, rule.when.negated)
        if all(truth for _, truth in wanted) and not any(truth for _, truth in unwanted):
            places.append(place)
    return places


def _answers(basket: Basket, when: NotConditions, rule: Rule) -> Answers:
    yield from _of_place(basket, when)
    yield from _of_time(basket, when)
    yield from _of_lines(basket, when, rule)
    yield from _of_standing(basket, when)
    yield from _of_dates(basket, when)
    yield from _of_purchases(basket, when)


def _of_place(basket: Basket, when: NotConditions) -> Answers:
    for name in ("store", "region", "format", "channel", "terminal"):
        listed = getattr(when, name)
        if listed is not None:
            yield name, getattr(basket, name) in listed
    if when.tender is not None:
        yield "tender", any(kind in when.tender for kind, _ in basket.tenders)
    if when.coupon is not None:
        yield "coupon", any(coupon in when.coupon for coupon in basket.coupons)


def _of_time(basket: Basket, when: NotConditions) -> Answers:
    if when.weekday is not None:
        yield "weekday", WEEKDAYS[basket.date.weekday()] in when.weekday
    if when.date is not None:
        yield "date", _between(when.date, basket.date)
    if when.time is not None:
        yield "time", _during(when.time, basket.clock)
    if when.holiday is not None:
        yield "holiday", any(basket.date in basket.holidays[name] for name in when.holiday)


def _between(dates: Dates, day: dt.date) -> bool:
    if dates.first is not None and day < dates.first:
        return False
    return dates.last is None or day <= dates.last


def _during(hours: Hours, clock: dt.time) -> bool:
    if hours.start < hours.end:
        return hours.start <= clock < hours.end
    return clock >= hours.start or clock < hours.end


def _of_lines(basket: Basket, when: NotConditions, rule: Rule) -> Answers:
    if when.without is not None:
        yield "without", not any(
            all(truth for _, truth in line_answers(line.line.sku, line.product, when.without))
            for line in (basket.lines[place] for place in basket.eligible_lines)
        )
    if when.min_amount is not None:
        amount = sum(basket.eligible(place) for place in _lines_that_meet(basket, rule))
        yield "min_amount", amount >= when.min_amount
    if when.min_quantity is not None:
        units = sum(
            (
                basket.lines[place].quantity * basket.unredeemed(place)
                for place in _lines_that_meet(basket, rule)
            ),
            Fraction(0),
        )
        yield "min_quantity", units >= 1000 * Fraction(when.min_quantity)


# -- of the member -----------------------------------------------------------------------------


def _of_standing(basket: Basket, when: NotConditions) -> Answers:
    program, member, day = basket.program, basket.member, basket.date
    if when.tier is not None:
        yield "tier", basket.tier is not None and basket.tier in when.tier
    if when.tier_at_least is not None:
        rungs = [tier.id for tier in program.tiers()]
        least = rungs.index(when.tier_at_least)
        yield "tier_at_least", basket.tier is not None and rungs.index(basket.tier) >= least
    if when.segment is not None:
        yield "segment", any(in_segment(program, member, name, day) for name in when.segment)
    if when.subscription is not None:
        yield "subscription", any(
            is_subscribed(member, plan, basket.at_us) for plan in when.subscription
        )
    if when.counter is not None:
        figure = counter(program, member, when.counter.id, day)
        yield "counter", figure >= Fraction(when.counter.at_least)


def is_subscribed(member: State, plan: str, at_us: int) -> bool:
    """Whether a plan is active at an instant."""
    if plan not in member.about.plans:
        return False
    ends = member.about.plans[plan]
    return ends is None or at_us < ends


def _of_dates(basket: Basket, when: NotConditions) -> Answers:
    about, day = basket.member.about, basket.date
    if when.age is not None:
        age = (
            None if about.birth is None else whole_years(about.birth_calendar, about.birth, day)
        )
        yield "age", within(when.age, age)
    if when.member_days is not None:
        days = None if about.joined is None else (day - about.joined).days
        yield "member_days", within(when.member_days, days)
    if when.anniversary is not None:
        yield "anniversary", anniversary_year(basket, when.anniversary) is not None


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


def _of_purchases(basket: Basket, when: NotConditions) -> Answers:
    purchases, nth = basket.member.purchases, len(basket.member.purchases) + 1
    if when.first_purchase is not None:
        yield "first_purchase", basket.is_sale and any(
            _is_first(basket, kind) for kind in when.first_purchase
        )
    if when.nth_purchase is not None:
        yield "nth_purchase", basket.is_sale and nth in when.nth_purchase
    if when.every_nth is not None:
        yield "every_nth", basket.is_sale and nth % when.every_nth == 0
    if when.days_since_purchase is not None:
        days = days_since_purchase(basket.member, basket.date)
        yield "days_since_purchase", days is not None and days >= when.days_since_purchase
    if when.streak is not None:
        yield "streak", streak_length(basket, when.streak) >= when.streak.count
    if when.sequence is not None:
        name = when.sequence.id
        rule = next(rule for rule in basket.program.sequence if rule.id == name)
        step = step_of(rule, purchases, basket.date) if basket.is_sale else None
        yield "sequence", step in when.sequence.step


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
            return not any(
                same_period(basket.program, period, p.date, basket.date) for p in purchases
            )


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
