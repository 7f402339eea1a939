"""Arguments that several commands take, and opening a ledger for writing."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .output import Output

if TYPE_CHECKING:
    from vafa.engine.ledger.writer import Writer


def instant(_: click.Context, param: click.Parameter, text: str | None) -> dt.datetime | None:
    """Callback of an option that takes an RFC 3339 instant: 2025-11-01T12:00:00Z."""
    if text is None:
        return None
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is not an instant such as 2025-11-01T12:00:00Z", param=param
        ) from None
    if moment.tzinfo is None:
        raise click.BadParameter(
            f"{text!r} has no zone; write Z or an offset such as +03:30", param=param
        )
    if moment.year < 1970:
        from vafa.engine.checks.dates import gregorian

        raise click.BadParameter(
            f"{text!r} is before 1970; give {gregorian(text[:10])}", param=param
        )
    return moment


def business_date(_: click.Context, param: click.Parameter, text: str | None) -> dt.date | None:
    """Callback of an option that takes a Gregorian date that the calendar tables hold."""
    if text is None:
        return None
    from vafa.engine.facts.form import EARLIEST_DATE, LATEST_DATE

    with suppress(ValueError):
        date = dt.date.fromisoformat(text)
        if EARLIEST_DATE <= date <= LATEST_DATE:
            return date
    from vafa.engine.checks.dates import gregorian

    raise click.BadParameter(
        f"{text!r} is no date from {EARLIEST_DATE} to {LATEST_DATE}; give {gregorian(text)}",
        param=param,
    )


ledger_argument = click.argument(
    "ledger", type=click.Path(file_okay=False, path_type=Path), metavar="LEDGER"
)

file_type = click.Path(exists=True, dir_okay=False, path_type=Path)


def require_ledger(ledger: Path) -> None:
    """Raises LedgerError for a folder without a journal, before anything is made in it."""
    from vafa.engine.journal.journal import LedgerError
    from vafa.engine.replica.replica import journal_path

    if not (journal_path(ledger) / "data.mdb").exists():
        raise LedgerError(
            f"{ledger} is not a ledger; make one with: vafa program publish {ledger} FILE"
        )


@contextmanager
def writing(ledger: Path, out: Output) -> Iterator[Writer]:
    """The ledger open for writing; a checkpoint is written at the end."""
    from vafa.engine.ledger.writer import Writer

    with out.bar("opening", "facts") as tick:
        writer = Writer(ledger, tick)
    try:
        yield writer
    except BaseException:
        # The fold may be ahead of the journal, so it must not become a checkpoint. The
        # lock goes with the process.
        writer.replica.close()
        raise
    writer.close()
