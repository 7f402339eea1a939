"""`vafa quote`: what a basket that is not yet paid would come to."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .arguments import ledger_argument
from .balance import points
from .output import Exit, leave, print_line, say

if TYPE_CHECKING:
    from vafa.engine.columns.answers import Answer
    from vafa.engine.replica.replica import Replica


@click.command()
@ledger_argument
@click.argument("file", type=click.File("rb"), metavar="FILE")
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", show_default=True,
    help="Form of the quote on stdout.",
)
@click.option("--force", is_flag=True, help="Quote a basket older than the late limit too.")
def quote(ledger: Path, file: Any, form: str, force: bool) -> None:
    """Show the offers for the basket of FILE and what it would earn. Writes nothing.

    FILE holds a sale as JSON (`-` reads stdin); id, member, occurred_at and tenders may be
    left out. Exit code 1 when no sale could be committed like this.
    """
    from vafa.engine.facts.parts import FormError
    from vafa.engine.quotes import quotes
    from vafa.engine.quotes.form import decode_basket
    from vafa.engine.replica.replica import Replica

    now = time.time_ns() // 1000
    try:
        basket = decode_basket(file.read(), now)
    except FormError as error:
        raise FormError(f"{file.name}: {error.message}", error.path, error.slug) from None
    replica = Replica.open(ledger)
    try:
        verdict = quotes.quote(replica, basket, now, force=force)
        if verdict.answer is not None:
            if form == "json":
                click.echo(json.dumps(verdict.answer, ensure_ascii=False, indent=2))
            else:
                for sentence in _sentences(replica, verdict.answer):
                    print_line(sentence)
    finally:
        replica.close()
    if verdict.refusal is not None:
        say(f"vafa: {verdict.refusal.path}: {verdict.refusal.detail}")
    if verdict.answer is None or verdict.answer["status"] == "refused":
        leave(Exit.FAILED)


def _sentences(replica: Replica, answer: Answer) -> Iterator[str]:
    """The quote for people, a line a thing."""
    assert replica.fold is not None
    layout = replica.fold.layout
    scales = dict(zip(layout.currencies, layout.scales, strict=True))

    def shown(units: int, currency: str) -> str:
        return f"{points(units, scales[currency])} {currency}"

    yield f"{answer['member'] or 'no member'} at {answer['as_of']}: {answer['status']}" + (
        f", {answer['reason']}" if "reason" in answer else ""
    )
    less = f", {answer['discount']:,} off" if answer["discount"] else ""
    yield f"  net: {answer['net']:,}{less}"
    for offer in answer["offers"]:
        yield f"  {_offer(offer)}"
    for posting in answer["postings"]:
        if posting["kind"] == "offer":
            continue
        text = f"  {posting['rule'] or posting['kind']}: "
        text += shown(posting["points"], posting["currency"])
        if "limit" in posting:
            text += f" (of {points(posting['desired'], scales[posting['currency']])}, "
            text += f"cut by {posting['limit']})"
        if "corrects" in posting:
            text += f" (corrects {posting['corrects']})"
        yield text
    for currency, figures in answer["balances"].items():
        yield f"  then active: {shown(figures['active'], currency)}"
    tier = answer["tier"]
    if tier["before"] or tier["after"]:
        yield f"  tier: {tier['before'] or 'none'}, then {tier['after'] or 'none'}"
    if "progress" in answer:
        lacks = [
            f"{name} {figures['missing']}"
            for name, figures in answer["progress"]["metrics"].items()
            if figures["missing"]
        ]
        by = answer["progress"]["by"]
        yield f"  to {answer['progress']['tier']}: {', '.join(lacks) or 'nothing'} missing" + (
            f", by {by}" if by else ""
        )
    for item in answer["redeemable"]:
        yield f"  redeemable as {item['tender']}: {shown(item['points'], item['currency'])}"


def _offer(offer: dict[str, Any]) -> str:
    """An offer in words: what it takes off, or why it does not apply."""
    if not offer["applies"]:
        rival = f" of {offer['by']}" if "by" in offer else ""
        return f"{offer['offer']}: does not apply ({offer['why']}{rival})"
    off = ", ".join(f"{line['amount']:,} of line {line['line']}" for line in offer["lines"])
    what = f"{offer['amount']:,} off" if offer["amount"] else offer["benefit"]
    return f"{offer['offer']}: {what}" + (f" ({off})" if off else "")
