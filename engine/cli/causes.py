"""`vafa causes`: what each cause has been given."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

from pathlib import Path

import click

from .arguments import ledger_argument
from .balance import points
from .output import Output, output_options


@click.command()
@ledger_argument
@output_options
def causes(out: Output, ledger: Path) -> None:
    """Show what members and rules have given to each cause, net of what came back.

    Points are whole units of the currency's scale in JSON and CSV; tables show decimals.
    """
    from vafa.engine.replica.replica import Replica
    from vafa.engine.value.causes import causes_view

    replica = Replica.open(ledger)
    try:
        found = causes_view(replica)
        layout = replica.fold.layout if replica.fold else None
        scales = dict(zip(layout.currencies, layout.scales, strict=True)) if layout else {}
    finally:
        replica.close()
    if out.form in ("json", "ndjson"):
        out.rows(found)
        return
    shown = scales if out.form == "table" else {}
    out.rows([
        {"cause": cause["id"], "currency": name, "points": points(units, shown.get(name, 0))}
        for cause in found
        for name, units in cause["points"].items()
    ])  # fmt: skip
