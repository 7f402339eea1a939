"""Histories on which the reference and the kernel once differed, or easily might.

`test_differential` runs every row through both. A row is named for what it settles. The
file also holds the ways of a case into the engine that the random tests share.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from vafa.engine.facts import (
    CatalogFact,
    LineFact,
    ProductFact,
    PublishFact,
    SaleFact,
    TenderFact,
    us_instant,
)
from vafa.engine.intake import WIRE, ArrowSales, DecodedSales
from vafa.engine.program import Program
from vafa.engine.program_file import parse_program
from vafa.engine.reference import Line, Product, Sale
from vafa.native.wire import Sale as DecodedSale
from vafa.native.wire import parse_sale

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Case(NamedTuple):
    """Sales in their order of arrival, and how many of them each batch takes."""

    name: str
    program: Program
    products: Mapping[str, Product]
    sales: Sequence[Sale]
    cuts: Sequence[int] = (1,)


# -- into the engine -------------------------------------------------------------------------


def program_text(program: Program) -> str:
    """A program as TOML, a line a field."""
    fields = msgspec.to_builtins(program, builtin_types=(Decimal, dt.date, dt.time))
    return "\n".join(
        f"{name} = {_toml(value)}" for name, value in fields.items() if value is not None
    )


def _toml(value: Any) -> str:
    match value:
        case str():
            return msgspec.json.encode(value).decode()
        case bool() | int():
            return str(value).lower()
        case Decimal():
            return format(value, "f")
        case dt.date() | dt.time():
            return value.isoformat()
        case dict():
            fields = (f"{_toml(k)} = {_toml(v)}" for k, v in value.items() if v is not None)
            return f"{{{', '.join(fields)}}}"
        case _:
            return f"[{', '.join(_toml(item) for item in value)}]"


def publish_fact(program: Program, fact_id: str = "the program") -> PublishFact:
    """The program in force from 1970 on."""
    return PublishFact(id=fact_id, occurred_at=EPOCH, program=program_text(program))


def catalog_fact(products: Mapping[str, Product], fact_id: str = "the catalogue") -> CatalogFact:
    """The products in force from 1970 on."""
    return CatalogFact(
        id=fact_id,
        occurred_at=EPOCH,
        products=[
            ProductFact(
                sku=sku, brand=product.brand, department=product.department,
                category=product.category, supplier=product.supplier,
            )
            for sku, product in products.items()
        ],
    )


def decoded(sales: Sequence[Sale]) -> DecodedSales:
    """Sales as the JSON door takes them in."""
    return DecodedSales([_decoded(sale) for sale in sales])


def _decoded(sale: Sale) -> DecodedSale:
    made = DecodedSale.of(
        sale.id, sale.occurred_at_us, sale.member, sale.store, sale.terminal,
        [(line.line, line.sku, line.quantity, line.net) for line in sale.lines],
        list(sale.tenders),
    )
    # The native reader passes on what is not of the common form, a sale without lines too.
    read = parse_sale(msgspec.json.encode(sale_fact(sale)))
    assert read is None or read.content() == made.content()
    return read or made


def table(sales: Sequence[Sale]) -> ArrowSales:
    """Sales as an Arrow table, as loaders and the batch door take them in."""
    facts = [msgspec.to_builtins(sale_fact(sale), builtin_types=(dt.datetime,)) for sale in sales]
    return ArrowSales(pa.Table.from_pylist(facts, WIRE))


def sale_fact(sale: Sale) -> SaleFact:
    """A sale as it stands on the wire, its voids netted."""
    return SaleFact(
        id=sale.id,
        occurred_at=us_instant(sale.occurred_at_us),
        member=sale.member,
        store=sale.store,
        terminal=sale.terminal,
        lines=[LineFact(x.sku, x.quantity, x.net, x.line) for x in sale.lines],
        tenders=[TenderFact(kind, amount) for kind, amount in sale.tenders],
    )


# -- the table -------------------------------------------------------------------------------

PRODUCTS = {
    "milk": Product("Farm", "DAIRY", "dairy/milk", "acme"),
    "oat": Product("Own", "GROCERY", "dairyfree", "zest"),
    "bread": Product("Own", "BAKERY", "bakery/bread", "acme"),
    "smokes": Product("Smoke", "TOBACCO", "tobacco", "acme"),
}
BASE = '{id="base", kind="earn", points=1, per=100}'
GIFT = '{id="gift", kind="bonus", points=10}'
DOUBLE = '{id="double", kind="multiply", factor=2}'


def _club(*rules: str, **fields: str) -> Program:
    """A program of TOML inline tables over plain defaults."""
    top = {
        "format": "1",
        "id": '"test"',
        "unit": '{code="EUR"}',
        "zone": '"UTC"',
        "currency": '[{id="points"}]',
        "rule": f"[{', '.join(rules)}]",
    } | fields
    return parse_program("\n".join(f"{name} = {value}" for name, value in top.items()))


def _sale(name: str, at: str, *lines: str, **more: str) -> Sale:
    """A sale of lines such as `milk 420` (net) or `milk 420 1500` (with thousandths)."""
    made = []
    for number, line in enumerate(lines, 1):
        sku, net, *thousandths = line.split()
        made.append(Line(sku, int(thousandths[0]) if thousandths else 1000, int(net), number))
    instant = dt.datetime.fromisoformat(at if "T" in at else f"{at}T12:00Z")
    at_us = (instant - EPOCH) // dt.timedelta(microseconds=1)
    return Sale(name, at_us, more.get("member", "m"), more.get("store", ""),
                more.get("terminal", ""), tuple(made))


def _ladder(tiers: str, **fields: str) -> str:
    top = {"window": '"month"', "validity": '"this_period"'} | fields
    return f"{{{', '.join(f'{k}={v}' for k, v in top.items())}, tier=[{tiers}]}}"


CASES = [
    Case(
        "a tier of which any serves is held from the start when one figure is 0",
        _club(BASE, GIFT.replace("}", ', when={tier=["low"]}}'), ladder=_ladder(
            '{id="low", join="any", at_least={spend=0, visits=3}}'
        )),
        PRODUCTS,
        [_sale("1", "2024-01-01", "milk 500"), _sale("2", "2024-05-01", "milk 500")],
    ),
    Case(
        "a tier of which all serve is not held before its other figure is",
        _club(BASE, GIFT.replace("}", ', when={tier=["low"]}}'), ladder=_ladder(
            '{id="low", join="all", at_least={spend=0, visits=2}}'
        )),
        PRODUCTS,
        [_sale(str(n), f"2024-01-0{n}", "milk 500") for n in range(1, 5)],
    ),
    Case(
        "a lifetime tier is good for ever, whatever its validity",
        _club(BASE, ladder=_ladder('{id="low", at_least={spend=500}}', window='"lifetime"')),
        PRODUCTS,
        [_sale("1", "2024-01-01", "milk 500"), _sale("2", "2027-06-01", "milk 1")],
    ),
    Case(
        "at one instant store, terminal and id decide by their UTF-8 bytes",
        _club(BASE, GIFT.replace("}", ", limits={day=15}}")),
        PRODUCTS,
        [
            _sale(name, "2024-01-01", "milk 100", store=store, terminal=terminal, member=member)
            for member, store, terminal, name in (
                ("store", "9", "", "a"), ("store", "10", "", "b"), ("store", "", "", "c"),
                ("terminal", "1", "t3", "d"), ("terminal", "1", "t2", "e"),
                ("terminal", "1", "t1", "f"), ("id", "", "", "فروش"), ("id", "", "", "𐀀"),
                ("id", "", "", "é"), ("id", "", "", "z"), ("id", "", "", "�"),
            )
        ],
        (2, 3, 1),
    ),
    Case(
        "a late basket takes the room that a later one had",
        _club(BASE, GIFT.replace("}", ", limits={week=15}, uses={month=2}}"),
              currency='[{id="points", caps={day=14, month=40}}]'),
        PRODUCTS,
        [_sale(str(n), f"2024-01-{31 - n:02}", "milk 900", "oat 100") for n in range(1, 25)],
        (1, 5, 2),
    ),
    Case(
        "a multiply adds to what limits left of three earn rules",
        _club(*(
            f'{{id="e{n}", kind="earn", points={n}, per=7, limits={{basket={n * 11}}}}}'
            for n in (1, 2, 3)
        ), DOUBLE),
        PRODUCTS,
        [_sale("1", "2024-01-01", "milk 999", "oat 333"), _sale("2", "2024-01-01", "milk 20")],
    ),
    Case(
        "caps fill in the order of priority, whatever the place in the file",
        _club(BASE, DOUBLE, GIFT.replace("}", ", priority=1}"),
              currency='[{id="points", caps={basket=12}}]'),
        PRODUCTS,
        [_sale("1", "2024-01-01", "milk 150"), _sale("2", "2024-01-02", "milk 950")],
    ),
    Case(
        "what is pending today is active tomorrow, and gone the day after its last",
        _club(BASE, currency='[{id="points", pending_days=2, '
              'expiry={policy="after", days=2}}]'),
        PRODUCTS,
        [_sale("1", "2024-01-01", "milk 150"), _sale("2", "2024-01-03", "milk 950"),
         _sale("3", "2024-01-04", "milk 100")],
    ),
    Case(
        "a least amount or quantity is met exactly by the lines that match",
        _club(*(
            f'{{id="{n}", kind="bonus", points=10, when={{sku=["milk"], {least}}}}}'
            for n, least in enumerate(("min_amount=500", "min_quantity=1.5", "min_amount=0"))
        )),
        PRODUCTS,
        [_sale(str(n), f"2024-01-0{n}", f"milk {net} {units}", "oat 900 9000")
         for n, (net, units) in enumerate(((499, 1500), (500, 1499), (501, 1501), (0, 1)), 1)],
    ),
    Case(
        "half to even, to either side",
        _club(BASE, currency='[{id="points", round="half_even"}]'),
        PRODUCTS,
        [_sale(str(n), f"2024-01-0{n}", f"milk {n}50") for n in range(1, 5)],
    ),
    Case(
        "limits and uses begin anew with each period",
        _club(BASE.replace("}", ", limits={day=7, month=12}}"),
              GIFT.replace("}", ", limits={quarter=25}, uses={month=2}}")),
        PRODUCTS,
        [_sale(str(n), f"2024-0{1 + n // 4}-0{1 + n % 4 // 2}", "milk 500") for n in range(24)],
    ),
    Case(
        "a line voided to nothing matches nothing; one given away matches",
        _club(BASE, GIFT.replace("}", ', when={sku=["milk"]}}')),
        PRODUCTS,
        [_sale("1", "2024-01-01", "milk 0 0", "oat 500"),
         _sale("2", "2024-01-02", "milk 0 1000", "oat 500")],
    ),
    Case(
        "the basket that crosses earns at the old tier",
        _club('{id="base", kind="earn", points={low=1, high=5}, per=100}', ladder=_ladder(
            '{id="low"}, {id="high", at_least={spend=1000}}', validity='"next_period"'
        )),
        PRODUCTS,
        [_sale("1", "2024-01-01", "milk 1000"), _sale("2", "2024-02-29", "milk 100"),
         _sale("3", "2024-03-01", "milk 100")],
    ),
    Case(
        "Jalali months end on the 29th of Esfand, or the 30th of a leap year",
        _club(BASE, calendar='"jalali"', zone='"Asia/Tehran"',
              currency='[{id="points", expiry={policy="after", months=12}, caps={month=15}}]'),
        PRODUCTS,
        [_sale("1", "2021-03-20T20:29Z", "milk 1000"), _sale("2", "2021-03-20T20:31Z", "milk 900"),
         _sale("3", "2022-03-20T20:31Z", "milk 900")],
    ),
]

TOO_LARGE = [
    Case(
        # Once a division by zero: what does not fit 128 bits must refuse the sale, no more.
        "six earn rules cut by their limits under a multiply, sums of millions",
        _club(*(
            f'{{id="e{n}", kind="earn", points=1.0{n}, per=1, limits={{basket=7}}}}'
            for n in (0, 1, 2, 3, 5, 7)
        ), DOUBLE),
        PRODUCTS,
        [_sale("large", "2024-01-01", "milk 60000001"), _sale("2", "2024-01-02", "milk 20")],
    ),
    Case(
        # Once it took all its points from the sale that was there before.
        "a late sale after which an accepted one would not fit",
        _club(*(
            f'{{id="e{n}", kind="earn", points=1, per={n}, limits={{day={60_000_001 // n + 1}}}}}'
            for n in (1, 2, 3, 5, 7, 11)
        ), DOUBLE),
        PRODUCTS,
        [_sale("1", "2024-01-01T12:00Z", "milk 60000001"),
         _sale("large", "2024-01-01T10:00Z", "milk 100")],
    ),
]
"""Sales named `large` are refused for overflow, and nothing else changes."""
