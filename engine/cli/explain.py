"""`vafa explain`: why a fact came to what it came to; a day of them; whether all of them agree."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .arguments import business_date, ledger_argument, require_ledger
from .output import Exit, Output, leave, print_line, say

if TYPE_CHECKING:
    from vafa.engine.explain.explain import Explainer
    from vafa.engine.explain.shape import ControlTold, Explanation

MOST_SHOWN = 20
"""Facts that are named where the ledger does not agree."""


@click.command()
@ledger_argument
@click.argument("fact", required=False, metavar="[ID]")
@click.option(
    "--member", metavar="MEMBER", default=None,
    help="Of a closed day, or a fact of several members: what it did to this one.",
)
@click.option(
    "--day", callback=business_date, default=None, metavar="DATE",
    help="All facts of a business date, a Gregorian one.",
)
@click.option("--all", "everything", is_flag=True, help="Check every fact; tell those that differ.")
@click.option(
    "--processes", type=click.IntRange(1), default=None, metavar="N",
    help="Split the members of --all over so many processes.  [default: a processor each]",
)
@click.option(
    "--lang", type=click.Choice(("en", "fa")), default="en", show_default=True,
    help="Language of the sentences.",
)
@click.option(
    "--format", "form", type=click.Choice(("text", "table", "json", "arrow")), default="text",
    show_default=True, help="Form of the explanation; arrow goes to a file, for a day.",
)
@click.option(
    "--output", "file", type=click.Path(dir_okay=False, path_type=Path), default=None,
    metavar="FILE", help="The file of --format arrow.",
)
@click.option(
    "--progress/--no-progress", default=None,
    help="Show progress on stderr.  [default: on a terminal only]",
)
def explain(
    *, ledger: Path, fact: str | None, member: str | None, day: dt.date | None,
    everything: bool, processes: int | None, lang: str, form: str, file: Path | None,
    progress: bool | None,
) -> None:
    """Explain a fact of LEDGER: by line and rule what matched, what was given and why.

    Everything is worked out again from the journal by the rulebook in plain Python, and held
    against the ledger's postings. Exit code 1 when they differ, or for an unknown fact.
    """
    if sum((fact is not None, day is not None, everything)) != 1:
        raise click.UsageError("name a fact, or --day DATE, or --all")
    if (form == "arrow") != (file is not None) or (form == "arrow" and day is None):
        raise click.UsageError("--format arrow, --day and --output go together")
    if member is not None and fact is None:
        raise click.UsageError("--member goes with a fact")
    if processes is not None and not everything:
        raise click.UsageError("--processes goes with --all")
    require_ledger(ledger)
    from vafa.engine.explain.explain import Explainer, UnknownFact
    from vafa.engine.replica.replica import Replica

    out = Output(form, progress)
    with out.bar("opening", "facts") as tick:
        replica = Replica.open(ledger, progress=tick)
    try:
        explainer = Explainer(replica, None if everything or form == "arrow" else lang)
        if everything:
            agree = _all(out, ledger, explainer, processes)
        elif day is not None:
            agree = _day(out, explainer, day, file)
        else:
            assert fact is not None
            agree = _one(out, explainer.fact(fact, member))
    except UnknownFact as error:
        say(f"vafa: {error}")
        agree = False
    finally:
        replica.close()
    if not agree:
        leave(Exit.FAILED)


def _one(out: Output, told: Explanation | ControlTold) -> bool:
    from vafa.engine.explain.shape import Explanation

    if out.form == "json":
        out.record(_plain(told))
    elif out.form == "table":
        out.rows(_rows([told]) if isinstance(told, Explanation) else _members(told))
    else:
        _sentences([told])
    return not isinstance(told, Explanation) or told.agrees


def _day(out: Output, explainer: Explainer, date: dt.date, file: Path | None) -> bool:
    if file is not None:
        from vafa.engine.explain.table import write_day

        differ: list[str] = []
        facts, rows = write_day(_watched(explainer.day(date), differ), file)
        say(f"{facts:,} facts, {rows:,} rows in {file}")
        _tell(differ)
        return not differ
    found = list(explainer.day(date))
    if not found:
        say(f"no member has a fact of the business date {date}")
    if out.form == "json":
        out.rows([_plain(told) for told in found])
    elif out.form == "table":
        out.rows(_rows(found))
    else:
        _sentences(found)
    return all(told.agrees for told in found)


def _all(out: Output, ledger: Path, explainer: Explainer, processes: int | None) -> bool:
    from vafa.engine.explain.audit import audit, processors

    with out.bar("explaining", "members") as tick:
        found = audit(ledger, explainer, processes or processors(), tick)
    _tell(found.differ)
    differ = len(found.differ)
    row = {"facts": found.facts, "agree": found.facts - differ, "differ": differ}
    Output("table" if out.form == "text" else out.form).record(row)
    return not differ


def _watched(facts: Iterable[Explanation], differ: list[str]) -> Iterable[Explanation]:
    """The facts, and by `differ` the ids of those of which the ledger does not agree."""
    for told in facts:
        if not told.agrees:
            differ.append(told.id)
        yield told


def _tell(differ: Sequence[str]) -> None:
    for name in differ[:MOST_SHOWN]:
        say(f"the ledger does not agree: {name}")
    if len(differ) > MOST_SHOWN:
        say(f"... and {len(differ) - MOST_SHOWN:,} more")


# -- forms -------------------------------------------------------------------------------------


def _plain(told: Explanation | ControlTold) -> dict[str, Any]:
    import msgspec

    found: dict[str, Any] = msgspec.to_builtins(told)
    return found


def _sentences(found: Sequence[Explanation | ControlTold]) -> None:
    for place, told in enumerate(found):
        if place:
            click.echo()
        for sentence in told.sentences:
            print_line(sentence)


def _rows(found: Sequence[Explanation]) -> list[dict[str, Any]]:
    """A row a rule: what it gave, or what kept it from giving."""
    return [
        {
            "fact": told.id, "rule": rule.rule, "currency": rule.currency, "result": rule.result,
            "failed": rule.failed and rule.failed.condition, "exact": rule.exact,
            "round": rule.round, "desired": rule.desired, "granted": rule.granted,
            "limit": rule.limit and rule.limit.limit,
            "good_through": rule.lot and rule.lot.good_through,
        }
        for told in found for rule in told.rules
    ]  # fmt: skip


def _members(told: ControlTold) -> list[dict[str, Any]]:
    return [
        {
            "member": part.member, "kind": posting.kind, "rule": posting.rule,
            "currency": posting.currency, "points": posting.points,
            "corrections": part.corrections,
        }
        for part in told.members for posting in part.postings
    ]  # fmt: skip
