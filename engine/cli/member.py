"""`vafa member`: a member, by its name or by a card."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import click

from .arguments import instant, ledger_argument
from .output import Exit, Output, leave, output_options, say


@click.command()
@ledger_argument
@click.argument("name", required=False, metavar="[MEMBER]")
@click.option("--card", metavar="CARD", help="The member that has this card.")
@click.option(
    "--at", callback=instant, metavar="INSTANT", default=None,
    help="As of this instant.  [default: now]",
)
@click.option("--profile", is_flag=True, help="Show what is known of the person.")
@output_options
def member(
    out: Output, ledger: Path, name: str | None, card: str | None, at: dt.datetime | None,
    profile: bool,
) -> None:
    """Show a member: what it has, its cards, and with --card what the card is.

    Exit code 1 when the member or the card is not known.
    """
    if (name is None) == (card is None):
        raise click.UsageError("give a MEMBER or --card")
    from vafa.engine.facts.parts import instant_us
    from vafa.engine.replica.replica import Replica
    from vafa.engine.views.views import card_view, member_view

    at_us = None if at is None else instant_us(at)
    found: dict[str, Any] | None
    shown: dict[str, Any] | None = None
    replica = Replica.open(ledger)
    try:
        if card is not None:
            shown = card_view(replica, card, at_us)
            name = shown["member"] if shown else None
        found = None if name is None else member_view(replica, name, at_us)
        if found is not None and profile:
            found["profile"] = _profile(ledger, replica.dictionaries.members.numbers[found["id"]])
    finally:
        replica.close()
    if found is None:
        say(f"vafa: there is no card {card!r}" if name is None
            else f"vafa: there is no member {name!r}")  # fmt: skip
        leave(Exit.FAILED)
    if shown is not None:
        found["card"] = {key: shown[key] for key in shown if key not in ("member", "as_of")}
    out.record(found)


def _profile(ledger: Path, number: int) -> dict[str, str]:
    from vafa.engine.private.apart import Private, private_path

    if not private_path(ledger).exists():
        return {}
    private = Private(ledger)
    try:
        return private.profile(number) or {}
    finally:
        private.close()
