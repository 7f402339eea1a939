"""The offers of a quote: which apply to a basket, what they take off, and why others do not.

Which apply is the kernel's word: an offer is a bit like any rule (rulebook sections 3 and 8).
Offers are worked out in (priority, file) order, each of what those before it have left; a group
stands at the place of its first one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np

from vafa.native.fold import offers_of
from vafa.native.state import State
from vafa.native.wire import Sale

from ..columns.answers import Answer
from ..columns.columns import NOTHING, Extra, Facts
from ..columns.named import no_names
from ..columns.status import LIMITS
from ..compiling.rule_tables import line_meets
from ..compiling.version import CompiledProgram
from ..folding.fold import Fold
from ..program.offers import EarlyAccess, FreeItem, Service
from ..program.rules import Offer
from .amounts import Line, Off, cut, taken_off
from .reasons import Reasons, needs_member

_ONE = np.zeros(1, np.uint32)


@dataclass(slots=True)
class Offers:
    """What became of each offer, in (priority, file) order, and what is off in all."""

    told: list[Answer] = field(default_factory=list)
    applied: list[tuple[str, int]] = field(default_factory=list)
    off: Off = field(default_factory=dict)

    @property
    def discount(self) -> int:
        """Minor units that all offers take off."""
        return sum(self.off.values())


def offers_of_basket(
    fold: Fold, facts: Facts, fact: str, version: int, row: State, *, has_member: bool
) -> Offers:
    """The offers of a basket, row 0 of `facts`, to the member whose row stands at its place.

    `fact` is its id, `version` the number of the program's version. Without a member only offers
    that ask for none apply. Those that the basket names have been taken off already.
    """
    compiled = fold.compiled.compiled[version - 1]
    if not compiled.offer_places:
        return Offers()
    found = _matched(fold, facts, fact, version, row)
    tier = row.tier(compiled.native, 0, int(facts.day[0]))
    name = None if tier < 0 else fold.layout.tiers[tier]
    return _Round(fold, compiled, facts, fact, found, name, has_member=has_member).settle()


def _matched(fold: Fold, facts: Facts, fact: str, version: int, row: State) -> dict[str, Any]:
    """What the kernel says of each offer."""
    columns = fold.compiled.columns(
        replace(facts, member=_ONE), np.full(1, version - 1, np.uint16),
        np.full(1, fold.budgets.epoch, np.uint32), no_names(1),
        np.zeros(1, np.bool_), fold.compiled.drawn(np.full(1, version, np.uint16), [fact]),
    )  # fmt: skip
    return offers_of(fold.compiled.natives, row, columns)


class _Round:
    """One basket's offers, worked out one after the other."""

    def __init__(
        self, fold: Fold, compiled: CompiledProgram, facts: Facts, fact: str,
        found: dict[str, Any], tier: str | None, *, has_member: bool,
    ) -> None:
        self.compiled = compiled
        self.found = found
        self.has_member = has_member
        self.lines = _lines(fold, compiled, facts)
        self.named = dict(facts.extra(0).offers)
        self.numbers = facts.line.tolist()
        self.reasons = Reasons(fold, compiled, facts, found, self.lines, tier, fact)
        self.modes = {group.id: group.mode for group in compiled.program.offer_group}
        self.told: dict[str, Answer] = {}
        self.out = Offers()

    def settle(self) -> Offers:
        """All offers told."""
        rules = [rule for rule in self.compiled.rules if isinstance(rule, Offer)]
        groups: dict[str, list[Offer]] = {}
        for rule in rules:
            if rule.group is not None and self.modes[rule.group] != "stackable":
                groups.setdefault(rule.group, []).append(rule)
        for rule in rules:
            if rule.id in self.told:
                continue
            alike = groups.get(rule.group or "")
            if alike is None:
                self._alone(rule)
            elif self.modes[rule.group or ""] == "best_of_line":
                self._by_line(alike)
            else:
                self._group(alike, best=self.modes[rule.group or ""] == "best")
        self.out.told = [self.told[rule.id] for rule in rules]
        return self.out

    def _alone(self, rule: Offer) -> None:
        why, off, limit = self._wants(rule)
        if why is None:
            self._apply(rule, off, limit)
        else:
            self._tell_not(rule, why)

    def _group(self, rules: Sequence[Offer], *, best: bool) -> None:
        """Of a group one offer applies: the first that does, or the one that takes most off."""
        wanted = {rule.id: self._wants(rule) for rule in rules}
        able = [rule for rule in rules if wanted[rule.id][0] is None]
        named = [rule for rule in rules if rule.id in self.named]
        winner = next(iter(named or able), None)
        if best and able and not named:
            winner = max(able, key=lambda rule: sum(wanted[rule.id][1].values()))
        for rule in rules:
            why, off, limit = wanted[rule.id]
            if rule is winner and why is None:
                self._apply(rule, off, limit)
            elif why is not None:
                self._tell_not(rule, why)
            else:
                assert winner is not None
                self._tell_not(rule, "group", by=winner.id)

    def _by_line(self, rules: Sequence[Offer]) -> None:
        """Of each line the offer applies that takes most off it, ties by priority."""
        wanted = {rule.id: self._wants(rule) for rule in rules}
        named = next((rule.id for rule in rules if rule.id in self.named), None)
        winners: dict[int, str] = {}
        for name, (_, off, _) in wanted.items():
            for place, figure in off.items():
                if place not in winners or figure > wanted[winners[place]][1][place]:
                    winners[place] = name
        for rule in rules:
            why, off, limit = wanted[rule.id]
            mine = {place: x for place, x in off.items() if winners[place] == rule.id}
            if why is not None:
                self._tell_not(rule, why)
            elif named is not None and rule.id not in self.named:
                # Of which lines the named one is the till's alone knows.
                self._tell_not(rule, "group", by=named)
            elif off and not mine:
                self._tell_not(rule, "group", by=winners[min(off)])
            else:
                self._apply(rule, mine, limit)

    def _wants(self, rule: Offer) -> tuple[str | None, Off, str]:
        """(why it does not apply, what it would take off, the limit that cut it)."""
        place = self.compiled.offer_places[rule.id]
        if not self.has_member and needs_member(rule):
            return "member", {}, ""
        if not self.found["met"][place]:
            return self.reasons.first_failed(rule), {}, ""
        if rule.id in self.named:
            return None, {}, ""
        left, limit = int(self.found["left"][place]), LIMITS[self.found["limit"][place]]
        if left == 0:
            return limit, {}, ""
        mine = [x.place for x in self.lines if self._is_of(x, place)]
        off = taken_off(rule.benefit, self.lines, mine)
        if not off and _is_of_money(rule):
            return "benefit", {}, ""
        within = cut(off, left)
        return None, within, limit if within != off else ""

    def _is_of(self, line: Line, place: int) -> bool:
        word = int(self.found["lines"][line.place, place >> 6])
        return not line.excluded and bool(word >> (place & 63) & 1)

    def _apply(self, rule: Offer, off: Off, limit: str) -> None:
        amount = self.named.get(rule.id, sum(off.values()))
        for place, figure in off.items():
            self.lines[place].net -= figure
            self.out.off[place] = self.out.off.get(place, 0) + figure
        self.out.applied.append((rule.id, amount))
        answer: Answer = {
            "offer": rule.id, "applies": True, "benefit": rule.benefit.__struct_config__.tag,
            "amount": amount,
            "lines": [
                {"line": self.numbers[place], "amount": figure}
                for place, figure in sorted(off.items())
            ],
        }  # fmt: skip
        match rule.benefit:
            case FreeItem(sku=sku, quantity=quantity):
                answer["item"] = {"sku": sku, "quantity": quantity}
            case EarlyAccess(to=name) | Service(name=name):
                answer["name"] = name
        if limit:
            answer["limit"] = limit
        if rule.id in self.named:
            answer["named"] = True
        self.told[rule.id] = answer

    def _tell_not(self, rule: Offer, why: str, **more: str) -> None:
        self.told[rule.id] = {"offer": rule.id, "applies": False, "why": why, **more}


def _is_of_money(rule: Offer) -> bool:
    """Whether an offer without anything to take off does not apply."""
    return rule.benefit.__struct_config__.tag not in (
        "free_item", "free_delivery", "early_access", "service",
    )  # fmt: skip


def _lines(fold: Fold, compiled: CompiledProgram, facts: Facts) -> list[Line]:
    """The lines of row 0 as benefits take them; a void one has neither units nor net."""
    products = fold.dictionaries.products.versions
    details = {detail[0]: detail[1:] for detail in facts.extra(0).details}
    exclude = compiled.program.exclude
    lines = []
    for place, (number, quantity, net) in enumerate(
        zip(facts.product.tolist(), facts.quantity.tolist(), facts.net.tolist(), strict=True)
    ):
        gross = Fraction(net)
        if place in details:
            full, rung_up, _ = details[place]
            gross = Fraction(rung_up * quantity, full) if full else Fraction(rung_up)
        product = products[number]
        excluded = any(line_meets(conditions, product) for conditions in exclude)
        lines.append(Line(place, quantity, net, gross, product, excluded))
    return lines


def with_offers(sale: Sale, offers: Offers) -> Sale:
    """The sale that follows a quote: what offers take off is off its lines, and it names them."""
    name, at, member, store, terminal, lines, tenders, kind, found = sale.parts()
    extra: Extra = found or NOTHING
    details = {detail[0]: detail[1:] for detail in extra.details}
    left = []
    for place, (number, sku, quantity, net) in enumerate(lines):
        off = offers.off.get(place, 0)
        if off:
            details.setdefault(place, (quantity, net, None))
        left.append((number, sku, quantity, net - off))
    extra = msgspec.structs.replace(
        extra, offers=tuple(sorted(offers.applied)),
        details=tuple((place, *rest) for place, rest in sorted(details.items())),
    )  # fmt: skip
    return Sale.of(name, at, member, store, terminal, left, tenders, kind, extra)
