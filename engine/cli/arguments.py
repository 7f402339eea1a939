"""Arguments that several commands take, and opening a ledger for writing."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
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
    return moment


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
