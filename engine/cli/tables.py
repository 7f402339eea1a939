"""Arrow and Parquet files as tables, a part at a time, and which of their rows are bad."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Tables = Iterator[tuple[Any, int, int | None]]
"""Tables, each with how much is done by then, of how much."""

TableReader = Callable[[Path, int], Tables]
"""(file, rows at once) -> its tables."""


def table_reader(head: bytes, form: str | None = None) -> TableReader | None:
    """What reads a file that begins so; None for NDJSON.

    A file of another form than the one asked for is left to what reads that, which tells.
    """
    if form == "parquet" or (form is None and head[:4] == b"PAR1"):
        return _parquet
    if head[:6] == b"ARROW1":
        return _ipc_file
    return _ipc_stream if form == "arrow" or head[:4] == b"\xff\xff\xff\xff" else None


def readable(name: str, tables: Tables) -> Tables:
    """The tables of a file; what Arrow says of a damaged one as a FormError."""
    import pyarrow as pa

    from vafa.engine.facts.parts import FormError

    try:
        yield from tables
    except (pa.ArrowException, OSError) as error:
        raise FormError(f"{name}: cannot be read: {error}") from None


def _parquet(path: Path, batch: int) -> Tables:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        done, total = 0, file.metadata.num_rows
        for rows in file.iter_batches(batch_size=batch):
            done += rows.num_rows
            yield pa.Table.from_batches([rows]), done, total


def _ipc_file(path: Path, _: int) -> Tables:
    import pyarrow as pa

    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        for place in range(file.num_record_batches):
            rows = file.get_batch(place)
            rows.validate(full=True)
            yield pa.Table.from_batches([rows]), place + 1, file.num_record_batches


def _ipc_stream(path: Path, _: int) -> Tables:
    import pyarrow as pa

    size = path.stat().st_size
    with pa.OSFile(str(path)) as source, pa.ipc.open_stream(source) as stream:
        for rows in stream:
            rows.validate(full=True)
            yield pa.Table.from_batches([rows], stream.schema), source.tell(), size


def bad_rows(table: Any, first: int = 0) -> Iterator[tuple[int, Any]]:
    """(row, FormError) of the rows of a table that break the form, found by halving."""
    from vafa.engine.facts.parts import FormError
    from vafa.engine.wire.arrow_sales import ArrowFacts

    try:
        ArrowFacts(table)
    except FormError as error:
        if table.num_rows <= 1:
            yield first, error
            return
        half = table.num_rows // 2
        yield from bad_rows(table.slice(0, half), first)
        yield from bad_rows(table.slice(half), first + half)
