"""`vafa coupon`: codes of printed coupons: brought, shown, blocked."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .arguments import file_type, instant, ledger_argument, require_ledger, writing
from .output import Exit, Output, leave, output_options, say

if TYPE_CHECKING:
    from vafa.engine.columns.verdicts import Verdict
    from vafa.engine.ledger.writer import Writer


@click.group()
def coupon() -> None:
    """Bring, show and block codes of printed coupons."""


@coupon.command()
@ledger_argument
@click.option("--coupon", "name", required=True, metavar="ID", help="The coupon of the program.")
@click.option(
    "--count", type=click.IntRange(1, 1_000_000), metavar="N", default=None,
    help="How many codes are drawn.",
)
@click.option(
    "--codes", "file", type=file_type, default=None, help="A file of codes, one a line."
)
@click.option(
    "--id", "base", required=True, metavar="ID",
    help="What the ids of the facts begin with: the same ones bring nothing twice.",
)
@click.option(
    "--at", callback=instant, metavar="INSTANT", default=None, help="When.  [default: now]"
)
@output_options
def issue(
    out: Output, ledger: Path, name: str, count: int | None, file: Path | None, base: str,
    at: dt.datetime | None,
) -> None:
    """Bring codes: so many that are drawn, or those of a file; the codes are printed.

    They come in facts of at most 10,000, ID-1, ID-2 and so on. A run that was interrupted is
    repeated with the same arguments: what is there already is printed again.
    """
    from vafa.engine.facts import CouponIssueFact
    from vafa.engine.facts.form import check_form

    if (count is None) == (file is None):
        raise click.UsageError("give either --count or --codes")
    require_ledger(ledger)
    whole = None if file is None else _read(file)
    total = len(whole) if whole is not None else count or 0
    made: list[dict[str, str]] = []
    with writing(ledger, out) as writer, out.bar("codes", "codes") as tick:
        for place, start, end in _parts(total):
            fact = CouponIssueFact(
                f"{base}-{place}", at or _when(writer, f"{base}-{place}"), name,
                whole[start:end] if whole is not None else [],
                0 if whole is not None else end - start,
            )
            check_form(fact)
            answer = _taken(writer.commit_control(fact))
            made += ({"code": code, "coupon": name, "issue": fact.id} for code in answer["codes"])
            tick(end, total)
    out.rows(made)
    say(f"vafa: {total:,} codes of {name!r}")


def _when(writer: Writer, fact: str) -> dt.datetime:
    """Now, or the instant of a fact that is there already: so that it is repeated."""
    from vafa.engine.columns.schema import column
    from vafa.engine.facts.parts import us_instant

    seq = writer.find_ids([fact]).get(fact)
    if seq is None:
        return dt.datetime.now(dt.UTC)
    stored = writer.replica.stored(seq)
    return us_instant(int(column(stored.batch, "at")[stored.row]))


@coupon.command()
@ledger_argument
@click.argument("codes", nargs=-1, required=True, metavar="CODE...")
@output_options
def show(out: Output, ledger: Path, codes: tuple[str, ...]) -> None:
    """Show codes: whether they serve today, and what has used them. Exit code 1 when one is not
    known."""
    from vafa.engine.replica.replica import Replica
    from vafa.engine.views.coupon_codes import code_view

    replica = Replica.open(ledger)
    try:
        found = [(code, code_view(replica, code)) for code in codes]
    finally:
        replica.close()
    out.rows([one for _, one in found if one is not None])
    unknown = [code for code, one in found if one is None]
    for code in unknown:
        say(f"vafa: there is no code {code!r}")
    if unknown:
        leave(Exit.FAILED)


@coupon.command()
@ledger_argument
@click.argument("codes", nargs=-1, metavar="[CODE...]")
@click.option("--issue", "issue_id", default=None, metavar="ID", help="All codes of this fact.")
@click.option("--id", "fact_id", required=True, metavar="ID", help="The id of the fact.")
@click.option("--reason", default="", help="Why.")
@click.option(
    "--at", callback=instant, metavar="INSTANT", default=None, help="When.  [default: now]"
)
@output_options
def block(
    out: Output, ledger: Path, codes: tuple[str, ...], issue_id: str | None, fact_id: str,
    reason: str, at: dt.datetime | None,
) -> None:
    """Block codes, or all that a fact has brought: they serve no more."""
    from vafa.engine.facts import CouponBlockFact
    from vafa.engine.facts.form import check_form

    if bool(codes) == (issue_id is not None):
        raise click.UsageError("give either codes or --issue")
    require_ledger(ledger)
    with writing(ledger, out) as writer:
        fact = CouponBlockFact(fact_id, at or _when(writer, fact_id), list(codes), issue_id, reason)
        check_form(fact)
        answer = _taken(writer.commit_control(fact))
    out.record({"id": answer["id"], "seq": answer["seq"], "status": answer["status"]})


def _read(file: Path) -> list[str]:
    """The codes of a file in their order; empty lines are none."""
    try:
        text = file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise click.BadParameter(f"{file} is not UTF-8", param_hint="--codes") from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line]


def _parts(total: int) -> Iterator[tuple[int, int, int]]:
    """(number, start, end) of the facts that bring so many codes."""
    from vafa.engine.facts.parts import MOST_CODES

    for place, start in enumerate(range(0, total, MOST_CODES), 1):
        yield place, start, min(start + MOST_CODES, total)


def _taken(verdict: Verdict) -> dict[str, Any]:
    """The answer to a fact that was taken; else what is wrong is told and the command ends."""
    if verdict.answer is None:
        refusal = verdict.refusal
        say(f"vafa: {refusal.path}: {refusal.detail}" if refusal else "vafa: refused")
        leave(Exit.FAILED)
    return verdict.answer
