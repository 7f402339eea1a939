"""Codes of printed coupons: issued, blocked, used apart from a sale (rulebook sections 2 and 8)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .parts import MOST_CODES, AnyCard, Id, Instant, Name, Place, Reason

Codes = Annotated[list[Name], Meta(max_length=MOST_CODES)]


class CouponIssueFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="coupon issue"):
    """Codes of a printed coupon: `codes` of the chain's own, or so many (`count`) that the engine
    draws."""

    id: Id
    occurred_at: Instant
    coupon: Name
    codes: Codes = []
    count: Annotated[int, Meta(ge=0, le=MOST_CODES)] = 0


class CouponBlockFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="coupon block"):
    """Codes serve no more: some `codes`, or all of an `issue`."""

    id: Id
    occurred_at: Instant
    codes: Codes = []
    issue: Id | None = None
    reason: Reason = ""


class CouponRedeemFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="coupon redeem"):
    """A code is used apart from a sale, by a member or by nobody known; `completed` as for a
    sale."""

    id: Id
    occurred_at: Instant
    member: Name
    code: Name
    completed: bool = False
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
