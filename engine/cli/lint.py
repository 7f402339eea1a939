"""`vafa program lint`: what a sound program says that nobody wants."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .arguments import business_date, file_type
from .output import Exit, leave, print_line, say

if TYPE_CHECKING:
    from vafa.engine.lint.findings import Finding


@click.command()
@click.argument("file", type=file_type)
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True,
    help="Form of the findings on stdout.",
)
@click.option("--strict", is_flag=True, help="Fail on warnings as well as on errors.")
@click.option(
    "--on", "day", callback=business_date, default=None, metavar="DATE",
    help="The Gregorian date by which dates are over.  [default: today in the program's zone]",
)
def lint(file: Path, form: str, strict: bool, day: dt.date | None) -> None:
    """Tell what in a sound program can never count, or counts otherwise than meant.

    Rules that never give, limits that never bind, tiers out of order, ties, and a search for
    baskets that earn less for more money, or more when paid as two. Exit code 1 with errors.
    """
    from zoneinfo import ZoneInfo

    from vafa.engine.checks.program_file import read_program
    from vafa.engine.checks.publication import holiday_dates
    from vafa.engine.lint.findings import SEVERITIES
    from vafa.engine.lint.lint import lint as find

    text, found = read_program(file)
    today = day or dt.datetime.now(ZoneInfo(found.zone)).date()
    since = dt.datetime(today.year, today.month, today.day, tzinfo=dt.UTC)
    findings = find(found, text, today, holiday_dates(found, since))
    if form == "json":
        rows = [{"file": str(file), **_row(finding)} for finding in findings]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for finding in findings:
            _tell(file, finding)
    many = Counter(finding.severity for finding in findings)
    counted = [f"{many[name]} {name}{'s' if many[name] > 1 else ''}"
               for name in SEVERITIES if many[name]]  # fmt: skip
    say(f"{file}: {', '.join(counted) or 'nothing found'}")
    if many["error"] or (strict and many["warning"]):
        leave(Exit.FAILED)


def _row(finding: Finding) -> dict[str, Any]:
    return {
        "line": finding.line, "severity": finding.severity, "code": finding.code,
        "rule": finding.rule, "path": finding.path, "message": finding.message,
        "advice": finding.advice, "example": finding.example,
    }  # fmt: skip


def _tell(file: Path, finding: Finding) -> None:
    of = f"{finding.rule}: " if finding.rule else ""
    print_line(f"{file}:{finding.line}: {finding.severity}: {finding.code}: {of}{finding.message}")
    if finding.example is not None:
        example = finding.example
        print_line(f"    {example['who']}")
        for name in ("baskets", "instead"):
            figure = example["earns" if name == "baskets" else "instead_earns"]
            baskets = " + ".join(_basket(basket) for basket in example[name])
            print_line(f"    {figure:>10,}  {baskets}")
    print_line(f"    {finding.advice}")


def _basket(lines: list[dict[str, Any]]) -> str:
    """A basket in a row: each line's product, its units where they are not 1, its net."""
    return "[" + "; ".join(map(_line, lines)) + "]"


def _line(line: dict[str, Any]) -> str:
    known = {name: value for name, value in line.items()
             if name not in ("sku", "quantity", "net")}  # fmt: skip
    words = [f"{name} {'/'.join(value) if isinstance(value, tuple) else value}"
             for name, value in known.items()]  # fmt: skip
    if not words:
        words = [line["sku"]]
    units, rest = divmod(line["quantity"], 1_000)
    many = "" if line["quantity"] == 1_000 else f" x{units}" + (f".{rest:03d}" if rest else "")
    return f"{' '.join(words)}{many} {line['net']:,}"
