"""`vafa rewards`: the catalogue of rewards with what is left of each."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

from pathlib import Path

import click

from .arguments import ledger_argument
from .output import Output, output_options


@click.command()
@ledger_argument
@output_options
def rewards(out: Output, ledger: Path) -> None:
    """Show the rewards of the program with their prices, in units, and what is left."""
    from vafa.engine.replica.replica import Replica
    from vafa.engine.value.rewards import rewards_view

    replica = Replica.open(ledger)
    try:
        found = rewards_view(replica)
    finally:
        replica.close()
    out.rows(found)
