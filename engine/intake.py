"""Batches of sales on their way in: decoded facts or an Arrow table, one shape for the writer."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from vafa.native.wire import Sale, fill

from .dictionaries import Dictionaries
from .facts import (
    EARLIEST_US,
    ID_BYTES,
    LATEST_US,
    MOST_AMOUNT,
    MOST_LINES,
    MOST_TENDERS,
    NAME_BYTES,
    FormError,
    LineFact,
    Sales,
    net_lines,
)
from .records import Content
from .schema import list_view, view

UTC_US = pa.timestamp("us", "UTC")

WIRE_LINE = pa.struct([("sku", pa.string()), ("quantity", pa.int64()), ("net", pa.int64())])
WIRE_TENDER = pa.struct([("type", pa.string()), ("amount", pa.int64())])
WIRE = pa.schema(
    [
        ("id", pa.string()),
        ("kind", pa.string()),
        ("occurred_at", UTC_US),
        ("member", pa.string()),
        ("store", pa.string()),
        ("terminal", pa.string()),
        ("lines", pa.list_(WIRE_LINE)),
        ("tenders", pa.list_(WIRE_TENDER)),
    ]
)
"""Sales as an Arrow table on the wire; store, terminal and tenders may be left out."""


class Intake(Protocol):
    """A batch of sales that are right in form."""

    ids: list[str]
    at: NDArray[np.int64]

    def id_array(self, rows: NDArray[np.int64] | None) -> pa.Array:
        """Ids of some rows (None: all) as an Arrow string array."""

    def content(self, row: int) -> Content:
        """What two facts of one id are compared by."""

    def columns(self, dictionaries: Dictionaries, rows: NDArray[np.int64] | None) -> Sales:
        """Some rows (None: all) as columns; new names are added to the dictionaries."""


class DecodedSales:
    """Sales decoded from JSON one by one."""

    def __init__(self, sales: list[Sale]) -> None:
        self.sales = sales
        self.ids = [sale.id for sale in sales]
        self.at = np.array([sale.at for sale in sales], np.int64)

    def id_array(self, rows: NDArray[np.int64] | None) -> pa.Array:
        """See Intake."""
        ids = self.ids if rows is None else [self.ids[row] for row in rows]
        return pa.array(ids, pa.string())

    def content(self, row: int) -> Content:
        """See Intake."""
        return self.sales[row].content()

    def columns(self, dictionaries: Dictionaries, rows: NDArray[np.int64] | None) -> Sales:
        """See Intake."""
        sales = self.sales if rows is None else [self.sales[row] for row in rows]
        n = len(sales)
        columns: dict[str, Any] = fill(sales, dictionaries)
        return Sales(day=np.zeros(n, np.int32), minute=np.zeros(n, np.int16), **columns)


class ArrowSales:
    """Sales of an Arrow table in the form of `WIRE`, checked in full."""

    def __init__(self, table: pa.Table) -> None:
        self.table = _plain(table)
        self.at = view(self.table.column("occurred_at"))
        self.ids: list[str] = self.table.column("id").to_pylist()
        self._check()
        self._net_voids()

    def _check(self) -> None:
        for name in ("id", "member", "store", "terminal"):
            most = ID_BYTES if name == "id" else NAME_BYTES
            _check_names(self.table.column(name), name, most, empty=name in ("store", "terminal"))
        if len(self.at) and not (self.at.min() >= EARLIEST_US and self.at.max() <= LATEST_US):
            raise FormError("an instant is outside 1970 to 2169", "occurred_at")
        kinds = pc.unique(self.table.column("kind")).to_pylist()
        if kinds not in ([], ["sale"]):
            raise FormError(f"an Arrow batch holds sales only, not {kinds}", "kind")
        lines = self.table.column("lines")
        counts = np.diff(list_view(_ints_only(lines))[0])
        if len(counts) and not (counts.min() >= 1 and counts.max() <= MOST_LINES):
            row = int(np.flatnonzero((counts < 1) | (counts > MOST_LINES))[0])
            raise FormError(f"has {counts[row]} lines, not 1 to {MOST_LINES}", f"[{row}].lines")
        tenders = self.table.column("tenders")
        counts = np.diff(list_view(_ints_only(tenders))[0])
        if len(counts) and counts.max() > MOST_TENDERS:
            raise FormError(f"a sale has more than {MOST_TENDERS} tenders", "tenders")
        _check_names(_child(lines, "sku"), "lines.sku", NAME_BYTES)
        _check_names(_child(tenders, "type"), "tenders.type", NAME_BYTES)
        for column, name in ((lines, "quantity"), (lines, "net"), (tenders, "amount")):
            if column.flatten().null_count or _child(column, name).null_count:
                raise FormError("has nulls", name)
            values = view(_child(column, name))
            if len(values) and (np.abs(values).max() > MOST_AMOUNT or values.min() == -(2**63)):
                raise FormError(f"a {name} is beyond 10^12", name)

    def _net_voids(self) -> None:
        """Voids need their line's own care; a batch that has none, most, pays a look."""
        self._netted: dict[int, list[LineFact]] = {}
        starts, columns = list_view(_ints_only(self.table.column("lines")))
        negative = np.flatnonzero((columns["quantity"] < 0) | (columns["net"] < 0))
        rows = np.unique(np.searchsorted(starts, negative, side="right") - 1)
        for row in rows.tolist():
            lines = [LineFact(**line) for line in self.table.column("lines")[row].as_py()]
            try:
                self._netted[row] = net_lines(lines)
            except FormError as error:
                path = f"[{row}].{error.path}"
                raise FormError(error.message, path, error.slug) from None

    def id_array(self, rows: NDArray[np.int64] | None) -> pa.Array:
        """See Intake."""
        ids = self.table.column("id")
        return ids if rows is None else ids.take(pa.array(rows))

    def _lines(self, row: int) -> list[LineFact]:
        if row in self._netted:
            return self._netted[row]
        return net_lines([LineFact(**line) for line in self.table.column("lines")[row].as_py()])

    def content(self, row: int) -> Content:
        """See Intake."""
        one = {name: self.table.column(name)[row].as_py() for name in self.table.schema.names}
        return (
            int(self.at[row]),
            one["member"],
            one["store"],
            one["terminal"],
            tuple((x.line, x.sku, x.quantity, x.net) for x in self._lines(row)),
            tuple((x["type"], x["amount"]) for x in one["tenders"]),
        )

    def columns(self, dictionaries: Dictionaries, rows: NDArray[np.int64] | None) -> Sales:
        """See Intake."""
        table, at = self.table, self.at
        if rows is not None:
            table, at = table.take(pa.array(rows)), at[rows]
        if self._netted:
            table = self._with_netted(table, rows)
        d = dictionaries
        lines = table.column("lines")
        lines_from, figures = list_view(_ints_only(lines))
        skus = _child(lines, "sku").dictionary_encode()
        tenders = table.column("tenders")
        tenders_from, paid = list_view(_ints_only(tenders))
        n = len(at)
        counts = np.diff(lines_from)
        number = np.arange(len(figures["net"]), dtype=np.int64)
        number -= np.repeat(lines_from[:-1], counts)
        return Sales(
            at=at,
            member=_encode(d.members, table.column("member")),
            store=_encode(d.stores, table.column("store")),
            terminal=_encode(d.terminals, table.column("terminal")),
            lines_from=lines_from,
            line=figures["line"] if "line" in figures else (number + 1).astype(np.int32),
            product=d.products.at_many(
                skus.dictionary.to_pylist(),
                view(skus.indices).astype(np.uint32),
                np.repeat(at, counts),
            ),
            quantity=figures["quantity"],
            net=figures["net"],
            tenders_from=tenders_from,
            tender=_encode(d.tenders, _child(tenders, "type")),
            amount=paid["amount"],
            day=np.zeros(n, np.int32),
            minute=np.zeros(n, np.int16),
        )

    def _with_netted(self, table: pa.Table, rows: NDArray[np.int64] | None) -> pa.RecordBatch:
        """The rows with the lines that are left after voids, with their places."""
        places = range(len(self.ids)) if rows is None else rows.tolist()
        kind = pa.list_(pa.struct([*WIRE_LINE, ("line", pa.int32())]))
        lines = pa.array(
            [
                [
                    {"sku": x.sku, "quantity": x.quantity, "net": x.net, "line": x.line}
                    for x in self._lines(row)
                ]
                for row in places
            ],
            kind,
        )
        return table.set_column(table.schema.get_field_index("lines"), "lines", lines)


def _plain(table: pa.Table) -> pa.RecordBatch:
    """One batch in the schema of `WIRE`, validated in full. Raises FormError."""
    unknown = set(table.schema.names) - set(WIRE.names)
    if unknown:
        raise FormError(f"unknown column {sorted(unknown)[0]!r}", sorted(unknown)[0])
    if len(set(table.schema.names)) != len(table.schema.names):
        raise FormError("a column is there twice")
    try:
        table.validate(full=True)
        columns = [_column(table, field) for field in WIRE]
        table = pa.Table.from_arrays(columns, schema=WIRE).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise FormError(f"not a valid batch: {error}") from None
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=WIRE)


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether a column's type means the same: other widths and encodings, nothing else."""
    if pa.types.is_dictionary(found):
        found = found.value_type
    if pa.types.is_string(wanted):
        return bool(
            pa.types.is_string(found)
            or pa.types.is_large_string(found)
            or pa.types.is_string_view(found)
        )
    if pa.types.is_timestamp(wanted):
        return pa.types.is_timestamp(found) and found.tz is not None
    if pa.types.is_integer(wanted):
        return bool(pa.types.is_integer(found))
    if pa.types.is_list(wanted):
        return (pa.types.is_list(found) or pa.types.is_large_list(found)) and _fits(
            found.value_type, wanted.value_type
        )
    return pa.types.is_struct(found) and sorted(f.name for f in found) == sorted(
        f.name for f in wanted
    ) and all(_fits(found.field(f.name).type, f.type) for f in wanted)


def _column(table: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    name = field.name
    if name in table.schema.names:
        found = table.column(name)
        if not _fits(found.type, field.type):
            raise FormError(f"is {found.type}, not {field.type}", name)
        if found.type != field.type:
            found = found.cast(field.type)
        if found.null_count:
            raise FormError("has nulls", name)
        return found
    optional = {
        "kind": "sale", "store": "", "terminal": "",
    }  # fmt: skip
    if name in optional:
        return pa.chunked_array([pa.repeat(pa.scalar(optional[name]), table.num_rows)])
    if name == "tenders":
        empty = pa.ListArray.from_arrays(
            pa.array(np.zeros(table.num_rows + 1, np.int32)), pa.array([], WIRE_TENDER)
        )
        return pa.chunked_array([empty])
    raise FormError("the column is missing", name)


def _child(lists: pa.ListArray, name: str) -> pa.Array:
    """A field of the structs of a list column, for the rows of the column."""
    return lists.flatten().field(name)


def _ints_only(lists: pa.ListArray) -> pa.ListArray:
    """The list column without its string fields, for `list_view`."""
    items = lists.values
    names = [field.name for field in items.type if not pa.types.is_string(field.type)]
    fields = [pa.field(name, items.type.field(name).type) for name in names]
    plain = pa.StructArray.from_arrays([items.field(name) for name in names], fields=fields)
    return pa.ListArray.from_arrays(
        pa.Array.from_buffers(
            pa.int32(), len(lists) + 1, [None, lists.buffers()[1]], offset=lists.offset
        ),
        plain,
    )


def _encode(codes: object, names: pa.Array) -> NDArray[np.uint32]:
    encoded = names.dictionary_encode()
    numbers = codes.encode(encoded.dictionary.to_pylist())  # type: ignore[attr-defined]
    return numbers[view(encoded.indices)] if len(names) else np.zeros(0, np.uint32)


def _check_names(names: pa.Array, path: str, most: int, *, empty: bool = False) -> None:
    if names.null_count:
        raise FormError("has nulls", path)
    if not len(names):
        return
    longest = pc.max(pc.binary_length(names)).as_py()
    if longest > most:
        raise FormError(f"is longer than {most} bytes", path)
    if _has_controls(names):
        raise FormError("has a control character", path)
    if not empty and pc.min(pc.binary_length(names)).as_py() == 0:
        raise FormError("is empty", path)


def _has_controls(names: pa.Array) -> bool:
    """Whether a byte below 0x20 stands in any of the strings."""
    _, offsets, data = names.buffers()
    if data is None:
        return False
    bounds = np.frombuffer(offsets, np.int32, len(names) + 1, names.offset * 4)
    text = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    return bool(len(text) and text.min() < 0x20)
