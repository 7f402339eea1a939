"""Arrow schemas of the journal: facts with their lines, tenders and postings, and growth.

A record holds one record batch of `FACTS` (row i is the fact with seq first + i) and, when
dictionaries grew, one of `GROWTH`. The rows of a record are facts of members, or one fact of
no member with the closings that it causes after it. Points are in units of the currency's
scale, amounts in minor units, quantities in thousandths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.rows import string_buffers

LINE = pa.struct(
    [
        pa.field("line", pa.int32(), nullable=False),
        pa.field("product", pa.uint32(), nullable=False),
        pa.field("quantity", pa.int64(), nullable=False),
        pa.field("net", pa.int64(), nullable=False),
    ]
)
TENDER = pa.struct(
    [
        pa.field("type", pa.uint32(), nullable=False),
        pa.field("amount", pa.int64(), nullable=False),
    ]
)
POSTING = pa.struct(
    [
        # Place of the rule in its program version; 65535 (columns.NO_RULE) for none.
        pa.field("rule", pa.uint16(), nullable=False),
        # Code of status.POSTINGS, and the currency's place in the program version.
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("currency", pa.uint8(), nullable=False),
        pa.field("limit", pa.uint8(), nullable=False),
        pa.field("desired", pa.int64(), nullable=False),
        pa.field("points", pa.int64(), nullable=False),
        # 0, or the seq of the fact whose figure this corrects (rulebook section 2).
        pa.field("corrects", pa.uint64(), nullable=False),
    ]
)
BALANCE = pa.struct(
    [
        pa.field("active", pa.int64(), nullable=False),
        pa.field("pending", pa.int64(), nullable=False),
        pa.field("held", pa.int64(), nullable=False),
        pa.field("debt", pa.int64(), nullable=False),
    ]
)

NO_MEMBER = 2**32 - 1
"""Member number of a fact that is of no member."""

FACTS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("status", pa.uint8(), nullable=False),
        pa.field("at", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("member", pa.uint32(), nullable=False),
        pa.field("previous", pa.uint64(), nullable=False),
        pa.field("store", pa.uint32(), nullable=False),
        pa.field("terminal", pa.uint32(), nullable=False),
        pa.field("lines", pa.list_(pa.field("item", LINE, nullable=False)), nullable=False),
        pa.field("tenders", pa.list_(pa.field("item", TENDER, nullable=False)), nullable=False),
        # Version of the program that rated it, from 1; 0 for facts that no rule rates.
        pa.field("program", pa.uint16(), nullable=False),
        # After the fact: the member's tier (-1 none) and a balance a currency.
        pa.field("tier", pa.int8(), nullable=False),
        pa.field("balances", pa.list_(pa.field("item", BALANCE, nullable=False)), nullable=False),
        pa.field("postings", pa.list_(pa.field("item", POSTING, nullable=False)), nullable=False),
        # Of a member's fact its columns.Extra, null when it has none; of a fact of no member
        # what it says.
        pa.field("payload", pa.binary()),
    ]
)

GROWTH = pa.schema(
    [
        # 0 member, 1 terminal, 2 tender, 3 store, 4 product; numbers follow from the order.
        # 5 is a member's new name, `since` the member's number.
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("since", pa.int64(), nullable=False),
        pa.field("brand", pa.string()),
        pa.field("department", pa.string()),
        pa.field("category", pa.string()),
        pa.field("supplier", pa.string()),
        pa.field("price_class", pa.string()),
        pa.field("on_promotion", pa.bool_()),
        pa.field("labels", pa.list_(pa.field("item", pa.string(), nullable=False))),
        pa.field("weighed", pa.bool_()),
        pa.field("region", pa.string()),
        pa.field("format", pa.string()),
    ]
)

Columns = Mapping[str, NDArray[Any]]


def array(values: NDArray[Any], kind: pa.DataType) -> pa.Array:
    """A numpy column as an Arrow array without a copy."""
    assert not len(values) or values.itemsize * 8 == kind.bit_width, f"{values.dtype} for {kind}"
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


TYPES: dict[str, pa.DataType] = {field.name: field.type for field in FACTS}
_ITEMS = {
    name: (kind.value_type, [(field.name, field.type) for field in kind.value_type])
    for name, kind in TYPES.items()
    if pa.types.is_list(kind)
}
"""Types by column and field: asking Arrow for them costs more than a small column does."""
_FIELDS = {fields[0][0]: [name for name, _ in fields] for _, fields in _ITEMS.values()}
"""Fields of the lists' structs by the first one."""


def lists(name: str, starts: NDArray[np.int64], columns: Columns) -> pa.Array:
    """A list column of `FACTS` from numpy columns named as its items' fields.

    starts (int64[n + 1]) delimit the lists.
    """
    kind, fields = _ITEMS[name]
    children = [array(columns[field], type_) for field, type_ in fields]
    items = pa.Array.from_buffers(kind, len(children[0]), [None], children=children)
    offsets = pa.py_buffer(starts.astype(np.int32))
    return pa.Array.from_buffers(TYPES[name], len(starts) - 1, [None, offsets], children=[items])


def _shape() -> Iterator[int]:
    for kind in TYPES.values():
        if pa.types.is_list(kind):
            yield -kind.value_type.num_fields
            yield from (field.type.bit_width // 8 for field in kind.value_type)
        else:
            yield 0 if kind in (pa.string(), pa.binary()) else kind.bit_width // 8


SHAPE = tuple(_shape())
"""The columns of `FACTS` as `vafa.native.rows` takes them."""


def texts(values: pa.Array) -> tuple[Any, ...]:
    """A column of strings or bytes as `vafa.native.rows` takes it."""
    return values.offset, *(
        0 if buffer is None else buffer.address for buffer in values.buffers()
    ), values


def string_array(strings: list[str]) -> pa.Array:
    """Strings as an array; a few of them are made in half the time that `pa.array` takes."""
    bounds, text = string_buffers(strings)
    return pa.StringArray.from_buffers(len(strings), pa.py_buffer(bounds), pa.py_buffer(text))


def column(batch: pa.RecordBatch, name: str) -> NDArray[Any]:
    """A fixed-width column of a batch as a numpy view of its buffer."""
    return view(batch.column(name))


_DTYPES = {
    kind.id: np.dtype(dtype)
    for kind, dtype in (
        (pa.uint8(), np.uint8), (pa.int8(), np.int8), (pa.uint16(), np.uint16),
        (pa.int32(), np.int32), (pa.uint32(), np.uint32), (pa.int64(), np.int64),
        (pa.uint64(), np.uint64), (pa.timestamp("us", "UTC"), np.int64),
    )
}  # fmt: skip
"""By the ids of types: a type itself is hashed by its name, written anew each time."""


def view(values: pa.Array) -> NDArray[Any]:
    """The values of a fixed-width array without nulls, as a view of its buffer."""
    n, dtype = len(values), _DTYPES[values.type.id]
    buffer = values.buffers()[1]
    if buffer is None or n == 0:
        return np.zeros(0, dtype)
    return np.frombuffer(buffer, dtype, n, values.offset * dtype.itemsize)


def text_view(values: pa.Array) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """(bounds int32[n + 1], bytes) of a string array without nulls, as views of its buffers."""
    _, bounds, text = values.buffers()
    if bounds is None or not len(values):
        return np.zeros(1, np.int32), np.zeros(0, np.uint8)
    data = np.zeros(0, np.uint8) if text is None else np.frombuffer(text, np.uint8)
    return np.frombuffer(bounds, np.int32, len(values) + 1, values.offset * 4), data


def list_view(values: pa.ListArray) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """(starts int64[n + 1] from 0, the struct's columns) of a list column of `FACTS`."""
    offsets = np.frombuffer(
        values.buffers()[1], np.int32, len(values) + 1, values.offset * 4
    ) if len(values) else np.zeros(1, np.int32)
    items = values.values
    lo, hi = int(offsets[0]), int(offsets[-1])
    columns = {
        name: view(items.field(place))[lo:hi]
        for place, name in enumerate(_FIELDS[items.type.field(0).name])
    }
    return (offsets - lo).astype(np.int64), columns
