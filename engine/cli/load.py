"""`vafa load`: files of facts into a ledger, the good ones in and the bad ones named."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .arguments import file_type, ledger_argument, require_ledger, writing
from .loading import Load
from .output import Exit, Output, explain, leave, output_options, say
from .position import Position, Positions
from .rejects import SUFFIX, Rejects

if TYPE_CHECKING:
    from vafa.engine.formats.settings import Mapping
    from vafa.engine.ledger.writer import Writer
    from vafa.engine.program.program import Program
    from vafa.engine.replica.replica import Replica

WIRE_FORMS = ("ndjson", "arrow", "parquet")
"""Forms that hold facts as the HTTP door takes them; `parquet` with a mapping is a table."""

FORMS = (
    *WIRE_FORMS, "csv", "xlsx", "poslog", "moadian", "square", "shopify", "toast", "lightspeed",
)  # fmt: skip


@click.command()
@ledger_argument
@click.argument(
    "files", nargs=-1, required=True, metavar="FILE...",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
)
@click.option(
    "--from", "source", type=click.Choice(FORMS), default=None,
    help="Form of the files.  [default: what the mapping says, else NDJSON, Arrow or Parquet]",
)
@click.option(
    "--mapping", "mapping_file", type=file_type, default=None, metavar="FILE",
    help="What the files' columns and words mean, as TOML.",
)
@click.option("--force", is_flag=True, help="Take sales that are older than the late limit.")
@click.option("--dry-run", is_flag=True, help="Check the form of all facts and commit none.")
@click.option(
    "--from-start", is_flag=True, help="Do not go on where a load of these files was cut off."
)
@click.option(
    "--batch", type=click.IntRange(1, 100_000), default=8192, show_default=True,
    help="Facts of one commit.",
)
@click.option(
    "--rejects", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE",
    help=f"Write what was not taken here, as NDJSON.  [default: FILE{SUFFIX} beside each file]",
)
@output_options
def load(
    out: Output, *, ledger: Path, files: tuple[Path, ...], source: str | None,
    mapping_file: Path | None, force: bool, dry_run: bool, from_start: bool, batch: int,
    rejects: Path | None,
) -> None:
    """Load facts from NDJSON, Arrow or Parquet, or receipts from other systems' files.

    Loading the same files again changes nothing; a load that was cut off goes on where it
    stopped. - is NDJSON on stdin. Exit code 3 when a fact was not taken.
    """
    if rejects is not None and rejects.exists() and any(
        str(file) != "-" and file.samefile(rejects) for file in files
    ):
        raise click.BadParameter("is one of the files to load", param_hint="--rejects")
    inputs = {file.resolve() for file in files}
    if rejects is None and any(Path(f"{file}{SUFFIX}").resolve() in inputs for file in files):
        raise click.UsageError("a file's rejects would take the place of another file")
    from vafa.engine.facts.parts import FormError

    require_ledger(ledger)
    settings = _settings(source, mapping_file)
    plain = settings is None and source in (None, "ndjson")
    if not plain and any(str(file) == "-" for file in files):
        raise click.UsageError("stdin is NDJSON; give other forms as files")
    with _writing(ledger, out, dry_run) as (writer, program):
        if program is None:
            say(f"no program is in force; run: vafa program publish {ledger} FILE")
        if settings is not None:
            settings = _completed(settings, program)
        positions = Positions(ledger, files, (source, repr(settings), force, rejects))
        begin = Position() if from_start or writer is None else positions.read(writer.replica.seq)
        if begin.seq:
            say(f"going on after record {begin.records:,} of {files[begin.file]}")
        place = begin.file

        def noted(records: int) -> None:
            if writer is not None and positions.due():
                positions.write(Position(
                    writer.replica.seq, place, records, rejected.sizes(), run.counts.kept()
                ))  # fmt: skip

        with Rejects(rejects, begin.rejects) as rejected:
            run = Load(writer, batch, force, rejected, noted)
            run.counts.take_up(begin.counts)
            rejected.count = run.counts.refused.total()
            if settings is not None:
                for file in files[: begin.file]:
                    run.recall(file, settings)
            for place in range(begin.file, len(files)):
                file = files[place]
                rejected.begin(file)
                with out.bar("stdin" if str(file) == "-" else file.name) as tick:
                    try:
                        run.take(file, source, settings, begin.records, tick)
                    except FormError as error:
                        explain(error)
                        run.counts.unread += 1
                begin.records = 0
        positions.done()
        out.record(run.counts.shown())
    if run.counts.unread:
        leave(Exit.FAILED)
    elif rejected.count:
        leave(Exit.REJECTS)


@contextmanager
def _writing(
    ledger: Path, out: Output, dry_run: bool
) -> Iterator[tuple[Writer | None, Program | None]]:
    """The ledger's writer, or none for a dry run, and its latest program."""
    from vafa.engine.replica.replica import Replica

    if not dry_run:
        with writing(ledger, out) as writer:
            yield writer, _latest(writer.replica)
        return
    replica = Replica.open(ledger)
    try:
        program = _latest(replica)
    finally:
        replica.close()
    yield None, program


def _latest(replica: Replica) -> Program | None:
    return replica.versions.latest.program if len(replica.versions) else None


def _settings(form: str | None, mapping_file: Path | None) -> Mapping | None:
    """The mapping, or the defaults of a form that needs none; None for the wire's forms."""
    from vafa.engine.checks.program_file import ProgramError
    from vafa.engine.formats.mapping_file import read_mapping
    from vafa.engine.formats.readers import defaults_of, format_of

    if mapping_file is None:
        if form is None or form in WIRE_FORMS:
            return None
        settings = defaults_of(form)
        if settings is None:
            raise click.UsageError(f"{form} needs a mapping; give --mapping FILE")
        return settings
    try:
        settings = read_mapping(mapping_file)
    except ProgramError as error:
        raise click.UsageError(str(error)) from None
    if form not in (None, format_of(settings)):
        raise click.UsageError(f"the mapping is of {format_of(settings)}, not of {form}")
    return settings


def _completed(settings: Mapping, program: Program | None) -> Mapping:
    from vafa.engine.formats.mapping_file import completed

    if program is None:
        leave(Exit.FAILED)
    try:
        return completed(settings, program)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
