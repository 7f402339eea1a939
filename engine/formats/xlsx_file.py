"""XLSX with a mapping: a row a line of a receipt, read as it streams.

A workbook keeps figures as doubles; they count as the 15 digits that the spreadsheet shows
(`figures.decimal_of_double`). Codes typed as figures have lost their zeros: a column's
`digits` puts them back. Formulas have the value that was saved with them.
"""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from ..facts.parts import FormError
from .cells import cell_text
from .found import Found
from .receipts import Numbered, receipts
from .settings import XlsxTable

MOST_UNPACKED = 1 << 30
MOST_STRINGS = 128 << 20
MOST_RATIO = 200
MOST_PARTS = 4096
MOST_COLUMNS = 1000
MOST_ROWS = 1 << 20
"""Bounds of a workbook: a small archive can unpack to any size, and name rows of any number.

Texts are kept apart, in one part that stands in memory.
"""

# What openpyxl meets in a damaged workbook comes out as any of these.
_DAMAGE = (
    KeyError, ValueError, TypeError, IndexError, AttributeError, OSError, EOFError, SyntaxError,
    zipfile.BadZipFile, zlib.error, InvalidFileException, NotImplementedError,
)  # fmt: skip


def read_xlsx(stream: BinaryIO, settings: XlsxTable) -> Iterator[Found]:
    """The receipts of one sheet. Raises FormError for a workbook that cannot be read on."""
    check_archive(stream)
    rows = _rows(stream, settings.sheet)
    for _ in range(settings.skip):
        next(rows, None)
    head = next(rows, None)
    if head is None:
        raise FormError("has no row with the columns' names")
    names = [cell_text(cell) for cell in head[1]]
    while names and not names[-1]:
        names.pop()
    yield from receipts(_fitted(rows, len(names)), settings, names)


def check_archive(stream: BinaryIO) -> None:
    """Raise FormError for an archive that is none, or unpacks beyond its bounds."""
    try:
        with zipfile.ZipFile(stream) as archive:
            parts = archive.infolist()
    except _DAMAGE as error:
        raise FormError(f"is no workbook: {error}") from None
    size = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if len(parts) > MOST_PARTS:
        raise FormError(f"has more than {MOST_PARTS} parts", slug="too-large")
    if size > MOST_UNPACKED or (size > 1 << 20 and size > MOST_RATIO * packed):
        raise FormError(
            f"unpacks to {size:,} bytes: more than {MOST_UNPACKED:,}, or {MOST_RATIO} times its "
            "own size", slug="too-large",
        )  # fmt: skip
    if any(part.file_size > MOST_STRINGS for part in parts if "sharedStrings" in part.filename):
        raise FormError(f"has more than {MOST_STRINGS:,} bytes of texts", slug="too-large")
    stream.seek(0)


def _rows(stream: BinaryIO, sheet: str | None) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """(number from 1, cells) of the rows of a sheet; empty rows count."""
    try:
        with warnings.catch_warnings():
            # It warns of styles and validations that it does not keep.
            warnings.simplefilter("ignore")
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True)
        found = book.worksheets[0] if sheet is None else book[sheet]
        # Writers put down sizes that are wrong: the rows themselves tell.
        found.reset_dimensions()
        rows = enumerate(found.iter_rows(values_only=True), 1)
    except _DAMAGE as error:
        what = f"has no sheet {sheet!r}" if sheet and isinstance(error, KeyError) else (
            f"cannot be read: {str(error)[:200]}"
        )
        raise FormError(what) from None
    while True:
        try:
            row = next(rows, None)
        except _DAMAGE as error:
            raise FormError(f"cannot be read on: {str(error)[:200]}") from None
        if row is None:
            return
        if len(row[1]) > MOST_COLUMNS:
            raise FormError(f"has a row of more than {MOST_COLUMNS} cells", slug="too-large")
        if row[0] > MOST_ROWS:
            raise FormError(f"has more than {MOST_ROWS} rows", slug="too-large")
        yield row


def _fitted(rows: Iterator[tuple[int, tuple[Any, ...]]], size: int) -> Iterator[Numbered]:
    """Rows of the columns that have names: cells at the end that are empty are not stored."""
    for number, row in rows:
        # A row that is not stored comes as a list.
        cells = tuple(row[:size])
        yield number, cells + (None,) * (size - len(cells))
