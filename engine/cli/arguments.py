"""Arguments that several commands take, and opening a ledger for writing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .output import Output

if TYPE_CHECKING:
    from ..writer import Writer


class Instant(click.ParamType):
    """An instant with its zone, as RFC 3339 writes it: 2025-11-01T12:00:00Z."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> dt.datetime:
        """Text to an aware datetime; a usage error when it is not one."""
        if isinstance(value, dt.datetime):
            return value
        try:
            moment = dt.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not an instant such as 2025-11-01T12:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} has no zone; write Z or an offset such as +03:30", param, ctx)
        return moment


INSTANT = Instant()

ledger_argument = click.argument(
    "ledger", type=click.Path(file_okay=False, path_type=Path), metavar="LEDGER"
)

file_type = click.Path(exists=True, dir_okay=False, path_type=Path)


def require_ledger(ledger: Path) -> None:
    """Raises LedgerError for a folder without a journal, before anything is made in it."""
    from ..journal import LedgerError
    from ..replica import journal_path

    if not (journal_path(ledger) / "data.mdb").exists():
        raise LedgerError(
            f"{ledger} is not a ledger; make one with: vafa program publish {ledger} FILE"
        )


@contextmanager
def writing(ledger: Path, out: Output) -> Iterator[Writer]:
    """The ledger open for writing; a checkpoint is written at the end."""
    from ..writer import Writer

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
