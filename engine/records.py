"""Facts to journal rows and back: the one place that knows both forms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .dictionaries import Dictionaries, Product, Sizes
from .facts import Sales
from .folding import Outcome, take
from .schema import (
    BALANCE,
    FACTS,
    GROWTH,
    LINE,
    NO_MEMBER,
    POSTING,
    TENDER,
    array,
    column,
    list_view,
    lists,
)

MEMBER, STORE, TERMINAL, TENDER_TYPE, PRODUCT = range(5)


def sales_batch(
    ids: pa.Array, sales: Sales, outcome: Outcome, program_version: int, n_currencies: int
) -> pa.RecordBatch:
    """Journal rows of a batch of sales and what they came to."""
    n = len(sales)
    plain = _plain_columns(n, n_currencies, program_version)
    postings = {name: outcome.postings[name] for name in ("rule", "limit", "desired", "points",
                                                          "corrects")}
    columns = {
        "id": ids,
        "status": array(outcome.status, pa.uint8()),
        "at": array(sales.at, pa.timestamp("us", "UTC")),
        "member": array(sales.member, pa.uint32()),
        "previous": array(outcome.previous, pa.uint64()),
        "store": array(sales.store, pa.uint32()),
        "terminal": array(sales.terminal, pa.uint32()),
        "lines": lists(FACTS.field("lines").type, sales.lines_from, {
            "line": sales.line, "product": sales.product, "quantity": sales.quantity,
            "net": sales.net,
        }),
        "tenders": lists(FACTS.field("tenders").type, sales.tenders_from, {
            "type": sales.tender, "amount": sales.amount,
        }),
        "tier": array(outcome.tier, pa.int8()),
        "balances": lists(FACTS.field("balances").type, plain["balances_from"], {
            "active": outcome.active.reshape(-1), "pending": outcome.pending.reshape(-1),
        }),
        "postings": lists(FACTS.field("postings").type, outcome.posted_from, postings),
        **plain,
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in FACTS.names], schema=FACTS)


@lru_cache(512)
def _plain_columns(n: int, n_currencies: int, program_version: int) -> dict[str, Any]:
    """The columns of a batch of sales that follow from its length."""
    return {
        "kind": array(np.zeros(n, np.uint8), pa.uint8()),
        "program": array(np.full(n, program_version, np.uint16), pa.uint16()),
        "payload": pa.nulls(n, pa.binary()),
        "balances_from": np.arange(0, (n + 1) * n_currencies, n_currencies, dtype=np.int64),
    }


def control_batch(fact_id: str, kind: int, at: int, payload: bytes) -> pa.RecordBatch:
    """One journal row of a fact that is of no member: catalogue, program."""
    def one(value: int, dtype: Any, kind_: pa.DataType) -> pa.Array:
        return array(np.array([value], dtype), kind_)

    none = np.zeros(2, np.int64)

    def empty(name: str, item: pa.StructType) -> pa.Array:
        blank = {f.name: np.zeros(0, np.int64) for f in item}
        return lists(FACTS.field(name).type, none, blank)

    columns = {
        "id": pa.array([fact_id], pa.string()),
        "kind": one(kind, np.uint8, pa.uint8()),
        "status": one(0, np.uint8, pa.uint8()),
        "at": one(at, np.int64, pa.timestamp("us", "UTC")),
        "member": one(NO_MEMBER, np.uint32, pa.uint32()),
        "previous": one(0, np.uint64, pa.uint64()),
        "store": one(0, np.uint32, pa.uint32()),
        "terminal": one(0, np.uint32, pa.uint32()),
        "lines": empty("lines", LINE),
        "tenders": empty("tenders", TENDER),
        "program": one(0, np.uint16, pa.uint16()),
        "tier": one(-1, np.int8, pa.int8()),
        "balances": empty("balances", BALANCE),
        "postings": empty("postings", POSTING),
        "payload": pa.array([payload], pa.binary()),
    }
    return pa.RecordBatch.from_arrays([columns[f.name] for f in FACTS], schema=FACTS)


def growth_batch(dictionaries: Dictionaries, since: Sizes) -> pa.RecordBatch | None:
    """What the dictionaries gained since earlier sizes; None when nothing."""
    kinds: list[int] = []
    names: list[str] = []
    for kind, codes, start in (
        (MEMBER, dictionaries.members, since.members),
        (STORE, dictionaries.stores, since.stores),
        (TERMINAL, dictionaries.terminals, since.terminals),
        (TENDER_TYPE, dictionaries.tenders, since.tenders),
    ):
        fresh = codes.names[start:]
        kinds += [kind] * len(fresh)
        names += fresh
    products = dictionaries.products.versions[since.products :]
    if not kinds and not products:
        return None
    plain = len(kinds)

    def attribute(name: str) -> pa.Array:
        values = [None] * plain + [getattr(product, name) for product in products]
        return pa.array(values, pa.string())

    kinds += [PRODUCT] * len(products)
    names += [product.sku for product in products]
    since_us = [0] * plain + [product.since for product in products]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(kinds, pa.uint8()),
            pa.array(names, pa.string()),
            pa.array(since_us, pa.int64()),
            *(attribute(name) for name in ("brand", "department", "category", "supplier")),
        ],
        schema=GROWTH,
    )


def grow(dictionaries: Dictionaries, batch: pa.RecordBatch) -> None:
    """Add what `growth_batch` wrote."""
    codes = {
        MEMBER: dictionaries.members,
        STORE: dictionaries.stores,
        TERMINAL: dictionaries.terminals,
        TENDER_TYPE: dictionaries.tenders,
    }
    kinds = batch.column("kind").to_pylist()
    names = batch.column("name").to_pylist()
    plain = len(kinds) - kinds.count(PRODUCT)
    for kind, name in zip(kinds[:plain], names[:plain], strict=True):
        codes[kind].number(name)
    if plain == len(kinds):
        return
    fields = [batch.column(i).to_pylist()[plain:] for i in range(1, batch.num_columns)]
    dictionaries.products.extend(list(map(Product, *fields)))


def read_sales(batch: pa.RecordBatch) -> Sales:
    """The sales of journal rows; views of the batch's buffers, dates not filled."""
    lines_from, lines = list_view(batch.column("lines"))
    tenders_from, tenders = list_view(batch.column("tenders"))
    n = batch.num_rows
    return Sales(
        at=column(batch, "at"),
        member=column(batch, "member"),
        store=column(batch, "store"),
        terminal=column(batch, "terminal"),
        lines_from=lines_from,
        line=lines["line"],
        product=lines["product"],
        quantity=lines["quantity"],
        net=lines["net"],
        tenders_from=tenders_from,
        tender=tenders["type"],
        amount=tenders["amount"],
        day=np.zeros(n, np.int32),
        minute=np.zeros(n, np.int16),
    )


Content = tuple[Any, ...]


def content_of_row(batch: pa.RecordBatch, row: int, dictionaries: Dictionaries) -> Content:
    """A journalled sale in the form in which two facts of one id are compared."""
    one = batch.slice(row, 1)
    sales = read_sales(one)
    d = dictionaries
    return (
        int(sales.at[0]),
        d.members.names[sales.member[0]],
        d.stores.names[sales.store[0]],
        d.terminals.names[sales.terminal[0]],
        tuple(
            (int(line), d.products.versions[product].sku, int(quantity), int(net))
            for line, product, quantity, net in zip(
                sales.line, sales.product, sales.quantity, sales.net, strict=True
            )
        ),
        tuple(
            (d.tenders.names[kind], int(amount))
            for kind, amount in zip(sales.tender, sales.amount, strict=True)
        ),
    )


def same_sales(ours: Sales, theirs: Sales) -> NDArray[np.bool_]:
    """Which rows of two batches of one length hold the same sale, number for number."""
    same = (
        (ours.at == theirs.at)
        & (ours.member == theirs.member)
        & (ours.store == theirs.store)
        & (ours.terminal == theirs.terminal)
    )
    for starts, names in (
        ("lines_from", ("line", "product", "quantity", "net")),
        ("tenders_from", ("tender", "amount")),
    ):
        counts = np.diff(getattr(ours, starts))
        same &= counts == np.diff(getattr(theirs, starts))
        rows = np.flatnonzero(same)
        a, b = take(ours, rows), take(theirs, rows)
        differs = np.zeros(len(getattr(a, names[0])), np.bool_)
        for name in names:
            differs |= getattr(a, name) != getattr(b, name)
        owners = np.repeat(rows, counts[rows])
        same[owners[differs]] = False
    return same


@dataclass(frozen=True, slots=True)
class StoredFact:
    """A fact found in the journal: its record's batch and its row."""

    seq: int
    batch: pa.RecordBatch
    row: int
    committed_at: int

    @property
    def kind(self) -> int:
        """Code of the fact's kind."""
        return int(column(self.batch, "kind")[self.row])

    @property
    def id(self) -> str:
        """The fact's id."""
        name: str = self.batch.column("id")[self.row].as_py()
        return name
