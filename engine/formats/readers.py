"""Which reader a mapping asks for, and which formats need no mapping.

Readers are imported when they are asked for: some bring an XML parser with them.
"""

# ruff: noqa: PLC0415 -- see above

from __future__ import annotations

from collections.abc import Callable

from .found import Reader
from .settings import CsvTable, Mapping, ParquetTable, XlsxTable

FORMATS: dict[str, type[Mapping]] = {
    "csv": CsvTable,
    "parquet": ParquetTable,
    "xlsx": XlsxTable,
}
"""Settings by the name of the format."""

STREAMED = ("csv",)
"""Formats whose place in the file tells how far a reader is."""


def format_of(settings: Mapping) -> str:
    """The name of a mapping's format."""
    return next(name for name, kind in FORMATS.items() if type(settings) is kind)


def reader_of(settings: Mapping) -> Reader:
    """What reads the files of a mapping."""
    match settings:
        case CsvTable():
            from .csv_file import read_csv

            return read_csv
        case ParquetTable():
            from .parquet_file import read_parquet

            return read_parquet
        case XlsxTable():
            from .xlsx_file import read_xlsx

            return read_xlsx


def defaults_of(name: str) -> Mapping | None:
    """The settings of a format that needs no mapping; None for one that does."""
    kind: Callable[[], Mapping] = FORMATS[name]
    try:
        return kind()
    except TypeError:
        return None
