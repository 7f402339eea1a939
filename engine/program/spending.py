"""What points and money on cards may be spent on, and how returns take (sections 8 and 9)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta
from msgspec.structs import replace

from .conditions import Days, Name, Part, Text, Worth


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

    def at_face(self, exponent: int) -> Redemption:
        """The terms of a credit: without a rate it is worth its face in money."""
        if self.points is not None or self.money is not None:
            return self
        return replace(self, points=Decimal(1), money=10**exponent)


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
