"""Invoices of Iran's tax system (Moadian): header, body, payments; amounts in rials.

An original is a sale. A correction, and a return, are the invoice as it is *afterwards*, and a
cancellation ends it: what came back is what the invoice before had more. So each must come
after the invoice that it names, in the same file or in one read before by the same reader.
Several that name the same invoice follow one another.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from decimal import Decimal
from typing import BinaryIO

import msgspec
from msgspec import Struct

from ..facts.parts import FormError
from .basket import Basket
from .documents import Figures, read_orders
from .found import Found, Skipped
from .instants import reader_of
from .settings import MoadianFile

ORIGINAL, CORRECTION, CANCELLATION, RETURN = 1, 2, 3, 4
"""Subjects of invoices (`ins`)."""

PAYMENTS = {
    1: "cheque", 2: "barter", 3: "cash", 4: "card", 5: "online", 6: "card_to_card",
    7: "transfer", 8: "other",
}  # fmt: skip
"""Methods of payment (`pmt`)."""

MOST_KEPT = 200_000
"""Invoices that later ones may name; the oldest go first."""

ZERO = Decimal(0)
REPEATED = Skipped("repeated")
"""A correction that has been read before: what it changed is changed."""


class Header(Struct, frozen=True, rename="lower"):
    """Of the whole invoice: its id, when, its pattern and subject, the invoice that it names."""

    taxid: str
    indatim: int
    ins: int = ORIGINAL
    inp: int = 1
    irtaxid: str | None = None
    bid: str | None = None
    tinb: str | None = None
    bpn: str | None = None
    sbc: str | None = None
    cap: Decimal | None = None
    insp: Decimal | None = None


class Row(Struct, frozen=True, rename="lower"):
    """A line: product, amount of goods, what it was before and after its discount, tax apart."""

    sstid: str
    am: Decimal
    adis: Decimal
    dis: Decimal | None = None
    fee: Decimal | None = None


class Payment(Struct, frozen=True, rename="lower"):
    """One payment: its method and amount; whose card it was is not looked at."""

    pmt: int | None = None
    pv: Decimal | None = None


class Invoice(Struct, frozen=True):
    """One invoice."""

    header: Header
    body: list[Row] = []
    payments: list[Payment] | None = None


class _Line(msgspec.Struct):
    """What is left of a line, and the sale and number by which it can come back."""

    sale: str
    number: int
    key: tuple[str, Decimal | None]
    sku: str
    quantity: int
    net: int
    discount: int = 0


Kept = OrderedDict[str, tuple[str, list[_Line]]]
"""By invoice: its member, and what is left of its lines."""


def read_moadian(
    stream: BinaryIO, settings: MoadianFile, kept: Kept | None = None
) -> Iterator[Found]:
    """The facts of invoices. Raises FormError for a file that cannot be read on.

    `kept` has the invoices of files before this one, and gains those of this one.
    """
    kept = OrderedDict() if kept is None else kept
    figures = Figures(settings)
    instant = reader_of("epoch_ms", "gregorian", None)

    def baskets(invoice: Invoice) -> Iterator[Basket | Skipped]:
        header = invoice.header
        if header.inp not in settings.patterns:
            yield Skipped(f"pattern-{header.inp}")
            return
        name = getattr(header, settings.member)
        sale = Basket(
            id=figures.prefix + header.taxid, occurred_at=instant(str(header.indatim)),
            named=figures.named, member=figures.member((name or "").strip()),
            store=header.sbc or "",
        )  # fmt: skip
        if header.ins == ORIGINAL:
            lines = _lines(invoice, sale.id, figures)
            sale.lines = [_sold(line) for line in lines]
            _pay(sale, invoice, figures)
        elif header.ins in (CORRECTION, CANCELLATION, RETURN):
            named = kept.get(header.irtaxid or "")
            if named is None:
                raise FormError(
                    f"the invoice {header.irtaxid!r} has not come before it",
                    "header.irtaxid",
                )
            if header.taxid in kept:
                yield REPEATED
                return
            # A cancellation may not name its buyer again.
            sale.member, before = named
            after = [] if header.ins == CANCELLATION else _lines(invoice, sale.id, figures)
            lines = _difference(sale, before, after, header.ins)
        else:
            raise FormError(f"{header.ins} is no subject of an invoice", "header.ins")
        if header.ins == ORIGINAL:
            kept.setdefault(header.taxid, (sale.member, lines))
        else:
            # Another one may name the invoice before instead of this one.
            kept[header.taxid] = kept[header.irtaxid or ""] = sale.member, lines
        while len(kept) > MOST_KEPT:
            kept.popitem(last=False)
        if header.ins != ORIGINAL and sale.member and not sale.lines and not sale.returned:
            yield Skipped("no-change")
        else:
            yield sale

    yield from read_orders(stream, Invoice, ("invoices", "invoice", "data"), baskets)


def _lines(invoice: Invoice, sale: str, figures: Figures) -> list[_Line]:
    lines = []
    for place, row in enumerate(invoice.body):
        if not figures.goods(row.sstid):
            continue
        path = f"body[{place}]"
        lines.append(_Line(
            sale, place + 1, (figures.sku(row.sstid), row.fee), figures.sku(row.sstid),
            figures.quantity(row.am, f"{path}.am"), figures.amount(row.adis, f"{path}.adis"),
            figures.amount(row.dis or ZERO, f"{path}.dis"),
        ))  # fmt: skip
    return lines


def _sold(line: _Line) -> dict[str, object]:
    sold: dict[str, object] = {
        "sku": line.sku, "line": line.number, "quantity": line.quantity, "net": line.net,
    }  # fmt: skip
    if line.discount:
        sold["discount"] = line.discount
    return sold


def _difference(
    sale: Basket, before: list[_Line], after: list[_Line], subject: int
) -> list[_Line]:
    """Put into the receipt what came back and what was added; the lines that are left.

    Rows are the same row when product and unit price are, in order. A row that is less comes
    back to its own sale; what is more, or new, is sold by the correction.
    """
    rest = list(after)
    left: list[_Line] = []
    for line in before:
        now = next((row for row in rest if row.key == line.key), None)
        if now is not None:
            rest.remove(now)
        quantity = now.quantity if now else 0
        net = now.net if now else 0
        back = {"line": line.number, "quantity": max(0, line.quantity - quantity),
                "net": max(0, line.net - net)}  # fmt: skip
        if back["quantity"] or back["net"]:
            sale.bring_back(line.sale, back)
        kept = msgspec.structs.replace(
            line, quantity=min(quantity, line.quantity), net=min(net, line.net)
        )
        if kept.quantity or kept.net:
            left.append(kept)
        if now is not None and (quantity > line.quantity or net > line.net):
            rest.append(msgspec.structs.replace(
                now, quantity=max(0, quantity - line.quantity), net=max(0, net - line.net),
                discount=0,
            ))  # fmt: skip
    if rest and subject == RETURN:
        raise FormError("a return has more than the invoice that it names", "body")
    sale.lines = [_sold(line) for line in rest]
    return left + rest


def _pay(sale: Basket, invoice: Invoice, figures: Figures) -> None:
    """Tenders of the payments; without them, the parts in cash and on account."""
    for place, paid in enumerate(invoice.payments or []):
        if paid.pv is not None:
            kind = str(paid.pmt)
            common = PAYMENTS.get(paid.pmt or 0, "other")
            amount = figures.amount(paid.pv, f"payments[{place}].pv")
            sale.pay(figures.tender(kind, common), amount)
    if not invoice.payments:
        for field, kind in (("cap", "cash"), ("insp", "on_account")):
            part = getattr(invoice.header, field)
            if part:
                sale.pay(figures.tender(kind, kind), figures.amount(part, f"header.{field}"))
