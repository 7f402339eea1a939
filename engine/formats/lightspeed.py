"""Sales of Lightspeed Retail, X-Series: goods that come back are lines below 0.

Where prices include tax, the exact price without it has more places than money has. The lines
of a sale are then parts of its total, which is exact, or rounded where it is exact with its tax:
what is below a unit goes to the lines with the largest fractions.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import BinaryIO

from msgspec import Struct

from ..facts.parts import FormError
from .basket import Basket
from .documents import Figures, read_orders
from .earlier import Sales
from .found import Found, Skipped
from .instants import iso_instant, zone_of
from .settings import LightspeedFile

CLOSED = ("CLOSED", "ONACCOUNT_CLOSED", "LAYBY_CLOSED", "DISPATCHED_CLOSED", "PICKED_UP_CLOSED")
"""States that end a sale: one on account has them once it is paid."""

HALF = Fraction(1, 2)
NOISE = Fraction(1, 1000)
"""Of a minor unit: what sums of doubles leave."""

Kept = Sales


class Line(Struct, frozen=True):
    """A line; `total_price` is for its quantity, after discounts, without tax."""

    product_id: str
    quantity: Decimal
    total_price: Decimal
    sku: str | None = None
    is_return: bool = False
    gift_card_number: str | None = None


class Payment(Struct, frozen=True):
    """A payment; change and money back are below 0."""

    amount: Decimal
    name: str = ""


class Sale(Struct, frozen=True):
    """What is asked of a sale."""

    id: str
    status: str
    sale_date: str
    total_price: Decimal
    total_tax: Decimal | None = None
    line_items: list[Line] = []
    payments: list[Payment] = []
    customer_id: str | None = None
    outlet_id: str | None = None
    register_id: str | None = None
    source: str | None = None
    return_for: str | None = None
    deleted_at: str | None = None


def read_lightspeed(
    stream: BinaryIO, settings: LightspeedFile, kept: Sales | None = None
) -> Iterator[Found]:
    """The facts of sales of Lightspeed. Raises FormError for a file that cannot be read on.

    `kept` has the sales of files before this one, and gains those of this one.
    """
    earlier = Kept() if kept is None else kept
    figures = Figures(settings)
    assert settings.zone is not None
    zone = zone_of(settings.zone)

    def baskets(sale: Sale) -> Iterator[Basket | Skipped]:
        if sale.deleted_at:
            yield Skipped("deleted")
            return
        if sale.status not in CLOSED:
            yield Skipped(f"status-{sale.status.lower()}")
            return
        basket = Basket(
            id=figures.prefix + sale.id,
            occurred_at=iso_instant(sale.sale_date, zone),
            named=figures.named, member=figures.member(sale.customer_id or ""),
            store=sale.outlet_id or "",
            terminal=sale.register_id or "",
            channel=sale.source or "",
        )
        source = figures.prefix + sale.return_for if sale.return_for else None
        nets = _nets(sale, figures)
        for place, (item, net) in enumerate(zip(sale.line_items, nets, strict=True)):
            path = f"line_items[{place}]"
            sku = item.sku or item.product_id
            if item.gift_card_number or not figures.goods(sku):
                continue
            quantity = figures.quantity(item.quantity, f"{path}.quantity")
            if item.is_return or quantity < 0:
                back = {"sku": figures.sku(sku), "quantity": abs(quantity), "net": abs(net)}
                basket.bring_back(source, back)
                continue
            line = {"sku": figures.sku(sku), "line": place + 1, "quantity": quantity, "net": net}
            basket.lines.append(line)
        earlier.note(basket)
        if basket.lines:
            for place, paid in enumerate(sale.payments):
                kind = figures.tender(paid.name, paid.name.lower())
                basket.pay(kind, figures.amount(paid.amount, f"payments[{place}].amount"))
            basket.tenders = [tender for tender in basket.tenders if tender["amount"] > 0]
        yield basket

    yield from read_orders(stream, Sale, ("data", "sales", "sale"), baskets)


def _total(sale: Sale, figures: Figures) -> int:
    """The sale's amount in minor units; half up where it is whole with its tax only."""
    total = figures.exact(sale.total_price, "total_price")
    with_tax = total + figures.exact(sale.total_tax or Decimal(), "total_tax")
    if total.denominator != 1 and abs(with_tax - round(with_tax)) <= NOISE:
        size = floor(abs(total) + HALF)
        return size if total > 0 else -size
    return figures.amount(sale.total_price, "total_price")


def _nets(sale: Sale, figures: Figures) -> list[int]:
    """The lines' amounts in minor units, which sum to the sale's. Raises FormError."""
    total = _total(sale, figures)
    exact = [
        figures.exact(item.total_price, f"line_items[{place}].total_price")
        for place, item in enumerate(sale.line_items)
    ]
    floors = [floor(value) for value in exact]
    missing = total - sum(floors)
    if not 0 <= missing <= len(exact) or abs(sum(exact, Fraction()) - total) >= 1:
        raise FormError("the lines do not add up to it", "total_price")
    fractions = [value - below for value, below in zip(exact, floors, strict=True)]
    for place in sorted(range(len(exact)), key=lambda p: (-fractions[p], p))[:missing]:
        floors[place] += 1
    return floors
