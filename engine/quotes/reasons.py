"""Why an offer does not apply: the first condition that fails, by its field (section 12).

Conditions on the basket and the member come first, in the order of `ORDER`, plain ones before
negated ones, then those on lines; a negated one is `not.field`, `eligible` says that the basket
has no line which rules may see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..columns.columns import Facts
from ..columns.dictionaries import Product
from ..compiling.conditions import in_dates, in_hours, under
from ..compiling.member_conditions import MEMBER_FIELDS
from ..compiling.rule_tables import line_meets
from ..compiling.version import CompiledProgram
from ..folding.fold import Fold
from ..program.conditions import WEEKDAYS, Conditions, LineConditions, NotConditions
from ..program.draws import drawing, won
from ..program.rules import Offer
from .amounts import Line

ORDER = (
    "store", "region", "format", "channel", "terminal", "tender", "coupon", "weekday", "date",
    "time", "holiday", "without", "min_amount", "min_quantity", "min_basket", "tier",
    "tier_at_least",
    "member_type", "segment", "subscription", "counter", "age", "member_days", "anniversary",
    "first_purchase", "nth_purchase", "every_nth", "days_since_purchase", "streak", "sequence",
    "draw",
)  # fmt: skip
LINE_ORDER = (
    "sku", "brand", "department", "supplier", "price_class", "category", "label", "on_promotion"
)  # fmt: skip
_MINIMA = (("min_amount", False), ("min_amount", True), ("min_quantity", False),
           ("min_quantity", True), ("min_basket", False), ("min_basket", True))  # fmt: skip


def needs_member(rule: Offer) -> bool:
    """Whether an offer is for members only: it asks something of them, or limits them."""
    fields = ("tier", "tier_at_least", *MEMBER_FIELDS)
    return any(
        getattr(when, name) is not None for when in (rule.when, rule.when.negated)
        for name in fields
    ) or any(
        getattr(limits, name) is not None
        for limits in (rule.uses, rule.limits)
        for name in limits.__struct_fields__ if name != "basket"
    )  # fmt: skip


class Reasons:
    """What one basket, row 0 of `facts`, fails of each offer."""

    def __init__(
        self, fold: Fold, compiled: CompiledProgram, facts: Facts, found: dict[str, Any],
        lines: Sequence[Line], tier: str | None, fact: str,
    ) -> None:
        """`fact` is the id of the basket."""
        self.compiled = compiled
        self.found = found
        self.lines = [x for x in lines if not x.excluded and (x.net or x.quantity)]
        names = fold.dictionaries
        extra = facts.extra(0)
        store = names.stores.versions[int(facts.store[0])]
        rungs = {name: place for place, name in enumerate(compiled.tier_names)}
        day, minute = int(facts.day[0]), int(facts.minute[0])
        self._values: dict[str, Any] = {
            "store": store.store, "region": store.region, "format": store.format,
            "channel": extra.channel, "terminal": names.terminals.names[int(facts.terminal[0])],
            "weekday": WEEKDAYS[(day + 3) % 7],
        }
        self._lists = {
            "tender": {names.tenders.names[code] for code in facts.tender.tolist()},
            "coupon": set(extra.presented()),
        }
        self._holds: dict[str, Callable[[Any], bool]] = {
            "date": lambda dates: in_dates(Conditions(date=dates), day),
            "time": lambda hours: in_hours(Conditions(time=hours), minute),
            "holiday": lambda ids: any(day in compiled.holidays.get(name, ()) for name in ids),
            "tier": lambda tiers: tier in tiers,
            "tier_at_least": lambda least: tier is not None and rungs[tier] >= rungs[least],
            "draw": lambda draw: bool(won(drawing([draw]), fact)),
            "without": lambda when: not any(line_meets(when, x.product) for x in self.lines),
        }

    def first_failed(self, rule: Offer) -> str:
        """The first condition of an offer that does not hold."""
        place = self.compiled.offer_places[rule.id]
        failing = {
            _MINIMA[bit] for bit in range(len(_MINIMA)) if self.found["minimum"][place] >> bit & 1
        }
        asked = [
            (name, negated)
            for negated, when in ((False, rule.when), (True, rule.when.negated))
            for name in MEMBER_FIELDS if getattr(when, name) is not None
        ]  # fmt: skip
        mask = int(self.found["member"][place])
        failing |= {one for bit, one in enumerate(asked) if mask >> bit & 1}
        for negated, when in ((False, rule.when), (True, rule.when.negated)):
            for name in ORDER:
                value = getattr(when, name)
                if value is not None and self._fails(name, value, negated, failing):
                    return f"not.{name}" if negated else name
        return self._failed_of_lines(rule)

    def _fails(
        self, name: str, asked: Any, negated: bool, failing: set[tuple[str, bool]]
    ) -> bool:
        if name in self._values:
            return (self._values[name] in asked) == negated
        if name in self._lists:
            return bool(self._lists[name] & set(asked)) == negated
        if name in self._holds:
            return self._holds[name](asked) == negated
        return (name, negated) in failing

    def _failed_of_lines(self, rule: Offer) -> str:
        failed = [_failed_of_line(line.product, rule) for line in self.lines]
        named = [name for name in failed if name is not None]
        if not named or len(named) < len(failed):
            # What is left of a rule's conditions is its tier.
            return "eligible" if not failed else "tier"
        return next((name for name in reversed(named) if name.startswith("not.")), named[-1])


def _failed_of_line(product: Product, rule: Offer) -> str | None:
    whens: tuple[tuple[str, NotConditions], ...] = (("", rule.when), ("not.", rule.when.negated))
    for prefix, when in whens:
        for name in LINE_ORDER:
            asked = getattr(when, name)
            if asked is not None and _meets(product, name, asked) == bool(prefix):
                return prefix + name
    return None


def _meets(product: Product, name: str, asked: Any) -> bool:
    if name == "category":
        return under(asked, product.category)
    return line_meets(LineConditions(**{name: asked}), product)
