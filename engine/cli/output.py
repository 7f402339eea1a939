"""How commands speak: data on stdout in the wanted format, talk on stderr, exit codes."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import errno
import functools
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn

import click

FORMATS = ("table", "json", "ndjson", "csv")

Row = Mapping[str, Any]
Tick = Callable[[int, int | None], None]
"""(done, of how many: None when that is not known)."""

_FILE_WIDTH = 4_000
"""Columns of a table that goes to no terminal: nothing is cut or wrapped."""


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REJECTS = 3
    PROGRAM = 4
    LATER = 75


def say(text: str) -> None:
    """Talk to the person at the terminal, after what is printed."""
    sys.stdout.flush()
    click.echo("\n".join(map(printable, text.split("\n"))), err=True)


def print_line(line: str) -> None:
    """Print a line for people."""
    click.echo(printable(line))


def printable(text: str) -> str:
    """A text of one line; what would move a terminal's cursor is shown, not sent."""
    return "".join(
        letter if ord(letter) >= 32 and not 0x7F <= ord(letter) < 0xA0 else repr(letter)[1:-1]
        for letter in text
    )


def leave(code: Exit) -> NoReturn:
    """End the command with an exit code."""
    click.get_current_context().exit(int(code))


# -- errors ------------------------------------------------------------------------------


class Commands(click.Group):
    """A group whose commands end in a message and an exit code, never in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            code = explain(error)
            if code is None:
                raise
            ctx.exit(int(code))


def explain(error: Exception) -> Exit | None:
    """Tell what went wrong and give its exit code; None for what is a defect of ours."""
    import lmdb

    from vafa.engine.checks.program_file import ProgramError
    from vafa.engine.facts.parts import FormError
    from vafa.engine.journal.journal import LedgerError
    from vafa.engine.ledger.open_ledger import LedgerBusy

    match error:
        case ProgramError():
            say(str(error))
            return Exit.PROGRAM
        case LedgerBusy():
            say(f"vafa: {error}")
            return Exit.LATER
        case LedgerError():
            say(f"vafa: {error}")
        case FormError():
            say(f"vafa: {error.message if error.path == '$' else f'{error.path}: {error.message}'}")
        case lmdb.Error():
            say(f"vafa: the ledger's files cannot be read: {error}; restore a copy")
        case OSError() if error.errno == errno.EPIPE:
            return None  # click ends quietly when a reader such as `head` has gone
        case OSError() if error.filename is not None:
            say(f"vafa: {error.filename}: {error.strerror}")
        case OSError():
            say(f"vafa: {error}")
        case _:
            return None
    return Exit.FAILED


# -- data ----------------------------------------------------------------------------------


class Output:
    """What a command's output options ask for."""

    def __init__(self, form: str = "table", progress: bool | None = None) -> None:
        self.form = form
        self.progress = progress

    def rows(self, rows: Sequence[Row], title: str | None = None) -> None:
        """Rows with the same fields: a table, a JSON array, a line each, or CSV."""
        if self.form == "json":
            click.echo(_json(rows, indent=2))
        elif self.form == "ndjson":
            for row in rows:
                click.echo(_json(row))
        elif self.form == "csv":
            _write_csv(rows)
        elif rows:
            flat = [_flat(row) for row in rows]
            _print_table([list(row.values()) for row in flat], list(flat[0]), title)

    def record(self, row: Row, title: str | None = None) -> None:
        """One object: a table of names and values, or as one row of the other formats."""
        if self.form == "json":
            click.echo(_json(row, indent=2))
        elif self.form == "table":
            _print_table([[name, value] for name, value in _flat(row).items()], None, title)
        else:
            self.rows([row])

    @contextmanager
    def bar(self, what: str, unit: str = "") -> Iterator[Tick]:
        """A progress bar on stderr, on a terminal only unless it was asked for."""
        if not (sys.stderr.isatty() if self.progress is None else self.progress):
            yield lambda done, total: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
            TextColumn("{task.completed:,.0f} " + unit), Remaining(),
        )  # fmt: skip
        # A bar that is done leaves the screen; in a log its last state stays.
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=console.is_terminal) as progress:
            task = progress.add_task(what, total=None)
            yield lambda done, total: progress.update(task, completed=done, total=total)


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --format and --progress; the command gets an Output as its first argument."""

    @click.option(
        "--format", "form", type=click.Choice(FORMATS), default="table", show_default=True,
        help="Form of the data on stdout.",
    )
    @click.option(
        "--progress/--no-progress", default=None,
        help="Show progress on stderr.  [default: on a terminal only]",
    )
    @functools.wraps(command)
    def run(*args: Any, form: str, progress: bool | None, **options: Any) -> Any:
        return command(Output(form, progress), *args, **options)

    return run


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _flat(row: Row, prefix: str = "") -> dict[str, Any]:
    """Objects in objects as fields with dotted names."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def _write_csv(rows: Sequence[Row]) -> None:
    import csv

    flat = [_flat(row) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    if not names:
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    for row in flat:
        writer.writerow([_csv_cell(row.get(name)) for name in names])


_FORMULA = re.compile(r"(?![-+]?[\d.,]+$)[=+\-@\t\r]")


def _csv_cell(value: Any) -> Any:
    """A value of a CSV file; a sheet is not to take a text for a formula."""
    if isinstance(value, list):
        value = _json(value)
    return f"'{value}" if isinstance(value, str) and _FORMULA.match(value) else value


def _print_table(rows: list[list[Any]], heads: list[str] | None, title: str | None) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=box.SIMPLE, show_header=heads is not None, pad_edge=False, title=title,
        title_justify="left",
    )
    for place in range(len(rows[0])):
        numbers = all(
            isinstance(row[place], int | float) and not isinstance(row[place], bool)
            for row in rows
        )
        # In a table of names and values, values of all kinds stand in one column.
        justify: Any = "right" if numbers or (heads is None and place) else "left"
        table.add_column(Text(heads[place] if heads else ""), justify=justify)
    for row in rows:
        table.add_row(*(Text(_cell(value)) for value in row))
    console = Console(width=None if sys.stdout.isatty() else _FILE_WIDTH)
    console.print(table)


def _cell(value: Any) -> str:
    """A value for people."""
    match value:
        case None:
            text = "-"
        case bool():
            text = "yes" if value else "no"
        case int():
            text = f"{value:,}"
        case float():
            text = f"{value:,.2f}"
        case Mapping():
            text = " ".join(f"{name} {_cell(item)}" for name, item in _flat(value).items())
        case list():
            several = "; " if any(isinstance(item, Mapping) for item in value) else ", "
            text = several.join(_cell(item) for item in value)
        case _:
            text = str(value)
    return printable(text)
