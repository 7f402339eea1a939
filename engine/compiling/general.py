"""What only the general form of the kernel looks at: groups, bonuses, carried remainders.

A program of plain rules needs none of it and takes the plain fold (`needs_general`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..program.currencies import Inactivity
from ..program.program import Program
from ..program.rules import Bonus, Earn, Multiply, Offer, Rule
from .figures import int64s, least, per_units, thousandths
from .ladders import is_simple
from .layout import Layout
from .member_conditions import MemberConditions, asks_member
from .placed import PlacedProgram

FIXED, PER_UNITS, OF_BALANCE = range(3)
PLAIN_COUNTS = range(5)
"""Kinds of counters that the plain fold moves: spend, visits, a rule's points and uses, and
those of a currency."""
_GROUPS = {"first": 1, "best": 2}
_OFFERS = {"stackable": 0, "exclusive": 7, "best": 7, "best_of_line": 0}
"""Of one of the latter two a sale names one offer."""
_STACKS = {"add": 3, "best": 4, "compound": 5, "first": 6}


def needs_general(program: Program) -> bool:
    """Whether a sale of this version can need more than the plain fold has."""
    return (
        bool(program.redemption or program.counter or program.membership.entry)
        or not is_simple(program.ladder, program.calendar)
        or any(
            currency.round_at == "basket" or isinstance(currency.expiry, Inactivity)
            for currency in program.currency
        )
        or any(_rule_needs_general(rule) for rule in program.rule)
    )


def counts_more(layout: Layout) -> bool:
    """Whether another version has a purchase counted, or points renewed, by more than the plain
    fold has."""
    lists = ("stores", "categories", "streak", "sequence")
    return any(layout.idle.values()) or any(map(layout.keys, lists)) or any(
        key[0] not in PLAIN_COUNTS or key[2][0] != "period"  # type: ignore[index]
        for key in layout.counters
    )


def _rule_needs_general(rule: Rule) -> bool:
    if isinstance(rule, Offer):
        # A sale that names none is rated without it, one that does goes the general way.
        return False
    when = rule.when
    return (
        rule.budget is not None
        or rule.donate is not None
        or rule.accrual == "payment"
        or rule.round in ("carry", "line")
        or rule.limits.anniversary is not None
        or rule.uses.anniversary is not None
        or when.activity is not None
        or any(
            asks_member(asked) or asked.channel or asked.coupon or asked.without or asked.draw
            for asked in (when, when.negated)
        )
        or when.negated.min_amount is not None
        or when.negated.min_quantity is not None
        or when.min_basket is not None
        or when.negated.min_basket is not None
        or (isinstance(rule, Earn)
            and (rule.basis not in ("net", "quantity") or bool(rule.bands) or rule.blocks
                 or rule.group is not None))
        or (isinstance(rule, Multiply) and rule.stack is not None)
        or (isinstance(rule, Bonus)
            and (rule.points is None or rule.per_units is not None or rule.on is not None
                 or rule.stack is not None))
    )  # fmt: skip


def by_class(program: Program) -> bool:
    """Whether lines of one product class may be summed before they are rated.

    Not where a line is rounded by itself, takes its part of a tender, counts as a piece, or has
    a category that conditions look at; nor where points wait for the money of all lines.
    """
    return not program.accrues_on_payment() and not any(
        rule.round == "line"
        or (isinstance(rule, Earn) and rule.basis == "tender")
        or (isinstance(rule, Bonus) and rule.per_units is not None)
        for rule in program.rule
        if not isinstance(rule, Offer)
    )


class GeneralRules:
    """The rules of one version as the general form has them."""

    def __init__(self, placed: PlacedProgram) -> None:
        self.placed = placed
        self.program = placed.program
        self.layout = placed.layout
        self.rules = placed.rules
        self.groups = [group.id for group in placed.program.group]
        self.stacks = [stack.id for stack in placed.program.stack]
        self.offers = [group.id for group in placed.program.offer_group]

    def arrays(self, conditions: MemberConditions) -> dict[str, Any]:
        """Arrays by rule, and the questions about members."""
        near, conds_from = [], [0]
        for rule in self.rules:
            near.append(conditions.add(rule.when))
            conds_from.append(len(conditions.conds))
        modes = [_GROUPS[group.mode] for group in self.program.group]
        modes += [_STACKS[stack.mode] for stack in self.program.stack]
        modes += [_OFFERS[group.mode] for group in self.program.offer_group]
        rules, words = self.rules, self.placed
        return {
            "on_payment": np.array(
                [rule.accrual == "payment" for rule in rules], np.uint8
            ) if self.program.accrues_on_payment() else None,
            "not_amount": int64s([least(rule.when.negated.min_amount) for rule in rules]),
            "not_quantity": int64s([thousandths(r.when.negated.min_quantity) for r in rules]),
            "min_basket": int64s([least(rule.when.min_basket) for rule in rules]),
            "not_basket": int64s([least(rule.when.negated.min_basket) for rule in rules]),
            "blocks": np.array([isinstance(r, Earn) and r.blocks for r in rules], np.uint8),
            "per": int64s([per_units(r) if isinstance(r, Earn) else 1 for r in rules]),
            "marginal": np.array(
                [isinstance(r, Earn) and r.band_mode == "marginal" for r in rules], np.uint8
            ),
            "group": np.array([self._group(rule) for rule in rules], np.int32),
            "group_mode": np.array(modes or [0], np.uint8),
            "form": np.array([_form(rule) for rule in rules], np.uint8),
            "units": int64s([
                int(r.per_units * 1000) if isinstance(r, Bonus) and r.per_units else 1
                for r in rules
            ]),
            "slot": np.array([self._rest_slot(rule) for rule in rules], np.int32),
            "cap": int64s([self._cap(rule) for rule in rules]),
            "cause": np.array([self._cause_slot(rule) for rule in rules], np.int32),
            "near": np.array(near, np.int32),
            "ann_slot": np.array([self._year_slot(rule) for rule in rules], np.int32),
            "given_on": np.array([
                words.date_slot(r.on) if isinstance(r, Bonus) and r.on else 0 for r in rules
            ], np.int32),
            "conds_from": np.array(conds_from, np.int32),
            "lists": int64s(conditions.lists),
            "activity_mask": words.words_of(lambda r: r.when.activity is not None),
            "dated_mask": words.words_of(lambda r: isinstance(r, Bonus) and r.on is not None),
            "opens_mask": words.words(lambda when: when.negated.without is not None),
        }  # fmt: skip

    def _group(self, rule: Rule) -> int:
        if isinstance(rule, Earn):
            return -1 if rule.group is None else self.groups.index(rule.group)
        first = len(self.groups)
        if isinstance(rule, Offer):
            first += len(self.stacks)
            return -1 if rule.group is None else first + self.offers.index(rule.group)
        return -1 if rule.stack is None else first + self.stacks.index(rule.stack)

    def _rest_slot(self, rule: Rule) -> int:
        """Slot of a carried remainder, or of the once-only guard."""
        if isinstance(rule, Bonus) and rule.of_balance is not None:
            return self.layout.slot("once", rule.id)
        if rule.round == "carry" or (isinstance(rule, Bonus) and rule.per_units is not None):
            # Units and points are not of one kind, should a later version change the rule.
            what = "units" if isinstance(rule, Bonus) else "rest"
            return self.layout.slot(what, rule.id, holds_list=True)
        return -1

    def _year_slot(self, rule: Rule) -> int:
        if rule.limits.anniversary is None and rule.uses.anniversary is None:
            return -1
        return self.layout.slot("year", rule.id, size=2, empty=True)

    def _cause_slot(self, rule: Rule) -> int:
        if rule.donate is None:
            return -1
        currency = self.program.currency[self.program.currency_of(rule)].id
        return self.layout.slot("cause", rule.donate, currency)

    def _cap(self, rule: Rule) -> int:
        if isinstance(rule, Bonus) and rule.of_balance is not None:
            scale = self.program.currency[self.program.currency_of(rule)].scale
            return int(rule.of_balance.cap * 10**scale)
        return 0


def _form(rule: Rule) -> int:
    if not isinstance(rule, Bonus) or (rule.per_units is None and rule.of_balance is None):
        return FIXED
    return PER_UNITS if rule.per_units is not None else OF_BALANCE
