"""CSV with a mapping: a line of text a row, in the shop's own dialect."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from ..facts.parts import FormError
from .found import Found
from .receipts import Numbered, Unread, receipts
from .settings import CsvTable

LONGEST_LINE = 1 << 20
"""Characters of a line of text; and of a field, line breaks in quotes included."""

DOUBTFUL_TEXT = 20_000
"""Characters of a row that a reject shows."""


def read_csv(stream: BinaryIO, settings: CsvTable) -> Iterator[Found]:
    """The receipts of a CSV file. Raises FormError for one that cannot be read on."""
    # Bytes that are no text become half surrogates, which the checks of names refuse: a bad
    # byte costs its own receipt and no other.
    text = io.TextIOWrapper(stream, settings.encoding, errors="surrogateescape", newline="")
    csv.field_size_limit(LONGEST_LINE)
    try:
        since: list[str] = []
        lines = _lines(text, since)
        for _ in range(settings.skip):
            next(lines, "")
        table = csv.reader(
            lines, delimiter=settings.delimiter, quotechar=settings.quote, strict=True
        )
        try:
            names = next(table, None)
        except csv.Error as error:
            raise FormError(f"the line of the columns' names cannot be read: {error}") from None
        if names is None:
            raise FormError("has no line with the columns' names")
        yield from receipts(
            _rows(table, since, len(names), settings.skip), settings, names
        )
    except UnicodeError as error:
        raise FormError(f"is not {settings.encoding}: {error}") from None
    finally:
        text.detach()


def _lines(text: io.TextIOWrapper, since: list[str]) -> Iterator[str]:
    """The lines of a text; they are added to `since`, which the reader of a row empties."""
    while line := text.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise FormError(f"has a line of more than {LONGEST_LINE} characters", slug="too-large")
        since.append(line)
        yield line


def _rows(table: Any, since: list[str], size: int, before: int) -> Iterator[Numbered]:
    while True:
        since.clear()
        # A row of several lines is named by its first.
        number = table.line_num + 1 + before
        try:
            row = next(table)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, _unread(f"the line cannot be read: {error}", since)
            continue
        if len(row) == size:
            yield number, row
        elif not any(row):
            yield number, [""] * size
        elif len(row) > size and not any(row[size:]):
            yield number, row[:size]
        else:
            yield number, _unread(
                f"has {len(row)} cells, not {size} as the line of names", since
            )


def _unread(message: str, since: list[str]) -> Unread:
    return Unread(FormError(message), "".join(since)[:DOUBTFUL_TEXT].rstrip("\r\n"))
