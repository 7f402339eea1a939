"""One day of a shop, as each format writes it: two members, a discount, a return, nobody's tea.

Amounts are cents, quantities whole units; each writer gives (mapping, content of the file).
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

KEY = b"a key of sixteen bytes and more"
COMMON = 'currency = "USD"\nmember_key_file = "shop.key"\n'


class Line(NamedTuple):
    """A line: quantity in units, net and discount in cents."""

    sku: str
    quantity: int
    net: int
    discount: int = 0


class Receipt(NamedTuple):
    """A receipt; with `of` goods of that receipt come back, by the number of their line."""

    number: int
    at: dt.datetime
    member: str
    lines: list[Line]
    tender: str = "cash"
    of: int | None = None
    line: int = 1

    @property
    def total(self) -> int:
        return sum(line.net for line in self.lines)

    @property
    def iso(self) -> str:
        return self.at.isoformat()


def _at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2025, 3, day, hour, minute, tzinfo=dt.UTC)


DAY = [
    Receipt(1, _at(3, 9), "m-1", [Line("milk", 2, 900, 100), Line("bread", 3, 750)]),
    Receipt(2, _at(3, 9, 30), "m-2", [Line("tea", 1, 3199)], "card"),
    Receipt(3, _at(3, 10), "", [Line("tea", 1, 3199)]),
    Receipt(4, _at(3, 11), "m-1", [Line("tea", 2, 6000, 398)], "card"),
    Receipt(5, _at(4, 12), "m-1", [Line("milk", 1, 450)], of=1),
    Receipt(6, _at(4, 13), "m-2", [Line("bread", 1, 250)]),
]


def money(cents: int) -> str:
    """Cents as a decimal of dollars."""
    return f"{Decimal(cents).scaleb(-2):f}"


# -- tables -----------------------------------------------------------------------------------

HEAD = ["no", "time", "card", "kind", "sku", "qty", "net", "discount", "cash", "paid_card", "of",
        "of_line"]  # fmt: skip
TABLE = COMMON + """
key = ["no"]
returned_sale = "{of}"

[columns]
occurred_at = "time"
member = "card"
kind = "kind"
sku = "sku"
quantity = "qty"
net = "net"
discount = "discount"
returned_line = "of_line"

[fixed]
store = "1"

[kinds]
S = "sale"
R = "return"

[paid]
cash = "cash"
card = "paid_card"
"""


def _rows() -> list[list[str]]:
    rows = []
    for receipt in DAY:
        for place, line in enumerate(receipt.lines):
            paid = "" if place or receipt.of else money(receipt.total)
            rows.append([
                str(receipt.number), receipt.iso, receipt.member, "R" if receipt.of else "S",
                line.sku, str(line.quantity), money(line.net),
                money(line.discount) if line.discount else "",
                paid if receipt.tender == "cash" else "", paid if receipt.tender == "card" else "",
                str(receipt.of or ""), str(receipt.line) if receipt.of else "",
            ])  # fmt: skip
    return rows


def csv() -> tuple[str, bytes]:
    text = "\n".join(",".join(row) for row in [HEAD, *_rows()])
    return 'format = "csv"\n' + TABLE, text.encode()


def xlsx() -> tuple[str, bytes]:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(HEAD)
    for row in _rows():
        sheet.append([
            float(cell) if cell and name in ("qty", "net", "discount", "cash", "paid_card")
            else dt.datetime.fromisoformat(cell).replace(tzinfo=None) if name == "time"
            else int(cell) if cell.isdecimal() else cell or None
            for name, cell in zip(HEAD, row, strict=True)
        ])  # fmt: skip
    out = io.BytesIO()
    book.save(out)
    return 'format = "xlsx"\n' + TABLE, out.getvalue()


def parquet() -> tuple[str, bytes]:
    columns: dict[str, Any] = {}
    for name, cells in zip(HEAD, zip(*_rows(), strict=True), strict=True):
        if name == "time":
            columns[name] = pa.array([dt.datetime.fromisoformat(cell) for cell in cells])
        elif name in ("net", "discount", "cash", "paid_card"):
            values = [Decimal(cell) if cell else None for cell in cells]
            columns[name] = pa.array(values, pa.decimal128(15, 2))
        else:
            columns[name] = pa.array([cell or None for cell in cells])
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return 'format = "parquet"\n' + TABLE, out.getvalue()


# -- documents ----------------------------------------------------------------------------------


def ndjson() -> tuple[str, bytes]:
    """The facts themselves; members are hashed as the mappings do."""
    import hashlib  # noqa: PLC0415
    import hmac  # noqa: PLC0415

    rows = []
    for receipt in DAY:
        if not receipt.member:
            continue
        name = hmac.new(KEY, receipt.member.encode(), hashlib.sha256).hexdigest()[:32]
        fact: dict[str, Any] = {
            "id": str(receipt.number), "kind": "return" if receipt.of else "sale",
            "occurred_at": receipt.iso, "member": f"k-{name}", "store": "1",
        }  # fmt: skip
        lines = [{"quantity": line.quantity * 1000, "net": line.net} for line in receipt.lines]
        if receipt.of:
            fact |= {"sale": str(receipt.of), "lines": [{"line": receipt.line, **lines[0]}]}
        else:
            fact["lines"] = [
                {"sku": line.sku, "discount": line.discount, **made}
                for line, made in zip(receipt.lines, lines, strict=True)
            ]
            fact["tenders"] = [{"type": receipt.tender, "amount": receipt.total}]
        rows.append(json.dumps(fact))
    return "", "\n".join(rows).encode()


def poslog() -> tuple[str, bytes]:
    parts = []
    for receipt in DAY:
        items = []
        for place, line in enumerate(receipt.lines, 1):
            modifier = (
                f"<RetailPriceModifier><Amount Action='Subtract'>{money(line.discount)}</Amount>"
                "</RetailPriceModifier>" if line.discount else ""
            )
            link = ""
            if receipt.of:
                day = DAY[receipt.of - 1].at.date()
                link = (
                    f"<TransactionLink><BusinessDayDate>{day}</BusinessDayDate><SequenceNumber>"
                    f"{receipt.of}</SequenceNumber><LineItemSequenceNumber>{receipt.line}"
                    "</LineItemSequenceNumber></TransactionLink>"
                )
            tag = "Return" if receipt.of else "Sale"
            items.append(
                f"<LineItem><SequenceNumber>{place}</SequenceNumber><{tag}><ItemID>{line.sku}"
                f"</ItemID><ExtendedAmount>{money(line.net)}</ExtendedAmount><Quantity>"
                f"{line.quantity}</Quantity>{modifier}{link}</{tag}></LineItem>"
            )
        kind = {"cash": "Cash", "card": "CreditDebit"}[receipt.tender]
        member = (
            f"<LoyaltyAccount><CustomerID>{receipt.member}</CustomerID></LoyaltyAccount>"
            if receipt.member else ""
        )
        parts.append(
            f"<Transaction><RetailStoreID>1</RetailStoreID><WorkstationID/><SequenceNumber>"
            f"{receipt.number}</SequenceNumber><BusinessDayDate>{receipt.at.date()}"
            f"</BusinessDayDate><EndDateTime>{receipt.at:%Y-%m-%dT%H:%M:%S}</EndDateTime>"
            f"<RetailTransaction>{''.join(items)}<LineItem><Tender TenderType='{kind}'><Amount>"
            f"{money(receipt.total)}</Amount></Tender></LineItem>{member}</RetailTransaction>"
            "</Transaction>"
        )
    return 'format = "poslog"\n' + COMMON, f"<POSLog>{''.join(parts)}</POSLog>".encode()


def moadian() -> tuple[str, bytes]:
    """A return there is the invoice as it is afterwards."""
    rows = []
    names = {receipt.number: f"TAX{receipt.number}" for receipt in DAY}
    for receipt in DAY:
        before = DAY[receipt.of - 1] if receipt.of else receipt
        body = []
        for place, line in enumerate(before.lines, 1):
            back = receipt.lines[0] if receipt.of and place == receipt.line else Line("", 0, 0)
            body.append({
                "sstid": line.sku, "am": line.quantity - back.quantity, "fee": 1,
                "adis": line.net - back.net, "dis": line.discount,
            })  # fmt: skip
        pmt = {"cash": 3, "card": 4}[receipt.tender]
        rows.append(json.dumps({
            "header": {
                "taxid": names[receipt.number], "indatim": int(receipt.at.timestamp() * 1000),
                "ins": 4 if receipt.of else 1, "inp": 1, "sbc": "1", "bid": receipt.member or None,
                "irtaxid": names[receipt.of] if receipt.of else None,
            },
            "body": body, "payments": [{"pmt": pmt, "pv": receipt.total}],
        }))  # fmt: skip
    return 'format = "moadian"\nexponent = 0\n' + COMMON, "\n".join(rows).encode()


def square() -> tuple[str, bytes]:
    orders = []
    for receipt in DAY:
        items = [
            {"uid": line.sku, "catalog_object_id": line.sku, "quantity": str(line.quantity),
             "total_discount_money": {"amount": line.discount, "currency": "USD"},
             "total_money": {"amount": line.net, "currency": "USD"}}
            for line in receipt.lines
        ]  # fmt: skip
        order: dict[str, Any] = {
            "id": f"o-{receipt.number}", "state": "COMPLETED", "location_id": "1",
            "closed_at": receipt.iso, "customer_id": receipt.member or None,
        }  # fmt: skip
        if receipt.of:
            order["returns"] = [
                {"source_order_id": f"o-{receipt.of}", "return_line_items": items}
            ]
        else:
            order["line_items"] = items
            order["tenders"] = [
                {"type": receipt.tender.upper(), "amount_money": {"amount": receipt.total}}
            ]
        orders.append(order)
    return 'format = "square"\n' + COMMON, json.dumps({"orders": orders}).encode()


def _returns(number: int) -> list[Receipt]:
    return [receipt for receipt in DAY if receipt.of == number]


def shopify() -> tuple[str, bytes]:
    """Customers are numbers there: the key hashes what the document has."""
    orders = []
    for receipt in DAY:
        if receipt.of:
            continue
        orders.append({
            "id": receipt.number, "created_at": receipt.iso, "financial_status": "paid",
            "currency": "USD", "location_id": 1,
            "customer": {"id": receipt.member} if receipt.member else None,
            "payment_gateway_names": [receipt.tender], "total_price": money(receipt.total),
            "line_items": [
                {"id": place, "sku": line.sku, "quantity": line.quantity,
                 "price": money((line.net + line.discount) // line.quantity),
                 "discount_allocations": [{"amount": money(line.discount)}]}
                for place, line in enumerate(receipt.lines, 1)
            ],
            "refunds": [
                {"id": back.number, "created_at": back.iso, "refund_line_items": [
                    {"line_item_id": back.line, "quantity": back.lines[0].quantity,
                     "subtotal": money(back.lines[0].net)}
                ]}
                for back in _returns(receipt.number)
            ],
        })  # fmt: skip
    return 'format = "shopify"\n' + COMMON, json.dumps({"orders": orders}).encode()


def toast() -> tuple[str, bytes]:
    """A refund there is money: the quantity comes back with the whole line only."""
    orders = []
    for receipt in DAY:
        if receipt.of:
            continue
        backs = {back.line: back for back in _returns(receipt.number)}
        orders.append({"guid": f"o-{receipt.number}", "checks": [{
            "guid": f"c-{receipt.number}", "paymentStatus": "CLOSED", "paidDate": receipt.iso,
            "customer": {"guid": receipt.member or None},
            "selections": [
                {"guid": f"s-{place}", "item": {"guid": line.sku}, "quantity": line.quantity,
                 "price": line.net / 100,
                 "appliedDiscounts": [{"discountAmount": line.discount / 100}],
                 **({"refundDetails": {"refundAmount": backs[place].lines[0].net / 100}}
                    if place in backs else {})}
                for place, line in enumerate(receipt.lines, 1)
            ],
            "payments": [
                {"type": {"cash": "CASH", "card": "CREDIT"}[receipt.tender],
                 "amount": receipt.total / 100, "paymentStatus": "CAPTURED",
                 **({"refund": {"refundDate": next(iter(backs.values())).iso}} if backs else {})}
            ],
        }]})  # fmt: skip
    return 'format = "toast"\nstore = "1"\n' + COMMON, json.dumps(orders).encode()


def lightspeed() -> tuple[str, bytes]:
    sales = []
    for receipt in DAY:
        sign = -1 if receipt.of else 1
        sales.append({
            "id": f"l-{receipt.number}", "status": "CLOSED", "sale_date": receipt.iso,
            "outlet_id": "1", "customer_id": receipt.member or None,
            "return_for": f"l-{receipt.of}" if receipt.of else None,
            "total_price": sign * receipt.total / 100,
            "line_items": [
                {"product_id": line.sku, "quantity": sign * line.quantity,
                 "total_price": sign * line.net / 100}
                for line in receipt.lines
            ],
            "payments": [{"name": receipt.tender.title(), "amount": sign * receipt.total / 100}],
        })  # fmt: skip
    return 'format = "lightspeed"\n' + COMMON, json.dumps({"data": sales}).encode()


WRITERS: dict[str, Callable[[], tuple[str, bytes]]] = {
    "ndjson": ndjson, "csv": csv, "xlsx": xlsx, "parquet": parquet, "poslog": poslog,
    "moadian": moadian, "square": square, "shopify": shopify, "toast": toast,
    "lightspeed": lightspeed,
}  # fmt: skip
