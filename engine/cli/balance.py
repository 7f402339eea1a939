"""`vafa balance`: members' balances, tiers and lots."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .arguments import instant, ledger_argument
from .output import Exit, Output, leave, output_options, say

if TYPE_CHECKING:
    from vafa.engine.replica.replica import Replica


@click.command()
@ledger_argument
@click.argument("members", nargs=-1, metavar="[MEMBER]...")
@click.option(
    "--card", "cards", multiple=True, metavar="CARD", help="Of the member that has this card."
)
@click.option(
    "--at", callback=instant, metavar="INSTANT", default=None,
    help="As of this instant.  [default: now]",
)
@click.option("--lots", is_flag=True, help="Show the lots that the balance is made of.")
@output_options
def balance(
    out: Output, ledger: Path, members: tuple[str, ...], cards: tuple[str, ...],
    at: dt.datetime | None, lots: bool,
) -> None:
    """Show balances by currency and the tier of members.

    Points are whole units of the currency's scale in JSON and CSV, as the HTTP answers
    are; tables show decimals. Exit code 1 when a member or a card is not known.
    """
    if not members and not cards:
        raise click.UsageError("name a MEMBER or a --card")
    from vafa.engine.facts.parts import instant_us
    from vafa.engine.replica.replica import Replica

    at_us = None if at is None else instant_us(at)
    replica = Replica.open(ledger)
    try:
        found = [_member(replica, name, at_us, lots) for name in members]
        found += [_member_with(replica, card, at_us, lots) for card in cards]
        scales = (
            dict(zip(replica.fold.layout.currencies, replica.fold.layout.scales, strict=True))
            if replica.fold else {}
        )
    finally:
        replica.close()
    known = [member for member in found if member is not None]
    if out.form in ("json", "ndjson"):
        out.rows(known)
    else:
        as_table = out.form == "table"
        # CSV has one header, so lots take the place of the balances.
        if as_table or not lots:
            out.rows(_by_currency(known, scales if as_table else {}))
        if lots:
            out.rows(_by_lot(known, scales if as_table else {}), "lots")
    if len(known) < len(found):
        leave(Exit.FAILED)


def _member(
    replica: Replica, name: str, at_us: int | None, lots: bool
) -> dict[str, Any] | None:
    from vafa.engine.columns.answers import instant_text
    from vafa.engine.views.views import member_view

    found = member_view(replica, name, at_us, lots=lots)
    if found is None:
        when = "" if at_us is None else f" with a fact by {instant_text(at_us)}"
        say(f"vafa: there is no member {name!r}{when}")
    return found


def _member_with(
    replica: Replica, card: str, at_us: int | None, lots: bool
) -> dict[str, Any] | None:
    from vafa.engine.views.views import card_view

    found = card_view(replica, card, at_us)
    if found is None:
        say(f"vafa: no member has the card {card!r}")
        return None
    return _member(replica, found["member"], at_us, lots)


def _by_currency(members: list[dict[str, Any]], scales: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "member": member["id"],
            "as_of": member["as_of"],
            "tier": member["tier"],
            "purchases": member["purchases"],
            "currency": currency,
            **{name: points(units, scales.get(currency, 0)) for name, units in figures.items()},
        }
        for member in members
        for currency, figures in member["balances"].items()
    ]


def _by_lot(members: list[dict[str, Any]], scales: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "member": member["id"],
            **lot,
            "points": points(lot["points"], scales.get(lot["currency"], 0)),
        }
        for member in members
        for lot in member["lots"]
    ]


def points(units: int, scale: int) -> int | str:
    """Units of a scale as points: 1250 of scale 2 is 12.50."""
    return units if scale == 0 else f"{Decimal(units).scaleb(-scale):,f}"
