"""Limits, uses, budgets and caps of the reference, counted from records (section 4.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..program.conditions import Near
from ..program.currencies import Caps, Currency
from ..program.offers import OfferLimits
from ..program.rules import Bonus, Rule, Uses
from .calendar import period_dates
from .conditions import anniversary_year
from .state import Basket, Given, Record
from .world import once, scales

CLOSE_DAYS = 180
"""An anniversary of another year is refused room for so many days after the last one."""


def scale_of(basket: Basket, rule: Rule) -> int:
    """Units in a point of the rule's currency."""
    return scales(basket.program)[rule.currency]


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
            basket.trace.cuts(rule.id, name, room)
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
    return any(given.points > 0 and given.of_balance for _, given in _gave(basket, rule))


@once
def given_limits(limits: Caps | Uses | OfferLimits) -> list[tuple[str, Any]]:
    """The limits that are given, by the period of each; the one per anniversary comes last."""
    figures = ((name, getattr(limits, name)) for name in limits.__struct_fields__)
    return [(name, figure) for name, figure in figures if figure is not None]


def _rooms(basket: Basket, rule: Rule) -> Iterator[tuple[str, int]]:
    for name, limit in given_limits(rule.limits):
        most = int(limit * scale_of(basket, rule))
        room = max(0, most - sum(given.points for _, given in _gave(basket, rule, name)))
        if name == "anniversary" and _too_close(basket, rule):
            room = 0
        yield name, room


def _may_be_used(basket: Basket, rule: Rule) -> bool:
    for name, most in given_limits(rule.uses):
        if name == "anniversary" and _too_close(basket, rule):
            return False
        if sum(given.points > 0 for _, given in _gave(basket, rule, name)) >= most:
            return False
    return True


def _too_close(basket: Basket, rule: Rule) -> bool:
    year = own_anniversary(basket, rule)
    last = [
        (record, given)
        for record, given in _gave(basket, rule)
        if given.points > 0 and given.anniversary is not None
    ][-1:]
    return any(
        given.anniversary != year and (basket.date - record.date).days <= CLOSE_DAYS
        for record, given in last
    )


def _gave(
    basket: Basket, rule: Rule, period: str = "lifetime"
) -> Iterator[tuple[Record, Given]]:
    """What the rule gave in the basket's own day, week .. or for its anniversary."""
    by_year = period == "anniversary"
    year = own_anniversary(basket, rule) if by_year else None
    for record in records_in(basket, "lifetime" if by_year else period):
        for given in record.given:
            if given.rule == rule.id and (not by_year or given.anniversary == year):
                yield record, given


def records_in(basket: Basket, period: str) -> list[Record]:
    """Records of the basket's own day, week, month ..; a basket is new."""
    if period == "basket":
        return []
    first, last = period_dates(basket.program, period, basket.date)
    return [record for record in basket.member.records if first <= record.date <= last]


def within_caps(
    basket: Basket, rule: Rule, currency: Currency, figure: int, filled: int
) -> tuple[int, str]:
    """(a rule's figure within the currency's caps, the last cap that lowered it).

    `filled` is what earlier rules gave to this very basket.
    """
    limit = ""
    for name, cap in given_limits(currency.caps):
        before = sum(
            given.points
            for record in records_in(basket, name)
            for given in record.given
            if given.currency == currency.id
        )
        room = max(0, int(cap * scales(basket.program)[currency.id]) - before - filled)
        if figure > room:
            figure, limit = room, f"cap.{name}"
            basket.trace.cuts(rule.id, limit, room)
    return figure, limit
