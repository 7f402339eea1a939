"""Codes that the kernel writes and people read: one table each, held equal by a test."""

from __future__ import annotations

from enum import IntEnum

from ..program.currencies import Caps
from ..program.rules import RuleLimits


class Status(IntEnum):
    """What became of a fact; the kernel's `Status` has the same numbers.

    PARKED is accepted and waits for the sale it names; all others but OK are refusals.
    """

    OK = 0
    OVERFLOW = 1
    INSUFFICIENT = 2
    NOT_SPENDABLE = 3
    NO_SUCH_LINE = 4
    RETURNS_TOO_MUCH = 5
    POINTS_SPENT = 6
    NOT_A_SALE = 7
    WRONG_MEMBER = 8
    PARKED = 9
    UNKNOWN_CURRENCY = 10
    UNKNOWN_TIER = 11
    DAY_OUT_OF_ORDER = 12
    BELOW_MINIMUM = 13
    NOT_A_MULTIPLE = 14
    OVER_WORTH = 15
    OVER_SHARE = 16
    UNKNOWN_HOLD = 17
    HOLD_ENDED = 18
    HOLD_USED = 19
    NOT_A_REDEMPTION = 20
    ALREADY_CANCELLED = 21
    MORE_THAN_HELD = 22
    CARD_BLOCKED = 23
    CARD_LINKED = 24
    UNKNOWN_MEMBER = 25
    UNKNOWN_CAUSE = 26
    MEMBER_CLOSED = 27
    UNKNOWN_GIFT_CARD = 28
    GIFT_CARD_KNOWN = 29
    UNKNOWN_REWARD = 30
    OUT_OF_STOCK = 31
    OVER_LIMIT = 32
    OFFER_NOT_APPLICABLE = 33
    OFFER_USED_UP = 34
    UNKNOWN_MERGE = 35
    SAME_MEMBER = 36
    ALREADY_MERGED = 37
    ALREADY_UNDONE = 38
    MEMBER_POOLED = 39
    ENTANGLED = 40
    NOT_POOLED = 41
    NOT_A_HOUSEHOLD = 42
    SALE_HAS_MEMBER = 43
    ALREADY_CLAIMED = 44
    CLAIM_WINDOW_OVER = 45
    SELF_REFERRAL = 46
    ALREADY_REFERRED = 47
    REFERRAL_CIRCLE = 48
    ABOVE_MAXIMUM = 49
    BASKET_TOO_SMALL = 50
    UNKNOWN_COUPON = 51
    COUPON_USED = 52
    COUPON_BLOCKED = 53
    COUPON_EARLY = 54
    COUPON_OVER = 55
    COUPON_NOT_APPLICABLE = 56


REFUSALS = {
    Status.OVERFLOW: "overflow",
    Status.INSUFFICIENT: "insufficient-points",
    Status.NOT_SPENDABLE: "not-spendable",
    Status.NO_SUCH_LINE: "no-such-line",
    Status.RETURNS_TOO_MUCH: "returns-too-much",
    Status.POINTS_SPENT: "points-spent",
    Status.NOT_A_SALE: "not-a-sale",
    Status.WRONG_MEMBER: "wrong-member",
    Status.UNKNOWN_CURRENCY: "unknown-currency",
    Status.UNKNOWN_TIER: "unknown-tier",
    Status.DAY_OUT_OF_ORDER: "day-out-of-order",
    Status.BELOW_MINIMUM: "below-minimum",
    Status.NOT_A_MULTIPLE: "not-a-multiple",
    Status.OVER_SHARE: "over-share",
    Status.OVER_WORTH: "over-worth",
    Status.UNKNOWN_HOLD: "unknown-hold",
    Status.HOLD_ENDED: "hold-ended",
    Status.HOLD_USED: "hold-used",
    Status.NOT_A_REDEMPTION: "not-a-redemption",
    Status.ALREADY_CANCELLED: "already-cancelled",
    Status.MORE_THAN_HELD: "more-than-held",
    Status.CARD_BLOCKED: "card-blocked",
    Status.CARD_LINKED: "card-linked",
    Status.UNKNOWN_MEMBER: "unknown-member",
    Status.UNKNOWN_CAUSE: "unknown-cause",
    Status.MEMBER_CLOSED: "member-closed",
    Status.UNKNOWN_GIFT_CARD: "unknown-gift-card",
    Status.GIFT_CARD_KNOWN: "gift-card-known",
    Status.UNKNOWN_REWARD: "unknown-reward",
    Status.OUT_OF_STOCK: "out-of-stock",
    Status.OVER_LIMIT: "over-limit",
    Status.OFFER_NOT_APPLICABLE: "offer-not-applicable",
    Status.OFFER_USED_UP: "offer-used-up",
    Status.UNKNOWN_MERGE: "unknown-merge",
    Status.SAME_MEMBER: "same-member",
    Status.ALREADY_MERGED: "already-merged",
    Status.ALREADY_UNDONE: "already-undone",
    Status.MEMBER_POOLED: "member-pooled",
    Status.ENTANGLED: "entangled",
    Status.NOT_POOLED: "not-pooled",
    Status.NOT_A_HOUSEHOLD: "not-a-household",
    Status.SALE_HAS_MEMBER: "sale-has-member",
    Status.ALREADY_CLAIMED: "already-claimed",
    Status.CLAIM_WINDOW_OVER: "claim-window-over",
    Status.SELF_REFERRAL: "self-referral",
    Status.ALREADY_REFERRED: "already-referred",
    Status.REFERRAL_CIRCLE: "referral-circle",
    Status.ABOVE_MAXIMUM: "above-maximum",
    Status.BASKET_TOO_SMALL: "basket-too-small",
    Status.UNKNOWN_COUPON: "unknown-coupon",
    Status.COUPON_USED: "coupon-used",
    Status.COUPON_BLOCKED: "coupon-blocked",
    Status.COUPON_EARLY: "coupon-early",
    Status.COUPON_OVER: "coupon-over",
    Status.COUPON_NOT_APPLICABLE: "coupon-not-applicable",
}
"""Refusals for state, by the slug that an answer carries."""

LIMITS: tuple[str, ...] = (
    "",
    *Caps.__struct_fields__,
    "uses",
    *(f"cap.{name}" for name in Caps.__struct_fields__),
    *(name for name in RuleLimits.__struct_fields__ if name not in Caps.__struct_fields__),
    "once",
    "budget",
    "group",
    "minimum",
    "step",
    "worth",
    "share",
    "offer",
    "maximum",
    "at_least",
)
"""Names of the limit that cut a posting, by code; 0 is none.

`once` is the guard of a bonus on the balance, `group` a stack or group that another won.
`minimum`, `step`, `worth`, `share`, `maximum` and `at_least` cut nothing: they are what a
redemption that has happened (`completed`) broke; so is `offer`, conditions of one that it names.
"""

LIMIT_CODES = {name: code for code, name in enumerate(LIMITS)}

KINDS: tuple[str, ...] = ("earn", "multiply", "bonus", "offer")
"""Rule kinds by code."""

POSTINGS: tuple[str, ...] = (
    "earn", "multiply", "bonus", "adjust", "redeem", "restore", "reverse", "expire", "forgive",
    "withhold", "donate", "correct", "hold", "release", "capture", "transfer",
    "stock", "offer", "accrue",
)  # fmt: skip
"""Kinds of postings by code.

Points are signed by their effect on the member: earn, multiply, bonus, restore, forgive,
withhold, release +; redeem, reverse, expire, donate, hold -; adjust, transfer and correct either
way. A capture is 0, since its hold took the points; its figure is what is desired. An `offer` is
0 as well: what is desired is the money that it takes off, or, below zero, what a return gives back
of that; with a limit it tells of one that a completed sale named and might not have had. What
has waited for the money of its sale is told by an `accrue`: 0 again, its figure is what is desired.
"""
