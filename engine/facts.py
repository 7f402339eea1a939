"""Facts on the wire: their types, their checks of form, and their columns.

A fact arrives as JSON or as an Arrow table; both become `Sales`, columns of dictionary
numbers that the kernel takes. Amounts are integers in minor units, quantities in
thousandths, instants in microseconds UTC (rulebook sections 1 and 2).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

MOST_AMOUNT = 10**12
MOST_LINES = 10_000
MOST_TENDERS = 100
ID_BYTES = 128
NAME_BYTES = 64

EARLIEST_US = 0
LATEST_US = 6_300_000_000_000_000
"""2169-08-21: instants beyond the calendar tables are refused for form."""

Id = Annotated[str, Meta(min_length=1, max_length=ID_BYTES)]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_BYTES)]
Place = Annotated[str, Meta(max_length=NAME_BYTES)]
Amount = Annotated[int, Meta(ge=-MOST_AMOUNT, le=MOST_AMOUNT)]
Instant = Annotated[dt.datetime, Meta(tz=True)]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_US = dt.timedelta(microseconds=1)


class LineFact(Struct, forbid_unknown_fields=True):
    """One line: quantity in thousandths, net in minor units; `line` is its place from 1."""

    sku: Name
    quantity: Amount
    net: Amount
    line: Annotated[int, Meta(ge=1, le=10**6)] | None = None
    voids: Annotated[int, Meta(ge=1, le=10**6)] | None = None


class TenderFact(Struct, forbid_unknown_fields=True):
    """How a part of the sale was paid."""

    type: Name
    amount: Amount


class SaleFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="sale"):
    """A basket that was paid."""

    id: Id
    occurred_at: Instant
    member: Name
    lines: Annotated[list[LineFact], Meta(min_length=1, max_length=MOST_LINES)]
    store: Place = ""
    terminal: Place = ""
    tenders: Annotated[list[TenderFact], Meta(max_length=MOST_TENDERS)] = []


class ProductFact(Struct, forbid_unknown_fields=True):
    """Attributes of a product; a category is a path with `/`, most general part first."""

    sku: Name
    brand: Name | None = None
    department: Name | None = None
    category: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    supplier: Name | None = None


class CatalogFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="catalog"):
    """Products and their attributes from `occurred_at` on."""

    id: Id
    occurred_at: Instant
    products: Annotated[list[ProductFact], Meta(min_length=1, max_length=100_000)]


class PublishFact(Struct, forbid_unknown_fields=True, tag_field="kind", tag="program publish"):
    """A program in force from `occurred_at` on; `program` is the text of its file."""

    id: Id
    occurred_at: Instant
    program: Annotated[str, Meta(min_length=1, max_length=1_000_000)]


Fact = SaleFact | CatalogFact | PublishFact
WireFact = SaleFact | CatalogFact
"""What the HTTP door takes; programs are published by the command line."""

KINDS: tuple[str, ...] = ("sale", "catalog", "program publish")
"""Kinds by the code that the journal keeps."""

FactKind = Literal["sale", "catalog", "program publish"]

json_decoder = msgspec.json.Decoder(WireFact)


class FormError(ValueError):
    """A fact refused for form: nothing is kept and its id may be used again."""

    def __init__(self, message: str, path: str = "$", slug: str = "invalid-fact") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.slug = slug


def instant_us(moment: dt.datetime) -> int:
    """Microseconds UTC since 1970. Raises FormError outside the calendar tables."""
    us = (moment - _EPOCH) // _US
    if not EARLIEST_US <= us <= LATEST_US:
        raise FormError("is outside 1970 to 2169", "occurred_at")
    return us


def us_instant(us: int) -> dt.datetime:
    """The instant of a number of microseconds."""
    return _EPOCH + us * _US


@dataclass(slots=True)
class Sales:
    """Sales as columns of dictionary numbers: what the kernel folds.

    lines_from and tenders_from (int64[n + 1]) delimit each sale's lines and tenders.
    """

    at: NDArray[np.int64]
    member: NDArray[np.uint32]
    store: NDArray[np.uint32]
    terminal: NDArray[np.uint32]
    lines_from: NDArray[np.int64]
    line: NDArray[np.int32]
    product: NDArray[np.uint32]
    quantity: NDArray[np.int64]
    net: NDArray[np.int64]
    tenders_from: NDArray[np.int64]
    tender: NDArray[np.uint32]
    amount: NDArray[np.int64]
    day: NDArray[np.int32]
    minute: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.at)


def net_lines(lines: list[LineFact]) -> list[LineFact]:
    """Lines with their places, voids netted into the lines that they void (section 2).

    A void names its line by `voids`, or means the latest line before it of its sku. A line
    of which nothing is left stays, at 0: the kernel passes over it. Raises FormError for a
    void that finds no line or takes more than is left, and for a place used twice.
    """
    for place, line in enumerate(lines, 1):
        if line.line is None:
            line.line = place
    if all(
        line.quantity >= 0 and line.net >= 0 and line.voids is None and line.line == place
        for place, line in enumerate(lines, 1)
    ):
        return lines
    kept: dict[int, LineFact] = {}
    of_sku: dict[str, list[LineFact]] = {}
    places: set[int] = set()
    for place, line in enumerate(lines):
        number = line.line or 0
        if number in places:
            raise FormError(f"line {number} is there twice", f"lines[{place}].line")
        places.add(number)
        if line.quantity >= 0 and line.net >= 0:
            if line.voids is not None:
                raise FormError("only a negative line voids another", f"lines[{place}].voids")
            kept[number] = msgspec.structs.replace(line)
            of_sku.setdefault(line.sku, []).append(kept[number])
            continue
        target = _voided_line(kept, of_sku.get(line.sku, []), line, place)
        target.quantity += line.quantity
        target.net += line.net
        if target.quantity < 0 or target.net < 0:
            raise FormError(f"voids more than is left of line {target.line}", f"lines[{place}]")
    return list(kept.values())


def _voided_line(
    kept: dict[int, LineFact], of_sku: list[LineFact], line: LineFact, place: int
) -> LineFact:
    """The line that a void names, or the latest of its sku of which something is left."""
    if line.quantity > 0 or line.net > 0:
        raise FormError("quantity and net of a void are both negative or 0", f"lines[{place}]")
    if line.voids is not None:
        named = kept.get(line.voids)
        if named is not None and named.sku != line.sku:
            raise FormError(f"line {named.line} has another sku", f"lines[{place}].voids")
    else:
        while of_sku and not (of_sku[-1].quantity or of_sku[-1].net):
            of_sku.pop()
        named = of_sku[-1] if of_sku else None
    if named is None:
        raise FormError("voids a line that is not there", f"lines[{place}]")
    return named
