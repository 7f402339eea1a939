"""Facts of members in the engine's own form: the carrier of a fact, and its wire form again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec

from vafa.native.wire import Sale

from ..facts import (
    KINDS,
    ActivityFact,
    AdjustFact,
    CalendarDate,
    CancelFact,
    CaptureFact,
    CardBlockFact,
    CardLinkFact,
    CardUnblockFact,
    ClaimFact,
    CloseFact,
    CouponRedeemFact,
    DonateFact,
    EnrolFact,
    EraseFact,
    GiftCardCancelFact,
    GiftCardFact,
    GiftCardFundFact,
    GiftCardIssueFact,
    GiftCardLoadFact,
    GiftCardPinFact,
    GiftCardRedeemFact,
    HoldFact,
    JointFact,
    LinkFact,
    ManualTier,
    MemberFact,
    MemberUpdateFact,
    MergeFact,
    PaymentFact,
    PoolFact,
    RedeemFact,
    ReleaseFact,
    ReturnedLine,
    ReturnFact,
    RewardRedeemFact,
    SaleFact,
    SubscriptionEndFact,
    SubscriptionStartFact,
    TransferFact,
    UnmergeFact,
    UnpoolFact,
)
from ..facts.lines import details, net_lines, rung_up
from ..facts.parts import instant_us, us_instant
from .columns import NOTHING, Extra
from .gift_accounts import account_of, code_of

Carried = tuple[
    str, int, str, str, str, list[tuple[int, str, int, int]], list[tuple[str, int]], int,
    Extra | None,
]  # fmt: skip
"""The type of `Sale.parts`: how one process sends a fact to another."""

_CODES = {name: code for code, name in enumerate(KINDS)}


def carrier_of(fact: MemberFact | JointFact) -> Sale:
    """A fact of a member, or of a gift card, in the engine's own form. Raises FormError."""
    if isinstance(fact, GiftCardFact):
        return _of_card(fact)
    if isinstance(fact, SaleFact):
        return sale_of(fact)
    kind: str = fact.__struct_config__.tag  # type: ignore[assignment]
    if isinstance(fact, CancelFact) and fact.claim is not None:
        kind = "claim cancel"
    extra = _named(_EXTRAS[type(fact)](fact), fact)
    return Sale.of(
        fact.id, instant_us(fact.occurred_at), fact.member, fact.store, fact.terminal, [], [],
        _CODES[kind], None if extra == NOTHING else extra,
    )  # fmt: skip


def _named(
    extra: Extra,
    fact: (
        MemberFact | TransferFact | RewardRedeemFact | GiftCardFundFact | ClaimFact | LinkFact
    ),
) -> Extra:
    """With the card that a fact has, and the member's name beside it."""
    if not fact.card:
        return extra
    return msgspec.structs.replace(extra, card=fact.card, member=fact.member)


def sale_of(fact: SaleFact) -> Sale:
    """A sale in the engine's own form: instants in us, voids netted. Raises FormError."""
    lines = net_lines(fact.lines)
    returned = fact.returned
    extra = Extra(
        channel=fact.channel,
        coupons=tuple(sorted(set(fact.coupons))),
        offers=tuple(sorted((applied.offer, applied.amount) for applied in fact.offers)),
        details=details(lines),
        voided=rung_up(lines),
        tender_points=tuple(
            (place, tender.points)
            for place, tender in enumerate(fact.tenders)
            if tender.points is not None
        ),
        tender_refs=tuple(
            (place, tender.ref)
            for place, tender in enumerate(fact.tenders)
            if tender.ref is not None
        ),
        tender_cards=tuple(
            (place, tender.card)
            for place, tender in enumerate(fact.tenders)
            if tender.card is not None
        ),
        completed=fact.completed,
        named="" if returned is None else returned.sale,
        back=() if returned is None else _back(returned.lines),
        card=fact.card,
        member=fact.member if fact.card else "",
    )
    return Sale.of(
        fact.id,
        instant_us(fact.occurred_at),
        fact.member,
        fact.store,
        fact.terminal,
        [(line.line, line.sku, line.quantity, line.net) for line in lines],
        [(tender.type, tender.amount) for tender in fact.tenders],
        0,
        None if extra == NOTHING else extra,
    )


def _back(lines: list[ReturnedLine]) -> tuple[tuple[int, str, int, int], ...]:
    return tuple((x.line or 0, x.sku or "", x.quantity, x.net) for x in lines)


def _return(fact: ReturnFact) -> Extra:
    nameless = not fact.member and not fact.card
    return Extra(
        named=fact.sale or "", back=_back(fact.lines), reason=fact.reason, nameless=nameless
    )


def _cancel(fact: CancelFact) -> Extra:
    return Extra(named=fact.redemption or "", amount=fact.points or 0, claim=fact.claim or "")


def _activity(fact: ActivityFact) -> Extra:
    return Extra(channel=fact.channel, code=fact.code, amount=fact.quantity)


def _adjust(fact: AdjustFact) -> Extra:
    return Extra(
        currency=fact.currency, amount=fact.points, expires=fact.expires or "",
        forced=fact.forced, reason=fact.reason, actor=fact.actor,
    )  # fmt: skip


def _redeem(fact: RedeemFact) -> Extra:
    return Extra(currency=fact.currency, amount=fact.points, completed=fact.completed)


def _transfer(fact: TransferFact) -> Extra:
    return Extra(
        currency=fact.currency, amount=fact.points, to=fact.to, completed=fact.completed
    )


def _fund(fact: GiftCardFundFact) -> Extra:
    return Extra(
        amount=fact.amount, to=account_of(fact.gift_card or ""), completed=fact.completed
    )


def _tie(fact: MergeFact | PoolFact | UnpoolFact) -> Extra:
    other = fact.other if isinstance(fact, MergeFact) else fact.account
    return Extra(other=other, reason=fact.reason, actor=fact.actor)


def _unmerge(fact: UnmergeFact) -> Extra:
    return Extra(named=fact.merge, reason=fact.reason, actor=fact.actor)


def _reward(fact: RewardRedeemFact) -> Extra:
    return Extra(code=fact.reward, quantity=fact.quantity, completed=fact.completed)


def _put_on(fact: GiftCardIssueFact | GiftCardLoadFact) -> Extra:
    return Extra(
        amount=fact.amount, expires=fact.expires or "", reason=fact.reason, actor=fact.actor
    )


def _of_card(fact: GiftCardFact) -> Sale:
    """A fact of a gift card: of the card's account, which has no name yet without a code.

    A PIN is not in it.
    """
    kind: str = fact.__struct_config__.tag  # type: ignore[assignment]
    extra = None
    if isinstance(fact, GiftCardRedeemFact):
        extra = Extra(amount=fact.amount, completed=fact.completed)
    elif isinstance(fact, GiftCardCancelFact):
        extra = Extra(named=fact.redemption, amount=fact.amount or 0)
    elif not isinstance(fact, GiftCardPinFact):
        extra = _put_on(fact)
    return Sale.of(
        fact.id, instant_us(fact.occurred_at), account_of(fact.card or ""), fact.store,
        fact.terminal, [], [], _CODES[kind], extra,
    )  # fmt: skip


def _donate(fact: DonateFact) -> Extra:
    return Extra(currency=fact.currency, amount=fact.points, cause=fact.cause)


def _hold(fact: HoldFact) -> Extra:
    ends_at = None if fact.expires_at is None else instant_us(fact.expires_at, "expires_at")
    return Extra(
        currency=fact.currency, amount=fact.points, ends_at=ends_at, completed=fact.completed
    )


def _capture(fact: CaptureFact) -> Extra:
    return Extra(
        named=fact.hold, amount=fact.points or 0, partial=fact.partial, completed=fact.completed
    )


def _subscription(fact: SubscriptionStartFact) -> Extra:
    ends_at = None if fact.ends_at is None else instant_us(fact.ends_at, "ends_at")
    return Extra(plan=fact.plan, ends_at=ends_at, fee=fact.fee)


def _profile(fact: EnrolFact | MemberUpdateFact) -> Extra:
    cards = tuple(sorted(set(fact.cards))) if isinstance(fact, EnrolFact) else ()
    return Extra(about=_about(fact) or None, cards=cards)


def _reason(fact: CloseFact | EraseFact | CardBlockFact | CardUnblockFact) -> Extra:
    return Extra(reason=fact.reason)


_EXTRAS: dict[type, Callable[[Any], Extra]] = {
    ReturnFact: _return,
    ActivityFact: _activity,
    AdjustFact: _adjust,
    RedeemFact: _redeem,
    HoldFact: _hold,
    CaptureFact: _capture,
    CouponRedeemFact: lambda fact: Extra(code=fact.code, completed=fact.completed),
    ReleaseFact: lambda fact: Extra(named=fact.hold),
    CancelFact: _cancel,
    ClaimFact: lambda fact: Extra(receipt=fact.sale),
    PaymentFact: lambda fact: Extra(named=fact.sale, amount=fact.amount),
    SubscriptionStartFact: _subscription,
    SubscriptionEndFact: lambda fact: Extra(plan=fact.plan),
    EnrolFact: _profile,
    MemberUpdateFact: _profile,
    CardLinkFact: lambda fact: Extra(move=fact.move),
    CloseFact: _reason,
    EraseFact: _reason,
    CardBlockFact: _reason,
    CardUnblockFact: _reason,
    TransferFact: _transfer,
    GiftCardFundFact: _fund,
    DonateFact: _donate,
    RewardRedeemFact: _reward,
    MergeFact: _tie,
    UnmergeFact: _unmerge,
    PoolFact: _tie,
    UnpoolFact: _tie,
}


def _about(fact: EnrolFact | MemberUpdateFact) -> dict[str, Any]:
    """The fields given, as JSON has them; an anniversary always with its calendar."""
    about: dict[str, Any] = {}
    if fact.birth is not msgspec.UNSET:
        about["birth"] = fact.birth.isoformat() if fact.birth else None
    if fact.birth_calendar is not msgspec.UNSET:
        about["birth_calendar"] = fact.birth_calendar
    if fact.anniversaries is not msgspec.UNSET:
        about["anniversaries"] = {
            name: _calendar_date(day) for name, day in sorted(fact.anniversaries.items())
        }
    if fact.segments is not msgspec.UNSET:
        about["segments"] = sorted(set(fact.segments))
    if fact.values is not msgspec.UNSET:
        about["values"] = dict(sorted(fact.values.items()))
    if fact.type is not msgspec.UNSET:
        about["type"] = fact.type
    if fact.referrer is not msgspec.UNSET:
        about["referrer"] = fact.referrer
    if fact.referrer_card is not msgspec.UNSET:
        about["referrer_card"] = fact.referrer_card
    tier = fact.manual_tier
    if tier is not msgspec.UNSET:
        about["manual_tier"] = _manual_tier(tier) if tier else None
    return about


def _calendar_date(day: CalendarDate | dt.date) -> dict[str, str]:
    if isinstance(day, CalendarDate):
        return {"date": day.date.isoformat(), "calendar": day.calendar}
    return {"date": day.isoformat(), "calendar": "gregorian"}


def _manual_tier(tier: ManualTier) -> dict[str, str]:
    return {
        "tier": tier.tier, "through": tier.through.isoformat(), "reason": tier.reason,
        "actor": tier.actor,
    }  # fmt: skip


# -- the wire form again ---------------------------------------------------------------------

Content = tuple[Any, ...]

_SAME_NAMES = (
    "card", "channel", "partial", "completed", "expires", "forced", "reason", "actor", "move",
    "to", "cause",
)

def wire_fields(content: Content) -> dict[str, Any]:
    """The fields of a fact beside id, kind and instant, as they stand on the wire.

    `content` is that of `Sale.content` or `records.content_of_row`. Fields at their defaults
    are left out but for member, store and terminal, and the lines and tenders of a sale. A
    line of which a void has taken has `full_quantity` and `full_net`, as it was rung up, beside
    what is left.
    """
    kind, _, member, store, terminal, lines, tenders, found = content
    extra: Extra = found or NOTHING
    code = code_of(member)
    fields: dict[str, Any] = {"card": code} if code else {"member": member} if member else {}
    fields |= {"store": store, "terminal": terminal}
    match KINDS[kind]:
        case "sale":
            fields |= _wire_sale(lines, tenders, extra)
        case "return" | "payment" as name:
            told = {"lines": _wire_back(extra)} if name == "return" else {"amount": extra.amount}
            fields |= told
            fields |= {"sale": extra.named} if extra.named else {}
        case "capture" | "release":
            fields |= {"hold": extra.named} | _wire_part(extra)
        case "cancel" | "gift card cancel" as name:
            of = "points" if name == "cancel" else "amount"
            fields |= {"redemption": extra.named} | _wire_part(extra, of)
        case "subscription start" | "subscription end":
            fields["plan"] = extra.plan
        case "merge":
            fields["other"] = extra.other
        case "unmerge":
            fields["merge"] = extra.named
        case "pool" | "unpool":
            fields["account"] = extra.other
        case "enrol" | "member update":
            fields |= extra.about or {}
        case name:
            fields |= _wire_figures(name, extra)
    if extra.ends_at is not None:
        name = "expires_at" if KINDS[kind] == "hold" else "ends_at"
        fields[name] = us_instant(extra.ends_at).isoformat().replace("+00:00", "Z")
    fields |= _wire_same(extra)
    if KINDS[kind] == "gift card fund":
        fields["gift_card"] = code_of(fields.pop("to"))
    return fields


def _wire_same(extra: Extra) -> dict[str, Any]:
    """Fields that have the same name and form in an `Extra` and on the wire."""
    fields = {name: value for name in _SAME_NAMES if (value := getattr(extra, name))}
    if extra.cards:
        fields["cards"] = list(extra.cards)
    if extra.fee is not None:
        fields["fee"] = extra.fee
    return fields


def _wire_figures(kind: str, extra: Extra) -> dict[str, Any]:
    """What is given, taken or done, of facts that say little else."""
    match kind:
        case "claim" | "claim cancel":
            return {"claim": extra.claim} if extra.claim else {"sale": extra.receipt}
        case "activity" | "coupon redeem":
            counted = {"quantity": extra.amount} if kind == "activity" else {}
            return {"code": extra.code} | counted
        case "reward redeem":
            return {"reward": extra.code, "quantity": extra.quantity}
        case "gift card issue" | "gift card load" | "gift card redeem" | "gift card fund":
            return {"amount": extra.amount}
        case "adjust" | "redeem" | "hold" | "transfer" | "donate":
            return {"currency": extra.currency, "points": extra.amount}
    return {}


def _wire_sale(
    lines: tuple[Any, ...], tenders: tuple[Any, ...], extra: Extra
) -> dict[str, Any]:
    sale: dict[str, Any] = {
        "lines": _wire_lines(lines, extra), "tenders": _wire_tenders(tenders, extra),
    }  # fmt: skip
    if extra.coupons:
        sale["coupons"] = list(extra.coupons)
    if extra.offers:
        sale["offers"] = [{"offer": name, "amount": amount} for name, amount in extra.offers]
    if extra.named:
        sale["return"] = {"sale": extra.named, "lines": _wire_back(extra)}
    return sale


def _wire_lines(lines: tuple[Any, ...], extra: Extra) -> list[dict[str, Any]]:
    shown = [
        {"line": line, "sku": sku, "quantity": quantity, "net": net}
        for line, sku, quantity, net in lines
    ]
    for place, quantity, net in extra.voided:
        shown[place] |= {"full_quantity": quantity, "full_net": net}
    for place, full_quantity, gross, cost in extra.details:
        line = shown[place]
        if full_quantity != line["quantity"]:
            line["full_quantity"] = full_quantity
        line["gross"] = gross
        if cost is not None:
            line["cost"] = cost
    return shown


def _wire_tenders(tenders: tuple[Any, ...], extra: Extra) -> list[dict[str, Any]]:
    points, refs = dict(extra.tender_points), dict(extra.tender_refs)
    cards = dict(extra.tender_cards)
    return [
        {"type": type_, "amount": amount}
        | ({"points": points[place]} if place in points else {})
        | ({"ref": refs[place]} if place in refs else {})
        | ({"card": cards[place]} if place in cards else {})
        for place, (type_, amount) in enumerate(tenders)
    ]


def _wire_part(extra: Extra, name: str = "points") -> dict[str, int]:
    return {name: extra.amount} if extra.amount else {}


def _wire_back(extra: Extra) -> list[dict[str, Any]]:
    return [
        ({"line": line} if line else {}) | ({"sku": sku} if sku else {})
        | {"quantity": quantity, "net": net}
        for line, sku, quantity, net in extra.back
    ]  # fmt: skip
