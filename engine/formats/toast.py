"""Orders of Toast: each check is a receipt, each refund of a check a return.

A selection's price is after discounts, with its modifiers and for its whole quantity. Orders,
checks and selections that are voided or deleted are in the export and are no sales.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import BinaryIO
from zoneinfo import ZoneInfo

from msgspec import Struct

from ..facts.parts import FormError
from .basket import Basket, spread
from .documents import Figures, read_orders
from .found import Fact, Found, Skipped
from .instants import iso_instant, zone_of
from .remainder import Remainder
from .settings import ToastFile

ZERO = Decimal(0)
PAID = ("CLOSED", "PAID")
UNPAID = ("DENIED", "VOIDED", "CANCELLED", "ERROR", "ERROR_NETWORK", "OPEN")
"""States of payments that brought nothing."""

TENDERS = {"CREDIT": "card", "GIFTCARD": "gift_card", "REWARDCARD": "reward_card"}


class Reference(Struct, frozen=True):
    """Another thing, by its id."""

    guid: str | None = None


class RefundDetails(Struct, frozen=True, rename="camel"):
    """What of a selection was paid back, tax apart."""

    refund_amount: Decimal = ZERO
    refund_transaction: Reference | None = None


class Discount(Struct, frozen=True, rename="camel"):
    """A discount on a selection."""

    discount_amount: Decimal = ZERO


class Selection(Struct, frozen=True, rename="camel"):
    """A line. A deferred one is money kept for later: a gift card."""

    guid: str
    quantity: Decimal = Decimal(1)
    price: Decimal = ZERO
    tax: Decimal = ZERO
    tax_inclusion: str = "NOT_INCLUDED"
    item: Reference | None = None
    display_name: str | None = None
    voided: bool = False
    deferred: bool = False
    applied_discounts: list[Discount] = []
    refund_details: RefundDetails | None = None
    modifiers: list[Selection] | None = None


class Refund(Struct, frozen=True, rename="camel"):
    """When and what of a payment was paid back, tip apart."""

    refund_amount: Decimal = ZERO
    refund_date: str | None = None
    refund_transaction: Reference | None = None


class Payment(Struct, frozen=True, rename="camel"):
    """A payment; its amount is without the tip."""

    type: str = "OTHER"
    amount: Decimal = ZERO
    payment_status: str | None = None
    refund: Refund | None = None


class LoyaltyInfo(Struct, frozen=True, rename="camel"):
    """The loyalty account of a check."""

    loyalty_identifier: str | None = None


class Charge(Struct, frozen=True, rename="camel"):
    """A service charge of a check: no goods."""

    charge_amount: Decimal = ZERO
    refund_details: RefundDetails | None = None


class Check(Struct, frozen=True, rename="camel"):
    """One bill of an order."""

    guid: str
    voided: bool = False
    deleted: bool = False
    payment_status: str = "OPEN"
    closed_date: str | None = None
    paid_date: str | None = None
    customer: Reference | None = None
    applied_loyalty_info: LoyaltyInfo | None = None
    selections: list[Selection] = []
    payments: list[Payment] = []
    amount: Decimal | None = None
    applied_discounts: list[Discount] = []
    applied_service_charges: list[Charge] = []


class Order(Struct, frozen=True, rename="camel"):
    """What is asked of an order."""

    guid: str
    voided: bool = False
    deleted: bool = False
    created_in_test_mode: bool = False
    opened_date: str | None = None
    closed_date: str | None = None
    paid_date: str | None = None
    source: str | None = None
    checks: list[Check] = []


def read_toast(stream: BinaryIO, settings: ToastFile) -> Iterator[Found]:
    """The facts of orders of Toast. Raises FormError for a file that cannot be read on."""
    figures = Figures(settings)
    assert settings.zone is not None
    zone = zone_of(settings.zone)

    def baskets(order: Order) -> Iterator[Basket | Skipped]:
        if order.created_in_test_mode:
            yield Skipped("test")
            return
        for number, check in enumerate(order.checks):
            if order.deleted or check.deleted:
                yield Skipped("deleted")
            elif order.voided or check.voided:
                yield Skipped("voided")
            elif check.payment_status not in PAID:
                yield Skipped(f"status-{check.payment_status.lower()}")
            else:
                sale = _receipt(order, check, figures, zone, f"checks[{number}]")
                sale.store = settings.store or ""
                yield sale
                yield from _refunds(check, sale, zone, figures, f"checks[{number}]")

    yield from read_orders(stream, Order, ("orders", "order"), baskets)


def _receipt(order: Order, check: Check, figures: Figures, zone: ZoneInfo, path: str) -> Basket:
    """The sale of a check."""
    when = check.paid_date or check.closed_date or order.paid_date or order.closed_date
    if when is None:
        raise FormError("has neither a paid nor a closed date", path)
    account = check.applied_loyalty_info
    name = account.loyalty_identifier if account else None
    if not name and check.customer:
        name = check.customer.guid
    sale = Basket(
        id=figures.prefix + check.guid, occurred_at=iso_instant(when, zone),
        named=figures.named, member=figures.member(name or ""), channel=order.source or "",
    )  # fmt: skip
    shares = _shares(check, figures, path)
    for place, item in enumerate(check.selections):
        if not _is_goods(item, figures):
            continue
        line = _line(item, _sku(item), place + 1, figures, f"{path}.selections[{place}]")
        if shares[place]:
            line["net"] -= shares[place]
            line["discount"] = line.get("discount", 0) + shares[place]
        sale.lines.append(line)
    if sale.lines:
        for place, paid in enumerate(check.payments):
            if paid.payment_status not in UNPAID:
                kind = figures.tender(paid.type, TENDERS.get(paid.type, paid.type.lower()))
                sale.pay(kind, figures.amount(paid.amount, f"{path}.payments[{place}].amount"))
    return sale


def _refunds(
    check: Check, sale: Basket, zone: ZoneInfo, figures: Figures, path: str
) -> Iterable[Basket]:
    """What of the sale came back, by the refunds that paid for it."""
    refunds: dict[str | None, Basket] = {}
    left = Remainder(sale.lines)

    def refund(transaction: str | None) -> Basket:
        if transaction not in refunds:
            when = _refunded(check, transaction)
            refunds[transaction] = sale.later(
                f"refund-{transaction}" if transaction else "refund",
                iso_instant(when, zone) if when else sale.occurred_at,
            )
        return refunds[transaction]

    for line in sale.lines:
        selection = check.selections[int(line["line"]) - 1]
        where = f"{path}.selections[{int(line['line']) - 1}].refundDetails.refundAmount"
        for transaction, paid_back in _paid_back(selection).items():
            part = figures.amount(paid_back, where)
            # A refund is money; of the whole line it takes the goods too.
            quantity = line["quantity"] if part >= line["net"] else 0
            for back in left.goods(line["line"], quantity, part):
                refund(transaction).bring_back(sale.id, back)
    explained = _explained(check)
    net = sum(line["net"] for line in sale.lines)
    for place, paid in enumerate(check.payments):
        if paid.refund is None or not paid.refund.refund_amount or paid.payment_status in UNPAID:
            continue
        transaction = _guid(paid.refund.refund_transaction)
        if transaction in explained or (explained and None in (transaction, *explained)):
            continue
        amount = figures.amount(
            paid.refund.refund_amount, f"{path}.payments[{place}].refund.refundAmount"
        )
        whole = figures.amount(_total(check), f"{path}.payments")
        backs = left.rest() if amount >= whole else left.money(amount * net // whole)
        for back in backs:
            refund(transaction).bring_back(sale.id, back)
    return refunds.values()


def _paid_back(selection: Selection) -> dict[str | None, Decimal]:
    """What of a selection and its modifiers was paid back, by transaction."""
    found: dict[str | None, Decimal] = {}
    details = selection.refund_details
    if details is not None and details.refund_amount:
        found[_guid(details.refund_transaction)] = details.refund_amount
    for modifier in selection.modifiers or ():
        for transaction, amount in _paid_back(modifier).items():
            found[transaction] = found.get(transaction, ZERO) + amount
    return found


def _explained(check: Check) -> set[str | None]:
    """Transactions of which selections and service charges tell what they paid back."""
    charges = (charge.refund_details for charge in check.applied_service_charges)
    return {
        _guid(details.refund_transaction) for details in charges
        if details is not None and details.refund_amount
    }.union(*map(_paid_back, check.selections))  # fmt: skip


def _total(check: Check) -> Decimal:
    """What was paid for a check, taxes and charges with it."""
    return sum((p.amount for p in check.payments if p.payment_status not in UNPAID), ZERO)


def _guid(reference: Reference | None) -> str | None:
    return reference.guid if reference else None


def _sku(item: Selection) -> str:
    return _guid(item.item) or item.display_name or ""


def _is_goods(item: Selection, figures: Figures) -> bool:
    return not item.voided and not item.deferred and figures.goods(_sku(item))


def _line(item: Selection, sku: str, number: int, figures: Figures, path: str) -> Fact:
    net = figures.amount(item.price, f"{path}.price")
    if item.tax_inclusion == "INCLUDED":
        net -= figures.amount(item.tax, f"{path}.tax")
    line: Fact = {
        "sku": figures.sku(sku), "line": number,
        "quantity": figures.quantity(item.quantity, f"{path}.quantity"), "net": net,
    }  # fmt: skip
    discount = _discounts(item.applied_discounts, figures, path)
    if discount:
        line["discount"] = discount
    return line


def _discounts(parts: list[Discount], figures: Figures, path: str) -> int:
    return sum(figures.amount(part.discount_amount, f"{path}.appliedDiscounts") for part in parts)


def _shares(check: Check, figures: Figures, path: str) -> list[int]:
    """Each selection's share of the check's own discounts, if its price is not after them.

    The check's amount tells: it is after all discounts. Raises FormError where it is neither.
    """
    prices = [
        0 if item.voided else figures.amount(item.price, f"{path}.selections[{place}].price")
        for place, item in enumerate(check.selections)
    ]
    discount = _discounts(check.applied_discounts, figures, path)
    taxed = any(item.tax_inclusion == "INCLUDED" for item in check.selections)
    if check.amount is None or taxed or not discount:
        return [0] * len(prices)
    charges = sum(
        figures.amount(charge.charge_amount, f"{path}.appliedServiceCharges")
        for charge in check.applied_service_charges
    )
    more = sum(prices) + charges - figures.amount(check.amount, f"{path}.amount")
    if more not in (0, discount):
        raise FormError("the selections do not add up to it", f"{path}.amount")
    goods = [
        max(0, price) if _is_goods(item, figures) else 0
        for item, price in zip(check.selections, prices, strict=True)
    ]
    return spread(more, goods) if more and any(goods) else [0] * len(prices)


def _refunded(check: Check, transaction: str | None) -> str | None:
    """When a refund was made; the latest of the check where nothing tells which."""
    dates = [
        paid.refund.refund_date for paid in check.payments
        if paid.refund and paid.refund.refund_date and (
            transaction is None or paid.refund.refund_transaction is None
            or paid.refund.refund_transaction.guid == transaction
        )
    ]  # fmt: skip
    return max(dates, default=None)
