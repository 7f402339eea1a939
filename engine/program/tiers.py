"""The ladder: what each tier asks, and how long it is good (section 6)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, field

from .conditions import Calendar, Minor, Name, Natural, Part, Period


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
