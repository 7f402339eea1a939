"""The program format: what a loyalty program can say, as types.

A program is a TOML file (`program_file` reads it, `program_check` checks it whole).
Unknown fields are refused. Money is in minor units of the
program's one currency unit, point figures are exact decimals of whole points
(rulebook sections 1, 3 to 6, 9 and 10).

>>> Tier(id="gold").join
'all'
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from .conditions import (
    ByTier,
    Calendar,
    Conditions,
    Count,
    Days,
    HoldHours,
    LineConditions,
    Minor,
    Months,
    Name,
    Natural,
    Part,
    Period,
    Range,
    Rounding,
    RuleRounding,
    Text,
    Weekday,
    Worth,
)
from .coupons import Coupon
from .offers import Benefit, OfferGroup, OfferLimits
from .referrals import REFERRED, Referral


class Unit(Part, frozen=True, kw_only=True):
    """The money unit: ISO 4217 code and exponent (USD 2, IRR 0)."""

    code: Annotated[str, Meta(pattern=r"^[A-Z]{3}(?!\n)$")]
    exponent: Annotated[int, Meta(ge=0, le=4)] = 2


# -- currencies ------------------------------------------------------------------------------


class Never(Part, frozen=True, kw_only=True, tag_field="policy", tag="never"):
    """Points never expire."""


class After(Part, frozen=True, kw_only=True, tag_field="policy", tag="after"):
    """Points are good through the earned date plus this many days or months."""

    days: Days | None = None
    months: Months | None = None
    calendar: Calendar | None = None


class PeriodEnd(Part, frozen=True, kw_only=True, tag_field="policy", tag="period_end"):
    """Points are good through the end of the k-th period after that of earning."""

    period: Period
    k: Months
    calendar: Calendar | None = None


class Inactivity(Part, frozen=True, kw_only=True, tag_field="policy", tag="inactivity"):
    """Points are good through N months after the later of earning and the last renewal.

    A sale renews that still gives more than zero in this currency; `renewed_by` adds any
    sale, redemptions, activities.
    """

    months: Annotated[int, Meta(ge=1, le=1_200)]
    renewed_by: list[Literal["sale", "redemption", "activity"]] = field(default_factory=list)
    calendar: Calendar | None = None


class Caps(Part, frozen=True, kw_only=True):
    """Most points per basket, business day, calendar period, or ever; decimals of points."""

    basket: Decimal | None = None
    day: Decimal | None = None
    week: Decimal | None = None
    month: Decimal | None = None
    quarter: Decimal | None = None
    half: Decimal | None = None
    year: Decimal | None = None
    lifetime: Decimal | None = None


class RuleLimits(Caps, frozen=True, kw_only=True):
    """Most points that a rule gives; `anniversary`: for one anniversary of its condition."""

    anniversary: Decimal | None = None


class Uses(Part, frozen=True, kw_only=True):
    """Most uses of a rule; a use is a fact to which the rule gave more than zero."""

    day: Count | None = None
    week: Count | None = None
    month: Count | None = None
    quarter: Count | None = None
    half: Count | None = None
    year: Count | None = None
    lifetime: Count | None = None
    anniversary: Count | None = None


class Currency(Part, frozen=True, kw_only=True):
    """A kind of points: scale, rounding, waiting time, expiry and program caps.

    A `status` currency qualifies only: it cannot be spent and never makes debt. Of `coupons` a
    sale that presents a coupon of the currency's name takes one. With
    `round_at = "basket"` the exact earn and multiply figures are summed and rounded once.
    """

    id: Name
    kind: Literal["points", "status", "credit", "stamps", "coupons"] = "points"
    scale: Annotated[int, Meta(ge=0, le=4)] = 0
    round: Rounding = "floor"
    round_at: Literal["rule", "basket"] = "rule"
    pending_days: Annotated[int, Meta(ge=0, le=3_650)] = 0
    expiry: Never | After | PeriodEnd | Inactivity = Never()
    caps: Caps = Caps()


class Redemption(Part, frozen=True, kw_only=True):
    """A tender type with which loyalty value is redeemed: what it pays earns nothing.

    With a currency, the points of such a tender are taken from the member's lots: `minimum`
    at least, `maximum` at most, multiples of `step`, for at most `share` of the basket's net,
    which is `at_least` so much; `points` of them are worth `money` minor units, by tier if it is
    a table. What asks for more `over` is refused, or, of redemptions before a sale, takes what is
    redeemable (`clamp`).
    """

    tender: Text
    currency: Name | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None
    share: Decimal | None = None
    at_least: Worth | None = None
    points: Decimal | None = None
    money: Worth | dict[str, Worth] | None = None
    over: Literal["refuse", "clamp"] = "refuse"


class GiftCards(Part, frozen=True, kw_only=True):
    """The currency of gift cards: kind `credit`, of the scale of the money unit's exponent."""

    currency: Name


class Reward(Part, frozen=True, kw_only=True):
    """A reward of the catalogue: its price in points, how many there are, and for each member.

    Of a `unique` one facts bring the pieces, each with a code of its own.
    """

    id: Name
    title: Annotated[str, Meta(max_length=200)] = ""
    currency: Name | None = None
    points: Decimal
    stock: Annotated[int, Meta(ge=0, le=10**9)] | None = None
    per_member: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    unique: bool = False


# -- rules -------------------------------------------------------------------------------------


class _Rule(Part, frozen=True, kw_only=True, tag_field="kind"):
    """A rule that gives points. What it gives to a sale that was paid `on_account` is the member's
    at the `invoice`, or at the `payment`: until then it waits."""

    id: Name
    title: Annotated[str, Meta(max_length=200)] = ""
    currency: Name | None = None
    priority: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    round: RuleRounding | None = None
    when: Conditions = Conditions()
    limits: RuleLimits = RuleLimits()
    uses: Uses = Uses()
    budget: Decimal | None = None
    donate: Text | None = None
    accrual: Literal["invoice", "payment"] = "invoice"


class Band(Part, frozen=True, kw_only=True, rename={"start": "from"}):
    """The rate from a figure of the basis on: minor units, or units for quantities."""

    start: Decimal
    points: Decimal


class Earn(_Rule, frozen=True, kw_only=True, tag="earn"):
    """Points by a basis.

    `points` for every `per` minor units (net, gross, margin, tender), units (quantity) or
    baskets (visit). `bands` give the points by the figure reached, `whole` or `marginal`;
    `blocks` counts whole multiples of `per` only.
    """

    basis: Literal["net", "gross", "margin", "quantity", "visit", "tender"] = "net"
    tenders: list[Text] | None = None
    points: Decimal | ByTier | None = None
    per: Annotated[int, Meta(ge=1, le=10**9)] = 1
    bands: list[Band] | None = None
    band_mode: Literal["whole", "marginal"] = "whole"
    blocks: bool = False
    group: Name | None = None


class Multiply(_Rule, frozen=True, kw_only=True, tag="multiply"):
    """Adds (factor - 1) times the exact earn of the lines that match."""

    factor: Decimal | ByTier
    stack: Name | None = None


class OfBalance(Part, frozen=True, kw_only=True):
    """(factor - 1) times the active balance, at most `cap` points; once per member."""

    factor: Decimal
    cap: Decimal


class Bonus(_Rule, frozen=True, kw_only=True, tag="bonus"):
    """A fixed number of points; per N units bought; or a factor on the active balance.

    With `on` (birthday, joining or a named anniversary) `day closed` of that date gives it.
    """

    points: Decimal | ByTier | None = None
    per_units: Decimal | None = None
    of_balance: OfBalance | None = None
    on: Text | None = None
    stack: Name | None = None


class Offer(Part, frozen=True, kw_only=True, tag_field="kind", tag="offer"):
    """A benefit that a quote tells and a sale names; it posts nothing (rulebook section 8)."""

    id: Name
    title: Annotated[str, Meta(max_length=200)] = ""
    priority: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    benefit: Benefit
    when: Conditions = Conditions()
    limits: OfferLimits = OfferLimits()
    uses: Uses = Uses()
    budget: Worth | None = None
    group: Name | None = None

    @property
    def currency(self) -> None:
        """An offer has no currency, and nothing of what rules of points have."""
        return None

    round = donate = currency

    @property
    def accrual(self) -> Literal["invoice"]:
        """An offer takes off the price, whenever that is paid."""
        return "invoice"


Rule = Earn | Multiply | Bonus | Offer


class Group(Part, frozen=True, kw_only=True):
    """Earn rules of which a line counts for the first, or the basket for the best."""

    id: Name
    mode: Literal["first", "best"]


class Stack(Part, frozen=True, kw_only=True):
    """Multiplies and bonuses that stack: add, best, compound or first. Groups add up."""

    id: Name
    mode: Literal["add", "best", "compound", "first"]


# -- what rules look at ------------------------------------------------------------------------


class Holidays(Part, frozen=True, kw_only=True):
    """A holiday calendar: a country's, with dates added and taken away."""

    id: Name
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}(?!\n)$")] | None = None
    add: list[dt.date] = field(default_factory=list)
    remove: list[dt.date] = field(default_factory=list)


class CounterRule(Part, frozen=True, kw_only=True):
    """A figure kept for each member, in a calendar period or ever.

    `spend`, `quantity` and `visits` look at the lines that match `when` (quantity in units);
    `activity` sums the quantities of the listed activities.
    """

    id: Name
    count: Literal["spend", "quantity", "visits", "activity"]
    window: Period | Literal["lifetime"] = "lifetime"
    when: LineConditions = LineConditions()
    activity: list[Text] | None = None


class Sequence(Part, frozen=True, kw_only=True):
    """Purchases as steps 1, 2, .. of `steps`; conditions name the steps.

    A purchase less than `gap_days` after the last step is no step. After `reset_days`
    without a step, and with `repeat` after the last one, the sequence begins anew.
    """

    id: Name
    steps: Annotated[int, Meta(ge=1, le=1_000)]
    repeat: bool = False
    gap_days: Days = 0
    reset_days: Count | None = None


class SegmentRule(Part, frozen=True, kw_only=True):
    """A segment defined by figures as they stand before a fact; all given must hold."""

    id: Name
    window: Period | Literal["lifetime"] = "lifetime"
    spend: Range | None = None
    visits: Range | None = None
    days_since_purchase: Range | None = None
    member_days: Range | None = None


# -- tiers -------------------------------------------------------------------------------------


class Thresholds(Part, frozen=True, kw_only=True):
    """What a tier asks in the ladder's window: at least these figures.

    `points` by currency, `counter`, `activity` quantity by code, fed-in `value` by name;
    `balance` is the active balance by currency, of no window.
    """

    spend: Minor | None = None
    visits: Natural | None = None
    margin: Minor | None = None
    points: dict[str, Decimal] = field(default_factory=dict)
    counter: dict[str, Decimal] = field(default_factory=dict)
    activity: dict[str, int] = field(default_factory=dict)
    value: dict[str, int] = field(default_factory=dict)
    balance: dict[str, Decimal] = field(default_factory=dict)


class TierBonus(Part, frozen=True, kw_only=True):
    """Points for reaching the tier, once a member."""

    points: Decimal
    currency: Name | None = None


class Tier(Part, frozen=True, kw_only=True):
    """One rung of the ladder."""

    id: Name
    at_least: Thresholds = Thresholds()
    join: Literal["all", "any"] = "all"
    bonus: TierBonus | None = None


class Rolling(Part, frozen=True, kw_only=True):
    """The last N business dates with today, or the dates after the same day N months ago."""

    days: Annotated[int, Meta(ge=1, le=3_660)] | None = None
    months: Annotated[int, Meta(ge=1, le=120)] | None = None


class Validity(Part, frozen=True, kw_only=True):
    """N months from the date on which the metrics held."""

    months: Annotated[int, Meta(ge=1, le=1_200)]


class Ladder(Part, frozen=True, kw_only=True):
    """Tiers from lowest to highest, the window they are measured in, how long they last.

    `validity_period` and `calendar` are those of the window, or the program's calendar year,
    unless given.
    """

    window: Period | Literal["lifetime", "membership_year"] | Rolling
    validity: Literal["next_period", "this_period", "while_met"] | Validity = "next_period"
    validity_period: Period | Literal["membership_year"] | None = None
    calendar: Calendar | None = None
    grace_days: Annotated[int, Meta(ge=0, le=3_660)] = 0
    down: Literal["to_qualified", "one_step", "never"] = "to_qualified"
    tier: Annotated[list[Tier], Meta(min_length=1, max_length=64)]


# -- returns -----------------------------------------------------------------------------------


class NoReceipt(Part, frozen=True, kw_only=True):
    """What a return without a receipt takes: points for every `per` minor units."""

    points: Decimal
    per: Annotated[int, Meta(ge=1, le=10**9)]
    currency: Name | None = None


class Returns(Part, frozen=True, kw_only=True):
    """How returns give and take (rulebook section 9)."""

    policy: Literal["recompute", "proportional"] = "recompute"
    shortfall: Literal["debt", "forgive", "refuse", "withhold"] = "debt"
    restored_days: Days = 0
    tiers: Literal["strict", "keep"] = "strict"
    no_receipt: NoReceipt | None = None


# -- who may take part --------------------------------------------------------------------------


class Entry(Part, frozen=True, kw_only=True):
    """What a closed club asks, ever, before a candidate earns."""

    at_least: Thresholds
    join: Literal["all", "any"] = "all"


class Membership(Part, frozen=True, kw_only=True):
    """Who may take part (rulebook section 7): what a card does that nobody has told of, how
    often a PIN may be tried, what a closed club asks."""

    unknown_cards: Literal["refuse", "provisional"] = "refuse"
    pin_attempts: Annotated[int, Meta(ge=1, le=20)] = 5
    entry: Entry | None = None


class Term(Part, frozen=True, kw_only=True):
    """Days or months for which a fee is paid."""

    days: Annotated[int, Meta(ge=1, le=3_660)] | None = None
    months: Annotated[int, Meta(ge=1, le=120)] | None = None


class Plan(Part, frozen=True, kw_only=True):
    """What members may subscribe to: the fee of a term, whether terms follow each other, and
    what it entitles to, in words that tills and apps understand."""

    id: Name
    title: str = ""
    fee: Minor = 0
    term: Term | None = None
    renewal: Literal["manual", "automatic"] = "manual"
    entitlements: list[Text] = field(default_factory=list)


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
