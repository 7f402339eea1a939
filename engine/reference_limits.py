"""Limits, uses, budgets and caps of the reference, counted from records (section 4.5)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from .program import Bonus, Caps, Currency, Rule, Uses
from .program_conditions import Near
from .reference_basket import Basket
from .reference_calendar import same_period
from .reference_conditions import anniversary_year
from .reference_state import Given, Record

CLOSE_DAYS = 180
"""An anniversary of another year is refused room for so many days after the last one."""


def scale_of(basket: Basket, rule: Rule) -> int:
    """Units in a point of the rule's currency."""
    return int(10 ** basket.program.currency[basket.program.currency_of(rule)].scale)


def own_anniversary(basket: Basket, rule: Rule) -> int | None:
    """The year by which the rule's limits per anniversary are keyed; None if it has none."""
    near = rule.when.anniversary
    if isinstance(rule, Bonus) and rule.on is not None:
        near = Near(of=rule.on)
    return None if near is None else anniversary_year(basket, near)


def cut(basket: Basket, rule: Rule, figure: int) -> tuple[int, str]:
    """(figure within the rule's own limits, the last limit that lowered it)."""
    limit = ""
    for name, room in _rooms(basket, rule):
        if figure > room:
            figure, limit = room, name
    if figure > 0 and not _may_be_used(basket, rule):
        figure, limit = 0, "uses"
    return figure, limit


def no_room(basket: Basket, rule: Rule) -> str:
    """What leaves the rule no room before the basket; empty if nothing does."""
    if rule.id in basket.closed:
        return "budget"
    for name, room in _rooms(basket, rule):
        if room == 0:
            return name
    if not _may_be_used(basket, rule):
        return "uses"
    return "once" if was_given_once(basket, rule) else ""


def was_given_once(basket: Basket, rule: Rule) -> bool:
    """Whether a bonus on the balance was given before."""
    if not isinstance(rule, Bonus) or rule.of_balance is None:
        return False
    return any(given.points > 0 for _, given in _gave(basket, rule))


def _rooms(basket: Basket, rule: Rule) -> Iterator[tuple[str, int]]:
    scale = scale_of(basket, rule)
    for name in Caps.__struct_fields__:
        limit: Decimal | None = getattr(rule.limits, name)
        if limit is not None:
            given = sum(given.points for _, given in _gave(basket, rule, name))
            yield name, max(0, int(limit * scale) - given)
    if rule.limits.anniversary is not None:
        year = own_anniversary(basket, rule)
        given = sum(given.points for _, given in _gave(basket, rule) if given.anniversary == year)
        room = max(0, int(rule.limits.anniversary * scale) - given)
        yield "anniversary", 0 if _too_close(basket, rule) else room


def _may_be_used(basket: Basket, rule: Rule) -> bool:
    for name in Uses.__struct_fields__:
        most: int | None = getattr(rule.uses, name)
        if most is None:
            continue
        if name == "anniversary":
            year = own_anniversary(basket, rule)
            uses = [g for _, g in _gave(basket, rule) if g.points > 0 and g.anniversary == year]
            if _too_close(basket, rule):
                return False
        else:
            uses = [g for _, g in _gave(basket, rule, name) if g.points > 0]
        if len(uses) >= most:
            return False
    return True


def _too_close(basket: Basket, rule: Rule) -> bool:
    year = own_anniversary(basket, rule)
    last = [(record, given) for record, given in _gave(basket, rule) if given.points > 0][-1:]
    return any(
        given.anniversary != year and (basket.date - record.date).days <= CLOSE_DAYS
        for record, given in last
    )


def _gave(
    basket: Basket, rule: Rule, period: str = "lifetime"
) -> Iterator[tuple[Record, Given]]:
    """What the rule gave in the basket's own day, week, month ..; a basket is new."""
    for record in basket.member.records:
        if period == "basket" or not same_period(
            basket.program, period, record.date, basket.date
        ):
            continue
        for given in record.given:
            if given.rule == rule.id:
                yield record, given


def within_caps(
    basket: Basket, currency: Currency, figure: int, filled: int
) -> tuple[int, str]:
    """(figure within the currency's caps, the last cap that lowered it).

    `filled` is what earlier rules gave to this very basket.
    """
    limit = ""
    for name in Caps.__struct_fields__:
        cap: Decimal | None = getattr(currency.caps, name)
        if cap is None:
            continue
        before = sum(
            given.points
            for record in basket.member.records
            if name != "basket" and same_period(basket.program, name, record.date, basket.date)
            for given in record.given
            if given.currency == currency.id
        )
        room = max(0, int(cap * 10**currency.scale) - before - filled)
        if figure > room:
            figure, limit = room, f"cap.{name}"
    return figure, limit
