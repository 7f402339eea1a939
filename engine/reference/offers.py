"""Offers that a sale names: whether they may be had, and what they count (section 8)."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..columns.status import Status
from ..facts import SaleFact
from ..program.program import Program
from ..program.rules import Offer
from .conditions import failed_condition, failed_of_line
from .limits import CLOSE_DAYS, given_limits, own_anniversary, records_in
from .state import Basket, TakenOff


def named_offers(fact: SaleFact) -> tuple[tuple[str, int], ...]:
    """(id, amount) of the offers that a sale names, by id."""
    return tuple(sorted((applied.offer, applied.amount) for applied in fact.offers))


class Broken(NamedTuple):
    """A named offer that may not be had: its id, what it took off, what is wrong, and the limit
    that tells it."""

    offer: str
    amount: int
    status: Status
    limit: str


def broken_offers(basket: Basket) -> list[Broken]:
    """The named offers that may not be had."""
    rules = offers_of(basket.program)
    found = ((name, amount, _wrong(basket, rules, name, amount)) for name, amount in basket.offers)
    return [
        Broken(
            name, amount,
            Status.OFFER_NOT_APPLICABLE if wrong == "offer" else Status.OFFER_USED_UP, wrong,
        )
        for name, amount, wrong in found if wrong
    ]  # fmt: skip


def _wrong(basket: Basket, rules: dict[str, Offer], name: str, amount: int) -> str:
    """`offer`, `budget` or `uses`; empty if the offer may be had."""
    rule = rules.get(name)
    if rule is None or failed_condition(basket, rule) is not None:
        return "offer"
    if _has_rival(basket, rule, rules):
        return "offer"
    if rule.id in basket.closed:
        return "budget"
    return "uses" if _is_used_up(basket, rule, amount) else ""


def standing(basket: Basket) -> tuple[TakenOff, ...]:
    """The named offers of which a line is left: they count in their limits, uses and budgets."""
    rules = offers_of(basket.program)
    return tuple(
        TakenOff(name, amount, own_anniversary(basket, rules[name]))
        for name, amount in basket.offers
        if name in rules and any(
            failed_of_line(basket.lines[place], rules[name]) is None
            for place in basket.eligible_lines
        )
    )  # fmt: skip


def offers_of(program: Program) -> dict[str, Offer]:
    """The offers of a program by id."""
    return {rule.id: rule for rule in program.rule if isinstance(rule, Offer)}


def _has_rival(basket: Basket, rule: Offer, rules: dict[str, Offer]) -> bool:
    """Whether the sale names another offer of a group that gives one."""
    modes = {group.id: group.mode for group in basket.program.offer_group}
    if rule.group is None or modes[rule.group] in ("stackable", "best_of_line"):
        return False
    others = (rules.get(name) for name, _ in basket.offers if name != rule.id)
    return any(other is not None and other.group == rule.group for other in others)


def _is_used_up(basket: Basket, rule: Offer, amount: int) -> bool:
    given: list[tuple[str, Any]] = [*given_limits(rule.uses), *given_limits(rule.limits)]
    if any(period == "anniversary" for period, _ in given) and _too_close(basket, rule):
        return True
    for period, most in given_limits(rule.uses):
        if len(_before(basket, rule, period)) >= most:
            return True
    limits: list[tuple[str, Any]] = given_limits(rule.limits)
    rooms = [max(0, most - sum(_before(basket, rule, period))) for period, most in limits]
    return any(amount > room for room in rooms) or any(
        room == 0 and period != "basket"
        for room, (period, _) in zip(rooms, limits, strict=True)
    )


def _too_close(basket: Basket, rule: Offer) -> bool:
    """Whether the offer was had for another year's anniversary not long ago (section 3)."""
    year = own_anniversary(basket, rule)
    last = [
        (record, taken) for record in basket.member.records for taken in record.offers
        if taken.offer == rule.id and taken.anniversary is not None
    ][-1:]  # fmt: skip
    return any(
        taken.anniversary != year and (basket.date - record.date).days <= CLOSE_DAYS
        for record, taken in last
    )


def _before(basket: Basket, rule: Offer, period: str) -> list[int]:
    """What the offer took off in the basket's own day, week .., or for its anniversary, a use
    each."""
    by_year = period == "anniversary"
    year = own_anniversary(basket, rule) if by_year else None
    return [
        taken.amount
        for record in records_in(basket, "lifetime" if by_year else period)
        for taken in record.offers
        if taken.offer == rule.id and (not by_year or taken.anniversary == year)
    ]
