"""Offers that a sale names: whether they may be had, and what they count (section 8)."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..columns.status import Status
from ..facts import SaleFact
from ..program.program import Offer, Program
from .conditions import failed_condition, failed_of_line
from .limits import given_limits, records_in
from .state import Basket


def named_offers(fact: SaleFact) -> tuple[tuple[str, int], ...]:
    """(id, amount) of the offers that a sale names, by id."""
    return tuple(sorted((applied.offer, applied.amount) for applied in fact.offers))


class Broken(NamedTuple):
    """A named offer that may not be had: its id, what it took off, and what is wrong."""

    offer: str
    amount: int
    status: Status


def broken_offers(basket: Basket) -> list[Broken]:
    """The named offers that may not be had."""
    rules = offers_of(basket.program)
    found = ((name, amount, _wrong(basket, rules, name, amount)) for name, amount in basket.offers)
    return [Broken(name, amount, wrong) for name, amount, wrong in found if wrong is not None]


def _wrong(basket: Basket, rules: dict[str, Offer], name: str, amount: int) -> Status | None:
    rule = rules.get(name)
    if rule is None or failed_condition(basket, rule) is not None:
        return Status.OFFER_NOT_APPLICABLE
    if _has_rival(basket, rule, rules):
        return Status.OFFER_NOT_APPLICABLE
    return Status.OFFER_USED_UP if _is_used_up(basket, rule, amount) else None


def standing(basket: Basket) -> tuple[tuple[str, int], ...]:
    """The named offers of which a line is left: they count in their limits and uses."""
    rules = offers_of(basket.program)
    return tuple(
        (name, amount) for name, amount in basket.offers
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
    for period, most in given_limits(rule.uses):
        if len(_before(basket, rule, period)) >= most:
            return True
    limits: list[tuple[str, Any]] = given_limits(rule.limits)
    rooms = [max(0, most - sum(_before(basket, rule, period))) for period, most in limits]
    return any(amount > room for room in rooms) or any(
        room == 0 and period != "basket"
        for room, (period, _) in zip(rooms, limits, strict=True)
    )


def _before(basket: Basket, rule: Offer, period: str) -> list[int]:
    """What the offer took off in the basket's own day, week .., a use each."""
    return [
        amount for record in records_in(basket, period) for name, amount in record.offers
        if name == rule.id
    ]  # fmt: skip
