"""Checks of form beyond the types of `facts`: bytes of names, dates, what must be there.

A fact refused here keeps nothing, and its id may be used again (rulebook section 2).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from . import (
    ActivityFact,
    AdjustFact,
    CalendarDate,
    CancelFact,
    CaptureFact,
    CardBlockFact,
    CardPinFact,
    CardUnblockFact,
    CatalogFact,
    ClaimFact,
    CloseFact,
    ControlFact,
    CouponBlockFact,
    CouponIssueFact,
    CouponRedeemFact,
    DayClosedFact,
    DonateFact,
    EnrolFact,
    EraseFact,
    Fact,
    GiftCardCancelFact,
    GiftCardFact,
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
    ReturnedLine,
    ReturnFact,
    RewardRedeemFact,
    RewardStockFact,
    SaleFact,
    StoreFact,
    SubscriptionEndFact,
    SubscriptionStartFact,
    TenderFact,
    TransferFact,
    UnmergeFact,
    UnpoolFact,
)
from .bank_cards import holds_bank_card, is_bank_card
from .parts import (
    CARD_BYTES,
    GIFT_CODE_BYTES,
    ID_BYTES,
    NAME_BYTES,
    UNSEEN,
    FormError,
    instant_us,
)

CATEGORY_BYTES = 4 * NAME_BYTES
REASON_BYTES = 2_000

EARLIEST_BIRTH = dt.date(1850, 1, 1)
"""Births and anniversaries before it are slips of the pen."""

EARLIEST_DATE, LATEST_DATE = dt.date(1970, 1, 1), dt.date(2169, 8, 20)
"""Dates that the calendar tables hold whatever the zone."""

HOLDS_CARD = "holds the number of a bank card, which is never kept"

_FARTHEST_EAST = dt.timedelta(hours=14)
_UNSEEN = re.compile(f"[{UNSEEN}]")
_UNKNOWN = frozenset(("", None))


def check_form(fact: Fact | CardPinFact) -> None:
    """Raise FormError for the first thing that is wrong, with its path."""
    check_name(fact.id, "id", ID_BYTES)
    instant_us(fact.occurred_at)
    if not isinstance(fact, ControlFact):
        for name in ("store", "terminal"):
            check_name(getattr(fact, name), name)
        if not isinstance(fact, GiftCardFact):
            check_name(fact.member, "member")
            check_name(fact.card, "card", CARD_BYTES)
            _check_no_bank_card(fact.member, "member")
            _check_no_bank_card(fact.card, "card")
    check = _CHECKS.get(type(fact))
    if check is not None:
        check(fact)


def check_name(name: str | None, path: str, most: int = NAME_BYTES) -> None:
    """Names are bounded in bytes; escapes can smuggle in what JSON itself refuses."""
    if name in _UNKNOWN:
        return
    assert name is not None
    try:
        size = len(name) if name.isascii() else len(name.encode())
    except UnicodeEncodeError:
        raise FormError("has half a surrogate pair", path) from None
    if size > most:
        raise FormError(f"is longer than {most} bytes", path)
    unseen = _UNSEEN.search(name)
    if unseen is not None:
        raise FormError(f"has a control character, U+{ord(unseen[0]):04X}", path)
    if name.isspace():
        raise FormError("is blank", path)


def check_profile(profile: Mapping[str, str | None]) -> None:
    """Raise FormError for what is wrong with a profile; what stands in it is not told again."""
    for name, value in profile.items():
        check_name(name, "profile")
        _check_text(value, "profile")
        for text in (name, value or ""):
            if holds_bank_card(text):
                raise FormError(HOLDS_CARD, "profile")


def _check_no_bank_card(text: str | None, path: str) -> None:
    if text and is_bank_card(text):
        raise FormError("is the number of a bank card, which is never kept", path)


def _check_reason(text: str, path: str) -> None:
    check_name(text, path, REASON_BYTES)
    if holds_bank_card(text):
        raise FormError(HOLDS_CARD, path)


def _check_text(text: str | None, path: str) -> None:
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        raise FormError("has half a surrogate pair", path) from None


def _check_names(names: Iterable[str], path: str) -> None:
    for place, name in enumerate(names):
        check_name(name, f"{path}[{place}]")


def _check_date(
    date: dt.date, path: str, earliest: dt.date = EARLIEST_DATE, latest: dt.date = LATEST_DATE
) -> None:
    if not earliest <= date <= latest:
        raise FormError(f"is outside {earliest} to {latest}", path)


def _check_sale(fact: SaleFact) -> None:
    if not fact.member and not fact.card:
        _check_of_nobody(fact)
    check_name(fact.channel, "channel")
    _check_names(fact.coupons, "coupons")
    for place, line in enumerate(fact.lines):
        check_name(line.sku, f"lines[{place}].sku")
    for place, tender in enumerate(fact.tenders):
        path = f"tenders[{place}]"
        check_name(tender.type, f"{path}.type")
        _check_no_bank_card(tender.type, f"{path}.type")
        if tender.ref is not None:
            _check_named(tender.ref, fact.id, f"{path}.ref")
        _check_paid_by_card(tender, place)
    named: set[str] = set()
    for place, applied in enumerate(fact.offers):
        check_name(applied.offer, f"offers[{place}].offer")
        if applied.offer in named:
            raise FormError(f"the offer {applied.offer!r} is there twice", f"offers[{place}]")
        named.add(applied.offer)
    if fact.returned is not None:
        _check_named(fact.returned.sale, fact.id, "return.sale")
        _check_returned(fact.returned.lines, "return.lines")


def _check_of_nobody(fact: SaleFact) -> None:
    """What only a member can do is not done by nobody."""
    if fact.returned is not None:
        raise FormError("needs a member: send the return by itself", "return")
    if fact.offers:
        raise FormError("need a member, whose uses they count", "offers")
    for place, tender in enumerate(fact.tenders):
        if tender.points is not None or tender.ref is not None:
            raise FormError("needs a member, whose points it takes", f"tenders[{place}]")
        if tender.card is not None:
            raise FormError("needs a member: redeem the card by itself", f"tenders[{place}].card")


def _check_paid_by_card(tender: TenderFact, place: int) -> None:
    check_name(tender.card, f"tenders[{place}].card", GIFT_CODE_BYTES)
    if tender.card is None:
        if tender.pin is not None:
            raise FormError("is for a tender with a gift card", f"tenders[{place}].pin")
        return
    if tender.amount <= 0:
        raise FormError("is not above 0: nothing is paid", f"tenders[{place}].amount")
    if tender.points is not None or tender.ref is not None:
        raise FormError("is for a tender without points", f"tenders[{place}].card")


def _check_return(fact: ReturnFact) -> None:
    if fact.sale is not None:
        _check_named(fact.sale, fact.id, "sale")
    elif not fact.member and not fact.card:
        raise FormError("is missing: neither a member nor a receipt is named", "sale")
    _check_returned(fact.lines, "lines")
    _check_reason(fact.reason, "reason")


def _check_cancel(fact: CancelFact) -> None:
    if (fact.redemption is None) == (fact.claim is None):
        raise FormError("names one redemption, capture or claim", "redemption")
    if fact.claim is None:
        _check_named(fact.redemption or "", fact.id, "redemption")
        return
    _check_named(fact.claim, fact.id, "claim")
    if fact.points is not None:
        raise FormError("is for redemptions: a claim is undone whole", "points")


def _check_named(named: str, own: str, path: str) -> None:
    check_name(named, path, ID_BYTES)
    if named == own:
        raise FormError("names the fact itself", path)


def _check_returned(lines: list[ReturnedLine], path: str) -> None:
    for place, line in enumerate(lines):
        if line.line is None and line.sku is None:
            raise FormError("names neither a line nor a sku", f"{path}[{place}]")
        if not line.quantity and not line.net:
            raise FormError("brings back neither quantity nor net", f"{path}[{place}]")
        check_name(line.sku, f"{path}[{place}].sku")


def _check_adjust(fact: AdjustFact) -> None:
    check_name(fact.currency, "currency")
    _check_reason(fact.reason, "reason")
    check_name(fact.actor, "actor")
    if not fact.points:
        raise FormError("is 0: nothing is given and nothing taken", "points")
    if fact.forced and fact.points > 0:
        raise FormError("is for points taken", "forced")
    if fact.expires is not None and fact.points < 0:
        raise FormError("is for points given", "expires")
    _check_expires(fact.expires)


def _check_expires(expires: str | None) -> None:
    if expires in (None, "never"):
        return
    assert expires is not None
    try:
        date = dt.date.fromisoformat(expires)
    except ValueError:
        raise FormError("is not a date", "expires") from None
    _check_date(date, "expires")


def _check_transfer(fact: TransferFact) -> None:
    check_name(fact.to, "to")
    check_name(fact.currency, "currency")
    if fact.to == fact.member:
        raise FormError("is the member itself", "to")


def _check_merge(fact: MergeFact) -> None:
    check_name(fact.other, "other")
    if fact.other == fact.member:
        raise FormError("is the member itself", "other")
    _check_why(fact)


def _check_unmerge(fact: UnmergeFact) -> None:
    _check_named(fact.merge, fact.id, "merge")
    _check_why(fact)


def _check_pool(fact: PoolFact | UnpoolFact) -> None:
    check_name(fact.account, "account")
    if fact.account == fact.member:
        raise FormError("is the member itself", "account")
    _check_why(fact)


def _check_why(fact: MergeFact | UnmergeFact | PoolFact | UnpoolFact) -> None:
    _check_reason(fact.reason, "reason")
    check_name(fact.actor, "actor")


def _check_donate(fact: DonateFact) -> None:
    check_name(fact.cause, "cause")
    check_name(fact.currency, "currency")


def _check_activity(fact: ActivityFact) -> None:
    check_name(fact.code, "code")
    check_name(fact.channel, "channel")


def _check_subscription(fact: SubscriptionStartFact) -> None:
    check_name(fact.plan, "plan")
    _check_end(fact.ends_at, fact.occurred_at, "ends_at")


def _check_hold(fact: HoldFact) -> None:
    check_name(fact.currency, "currency")
    _check_end(fact.expires_at, fact.occurred_at, "expires_at")


def _check_end(end: dt.datetime | None, start: dt.datetime, path: str) -> None:
    if end is not None:
        instant_us(end, path)
        if end <= start:
            raise FormError("is not after occurred_at", path)


def _check_told(fact: EnrolFact | MemberUpdateFact) -> None:
    if isinstance(fact.referrer, str):
        check_name(fact.referrer, "referrer")
    if isinstance(fact.referrer_card, str):
        check_name(fact.referrer_card, "referrer_card", CARD_BYTES)
        if isinstance(fact.referrer, str):
            raise FormError("names the referrer as well: give the member or the card",
                            "referrer_card")  # fmt: skip
    _check_about(fact)


def _check_about(fact: EnrolFact | MemberUpdateFact) -> None:
    # The date somewhere on earth: the zone of the program is not known here.
    today = (fact.occurred_at.astimezone(dt.UTC) + _FARTHEST_EAST).date()
    if isinstance(fact, EnrolFact):
        for place, card in enumerate(fact.cards):
            check_name(card, f"cards[{place}]", CARD_BYTES)
            _check_no_bank_card(card, f"cards[{place}]")
    if isinstance(fact.profile, dict):
        check_profile(fact.profile)
    if isinstance(fact.birth, dt.date):
        if fact.birth > today:
            raise FormError("is after the fact", "birth")
        _check_date(fact.birth, "birth", EARLIEST_BIRTH)
    if isinstance(fact.anniversaries, dict):
        for name, day in fact.anniversaries.items():
            check_name(name, "anniversaries")
            date = day.date if isinstance(day, CalendarDate) else day
            _check_date(date, "anniversaries", EARLIEST_BIRTH)
    if isinstance(fact.segments, list):
        _check_names(fact.segments, "segments")
    if isinstance(fact.values, dict):
        for name in fact.values:
            check_name(name, "values")
    tier = fact.manual_tier
    # What is neither null nor left out.
    if tier:
        check_name(tier.tier, "manual_tier.tier")
        _check_reason(tier.reason, "manual_tier.reason")
        check_name(tier.actor, "manual_tier.actor")
        _check_date(tier.through, "manual_tier.through")


_PRODUCT_NAMES = {
    "sku": NAME_BYTES, "brand": NAME_BYTES, "department": NAME_BYTES,
    "category": CATEGORY_BYTES, "supplier": NAME_BYTES, "price_class": NAME_BYTES,
}  # fmt: skip


def _check_catalog(fact: CatalogFact) -> None:
    seen: set[str] = set()
    for place, item in enumerate(fact.products):
        _check_once(item.sku, seen, f"products[{place}].sku")
        for name, most in _PRODUCT_NAMES.items():
            check_name(getattr(item, name), f"products[{place}].{name}", most)
        _check_names(item.labels, f"products[{place}].labels")


def _check_once(name: str, seen: set[str], path: str) -> None:
    if name in seen:
        raise FormError(f"{name!r} is there twice", path)
    seen.add(name)


def _check_stores(fact: StoreFact) -> None:
    seen: set[str] = set()
    for place, store in enumerate(fact.stores):
        _check_once(store.store, seen, f"stores[{place}].store")
        for name in ("store", "region", "format"):
            check_name(getattr(store, name), f"stores[{place}].{name}")


def _check_gift_card(fact: GiftCardFact) -> None:
    check_name(fact.card, "card", GIFT_CODE_BYTES)
    if isinstance(fact, GiftCardCancelFact):
        _check_named(fact.redemption, fact.id, "redemption")
        return
    if isinstance(fact, GiftCardRedeemFact | GiftCardPinFact):
        return
    _check_reason(fact.reason, "reason")
    check_name(fact.actor, "actor")
    _check_expires(fact.expires)


def _check_fund(fact: GiftCardFundFact) -> None:
    check_name(fact.gift_card, "gift_card", GIFT_CODE_BYTES)


def _check_profit_share(fact: ProfitShareFact) -> None:
    check_name(fact.currency, "currency")
    _check_date(fact.since, "from")
    _check_date(fact.until, "to")
    if fact.until < fact.since:
        raise FormError("is before from", "to")
    _check_expires(fact.expires)
    for name in fact.causes:
        check_name(name, "causes")
    if sum(fact.causes.values()) > 1000:
        raise FormError("have more than the whole pool: parts are thousandths", "causes")


def _check_reward_stock(fact: RewardStockFact) -> None:
    check_name(fact.reward, "reward")
    _check_names(fact.items, "items")
    if bool(fact.pieces) == bool(fact.items):
        raise FormError("give either pieces or items")
    if len(set(fact.items)) < len(fact.items):
        raise FormError("has an item twice", "items")


def _check_codes(fact: CouponIssueFact | CouponBlockFact, other: object, name: str) -> None:
    _check_names(fact.codes, "codes")
    if bool(other) == bool(fact.codes):
        raise FormError(f"give either {name} or codes")
    if len(set(fact.codes)) < len(fact.codes):
        raise FormError("has a code twice", "codes")


def _check_coupon_issue(fact: CouponIssueFact) -> None:
    check_name(fact.coupon, "coupon")
    _check_codes(fact, fact.count, "a count")


def _check_coupon_block(fact: CouponBlockFact) -> None:
    check_name(fact.issue, "issue", ID_BYTES)
    _check_reason(fact.reason, "reason")
    _check_codes(fact, fact.issue, "an issue")


_CHECKS: dict[type, Callable[[Any], None]] = {
    SaleFact: _check_sale,
    ReturnFact: _check_return,
    ActivityFact: _check_activity,
    AdjustFact: _check_adjust,
    RedeemFact: lambda fact: check_name(fact.currency, "currency"),
    TransferFact: _check_transfer,
    DonateFact: _check_donate,
    MergeFact: _check_merge,
    UnmergeFact: _check_unmerge,
    PoolFact: _check_pool,
    UnpoolFact: _check_pool,
    RewardRedeemFact: lambda fact: check_name(fact.reward, "reward"),
    GiftCardIssueFact: _check_gift_card,
    GiftCardLoadFact: _check_gift_card,
    GiftCardRedeemFact: _check_gift_card,
    GiftCardCancelFact: _check_gift_card,
    GiftCardPinFact: _check_gift_card,
    GiftCardFundFact: _check_fund,
    HoldFact: _check_hold,
    CaptureFact: lambda fact: _check_named(fact.hold, fact.id, "hold"),
    PaymentFact: lambda fact: _check_named(fact.sale, fact.id, "sale"),
    ReleaseFact: lambda fact: _check_named(fact.hold, fact.id, "hold"),
    CancelFact: _check_cancel,
    ClaimFact: lambda fact: _check_named(fact.sale, fact.id, "sale"),
    EnrolFact: _check_told,
    MemberUpdateFact: _check_told,
    SubscriptionStartFact: _check_subscription,
    SubscriptionEndFact: lambda fact: check_name(fact.plan, "plan"),
    EraseFact: lambda fact: _check_reason(fact.reason, "reason"),
    CloseFact: lambda fact: _check_reason(fact.reason, "reason"),
    CardBlockFact: lambda fact: _check_reason(fact.reason, "reason"),
    CardUnblockFact: lambda fact: _check_reason(fact.reason, "reason"),
    CatalogFact: _check_catalog,
    StoreFact: _check_stores,
    ProfitShareFact: _check_profit_share,
    RewardStockFact: _check_reward_stock,
    CouponIssueFact: _check_coupon_issue,
    CouponBlockFact: _check_coupon_block,
    CouponRedeemFact: lambda fact: check_name(fact.code, "code"),
    DayClosedFact: lambda fact: _check_date(fact.date, "date"),
}
