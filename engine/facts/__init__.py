"""Facts on the wire: their kinds, and the order of kinds at one instant."""

from __future__ import annotations

import msgspec

from .accounts import MergeFact, PoolFact, UnmergeFact, UnpoolFact
from .cards import CardBlockFact, CardLinkFact, CardPinFact, CardUnblockFact
from .controls import (
    CatalogFact,
    DayClosedFact,
    ProductFact,
    ProfitShareFact,
    PublishFact,
    RewardStockFact,
    StoreAttributes,
    StoreFact,
)  # fmt: skip
from .coupons import CouponBlockFact, CouponIssueFact, CouponRedeemFact
from .gift_cards import (
    GiftCardCancelFact,
    GiftCardFundFact,
    GiftCardIssueFact,
    GiftCardLoadFact,
    GiftCardPinFact,
    GiftCardRedeemFact,
)  # fmt: skip
from .members import (
    CalendarDate,
    CloseFact,
    EnrolFact,
    EraseFact,
    ManualTier,
    MemberUpdateFact,
    SubscriptionEndFact,
    SubscriptionStartFact,
)  # fmt: skip
from .points import (
    ActivityFact,
    AdjustFact,
    CancelFact,
    CaptureFact,
    DonateFact,
    HoldFact,
    RedeemFact,
    ReleaseFact,
    RewardRedeemFact,
    TransferFact,
)  # fmt: skip
from .sales import (
    ClaimFact,
    LineFact,
    OfferFact,
    PaymentFact,
    ReturnedLine,
    ReturnFact,
    ReturnPart,
    SaleFact,
    TenderFact,
)  # fmt: skip

LinkFact = MergeFact | UnmergeFact | PoolFact | UnpoolFact
"""Facts that tie members' accounts."""
GiftCardFact = (
    GiftCardIssueFact | GiftCardLoadFact | GiftCardRedeemFact | GiftCardCancelFact
    | GiftCardPinFact
)  # fmt: skip
MemberFact = (
    SaleFact | ReturnFact | ActivityFact | AdjustFact | RedeemFact | HoldFact | CaptureFact
    | ReleaseFact | CancelFact | EnrolFact | MemberUpdateFact | SubscriptionStartFact
    | SubscriptionEndFact | CloseFact | EraseFact | CardLinkFact | CardBlockFact | CardUnblockFact
    | DonateFact | PaymentFact | CouponRedeemFact
)  # fmt: skip
JointFact = (
    TransferFact | RewardRedeemFact | GiftCardFact | GiftCardFundFact | ClaimFact | SaleFact
    | CancelFact | LinkFact
)  # fmt: skip
"""Facts that are about more than one account, or about what all share: they see all that came
before them. Of sales those that gift cards pay, of cancels those of claims."""
WireControl = (
    CatalogFact | StoreFact | DayClosedFact | ProfitShareFact | RewardStockFact | CouponIssueFact
    | CouponBlockFact
)  # fmt: skip
"""Facts of no member that the door of facts takes; programs have a door of their own."""
ControlFact = WireControl | PublishFact
PrivateFact = CardPinFact | EnrolFact | MemberUpdateFact
"""Facts with something that the journal must not have: a PIN, a profile."""
LoneFact = WireControl | JointFact | PrivateFact
"""Facts from the wire that are committed alone and not in groups."""
Fact = MemberFact | JointFact | ControlFact

KINDS: tuple[str, ...] = (
    "sale", "catalog", "program publish", "return", "activity", "adjust", "redeem", "enrol",
    "member update", "subscription start", "subscription end", "store", "day closed",
    "closing", "budget closed", "hold", "capture", "release", "cancel", "card link", "card block",
    "card unblock", "transfer", "transfer in", "donate", "close",
    "gift card issue", "gift card load", "gift card redeem", "gift card payment", "reward redeem",
    "erase", "card pin", "profit share", "profit share in", "gift card pin", "gift card refund",
    "reward stock", "merge", "unmerge", "pool", "unpool",
    "gift card fund", "claim", "claim cancel", "referral in", "gift card cancel",
    "payment", "coupon issue", "coupon block", "coupon redeem",
)  # fmt: skip
"""Kinds by the code that the journal keeps.

`closing` is a member's part of a control fact (what expired, what it gave), `transfer in` the
receiver's leg of a transfer, `gift card payment` a card's leg of a sale, `gift card refund` of a
return, `profit share in` a member's share, `referral in` the referrer's leg of a sale or return;
`budget closed` is written by the engine. A claim is followed by its sale, a cancel of a claim by
the return of it.
"""

SHOWN: tuple[str, ...] = tuple("cancel" if kind == "claim cancel" else kind for kind in KINDS)
"""Kinds by code as they stand on the wire."""

RANKS: dict[str, int] = {
    "enrol": 0, "member update": 0, "subscription start": 0, "subscription end": 0, "catalog": 0,
    "store": 0, "program publish": 0, "budget closed": 0, "card link": 0, "card block": 0,
    "card unblock": 0, "close": 0, "erase": 0,
    "card pin": 0, "gift card pin": 0, "reward stock": 0, "coupon block": 0,
    "merge": 0, "unmerge": 0, "pool": 0, "unpool": 0,
    "sale": 1, "activity": 1, "adjust": 1, "payment": 1,
    "return": 2, "gift card refund": 2,
    "redeem": 3, "hold": 3, "capture": 3, "release": 3, "cancel": 3,
    "donate": 3, "transfer": 3, "transfer in": 3, "reward redeem": 3,
    "gift card fund": 3,
    "claim": 3, "claim cancel": 3, "referral in": 1,
    "profit share": 1, "profit share in": 1, "gift card issue": 1, "gift card load": 1,
    "gift card redeem": 3, "gift card payment": 3, "gift card cancel": 3,
    "coupon issue": 1, "coupon redeem": 3,
    "day closed": 4,
}  # fmt: skip
"""Rank at one instant (rulebook section 2); a negative adjust has rank 3."""

json_decoder = msgspec.json.Decoder(MemberFact | LoneFact)

__all__ = [
    "KINDS", "RANKS", "SHOWN", "ActivityFact", "AdjustFact", "CalendarDate", "CancelFact",
    "CaptureFact",
    "CardBlockFact", "CardLinkFact", "CardPinFact", "CardUnblockFact", "CatalogFact",
    "ClaimFact", "CloseFact", "ControlFact", "CouponBlockFact",
    "CouponIssueFact", "CouponRedeemFact", "DayClosedFact", "DonateFact", "EnrolFact",
    "EraseFact", "Fact",
    "GiftCardCancelFact", "GiftCardFact", "GiftCardFundFact", "GiftCardIssueFact",
    "GiftCardLoadFact",
    "GiftCardPinFact", "GiftCardRedeemFact", "HoldFact", "JointFact", "LineFact", "LinkFact",
    "LoneFact", "ManualTier", "MemberFact", "MemberUpdateFact", "MergeFact", "OfferFact",
    "PaymentFact", "PoolFact",
    "PrivateFact", "ProductFact", "ProfitShareFact", "PublishFact", "RedeemFact", "ReleaseFact",
    "ReturnFact", "ReturnPart", "ReturnedLine", "RewardRedeemFact", "RewardStockFact",
    "SaleFact", "StoreAttributes", "StoreFact", "SubscriptionEndFact", "SubscriptionStartFact",
    "TenderFact", "TransferFact", "UnmergeFact", "UnpoolFact", "WireControl", "json_decoder",
]  # fmt: skip
