"""Which facts may be refused for what their member has, or for what its program says.

All others are taken as they come, late or not (rulebook sections 2 and 8).
"""

from __future__ import annotations

from collections.abc import Collection

from ..columns.columns import (
    ADJUST,
    CANCEL,
    CAPTURE,
    DONATE,
    GIFT_CANCEL,
    GIFT_FUND,
    GIFT_PAYMENT,
    GIFT_REDEEM,
    HOLD,
    LINKS,
    REDEEM,
    RELEASE,
    RETURN,
    REWARD,
    SALE,
    TRANSFER,
    Facts,
)

_TAKING = (
    REDEEM, HOLD, CAPTURE, TRANSFER, DONATE, REWARD, GIFT_REDEEM, GIFT_PAYMENT, GIFT_FUND,
)  # fmt: skip
_MAY_BE_REFUSED = (RETURN, CAPTURE, RELEASE, CANCEL, GIFT_CANCEL, *LINKS)


def takes_points(facts: Facts, row: int, coupons: Collection[str] = ()) -> bool:
    """Whether a fact may be refused for want of points; `coupons` are taken when presented."""
    extra = facts.extra(row)
    kind = int(facts.kind[row])
    if kind in _TAKING:
        return not extra.completed
    if kind == ADJUST:
        return extra.amount < 0 and not extra.forced
    if kind != SALE or extra.completed:
        return False
    return bool(extra.tender_points or extra.tender_refs) or any(
        name in coupons for name in extra.coupons
    )


def contested(facts: Facts, row: int) -> bool:
    """Whether a fact of its own may be refused for the member's state, or for its program's."""
    if facts.kind[row] in _MAY_BE_REFUSED or takes_points(facts, row):
        return True
    if facts.extra(row).tender_refs or facts.extra(row).coupons:
        return True
    extra = facts.extra(row)
    if extra.offers and not extra.completed:
        return True
    return "manual_tier" in (extra.about or {})
