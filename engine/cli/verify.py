"""`vafa verify`: replay the journal and compare it with the live state."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .arguments import ledger_argument
from .output import Exit, Output, leave, output_options, say

if TYPE_CHECKING:
    from vafa.engine.ledger.replay import Report


@click.command()
@ledger_argument
@output_options
def verify(out: Output, ledger: Path) -> None:
    """Rebuild every member and posting from the journal and compare, bit for bit.

    Exit code 1 when anything differs or a record is damaged. The ledger may be in use.
    """
    from vafa.engine.ledger.replay import verify as replay

    with out.bar("replaying", "facts") as tick:
        report = replay(ledger, tick)
    out.record(shown(report, lists=out.form != "table"))
    for finding in report.findings:
        say(f"finding: {finding}")
    if not report.clean:
        leave(Exit.FAILED)


def shown(report: Report, *, lists: bool = True) -> dict[str, Any]:
    """A report as data; without lists, findings are a number."""
    return {
        "seq": report.seq,
        "records": report.records,
        "facts": report.facts,
        "baskets": report.baskets,
        "lines": report.lines,
        "members": report.members,
        "postings": report.postings,
        "corrections": report.corrections,
        "state_hash": report.state_hash,
        "chain": report.chain,
        "replay": replay_word(report),
        "findings": report.findings if lists else len(report.findings),
    }


def replay_word(report: Report) -> str:
    """How a replay ended, in a word."""
    return "clean" if report.clean else "different"
