"""Money and kinds of points: scale, rounding, expiry, program caps (sections 1 and 5)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, field

from .conditions import Calendar, Days, Months, Name, Part, Period, Rounding


class Unit(Part, frozen=True, kw_only=True):
    """The money unit: ISO 4217 code and exponent (USD 2, IRR 0)."""

    code: Annotated[str, Meta(pattern=r"^[A-Z]{3}(?!\n)$")]
    exponent: Annotated[int, Meta(ge=0, le=4)] = 2


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
