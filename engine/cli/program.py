"""`vafa program`: check a program file, print its schema, put it in force."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .arguments import file_type, instant, ledger_argument, writing
from .described import described
from .output import Commands, Exit, Output, leave, output_options, say

if TYPE_CHECKING:
    from vafa.engine.controls.versions import ProgramVersions
    from vafa.engine.program.program import Program

BEGINNING = "1970-01-01T00:00:00Z"


@click.group(cls=Commands)
def program() -> None:
    """Check, describe and publish program files."""


@program.command()
@click.argument("file", type=file_type)
@output_options
def check(out: Output, file: Path) -> None:
    """Check a program file and show what it says.

    Every problem is told as FILE:LINE: PATH: MESSAGE; with --format other than table the
    problems are rows on stdout. What is sound but rarely meant is told as a warning.
    """
    from vafa.engine.checks.program_file import ProgramError, read_program

    try:
        text, found = read_program(file)
    except ProgramError as error:
        if out.form == "table":
            raise
        out.rows([
            {"file": error.name, "line": p.line, "path": p.path, "message": p.message}
            for p in error.problems
        ])  # fmt: skip
        leave(Exit.PROGRAM)
    warn(file, text, found)
    if out.form != "table":
        out.record(described(found))
        return
    out.record({
        "program": found.id, "title": found.title or None, "unit": found.unit.code,
        "zone": found.zone, "calendar": found.calendar,
    })  # fmt: skip
    for title, rows in described(found).items():
        if isinstance(rows, list) and rows:
            out.rows(rows, title)
    say(f"{file}: no problems")


def warn(file: Path, text: str, found: Program) -> None:
    """Tell what a sound program says but rarely means."""
    from vafa.engine.checks.whole import warnings
    from vafa.engine.program.lines import LineMap

    for path, message in warnings(found):
        say(f"{file}:{LineMap(text).line_of(path)}: warning: {path}: {message}")


@program.command()
def schema() -> None:
    """Print the JSON Schema of program files, for editors."""
    import json

    from vafa.engine.program.program import json_schema

    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@program.command()
@ledger_argument
@click.argument("file", type=file_type)
@click.option(
    "--at", "--from", "since", callback=instant, metavar="INSTANT", default=None,
    help=f"In force from this instant.  [default: of the first program {BEGINNING}, then now]",
)
@click.option(
    "--holidays", "overrides", type=file_type, default=None, metavar="FILE",
    help="Dates that holiday calendars gain and lose, as TOML.",
)
@output_options
def publish(
    out: Output, ledger: Path, file: Path, since: dt.datetime | None, overrides: Path | None
) -> None:
    """Put a program in force from an instant; the ledger is made when it is not there.

    A fact is rated by the program with the latest such instant at or before its own.
    Publishing the same file for the same instant again changes nothing.
    """
    from vafa.engine.checks.program_file import read_program
    from vafa.engine.checks.publication import publication
    from vafa.engine.columns.answers import instant_text
    from vafa.engine.facts.parts import instant_us

    text, found = read_program(file)
    warn(file, text, found)
    told = None
    if overrides is not None:
        from vafa.engine.checks.holiday_calendars import read_overrides

        told = read_overrides(overrides, found)
    with writing(ledger, out) as writer:
        fact = publication(text, found, since or _usual_since(writer.replica.versions, text), told)
        verdict = writer.publish_program(fact)
        versions = len(writer.replica.versions)
    if verdict.answer is None:
        assert verdict.refusal is not None
        say(f"vafa: {found.id!r}: {verdict.refusal.detail}")
        leave(Exit.FAILED)
    answer = verdict.answer
    out.record({
        "ledger": str(ledger), "program": found.id, "versions": versions, "id": answer["id"],
        "seq": answer["seq"], "status": answer["status"],
        "from": instant_text(instant_us(fact.occurred_at)),
    })  # fmt: skip


def _usual_since(versions: ProgramVersions, text: str) -> dt.datetime:
    """From when a program is in force of which nobody has said so.

    The first one from the beginning, since facts may be old; a later one from now on, and as it
    was if it is the latest.
    """
    from vafa.engine.facts.parts import us_instant

    if not len(versions):
        return dt.datetime.fromisoformat(BEGINNING)
    if versions.latest.content.program == text:
        return us_instant(versions.latest.since)
    return dt.datetime.now(dt.UTC).replace(microsecond=0)


@program.command("list")
@ledger_argument
@output_options
def list_(out: Output, ledger: Path) -> None:
    """Show the programs of a ledger: version, in force from when, rules."""
    from vafa.engine.columns.answers import instant_text
    from vafa.engine.replica.replica import Replica

    replica = Replica.open(ledger)
    try:
        out.rows([
            {
                "version": version.number, "program": version.program.id,
                "from": instant_text(version.since), "seq": version.seq,
                "id": replica.stored(version.seq).id, "rules": len(version.program.rule),
            }
            for version in replica.versions
        ])  # fmt: skip
    finally:
        replica.close()


@program.command()
@ledger_argument
@click.argument("old", type=click.IntRange(1))
@click.argument("new", type=click.IntRange(1))
@click.option("--rules", is_flag=True, help="Rule by rule and field by field, as JSON.")
def diff(ledger: Path, old: int, new: int, rules: bool) -> None:
    """Show how two versions of a ledger's program differ, line by line."""
    import difflib

    from vafa.engine.replica.replica import Replica

    replica = Replica.open(ledger)
    replica.close()
    found = {version.number: version for version in replica.versions}
    for number in (old, new):
        if number not in found:
            raise click.BadParameter(f"the ledger has versions 1 to {len(found)}, not {number}")
    if rules:
        import orjson

        from vafa.engine.controls.program_differences import differences

        told = differences(found[old], found[new])
        click.echo(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode())
        return
    ours, theirs = (found[n].content.program.splitlines(keepends=True) for n in (old, new))
    names = [f"version {n} {found[n].program.id}" for n in (old, new)]
    for line in difflib.unified_diff(ours, theirs, names[0], names[1]):
        click.echo(line if line.endswith("\n") else line + "\n", nl=False)
