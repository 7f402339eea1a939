"""NDJSON to an Arrow batch of the sales in it that are plain; its other lines by their places."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.sale_lines import read_sales

from .arrow_schema import UTC_US


class JsonLines(NamedTuple):
    """A body: `batch` has sales in the form of `arrow_schema.WIRE` without its kind, `numbers`
    (int64) their lines from 1; `others` are number, begin and end of the lines that are not blank
    and not there."""

    batch: pa.RecordBatch
    numbers: NDArray[np.int64]
    others: list[tuple[int, int, int]]


def read_lines(body: bytes) -> JsonLines:
    """The lines of a body; those in `batch` are right in form, as single facts are."""
    columns, numbers, others = read_sales(body)
    n = len(numbers)
    batch = pa.record_batch(
        {
            "id": _texts(*columns["id"]),
            "occurred_at": _array(UTC_US, n, columns["at"]),
            "member": _texts(*columns["member"]),
            "store": _texts(*columns["store"]),
            "terminal": _texts(*columns["terminal"]),
            "lines": _lists(
                columns["lines"], sku=_texts(*columns["sku"]),
                quantity=pa.array(columns["quantity"]), net=pa.array(columns["net"]),
            ),
            "tenders": _lists(
                columns["tenders"], type=_texts(*columns["type"]),
                amount=pa.array(columns["amount"]),
            ),
        }
    )  # fmt: skip
    return JsonLines(batch, numbers, [tuple(other) for other in others.tolist()])


def _array(kind: pa.DataType, n: int, *buffers: NDArray[Any]) -> pa.Array:
    return pa.Array.from_buffers(kind, n, [None, *map(pa.py_buffer, buffers)])


def _texts(bounds: NDArray[np.int32], text: NDArray[np.uint8]) -> pa.Array:
    return _array(pa.string(), len(bounds) - 1, bounds, text)


def _lists(starts: NDArray[np.int32], **columns: pa.Array) -> pa.ListArray:
    items = pa.StructArray.from_arrays(list(columns.values()), list(columns))
    return pa.ListArray.from_arrays(pa.array(starts), items)
