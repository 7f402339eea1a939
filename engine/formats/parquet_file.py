"""Parquet with a mapping: a row a line of a receipt, figures exact.

Decimals and integers are what they are. Doubles count as their 15-digit decimal, which must
be exact in minor units (`figures.decimal_of_double`); floats of 32 bits have too few digits
for money and are refused as columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..facts.parts import FormError
from .found import Found
from .receipts import Numbered, receipts
from .row_plan import Plan
from .settings import ParquetTable

BATCH = 8192
"""Rows decoded at once."""

MOST_GROUP = 1 << 30
"""Bytes, unpacked, of one row group."""

MOST_TEXT = 4096
"""Bytes of a cell."""


def read_parquet(stream: BinaryIO, settings: ParquetTable) -> Iterator[Found]:
    """The receipts of a Parquet file. Raises FormError for one that cannot be read on."""
    with _told():
        with pq.ParquetFile(stream) as file:
            _check_sizes(file.metadata)
            schema = file.schema_arrow
        names = schema.names
        # A text that stands once for many rows is kept so: a small file could fill the memory.
        texts = [field.name for field in schema if pa.types.is_string(field.type)]
        stream.seek(0)
        file = pq.ParquetFile(stream, read_dictionary=texts)
    with file:
        plan = Plan(settings, names)
        wanted = [name for place, name in enumerate(names) if place in plan.used]
        for name in wanted:
            _check_type(file.schema_arrow.field(name))
        yield from receipts(_rows(file, wanted), settings, wanted)


@contextmanager
def _told() -> Iterator[None]:
    """What Arrow says of a damaged file, in any of its ways, as a FormError."""
    try:
        yield
    except FormError:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise FormError(f"cannot be read: {str(error)[:200]}") from None


def _check_sizes(metadata: pq.FileMetaData) -> None:
    # Not column by column: what Arrow throws of a damaged one there ends the process.
    for group in range(metadata.num_row_groups):
        if metadata.row_group(group).total_byte_size > MOST_GROUP:
            raise FormError(
                f"has a row group of more than {MOST_GROUP:,} bytes", slug="too-large"
            )


def _check_type(field: pa.Field) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        raise FormError(f"is {kind}: it has too few digits; write decimals", field.name)
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        raise FormError(f"is {kind}, not a figure, a text or a time", field.name)


def _rows(file: pq.ParquetFile, names: list[str]) -> Iterator[Numbered]:
    number = 0
    with _told():
        batches = file.iter_batches(batch_size=BATCH, columns=names)
    while True:
        with _told():
            batch = next(batches, None)
            columns = [] if batch is None else [_cells(name, batch.column(name)) for name in names]
        if batch is None:
            return
        for row in zip(*columns, strict=True):
            number += 1
            yield number, row


def _cells(name: str, column: pa.Array) -> list[object]:
    texts = column.dictionary if pa.types.is_dictionary(column.type) else column
    if pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type):
        longest = pc.max(pc.binary_length(texts)).as_py()
        if longest is not None and longest > MOST_TEXT:
            raise FormError(f"has a text of more than {MOST_TEXT:,} bytes", name, "too-large")
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        # Microseconds are what an instant has; the rest is dropped.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    cells: list[object] = column.to_pylist()
    return cells

