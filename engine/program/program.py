"""The program format: what a loyalty program can say, as types.

A program is a TOML file (`checks.program_file` reads it, `checks.whole` checks it whole).
Unknown fields are refused. Money is in minor units of the
program's one currency unit, point figures are exact decimals of whole points
(rulebook sections 1, 3 to 6, 9 and 10).

>>> Tier(id="gold").join
'all'
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from .conditions import Calendar, Days, HoldHours, LineConditions, Name, Part, Text, Weekday
from .coupons import Coupon
from .currencies import Currency, Unit
from .figures import CounterRule, Holidays, SegmentRule, Sequence
from .membership import Membership, Plan
from .offers import OfferGroup
from .referrals import REFERRED, Referral
from .rules import Bonus, Group, Rule, Stack, Uses
from .spending import GiftCards, Redemption, Returns, Reward
from .tiers import Ladder, Tier


def rule_of_referral(referral: Referral) -> Bonus:
    """The rule by which a referral gives its points to the member that was referred."""
    least = referral.at_least or referral.when.min_amount
    when = msgspec.structs.replace(referral.when, member_type=[REFERRED], min_amount=least)
    return Bonus(
        id=referral.id, title=referral.title, currency=referral.currency,
        points=referral.referred, when=when, uses=Uses(lifetime=1),
    )


class Program(Part, frozen=True, kw_only=True):
    """A whole program file."""

    format: Literal[1]
    id: Name
    title: str = ""
    unit: Unit
    zone: str
    calendar: Calendar = "gregorian"
    week_begins: Weekday | None = None
    day_starts_at: Annotated[int, Meta(ge=0, le=23)] = 0
    late_limit_days: Days = 45
    claim_days: Days | None = None
    hold_hours: HoldHours = 24
    late_shortfall: Literal["debt", "forgive"] = "debt"
    earn_on_redeemed: bool = False
    membership: Membership = Membership()
    causes: Annotated[list[Text], Meta(max_length=16)] = field(default_factory=list)
    gift_cards: GiftCards | None = None
    reward: Annotated[list[Reward], Meta(max_length=256)] = field(default_factory=list)
    coupon: Annotated[list[Coupon], Meta(max_length=256)] = field(default_factory=list)
    returns: Returns = Returns()
    currency: Annotated[list[Currency], Meta(min_length=1, max_length=16)]
    redemption: list[Redemption] = field(default_factory=list)
    on_account: Annotated[list[Text], Meta(max_length=64)] = field(default_factory=list)
    exclude: list[LineConditions] = field(default_factory=list)
    holidays: list[Holidays] = field(default_factory=list)
    counter: Annotated[list[CounterRule], Meta(max_length=64)] = field(default_factory=list)
    sequence: Annotated[list[Sequence], Meta(max_length=16)] = field(default_factory=list)
    segment: Annotated[list[SegmentRule], Meta(max_length=64)] = field(default_factory=list)
    group: Annotated[list[Group], Meta(max_length=32)] = field(default_factory=list)
    stack: Annotated[list[Stack], Meta(max_length=32)] = field(default_factory=list)
    offer_group: Annotated[list[OfferGroup], Meta(max_length=32)] = field(default_factory=list)
    rule: Annotated[list[Rule], Meta(max_length=4096)] = field(default_factory=list)
    referral: Annotated[list[Referral], Meta(max_length=16)] = field(default_factory=list)
    ladder: Ladder | None = None
    plan: Annotated[list[Plan], Meta(max_length=64)] = field(default_factory=list)

    def __post_init__(self) -> None:
        # What a referred member gets is given by a rule like any other.
        known = {rule.id for rule in self.rule}
        made = [rule_of_referral(one) for one in self.referral if one.id not in known]
        if made:
            msgspec.structs.force_setattr(self, "rule", [*self.rule, *made])
        credit = {currency.id for currency in self.currency if currency.kind == "credit"}
        if any(one.currency in credit for one in self.redemption):
            msgspec.structs.force_setattr(self, "redemption", [
                one.at_face(self.unit.exponent) if one.currency in credit else one
                for one in self.redemption
            ])  # fmt: skip

    def in_file(self, path: str) -> str:
        """A path as it stands in the file: a referral's where it is of the rule that this makes."""
        found = re.match(r"rule\[(\d+)\](\.points$)?", path)
        if found is None:
            return path
        name = self.rule[int(found[1])].id
        made = [rule_of_referral(one) for one in self.referral]
        for place, rule in enumerate(made):
            if rule.id == name and rule == self.rule[int(found[1])]:
                rest = ".referred" if found[2] else path[found.end() :]
                return f"referral[{place}]{rest}"
        return path

    def rules_in_order(self) -> list[Rule]:
        """Rules by (priority, place in the file): the order in which caps are filled."""
        return sorted(self.rule, key=lambda rule: rule.priority)

    def currency_at(self, name: str | None) -> int:
        """Index of a currency by name; the first one for None."""
        if name is None:
            return 0
        return next(i for i, c in enumerate(self.currency) if c.id == name)

    def currency_named(self, name: str | None) -> Currency:
        """A currency by name; the first one for None."""
        return self.currency[self.currency_at(name)]

    def currency_of(self, rule: Rule) -> int:
        """Index of the rule's currency; the first one when the rule names none."""
        return self.currency_at(rule.currency)

    def coupon_currencies(self) -> set[str]:
        """Currencies whose units are coupons: a sale that presents one takes one."""
        return {currency.id for currency in self.currency if currency.kind == "coupons"}

    def accrues_on_payment(self) -> bool:
        """Whether points of some rule wait for the money."""
        return any(rule.accrual == "payment" for rule in self.rule)

    def terms_of(self, currency: str | None) -> Redemption | None:
        """The first redemption of a currency: its terms are those outside of a sale's tenders."""
        return next((entry for entry in self.redemption if entry.currency == currency), None)

    def activity_sets(self) -> set[tuple[str, ...]]:
        """Sets of activity codes of which something is counted."""
        counted = {
            tuple(sorted(counter.activity or ())) for counter in self.counter
            if counter.count == "activity"
        }  # fmt: skip
        return counted | {(code,) for tier in self.tiers() for code in tier.at_least.activity}

    def tiers(self) -> list[Tier]:
        """Rungs from lowest to highest; empty without a ladder."""
        return self.ladder.tier if self.ladder else []


def json_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of the program file, for editors (`#:schema`)."""
    schema = msgspec.json.schema(Program, schema_hook=lambda _: {})
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "vafa program"
    _numbers_for_decimals(schema)
    return schema


def _numbers_for_decimals(node: Any) -> None:
    # msgspec writes Decimal as a string; a TOML decimal is a number as well.
    if isinstance(node, dict):
        if node.get("format") == "decimal":
            node.clear()
            node["type"] = ["number", "string"]
        for value in node.values():
            _numbers_for_decimals(value)
    elif isinstance(node, list):
        for value in node:
            _numbers_for_decimals(value)
