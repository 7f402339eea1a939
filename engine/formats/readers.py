"""Which reader a mapping asks for, and which formats need no mapping.

Readers are imported when they are asked for: some bring an XML parser with them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module

from .found import Reader
from .mapping_file import check
from .settings import (
    CsvTable,
    LightspeedFile,
    Mapping,
    MoadianFile,
    ParquetTable,
    PoslogFile,
    ShopifyFile,
    SquareFile,
    ToastFile,
    XlsxTable,
)

FORMATS: dict[str, type[Mapping]] = {
    "csv": CsvTable,
    "parquet": ParquetTable,
    "xlsx": XlsxTable,
    "poslog": PoslogFile,
    "moadian": MoadianFile,
    "square": SquareFile,
    "shopify": ShopifyFile,
    "toast": ToastFile,
    "lightspeed": LightspeedFile,
}
"""Settings by the name of the format."""

_MODULES = {"csv": "csv_file", "parquet": "parquet_file", "xlsx": "xlsx_file"}
"""Modules that cannot have the name of their format: others have it."""

STREAMED = tuple(name for name in FORMATS if name not in ("parquet", "xlsx"))
"""Formats whose place in the file tells how far a reader is."""


def format_of(settings: Mapping) -> str:
    """The name of a mapping's format."""
    return next(name for name, kind in FORMATS.items() if type(settings) is kind)


REMEMBERS = ("poslog", "moadian", "square", "lightspeed")
"""Formats whose records name those of files before: one reader reads them all, in order."""


def reader_of(settings: Mapping) -> Reader:
    """What reads the files of a mapping, one after another."""
    name = format_of(settings)
    module = import_module(f".{_MODULES.get(name, name)}", __package__)
    reader = getattr(module, f"read_{name}")
    found: Reader = partial(reader, kept=module.Kept()) if name in REMEMBERS else reader
    return found


def defaults_of(name: str) -> Mapping | None:
    """The settings of a format that needs no mapping; None for one that does."""
    kind: Callable[[], Mapping] = FORMATS[name]
    try:
        found = kind()
    except TypeError:
        return None
    return None if check(found) else found
