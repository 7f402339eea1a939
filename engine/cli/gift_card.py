"""`vafa gift-card`: what is on gift cards."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from pathlib import Path

import click

from .arguments import instant, ledger_argument
from .output import Exit, Output, leave, output_options, say


@click.command("gift-card")
@ledger_argument
@click.argument("cards", nargs=-1, required=True, metavar="CARD...")
@click.option(
    "--at", callback=instant, metavar="INSTANT", default=None,
    help="As of this instant.  [default: now]",
)
@output_options
def gift_card(out: Output, ledger: Path, cards: tuple[str, ...], at: dt.datetime | None) -> None:
    """Show what is on gift cards, in minor units. Exit code 1 when one is not known."""
    from vafa.engine.facts.parts import instant_us
    from vafa.engine.replica.replica import Replica
    from vafa.engine.views.gift_cards import gift_card_view

    at_us = None if at is None else instant_us(at)
    replica = Replica.open(ledger)
    try:
        found = [(code, gift_card_view(replica, code, at_us)) for code in cards]
    finally:
        replica.close()
    for code, card in found:
        if card is None:
            say(f"vafa: there is no gift card {code!r}")
    known = [card for _, card in found if card is not None]
    if out.form not in ("json", "ndjson"):
        known = [{name: card[name] for name in card if name != "lots"} for card in known]
    out.rows(known)
    if len(known) < len(found):
        leave(Exit.FAILED)
