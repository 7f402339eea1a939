"""Baskets that were paid, and goods that come back (rulebook sections 4 and 9)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .parts import (
    MOST_COUPONS,
    MOST_LINES,
    MOST_OFFERS,
    MOST_TENDERS,
    Amount,
    AnyCard,
    GiftCode,
    Id,
    Instant,
    LineNumber,
    Money,
    Name,
    Pin,
    Place,
    Positive,
    Reason,
    Spent,
)


class LineFact(Struct, forbid_unknown_fields=True):
    """One line: quantity in thousandths, net in minor units; `line` is its place from 1.

    `gross` is net plus discount unless given; without `cost` the margin is 0.
    """

    sku: Name
    quantity: Amount
    net: Amount
    line: LineNumber | None = None
    voids: LineNumber | None = None
    gross: Amount | None = None
    discount: Amount | None = None
    cost: Amount | None = None


class TenderFact(Struct, forbid_unknown_fields=True):
    """How a part of the sale was paid; `points` are taken for a redemption tender.

    `ref` is the hold or redemption that the points come from, `card` the gift card that pays,
    `pin` the card's.
    """

    type: Name
    amount: Amount
    points: Spent | None = None
    ref: Id | None = None
    card: GiftCode | None = None
    pin: Pin | None = None


class OfferFact(Struct, forbid_unknown_fields=True):
    """An offer that the till applied, and what it took off in all."""

    offer: Name
    amount: Positive = 0


class ReturnedLine(Struct, forbid_unknown_fields=True):
    """What of a line comes back: of the line's number, else of the latest line of the sku."""

    quantity: Positive = 0
    net: Positive = 0
    line: LineNumber | None = None
    sku: Name | None = None


ReturnedLines = Annotated[list[ReturnedLine], Meta(min_length=1, max_length=MOST_LINES)]


class ReturnPart(Struct, forbid_unknown_fields=True):
    """The return inside an exchange."""

    sale: Id
    lines: ReturnedLines


class SaleFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="sale",
               rename={"returned": "return"}):  # fmt: skip
    """A basket that was paid; with `return` it is an exchange.

    Where the program lets receipts be claimed, the member may be left out: it is nobody's until
    a claim names it. `completed`: an offline till reports what has happened; it is not refused
    for points.
    """

    id: Id
    occurred_at: Instant
    member: Name
    lines: Annotated[list[LineFact], Meta(min_length=1, max_length=MOST_LINES)]
    store: Place = ""
    terminal: Place = ""
    channel: Place = ""
    tenders: Annotated[list[TenderFact], Meta(max_length=MOST_TENDERS)] = []
    coupons: Annotated[list[Name], Meta(max_length=MOST_COUPONS)] = []
    offers: Annotated[list[OfferFact], Meta(max_length=MOST_OFFERS)] = []
    returned: ReturnPart | None = None
    completed: bool = False
    card: AnyCard = ""


class ReturnFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="return"):
    """Goods come back; without `sale` there was no receipt.

    The member may be left out where the receipt tells whose the sale is, or that it is nobody's.
    """

    id: Id
    occurred_at: Instant
    member: Name
    lines: ReturnedLines
    sale: Id | None = None
    store: Place = ""
    terminal: Place = ""
    reason: Reason = ""
    card: AnyCard = ""


class PaymentFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="payment"):
    """Money has come for a sale that was paid on account, or for a part of it.

    Points that waited for it become the member's. What is more than is owed brings none.
    """

    id: Id
    occurred_at: Instant
    member: Name
    sale: Id
    amount: Money
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""


class ClaimFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="claim"):
    """A sale that was nobody's becomes the member's: it earns as it would have at its place."""

    id: Id
    occurred_at: Instant
    member: Name
    sale: Id
    store: Place = ""
    terminal: Place = ""
    card: AnyCard = ""
