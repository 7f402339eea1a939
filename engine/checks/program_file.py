"""Reading a program file: TOML text to a checked Program, or errors with line and path.

>>> parse_program("format = 2")
Traceback (most recent call last):
vafa.engine.checks.program_file.ProgramError: <program>:1: format: must be 1, not 2
"""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from ..program.lines import LineMap
from ..program.program import Program
from .whole import check
from .wording import syntax, wording


class Problem(Struct, frozen=True):
    """One thing wrong with a program file."""

    path: str
    message: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: {self.path}: {self.message}"


class ProgramError(ValueError):
    """The program is refused; `problems` lists every cause with its line."""

    def __init__(self, name: str, problems: list[Problem]) -> None:
        self.name = name
        self.problems = problems
        super().__init__(
            "\n".join(f"{name}:{p.line}: {p.path}: {p.message}" for p in problems)
        )


def load_program(path: Path) -> Program:
    """Read and check a program file. Raises ProgramError, or OSError if it cannot be read."""
    return read_program(path)[1]


def read_program(path: Path) -> tuple[str, Program]:
    """As `load_program`, with the file's text before it."""
    data = path.read_bytes()
    try:
        # Editors on Windows put a mark of byte order first, which TOML does not know.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ProgramError(str(path), [Problem("$", "is not UTF-8", line)]) from None
    return text, parse_program(text, str(path))


def parse_program(text: str, name: str = "<program>") -> Program:
    """Decode and check program text (rulebook section 10). Raises ProgramError."""
    lines = lines_of(text, name)
    program = _decoded(text, name, lines)
    # What is wrong with a referral's points is wrong with those of its rule as well.
    told = dict.fromkeys((program.in_file(path), message) for path, message in check(program))
    found = [Problem(path, message, lines.line_of(path)) for path, message in told]
    if found:
        raise ProgramError(name, sorted(found, key=lambda p: p.line))
    return program


def accepted_program(text: str) -> Program:
    """A program that a ledger has taken: it stands, whatever is checked since. Raises ProgramError
    where it has another form."""
    return _decoded(text, "<program>", LineMap(text))


def _decoded(text: str, name: str, lines: LineMap) -> Program:
    document = parse_toml(text, name, lines)
    try:
        found: Program = msgspec.convert(document, Program, dec_hook=_decimal_hook)
    except msgspec.ValidationError as error:
        path, message = wording(*split_path(str(error)), document, Program)
        raise ProgramError(name, [Problem(path, message, lines.line_of(path))]) from None
    return found


MOST_PARTS = 64
_PART = r"""(?:"(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)"""
_DOTTED = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_PARTS = re.compile(_PART)


def _is_long_key(key: str) -> bool:
    return len(_PARTS.findall(key)) > MOST_PARTS


def lines_of(text: str, name: str) -> LineMap:
    """Where the keys of a TOML text stand. Raises ProgramError where one has parts without end."""
    for number, row in enumerate(text.split("\n"), 1):
        # The reader of TOML takes a time that grows with the square of a key's parts.
        if row.count(".") > MOST_PARTS and any(map(_is_long_key, _DOTTED.findall(row))):
            told = f"a key has more than {MOST_PARTS} parts"
            raise ProgramError(name, [Problem("$", told, number)])
    return LineMap(text)


def parse_toml(text: str, name: str, lines: LineMap) -> dict[str, Any]:
    """TOML with exact fractions, of a file that is named so. Raises ProgramError."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        message, line, rest = lines.syntax_error(error)
        path = lines.path_at(line)
        raise ProgramError(name, [Problem(path, syntax(message, rest), line)]) from None
    except RecursionError:
        raise ProgramError(name, [Problem("$", "is nested too deeply", 1)]) from None
    except ValueError:
        # Python reads no integer of thousands of digits.
        raise ProgramError(name, [Problem("$", "has a number that is too long", 1)]) from None


def split_path(message: str) -> tuple[str, str]:
    """Split msgspec's "text - at `$.a[0].b`" into ("text", "a[0].b")."""
    text, mark, path = message.rpartition(" - at `")
    if not mark:
        return message, "$"
    return text, path.rstrip("`").removeprefix("$").removeprefix(".") or "$"


def _decimal_hook(kind: type, value: Any) -> Any:
    if kind is Decimal and isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise NotImplementedError(kind)
