"""Reading a mapping file: TOML text to checked settings, or errors with line and path."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ..checks.program_file import Problem, ProgramError, lines_of, parse_toml, split_path
from ..program.lines import LineMap
from ..program.program import Program
from .instants import reader_of, zone_of
from .settings import CsvTable, Mapping, MoadianFile, SquareFile, Table
from .templates import parts_of

RIAL = "IRR"
LEAST_KEY = 16
"""Bytes of a key for members' hashes."""


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file. Raises ProgramError with lines and paths."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProgramError(str(path), [Problem("$", "is not UTF-8", line)]) from None
    found = parse_mapping(text, str(path))
    if found.member_key_file is None:
        return found
    key = path.parent / found.member_key_file
    line = LineMap(text).line_of("member_key_file")
    try:
        size = key.stat().st_size
    except OSError as error:
        message = f"{key} cannot be read: {error.strerror}"
        raise ProgramError(str(path), [Problem("member_key_file", message, line)]) from None
    if size < LEAST_KEY:
        message = f"{key} has less than {LEAST_KEY} bytes"
        raise ProgramError(str(path), [Problem("member_key_file", message, line)])
    return msgspec.structs.replace(found, member_key_file=str(key))


def parse_mapping(text: str, name: str = "<mapping>") -> Mapping:
    """As `read_mapping`, of a text; the key file is not looked for."""
    lines = lines_of(text, name)
    document = parse_toml(text, name, lines)
    try:
        found: Mapping = msgspec.convert(document, Mapping)
    except msgspec.ValidationError as error:
        message, path = split_path(str(error))
        raise ProgramError(name, [Problem(path, message, lines.line_of(path))]) from None
    problems = [Problem(path, message, lines.line_of(path)) for path, message in check(found)]
    if problems:
        raise ProgramError(name, sorted(problems, key=lambda problem: problem.line))
    return found


def completed(found: Mapping, program: Program) -> Mapping:
    """A mapping with what it leaves out taken from the ledger's program.

    Raises ValueError for a currency that is not the ledger's.
    """
    if isinstance(found, MoadianFile) and found.exponent is None and program.unit.code != RIAL:
        raise ValueError(
            f"amounts are rials, the ledger is in {program.unit.code}: "
            "`exponent` tells what a rial is there"
        )
    if found.currency not in (None, program.unit.code):
        raise ValueError(f"the mapping is in {found.currency}, the ledger in {program.unit.code}")
    return msgspec.structs.replace(
        found,
        currency=program.unit.code,
        exponent=program.unit.exponent if found.exponent is None else found.exponent,
        zone=program.zone if found.zone is None else found.zone,
    )


# -- checks beyond the types --------------------------------------------------------------


def check(found: Mapping) -> list[tuple[str, str]]:
    """(path, what is wrong) of a mapping."""
    problems = []
    if found.zone is not None:
        try:
            zone_of(found.zone)
        except ValueError as error:
            problems.append(("zone", str(error)))
    if isinstance(found, SquareFile) and found.exponent is not None:
        problems.append(("exponent", "amounts of Square are in the smallest unit already"))
    if isinstance(found, MoadianFile) and found.member_key_file is None:
        problems.append(("member_key_file", "buyers are named by national ids: give a key"))
    if isinstance(found, Table):
        problems += _check_table(found)
    if isinstance(found, CsvTable):
        problems += _check_csv(found)
    return problems


def _check_table(found: Table) -> list[tuple[str, str]]:
    problems = []
    columns = found.columns
    try:
        reader_of(found.times, found.calendar, None)
    except ValueError as error:
        problems.append(("times", str(error)))
    if found.calendar == "jalali" and found.times.startswith("epoch"):
        problems.append(("calendar", "a count since 1970 has no calendar"))
    if columns.net is None and columns.gross is None:
        problems.append(("columns", "neither net nor gross has a column"))
    if columns.net is not None and found.thousands == found.decimal:
        problems.append(("thousands", "is the decimal mark too"))
    if found.kinds and columns.kind is None:
        problems.append(("kinds", "no column is the kind"))
    if columns.kind is not None and not found.kinds:
        problems.append(("columns.kind", "kinds does not tell what its values mean"))
    returns = "return" in found.kinds.values()
    for name, value in (
        ("returned_sale", found.returned_sale), ("columns.returned_line", columns.returned_line),
        ("columns.reason", columns.reason),
    ):  # fmt: skip
        if value is not None and not returns:
            problems.append((name, "no kind is a return"))
    problems += _check_tenders(found)
    for name in ("id", "returned_sale"):
        template = getattr(found, name)
        if template is not None and not parts_of(template):
            problems.append((name, "has no column in braces"))
    for name in ("store", "terminal", "channel"):
        if getattr(found.fixed, name) is not None and getattr(columns, name) is not None:
            problems.append((f"fixed.{name}", "has a column too"))
    return problems


def _check_tenders(found: Table) -> list[tuple[str, str]]:
    columns, problems = found.columns, []
    if (columns.tender_type is None) != (columns.tender_amount is None):
        problems.append(("columns", "tender_type and tender_amount come together"))
    if columns.tender_points is not None and columns.tender_type is None:
        problems.append(("columns.tender_points", "there is no tender_type"))
    if found.rows is None:
        if columns.tender_type is not None:
            problems.append(("columns.tender_type", "rows does not tell which rows are tenders"))
        return problems
    words = [*found.rows.line, *found.rows.head, *found.rows.tender]
    if len(set(words)) < len(words):
        problems.append(("rows", "a word is there twice"))
    if bool(found.rows.tender) != (columns.tender_type is not None):
        problems.append(("rows.tender", "tenders' rows and columns.tender_type come together"))
    return problems


def _check_csv(found: CsvTable) -> list[tuple[str, str]]:
    import codecs  # noqa: PLC0415 -- one look-up of a name

    try:
        if not codecs.lookup(found.encoding)._is_text_encoding:
            raise LookupError
    except LookupError:
        return [("encoding", f"{found.encoding!r} is no encoding of text")]
    if found.delimiter == found.quote:
        return [("quote", "is the delimiter too")]
    return []
