"""Paths that take one kind of fact, where an integrator would look for it.

The same facts as those of `POST /v1/events`: the path tells the kind, and what is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import msgspec
from aiohttp import web

from vafa.engine.facts import (
    ActivityFact,
    AdjustFact,
    CancelFact,
    CaptureFact,
    CardBlockFact,
    CardLinkFact,
    CardPinFact,
    CardUnblockFact,
    CatalogFact,
    ClaimFact,
    CloseFact,
    CouponBlockFact,
    CouponIssueFact,
    CouponRedeemFact,
    DayClosedFact,
    DonateFact,
    EnrolFact,
    EraseFact,
    GiftCardCancelFact,
    GiftCardFundFact,
    GiftCardIssueFact,
    GiftCardLoadFact,
    GiftCardPinFact,
    GiftCardRedeemFact,
    HoldFact,
    MemberUpdateFact,
    MergeFact,
    PaymentFact,
    PoolFact,
    ProfitShareFact,
    RedeemFact,
    ReleaseFact,
    ReturnFact,
    RewardRedeemFact,
    RewardStockFact,
    SaleFact,
    StoreFact,
    SubscriptionEndFact,
    SubscriptionStartFact,
    TransferFact,
    UnmergeFact,
    UnpoolFact,
)

from .events import EventDoor


class Path(NamedTuple):
    """A path, the type of its facts, the field that its `{id}` is, and fields of other paths.

    `prefix` tells the type of its bodies from that of another path of the same facts.
    """

    path: str
    fact: type[msgspec.Struct]
    about: str
    named: str | None = None
    without: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def kind(self) -> str:
        """The kind of its facts."""
        return str(self.fact.__struct_config__.tag)


PATHS = (
    Path("/v1/sales", SaleFact, "Takes a basket that was paid"),
    Path("/v1/holds", HoldFact, "Keeps points for later"),
    Path("/v1/holds/{id}/capture", CaptureFact, "Redeems a hold", "hold"),
    Path("/v1/holds/{id}/release", ReleaseFact, "Gives up a hold", "hold"),
    Path("/v1/redemptions", RedeemFact, "Redeems points"),
    Path(
        "/v1/redemptions/{id}/cancel", CancelFact, "Undoes a redemption", "redemption",
        ("claim",),
    ),
    Path("/v1/claims", ClaimFact, "Claims a sale that was rung up without a member"),
    Path(
        "/v1/claims/{id}/cancel", CancelFact, "Undoes a claim", "claim", ("redemption", "points"),
        "Claim",
    ),
    Path("/v1/returns", ReturnFact, "Takes goods back"),
    Path("/v1/payments", PaymentFact, "Money for a sale on account"),
    Path("/v1/activities", ActivityFact, "Something a member did that is no purchase"),
    Path("/v1/adjustments", AdjustFact, "Gives or takes points by hand"),
    Path("/v1/transfers", TransferFact, "Gives points to another member"),
    Path("/v1/donations", DonateFact, "Gives points to a cause"),
    Path("/v1/merges", MergeFact, "Merges a member into another"),
    Path("/v1/merges/{id}/undo", UnmergeFact, "Undoes a merge", "merge"),
    Path("/v1/accounts/{id}/join", PoolFact, "A member joins a household or a company", "account"),
    Path("/v1/accounts/{id}/leave", UnpoolFact, "A member leaves a household", "account"),
    Path("/v1/subscriptions", SubscriptionStartFact, "Starts a plan"),
    Path("/v1/subscriptions/{id}/end", SubscriptionEndFact, "Ends a plan", "plan"),
    Path("/v1/members", EnrolFact, "A member joins"),
    Path("/v1/members/{id}/update", MemberUpdateFact, "Tells what is known of a member", "member"),
    Path("/v1/members/{id}/close", CloseFact, "A member leaves", "member"),
    Path("/v1/members/{id}/erase", EraseFact, "Forgets a member's profile", "member"),
    Path("/v1/cards/{id}/link", CardLinkFact, "Gives a member a card", "card"),
    Path("/v1/cards/{id}/block", CardBlockFact, "Blocks a card", "card"),
    Path("/v1/cards/{id}/unblock", CardUnblockFact, "Unblocks a card", "card"),
    Path("/v1/cards/{id}/pin", CardPinFact, "Gives a card a PIN", "card"),
    Path("/v1/gift-cards", GiftCardIssueFact, "Issues a gift card"),
    Path("/v1/gift-cards/{id}/load", GiftCardLoadFact, "Puts money on a gift card", "card"),
    Path("/v1/gift-cards/{id}/redeem", GiftCardRedeemFact, "Spends from a gift card", "card"),
    Path(
        "/v1/gift-cards/{id}/cancel", GiftCardCancelFact, "Undoes a gift card's redemption", "card"
    ),
    Path("/v1/gift-cards/{id}/pin", GiftCardPinFact, "Gives a gift card a PIN", "card"),
    Path(
        "/v1/gift-cards/{id}/fund", GiftCardFundFact, "Puts a member's own money on a gift card",
        "gift_card",
    ),
    Path("/v1/coupons/{id}/issue", AdjustFact, "Gives or takes coupons by hand", "currency",
         prefix="Coupon"),
    Path("/v1/coupons/{id}/redeem", RedeemFact, "Redeems coupons", "currency", prefix="Coupon"),
    Path("/v1/coupon-codes", CouponIssueFact, "Brings codes of a printed coupon"),
    Path("/v1/coupon-codes/{id}/redeem", CouponRedeemFact, "Uses a coupon's code", "code",
         prefix="Printed"),
    Path("/v1/coupon-blocks", CouponBlockFact, "Blocks codes of printed coupons"),
    Path("/v1/rewards/{id}/redeem", RewardRedeemFact, "Takes pieces of a reward", "reward"),
    Path("/v1/rewards/{id}/stock", RewardStockFact, "More pieces of a reward", "reward"),
    Path("/v1/catalogs", CatalogFact, "Gives products their attributes"),
    Path("/v1/stores", StoreFact, "Gives stores their attributes"),
    Path("/v1/closings", DayClosedFact, "Closes a business date"),
    Path("/v1/profit-shares", ProfitShareFact, "Splits a pool of points over members"),
)  # fmt: skip


@cache
def body_of(path: Path) -> type[msgspec.Struct]:
    """The type of a path's bodies: its facts without what the path tells."""
    fields = [
        (field.encode_name, field.type) if field.required
        else (field.encode_name, field.type, msgspec.UNSET)
        for field in msgspec.structs.fields(path.fact)
        if field.name not in (path.named, *path.without)
    ]  # fmt: skip
    name = path.prefix + path.fact.__name__.removesuffix("Fact") + "Body"
    return msgspec.defstruct(name, fields, kw_only=True, forbid_unknown_fields=True)


@dataclass(frozen=True, slots=True)
class KindDoor:
    """Takes the facts of one path."""

    events: EventDoor
    path: Path

    async def post(self, request: web.BaseRequest, argument: str) -> web.Response:
        """One fact as JSON."""
        named = None if self.path.named is None else (self.path.named, argument)
        return await self.events.post_as(request, self.path.kind, named)
