"""Rules: what a basket or an activity earns, and what it may have off (sections 3 and 4)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta

from .conditions import ByTier, Conditions, Count, Name, Part, RuleRounding, Text, Worth
from .currencies import Caps
from .offers import Benefit, OfferLimits


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
