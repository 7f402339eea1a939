"""Referrals of the program format: what both sides get (rulebook section 7)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, field

from .conditions import Conditions, Count, Minor, Name, Part, Period

REFERRED = "referred"
"""To rules a member that was referred is of this type, which no fact of its own can tell."""


class Referral(Part, frozen=True, kw_only=True):
    """Points for a member that was referred, and for the one that referred it, when the first
    sale that qualifies commits: of at least an amount, under conditions as rules have them.

    `milestones` are further points for the referrer at its n-th referral; `cap` is how many
    bring points, in a calendar period or ever.
    """

    id: Name
    title: Annotated[str, Meta(max_length=200)] = ""
    currency: Name | None = None
    referred: Decimal
    referrer: Decimal
    at_least: Minor = 0
    when: Conditions = Conditions()
    milestones: dict[str, Decimal] = field(default_factory=dict)
    cap: Count | None = None
    per: Period | Literal["lifetime"] = "lifetime"
