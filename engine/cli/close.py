"""`vafa close`: close a business date: expiries are written, anniversaries given."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .arguments import business_date, instant, ledger_argument, require_ledger, writing
from .output import Exit, Output, leave, output_options, say

if TYPE_CHECKING:
    from vafa.engine.controls.closing import ClosedDays


@click.command()
@ledger_argument
@click.option(
    "--date", "day", callback=business_date, required=True, metavar="DATE",
    help="The business date that is over, a Gregorian one.",
)
@click.option(
    "--at", callback=instant, metavar="INSTANT", default=None,
    help="When it is closed.  [default: the end of the date]",
)
@output_options
def close(out: Output, ledger: Path, day: dt.date, at: dt.datetime | None) -> None:
    """Close a business date: write what expired, give what its anniversaries give.

    Dates are closed in rising order, those between the last one and this one as well; closing one
    again changes nothing. Balances are right whether or not a date was closed.
    """
    from vafa.engine.calendars.calendars import date_of, day_of
    from vafa.engine.controls.closing import end_of_day
    from vafa.engine.facts import DayClosedFact
    from vafa.engine.facts.parts import us_instant

    require_ledger(ledger)
    with writing(ledger, out) as writer:
        versions = writer.replica.versions
        if not len(versions):
            say("vafa: no program is in force")
            leave(Exit.FAILED)
        program = versions.latest.program
        if at is None:
            at = us_instant(end_of_day(program, day_of(day)))
        for between in _between(writer.replica.standing.closed, day_of(day)):
            # Each has its birthdays: once a later one is closed it cannot be.
            then = us_instant(max(
                end_of_day(program, between), writer.replica.standing.closed.last_at + 1
            ))  # fmt: skip
            if then >= at:
                break
            date = date_of(between)
            one = writer.commit_control(DayClosedFact(f"day closed {date}", then, date))
            if one.answer is not None and "reason" not in one.answer:
                say(f"{date} is closed as well")
        verdict = writer.commit_control(DayClosedFact(f"day closed {day}", at, day))
        rows = writer.replica.seq - (verdict.answer or {"seq": writer.replica.seq})["seq"]
    if verdict.answer is None or "reason" in verdict.answer:
        refusal = verdict.refusal
        told = refusal.detail if refusal else (verdict.answer or {})["reason"]
        say(f"vafa: {day} is not closed: {told}")
        leave(Exit.FAILED)
    replayed = verdict.answer["status"] == "replayed"
    out.record({
        "ledger": str(ledger), "date": day.isoformat(), "id": verdict.answer["id"],
        "seq": verdict.answer["seq"], "status": verdict.answer["status"],
        "members": None if replayed else rows,
    })  # fmt: skip


def _between(closed: ClosedDays, day: int) -> range:
    """The business days between the last closed one and another."""
    return range(closed.day[-1] + 1, day) if len(closed) else range(0)
