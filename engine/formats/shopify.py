"""Orders of Shopify as its REST API has them: amounts are decimals, most of them strings.

A line was charged its price times its quantity less its share of the discounts; where prices
include taxes, these go off it. `quantity` is what was ordered: refunds tell what came back.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO

from msgspec import Struct

from ..facts.parts import FormError
from .basket import Basket
from .documents import Figures, read_orders
from .found import Fact, Found, Skipped
from .instants import iso_instant, zone_of
from .remainder import Remainder
from .settings import ShopifyFile

PAID = ("paid", "partially_refunded", "refunded")
GIFT_CARD = "gift_card"
CASH_KINDS = ("sale", "capture")
ZERO = Decimal(0)


class Allocation(Struct, frozen=True):
    """A line's share of a discount."""

    amount: Decimal


class TaxLine(Struct, frozen=True):
    """A tax on a line."""

    price: Decimal


class Line(Struct, frozen=True):
    """A line as it was ordered."""

    id: int
    quantity: int
    price: Decimal
    sku: str | None = None
    variant_id: int | None = None
    product_id: int | None = None
    title: str = ""
    gift_card: bool = False
    tip_payment_gateway: str | None = None
    discount_allocations: list[Allocation] = []
    tax_lines: list[TaxLine] = []


class RefundLine(Struct, frozen=True):
    """What of a line came back; the subtotal is for that quantity, after discounts."""

    line_item_id: int
    quantity: int = 0
    subtotal: Decimal = ZERO
    total_tax: Decimal = ZERO


class Adjustment(Struct, frozen=True):
    """Money that came back without goods; amounts are below 0."""

    kind: str = ""
    amount: Decimal = ZERO
    tax_amount: Decimal = ZERO


class Refund(Struct, frozen=True):
    """One refund of an order."""

    id: int
    created_at: str
    processed_at: str | None = None
    note: str | None = None
    refund_line_items: list[RefundLine] = []
    order_adjustments: list[Adjustment] = []


class Transaction(Struct, frozen=True):
    """A movement of money."""

    kind: str = ""
    status: str = ""
    gateway: str = ""
    amount: Decimal = ZERO


class Customer(Struct, frozen=True):
    """Who bought."""

    id: int | str | None = None


class Code(Struct, frozen=True):
    """A discount code."""

    code: str = ""


class Order(Struct, frozen=True):
    """What is asked of an order."""

    id: int
    line_items: list[Line]
    created_at: str
    processed_at: str | None = None
    currency: str | None = None
    financial_status: str | None = None
    cancelled_at: str | None = None
    test: bool = False
    taxes_included: bool = False
    customer: Customer | None = None
    location_id: int | None = None
    source_name: str | None = None
    total_price: Decimal | None = None
    total_tip_received: Decimal = ZERO
    discount_codes: list[Code] = []
    payment_gateway_names: list[str] = []
    transactions: list[Transaction] = []
    refunds: list[Refund] = []


def read_shopify(stream: BinaryIO, settings: ShopifyFile) -> Iterator[Found]:
    """The facts of orders of Shopify. Raises FormError for a file that cannot be read on."""
    figures = Figures(settings)
    assert settings.zone is not None
    zone = zone_of(settings.zone)

    def baskets(order: Order) -> Iterator[Basket | Skipped]:
        if order.test:
            yield Skipped("test")
            return
        if order.financial_status not in PAID:
            # Pending, authorized, voided, and paid in part: nothing is sold yet, or ever.
            yield Skipped(f"status-{order.financial_status or 'none'}")
            return
        figures.check_currency(order.currency, "currency")
        member = order.customer.id if order.customer else None
        sale = Basket(
            id=f"{figures.prefix}{order.id}",
            occurred_at=iso_instant(order.processed_at or order.created_at, zone),
            named=figures.named, member=figures.member(str(member) if member else ""),
            store=str(order.location_id or ""),
            channel=order.source_name or "",
            coupons=list(dict.fromkeys(code.code for code in order.discount_codes if code.code)),
        )
        lines = _lines(order, figures)
        sale.lines = [line for line in lines.values() if line is not None]
        if sale.lines:
            _pay(sale, order, figures)
        yield sale
        if not sale.lines:
            return
        left = Remainder(sale.lines)
        for number, refund in enumerate(order.refunds):
            when = iso_instant(refund.processed_at or refund.created_at, zone)
            back = sale.later(str(refund.id), when)
            back.reason = (refund.note or "")[:500]
            for line in _returned(order, refund, lines, left, figures, f"refunds[{number}]"):
                back.bring_back(sale.id, line)
            yield back
        if order.cancelled_at:
            # It may have been loaded before it was cancelled: what no refund has is back too.
            back = sale.later("cancelled", iso_instant(order.cancelled_at, zone))
            for line in left.rest():
                back.bring_back(sale.id, line)
            if back.returned:
                yield back

    yield from read_orders(stream, Order, ("orders", "order"), baskets)


def _lines(order: Order, figures: Figures) -> dict[int, Fact | None]:
    """The lines by their ids in the shop; None for one that is no goods."""
    lines: dict[int, Fact | None] = {}
    for place, item in enumerate(order.line_items):
        path = f"line_items[{place}]"
        sku = item.sku or str(item.variant_id or item.product_id or item.title)
        if item.gift_card or item.tip_payment_gateway or not figures.goods(sku):
            lines[item.id] = None
            continue
        discount = sum(
            figures.amount(part.amount, f"{path}.discount_allocations")
            for part in item.discount_allocations
        )
        net = figures.amount(item.price, f"{path}.price") * item.quantity - discount
        if order.taxes_included:
            net -= sum(figures.amount(tax.price, f"{path}.tax_lines") for tax in item.tax_lines)
        line: Fact = {
            "sku": figures.sku(sku), "line": place + 1, "quantity": item.quantity * 1000,
            "net": net,
        }  # fmt: skip
        if discount:
            line["discount"] = discount
        lines[item.id] = line
    return lines


def _pay(sale: Basket, order: Order, figures: Figures) -> None:
    """Tenders of the transactions; without them, of the one gateway that there was.

    Raises FormError where a gift card paid a part that nothing tells: points for it are not due.
    """
    for place, paid in enumerate(order.transactions):
        if paid.kind in CASH_KINDS and paid.status == "success":
            amount = figures.amount(paid.amount, f"transactions[{place}].amount")
            sale.pay(figures.tender(paid.gateway, paid.gateway), amount)
    if order.transactions:
        tip = figures.amount(order.total_tip_received, "total_tip_received")
        if tip and sale.tenders:
            # A tip is no part of what was bought; the largest tender has carried it.
            largest = max(sale.tenders, key=lambda tender: int(tender["amount"]))
            largest["amount"] -= tip
        return
    gateways = order.payment_gateway_names
    if len(gateways) == 1 and order.total_price is not None:
        amount = figures.amount(order.total_price, "total_price")
        amount -= figures.amount(order.total_tip_received, "total_tip_received")
        sale.pay(figures.tender(gateways[0], gateways[0]), amount)
    elif GIFT_CARD in gateways:
        raise FormError(
            "a gift card paid a part, and the export has no transactions that tell which",
            "payment_gateway_names",
        )


def _returned(
    order: Order, refund: Refund, lines: dict[int, Fact | None], left: Remainder,
    figures: Figures, path: str,
) -> Iterator[Fact]:
    """Lines that came back, and money without goods, which lowers what is left of all lines."""
    for place, item in enumerate(refund.refund_line_items):
        where = f"{path}.refund_line_items[{place}]"
        if item.line_item_id not in lines:
            raise FormError("the order has no such line", f"{where}.line_item_id")
        line = lines[item.line_item_id]
        if line is None:
            continue
        net = figures.amount(item.subtotal, f"{where}.subtotal")
        if order.taxes_included:
            net -= figures.amount(item.total_tax, f"{where}.total_tax")
        yield from left.goods(line["line"], item.quantity * 1000, net)
    money = -sum(
        figures.amount(part.amount, f"{path}.order_adjustments")
        for part in refund.order_adjustments if part.kind == "refund_discrepancy"
    )  # fmt: skip
    if money > 0:
        yield from left.money(money)
