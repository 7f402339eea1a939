"""The Arrow schema of sales on the wire, and tables brought into it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..facts.bank_cards import BANK_CARD, is_bank_card, is_luhn
from ..facts.parts import ID_BYTES, MOST_AMOUNT, MOST_LINE_NUMBER, MOST_POINTS, UNSEEN, FormError

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
"""Sales as an Arrow table on the wire; kind, store, terminal and tenders may be left out."""

WIRE_OFFER = pa.struct([("offer", pa.string()), ("amount", pa.int64())])
MORE = pa.schema([
    ("channel", pa.string()), ("coupons", pa.list_(pa.string())),
    ("offers", pa.list_(WIRE_OFFER)),
])  # fmt: skip
"""Columns that a table may have beside those of `WIRE`; no nulls."""

MORE_OF_LINE = pa.struct(
    [
        ("line", pa.int32()), ("voids", pa.int32()), ("gross", pa.int64()),
        ("discount", pa.int64()), ("cost", pa.int64()),
    ]
)  # fmt: skip
MORE_OF_TENDER = pa.struct([("points", pa.int64())])
"""Fields that lines and tenders may have beside those of `WIRE`; null is left out."""

BOUNDS = {
    "line": (1, MOST_LINE_NUMBER), "voids": (1, MOST_LINE_NUMBER),
    "gross": (-MOST_AMOUNT, MOST_AMOUNT), "discount": (-MOST_AMOUNT, MOST_AMOUNT),
    "cost": (-MOST_AMOUNT, MOST_AMOUNT), "points": (1, MOST_POINTS),
}  # fmt: skip
"""Least and most of the optional figures."""


def wire_table(table: pa.Table) -> pa.RecordBatch:
    """One batch in the schema of `WIRE`, with what it has of `MORE`; validated in full.

    Raises FormError.
    """
    names = table.schema.names
    unknown = set(names) - set(WIRE.names) - set(MORE.names)
    if unknown:
        raise FormError(f"unknown column {sorted(unknown)[0]!r}", sorted(unknown)[0])
    if len(set(names)) != len(names):
        raise FormError("a column is there twice")
    schema = pa.schema(
        [
            *(_wanted(table, WIRE.field("lines"), MORE_OF_LINE) if name == "lines"
              else _wanted(table, WIRE.field("tenders"), MORE_OF_TENDER) if name == "tenders"
              else WIRE.field(name) for name in WIRE.names),
            *(field for field in MORE if field.name in names),
        ]
    )  # fmt: skip
    try:
        table.validate()
        for name in names:
            for chunk in table.column(name).chunks:
                _check_shared(chunk, name)
        table = _trimmed(table)
        table.validate(full=True)
        columns = [_column(table, field) for field in schema]
        table = pa.Table.from_arrays(columns, schema=schema).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise FormError(f"not a valid batch: {error}") from None
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=schema)


def _trimmed(table: pa.Table) -> pa.Table:
    """A table whose lists hold the items of its own rows only.

    A slice has those of the whole, and validation in full walks them all.
    """
    for place, field in enumerate(table.schema):
        if pa.types.is_list(field.type) and not table.column(place).null_count:
            chunks = [_own_items(chunk) for chunk in table.column(place).chunks]
            table = table.set_column(place, field, pa.chunked_array(chunks, field.type))
    return table


def _own_items(lists: pa.ListArray) -> pa.ListArray:
    if not len(lists):
        return lists
    first, last = lists.offsets[0].as_py(), lists.offsets[-1].as_py()
    if last - first == len(lists.values):
        return lists
    items = lists.values.slice(first, last - first)
    if pa.types.is_struct(items.type) and not items.null_count:
        fields = [items.field(place) for place in range(items.type.num_fields)]
        items = pa.StructArray.from_arrays(fields, fields=list(items.type))
    return pa.ListArray.from_arrays(pc.subtract(lists.offsets, first), items, type=lists.type)


def _wanted(table: pa.Table, field: pa.Field, more: pa.StructType) -> pa.Field:
    """A list column with the optional fields that the table's has."""
    place = table.schema.get_field_index(field.name)
    if place < 0:
        return field
    found = table.schema.field(place).type
    if not (pa.types.is_list(found) or pa.types.is_large_list(found)):
        return field
    if not pa.types.is_struct(found.value_type):
        return field
    theirs = {item.name for item in found.value_type}
    items = [*field.type.value_type, *(item for item in more if item.name in theirs)]
    return pa.field(field.name, pa.list_(pa.struct(items)))


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


def _check_shared(column: pa.Array, path: str) -> None:
    """Raise FormError for a long text that many rows may share.

    Validation reads it for each of them, and each gets a copy of its own.
    """
    kind = column.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        _check_shared(column.values, path)
    elif pa.types.is_struct(kind):
        for place in range(kind.num_fields):
            _check_shared(column.field(place), f"{path}.{kind.field(place).name}")
    elif pa.types.is_dictionary(kind):
        if pa.types.is_string_view(kind.value_type):
            _check_shared(column.dictionary, path)
        elif not pa.types.is_primitive(kind.value_type):
            _check_longest(pc.max(pc.binary_length(column.dictionary)).as_py() or 0, path)
    elif pa.types.is_string_view(kind) and len(column):
        # A view begins with its length, and is of 16 bytes.
        views = np.frombuffer(column.buffers()[1], np.int32)
        _check_longest(int(views[4 * column.offset :][: 4 * len(column) : 4].max()), path)


def _check_longest(longest: int, path: str) -> None:
    if longest > ID_BYTES:
        raise FormError(f"is longer than {ID_BYTES} bytes", path)


def check_names(names: pa.Array, path: str, most: int, *, empty: bool = False) -> None:
    """Raise FormError unless the strings are names of at most so many bytes."""
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
    if pc.any(pc.utf8_is_space(names)).as_py():
        raise FormError("is blank", path)


def _has_controls(names: pa.Array) -> bool:
    """Whether a letter that no name holds stands in any of the strings."""
    _, offsets, data = names.buffers()
    if data is None:
        return False
    bounds = np.frombuffer(offsets, np.int32, len(names) + 1, names.offset * 4)
    text = np.frombuffer(data, np.uint8)[bounds[0] : bounds[-1]]
    if not len(text) or (text.min() >= 0x20 and text.max() < 0x7F):
        return False
    return bool(pc.any(pc.match_substring_regex(names, f"[{UNSEEN}]")).as_py())


def check_no_bank_cards(names: pa.Array, path: str) -> None:
    """Raise FormError where a bank card's number stands in place of a name."""
    if not len(names) or pc.max(pc.binary_length(names)).as_py() < 15:
        return
    ascii_only = pc.string_is_ascii(names)
    digits = pc.replace_substring_regex(names.filter(ascii_only), "[ ._/-]", "")
    found = pc.unique(digits.filter(pc.match_substring_regex(digits, BANK_CARD)))
    others = pc.unique(names.filter(pc.invert(ascii_only)))
    if any(map(is_luhn, found.to_pylist())) or any(map(is_bank_card, others.to_pylist())):
        raise FormError("is the number of a bank card, which is never kept", path)


def check_bounds(values: NDArray[Any], name: str, least: int, most: int) -> None:
    """Raise FormError unless the figures are within bounds."""
    if len(values) and (values.min() < least or values.max() > most):
        beyond = "10^12" if most == MOST_AMOUNT else f"{least} to {most}"
        raise FormError(f"a {name} is beyond {beyond}", name)
