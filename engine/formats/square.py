"""Orders of Square: amounts are integers of the currency's smallest unit.

What was charged for a line is its total without tax and service charges. Tips are in the
tenders' amounts and go off them. An order that has `returns` takes goods of other orders back;
an amount that is typed in there is money, and lowers the lines that are left of that order.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from typing import BinaryIO

from msgspec import Struct

from ..facts.parts import FormError
from .basket import Basket
from .documents import Figures, read_orders
from .earlier import Sales
from .found import Fact, Found, Skipped
from .instants import iso_instant, zone_of
from .settings import SquareFile

GIFT_CARD = "GIFT_CARD"
CUSTOM_AMOUNT = "CUSTOM_AMOUNT"
CUSTOM = "custom-amount"
"""The sku of an amount that was typed in."""

TENDERS = {"SQUARE_GIFT_CARD": "gift_card", "THIRD_PARTY_CARD": "card"}


class Money(Struct, frozen=True):
    """An amount in the smallest unit of its currency."""

    amount: int = 0
    currency: str | None = None


NOTHING = Money()


class Item(Struct, frozen=True):
    """A line, or a line that comes back."""

    quantity: Decimal
    source_line_item_uid: str | None = None
    catalog_object_id: str | None = None
    name: str | None = None
    item_type: str = "ITEM"
    total_money: Money | None = None
    total_tax_money: Money = NOTHING
    total_discount_money: Money = NOTHING
    total_service_charge_money: Money = NOTHING


class Tender(Struct, frozen=True):
    """A payment; its amount includes the tip."""

    type: str
    amount_money: Money = NOTHING
    tip_money: Money = NOTHING
    customer_id: str | None = None


class Return(Struct, frozen=True):
    """Lines of one earlier order that come back."""

    source_order_id: str | None = None
    return_line_items: list[Item] = []


class Source(Struct, frozen=True):
    """Where an order came from."""

    name: str | None = None


class Order(Struct, frozen=True):
    """What is asked of an order."""

    id: str
    state: str = "OPEN"
    location_id: str = ""
    customer_id: str | None = None
    closed_at: str | None = None
    created_at: str | None = None
    source: Source = Source()
    line_items: list[Item] = []
    tenders: list[Tender] = []
    returns: list[Return] = []


Kept = partial(Sales, with_lines=True)


def read_square(
    stream: BinaryIO, settings: SquareFile, kept: Sales | None = None
) -> Iterator[Found]:
    """The facts of orders of Square. Raises FormError for a file that cannot be read on.

    `kept` has the orders of files before this one, and gains those of this one.
    """
    earlier = Kept() if kept is None else kept
    figures = Figures(settings)
    assert settings.zone is not None
    zone = zone_of(settings.zone)

    def baskets(order: Order) -> Iterator[Basket | Skipped]:
        if order.state != "COMPLETED":
            # An order comes again with every change: it counts once it is paid.
            yield Skipped(f"state-{order.state.lower()}")
            return
        when = order.closed_at or order.created_at
        if when is None:
            raise FormError("neither closed_at nor created_at is there", "closed_at")
        payer = next((t.customer_id for t in order.tenders if t.customer_id), None)
        basket = Basket(
            id=figures.prefix + order.id,
            occurred_at=iso_instant(when, zone),
            named=figures.named, member=figures.member(order.customer_id or payer or ""),
            store=order.location_id,
            channel=order.source.name or "",
        )
        for place, item in enumerate(order.line_items):
            path = f"line_items[{place}]"
            sku = _sku(item)
            if item.item_type == GIFT_CARD or not figures.goods(sku):
                continue
            line = {
                "sku": figures.sku(sku), "line": place + 1,
                "quantity": figures.quantity(item.quantity, f"{path}.quantity"),
                "net": _net(item, figures, path),
            }  # fmt: skip
            if item.total_discount_money.amount:
                line["discount"] = item.total_discount_money.amount
            basket.lines.append(line)
        for number, back in enumerate(order.returns):
            source = figures.prefix + back.source_order_id if back.source_order_id else None
            for place, item in enumerate(back.return_line_items):
                path = f"returns[{number}].return_line_items[{place}]"
                if item.item_type == GIFT_CARD or not figures.goods(_sku(item)):
                    continue
                lines = partial(
                    _returned, item, source, earlier, figures, path, named=bool(basket.member)
                )
                for line in earlier.once(f"{basket.id} {path}", lines):
                    basket.bring_back(source, line)
        earlier.note(basket)
        if basket.lines:
            for place, tender in enumerate(order.tenders):
                figures.check_currency(tender.amount_money.currency, f"tenders[{place}]")
                kind = figures.tender(tender.type, TENDERS.get(tender.type, tender.type.lower()))
                basket.pay(kind, tender.amount_money.amount - tender.tip_money.amount)
        yield basket

    yield from read_orders(stream, Order, ("orders", "order"), baskets)


def _sku(item: Item) -> str:
    return item.catalog_object_id or (CUSTOM if item.item_type == CUSTOM_AMOUNT else "") or (
        item.name or CUSTOM
    )


def _returned(
    item: Item, source: str | None, earlier: Sales, figures: Figures, path: str, *, named: bool
) -> Iterator[Fact]:
    """The lines that come back with a line of a return; `named`: it names its member."""
    net = _net(item, figures, path)
    left = earlier.left_of(source) if source else None
    if source and item.item_type == CUSTOM_AMOUNT and not item.source_line_item_uid:
        if left is not None:
            yield from left.money(net)
            return
        if named:
            raise FormError("is money back of an order that has not come before it", path)
    # The line of the other order has a uid that only that order could explain.
    line: Fact = {
        "sku": figures.sku(_sku(item)),
        "quantity": figures.quantity(item.quantity, f"{path}.quantity"), "net": net,
    }  # fmt: skip
    if left is not None:
        left.goods_of(line["sku"], line["quantity"], net)
    yield line


def _net(item: Item, figures: Figures, path: str) -> int:
    if item.total_money is None:
        raise FormError("is not there", f"{path}.total_money")
    figures.check_currency(item.total_money.currency, f"{path}.total_money.currency")
    return (
        item.total_money.amount - item.total_tax_money.amount
        - item.total_service_charge_money.amount
    )
