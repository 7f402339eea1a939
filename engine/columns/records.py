"""Facts to journal rows and back: the one place that knows both forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.rows import Rows

from .columns import (
    BALANCES,
    NOTHING,
    POSTING_COLUMNS,
    Extra,
    Extras,
    Facts,
    Outcome,
    encode_extra,
    read_extras,
    take,
)
from .dictionaries import Dictionaries, Product, Sizes, StoreVersion
from .schema import (
    BALANCE,
    FACTS,
    GROWTH,
    LINE,
    NO_MEMBER,
    POSTING,
    SHAPE,
    TENDER,
    TYPES,
    array,
    column,
    list_view,
    lists,
    string_array,
    texts,
)

MEMBER, TERMINAL, TENDER_TYPE, STORE, PRODUCT, RENAMED = range(6)

_ATTRIBUTES = [GROWTH.field(place) for place in range(3, len(GROWTH))]
"""Fields of growth that versions of products and stores have beside their names and begins."""

V = TypeVar("V", bound=Product | StoreVersion)

_LOOKED_AT = 1000
"""Rows of a column of strings that tell whether many are equal."""


def facts_batch(
    ids: pa.Array, facts: Facts, outcome: Outcome, program: NDArray[np.uint16], n_currencies: int
) -> pa.RecordBatch:
    """Journal rows of a batch of members' facts and what they came to.

    `program` (uint16[n]) is the version that rated each row, 0 for none; every row has
    `n_currencies` balances.
    """
    n = len(facts)
    postings = outcome.postings
    # In the order of FACTS.
    rows = Rows(SHAPE, n, [
        texts(ids), facts.kind, outcome.status, facts.at, facts.member, outcome.previous,
        facts.store, facts.terminal,
        facts.lines_from, facts.line, facts.product, facts.quantity, facts.net,
        facts.tenders_from, facts.tender, facts.amount,
        program, outcome.tier,
        _every(n, n_currencies), *(getattr(outcome, name).reshape(-1) for name in BALANCES),
        outcome.posted_from, *(postings[name] for name in POSTING_COLUMNS),
        texts(_payloads(facts.extras, n)),
    ])  # fmt: skip
    return pa.RecordBatch._import_from_c(rows.export(), FACTS)


@lru_cache(512)
def _every(n: int, size: int) -> NDArray[np.int64]:
    """Starts of n lists of one size."""
    return np.arange(0, (n + 1) * size, size, dtype=np.int64) if size else np.zeros(n + 1, np.int64)


def _payloads(extras: Extras | None, n: int) -> pa.Array:
    if extras is None:
        return _no_payloads(n)
    return pa.array(
        [None if extra is None else encode_extra(extra) for extra in extras], pa.binary()
    )


_TYPES_OF = {field.type.id: field.type for field in GROWTH}


@lru_cache(512)
def _none_of(n: int, kind: int) -> pa.Array:
    """n nulls of a type, by its id."""
    return pa.nulls(n, _TYPES_OF[kind])


@lru_cache(512)
def _no_attributes(n: int) -> tuple[pa.Array, ...]:
    return tuple(_none_of(n, field.type.id) for field in _ATTRIBUTES)


@lru_cache(512)
def _no_payloads(n: int) -> pa.Array:
    return pa.nulls(n, pa.binary())


def rows_batch(*parts: pa.RecordBatch | None) -> pa.RecordBatch:
    """One record's rows: its facts and, after them, the rows that they cause."""
    batches = [part for part in parts if part is not None and part.num_rows]
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches).combine_chunks().to_batches()[0]


def control_batch(
    fact_id: str, kind: int, at: int, payload: bytes, *, status: int = 0, program: int = 0
) -> pa.RecordBatch:
    """One journal row of a fact that is of no member: catalogue, store, program, day closed."""

    columns = _NOBODYS | {
        "id": pa.array([fact_id], pa.string()),
        "kind": _one("kind", kind, np.uint8),
        "status": _one("status", status, np.uint8),
        "at": _one("at", at, np.int64),
        "program": _one("program", program, np.uint16),
        "payload": pa.array([payload], pa.binary()),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in TYPES], schema=FACTS)


def _one(name: str, value: int, dtype: Any) -> pa.Array:
    """A column of one row."""
    return array(np.array([value], dtype), TYPES[name])


def _none(name: str, item: pa.StructType) -> pa.Array:
    """A column of one row whose list is empty."""
    return lists(name, np.zeros(2, np.int64), {f.name: np.zeros(0, np.int64) for f in item})


_NOBODYS = {
    "member": _one("member", NO_MEMBER, np.uint32),
    "previous": _one("previous", 0, np.uint64),
    "store": _one("store", 0, np.uint32),
    "terminal": _one("terminal", 0, np.uint32),
    "tier": _one("tier", -1, np.int8),
    **{
        name: _none(name, item)
        for name, item in (
            ("lines", LINE), ("tenders", TENDER), ("balances", BALANCE), ("postings", POSTING),
        )
    },
}  # fmt: skip
"""What is the same in the row of every fact that is of no member."""


def growth_batch(dictionaries: Dictionaries, since: Sizes) -> pa.RecordBatch | None:
    """What the dictionaries gained since earlier sizes; None when nothing."""
    kinds: list[int] = []
    names: list[str] = []
    for kind, fresh in (
        (MEMBER, dictionaries.members.first_names(since.members)),
        (TERMINAL, dictionaries.terminals.names[since.terminals :]),
        (TENDER_TYPE, dictionaries.tenders.names[since.tenders :]),
    ):
        kinds += [kind] * len(fresh)
        names += fresh
    renames = dictionaries.members.renames[since.renames :]
    kinds += [RENAMED] * len(renames)
    names += [name for _, _, name in renames]
    plain = len(kinds)
    stores = dictionaries.stores.versions[since.stores :]
    products = dictionaries.products.versions[since.products :]
    n = plain + len(stores) + len(products)
    if not n:
        return None
    kinds += [STORE] * len(stores) + [PRODUCT] * len(products)
    of_stores, of_products = _by_field(StoreVersion, stores), _by_field(Product, products)
    names += [*of_stores["store"], *of_products["sku"]]
    since_us = [0] * (plain - len(renames)) + [number for number, _, _ in renames]
    since_us += [*of_stores["since"], *of_products["since"]]

    def attribute(field: pa.Field) -> pa.Array:
        """Goods that a till names first have none of most attributes."""
        values: list[Any] = [None] * plain
        for found, rows in ((of_stores, stores), (of_products, products)):
            values += found.get(field.name) or [None] * len(rows)
        if values.count(None) == n:
            return _none_of(n, field.type.id)
        return pa.array(values, field.type)

    return pa.RecordBatch.from_arrays(
        [
            pa.array(kinds, pa.uint8()),
            string_array(names),
            pa.array(since_us, pa.int64()),
            # Mostly a till's new member is all that is new.
            *(_no_attributes(n) if n == plain else map(attribute, _ATTRIBUTES)),
        ],
        schema=GROWTH,
    )


def _by_field(kind: type[V], versions: Sequence[V]) -> dict[str, Sequence[Any]]:
    """Versions field by field."""
    if not versions:
        return dict.fromkeys(kind._fields, ())
    return dict(zip(kind._fields, zip(*versions, strict=True), strict=True))


def grow(dictionaries: Dictionaries, batch: pa.RecordBatch) -> None:
    """Add what `growth_batch` wrote."""
    codes = {
        MEMBER: dictionaries.members,
        TERMINAL: dictionaries.terminals,
        TENDER_TYPE: dictionaries.tenders,
    }
    kinds = batch.column("kind").to_pylist()
    names = batch.column("name").to_pylist()
    n_stores, n_products = kinds.count(STORE), kinds.count(PRODUCT)
    plain = len(kinds) - n_stores - n_products
    for place, (kind, name) in enumerate(zip(kinds[:plain], names[:plain], strict=True)):
        if kind == RENAMED:
            dictionaries.members.rename(batch.column("since")[place].as_py(), name)
        else:
            codes[kind].number(name)

    if n_stores:
        dictionaries.stores.extend(_versions(StoreVersion, batch.slice(plain, n_stores)))
    if n_products:
        dictionaries.products.extend(_versions(Product, batch.slice(plain + n_stores)))


def _versions(kind: type[V], rows: pa.RecordBatch) -> list[V]:
    """Rows of growth as versions: a catalogue has very many, so no call of Python is made each."""
    fields = [_values(rows.column(name)) for name in ("name", *kind._fields[1:])]
    return list(map(partial(tuple.__new__, kind), zip(*fields, strict=True)))


def _values(column: pa.Array) -> Sequence[Any]:
    """A column as Python values, lists as tuples; most attributes are null for all."""
    if column.null_count == len(column):
        return [None] * len(column)
    if pa.types.is_string(column.type):
        return _strings(column)
    if not pa.types.is_list(column.type):
        return column.to_pylist()
    if not len(column.flatten()):
        return [()] * len(column)
    return [tuple(some) for some in column.to_pylist()]


def _strings(column: pa.Array) -> list[str | None]:
    """Names are all different; of attributes there are few, and equal ones are one string."""
    few = column.slice(0, _LOOKED_AT).dictionary_encode()
    if len(few.dictionary) > len(few) // 2:
        return column.to_pylist()
    coded = column.dictionary_encode()
    words = np.array([*coded.dictionary.to_pylist(), None], object)
    places = coded.indices.fill_null(len(words) - 1).to_numpy()
    return words[places].tolist()


def read_facts(batch: pa.RecordBatch) -> Facts:
    """The facts of journal rows; views of the batch's buffers, dates not filled.

    Rows of facts of no member are there with member NO_MEMBER and without an extra.
    """
    lines_from, lines = list_view(batch.column("lines"))
    tenders_from, tenders = list_view(batch.column("tenders"))
    n = batch.num_rows
    kind, payloads = column(batch, "kind"), batch.column("payload")
    return Facts(
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
        kind=kind,
        extras=(
            read_extras(payloads.to_pylist(), kind) if payloads.null_count < len(payloads)
            else None
        ),
    )


def read_outcome(batch: pa.RecordBatch) -> Outcome:
    """What journal rows tell that their facts came to."""
    posted_from, postings = list_view(batch.column("postings"))
    _, balances = list_view(batch.column("balances"))
    return Outcome(
        status=column(batch, "status"), tier=column(batch, "tier"),
        previous=column(batch, "previous"), posted_from=posted_from, postings=postings,
        **balances,
    )  # fmt: skip


Content = tuple[Any, ...]
"""(kind, at, member, store, terminal, lines, tenders, extra) with names for numbers: a line
is (line, sku, quantity, net), a tender (type, amount), extra an Extra or None."""


def content_of_row(batch: pa.RecordBatch, row: int, dictionaries: Dictionaries) -> Content:
    """A journalled fact of a member in the form in which two facts of one id are compared."""
    facts = read_facts(batch.slice(row, 1))
    d = dictionaries
    extra = facts.extra(0).as_sent()
    return (
        int(facts.kind[0]),
        int(facts.at[0]),
        extra.member if extra.card else _named(d, facts, extra),
        d.stores.names[facts.store[0]],
        d.terminals.names[facts.terminal[0]],
        tuple(
            (int(line), d.products.names[product], int(quantity), int(net))
            for line, product, quantity, net in zip(
                facts.line, facts.product, facts.quantity, facts.net, strict=True
            )
        ),
        tuple(
            (d.tenders.names[kind], int(amount))
            for kind, amount in zip(facts.tender, facts.amount, strict=True)
        ),
        None if extra == NOTHING else extra,
    )


def _named(dictionaries: Dictionaries, facts: Facts, extra: Extra) -> str:
    """The member that a fact without a card names, "" where it names nobody."""
    nobody = extra.nameless or facts.member[0] == NO_MEMBER
    return "" if nobody else dictionaries.members.names[facts.member[0]]


def same_facts(ours: Facts, theirs: Facts) -> NDArray[np.bool_]:
    """Which rows of two batches of one length hold the same fact, number for number."""
    same = (
        (ours.at == theirs.at)
        & (ours.kind == theirs.kind)
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
    if ours.extras is not None or theirs.extras is not None:
        for row in np.flatnonzero(same).tolist():
            same[row] = ours.extra(row).as_sent() == theirs.extra(row).as_sent()
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
    def status(self) -> int:
        """What became of the fact."""
        return int(column(self.batch, "status")[self.row])

    @property
    def id(self) -> str:
        """The fact's id."""
        name: str = self.batch.column("id")[self.row].as_py()
        return name
