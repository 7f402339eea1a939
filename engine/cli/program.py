"""`vafa program`: check a program file, print its schema, put it in force."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .arguments import file_type, instant, ledger_argument, writing
from .output import Commands, Exit, Output, leave, output_options, say

if TYPE_CHECKING:
    from vafa.engine.program import Program, Rule

BEGINNING = "1970-01-01T00:00:00Z"


@click.group(cls=Commands)
def program() -> None:
    """Check, describe and publish program files."""


@program.command()
@click.argument("file", type=file_type)
@output_options
def check(out: Output, file: Path) -> None:
    """Check a program file and show what it says.

    Every problem is told as FILE:LINE: PATH: MESSAGE; with --format other than table the
    problems are rows on stdout.
    """
    from vafa.engine.program_file import ProgramError, load_program

    try:
        found = load_program(file)
    except ProgramError as error:
        if out.form == "table":
            raise
        out.rows([
            {"file": error.name, "line": p.line, "path": p.path, "message": p.message}
            for p in error.problems
        ])  # fmt: skip
        leave(Exit.PROGRAM)
    if out.form != "table":
        out.record(_described(found))
        return
    out.record({
        "program": found.id, "title": found.title or None, "unit": found.unit.code,
        "zone": found.zone, "calendar": found.calendar,
    })  # fmt: skip
    described = _described(found)
    for title in ("rules", "currencies", "tiers"):
        if described[title]:
            out.rows(described[title], title)
    say(f"{file}: no problems")


@program.command()
def schema() -> None:
    """Print the JSON Schema of program files, for editors."""
    import json

    from vafa.engine.program import json_schema

    click.echo(json.dumps(json_schema(), ensure_ascii=False, indent=2))


@program.command()
@ledger_argument
@click.argument("file", type=file_type)
@click.option(
    "--from", "since", callback=instant, metavar="INSTANT", default=BEGINNING,
    show_default=True, help="In force from this instant.",
)
@output_options
def publish(out: Output, ledger: Path, file: Path, since: dt.datetime) -> None:
    """Put a program in force; the ledger is made when it is not there.

    Publishing the same file again changes nothing.
    """
    from vafa.engine.facts import instant_us, us_instant
    from vafa.engine.program_file import read_program

    text, _ = read_program(file)
    # An instant of another zone is the same fact.
    since = us_instant(instant_us(since))
    with writing(ledger, out) as writer:
        verdict = writer.publish_program(publish_fact(text, since))
        in_force = writer.replica.fold.program.id if writer.replica.fold else None
    if verdict.answer is None:
        assert verdict.refusal is not None
        if verdict.refusal.slug == "id-reused":
            say(f"vafa: {file} was published before, in force from another instant")
        else:
            say(f"vafa: {in_force!r}: {verdict.refusal.detail}")
        leave(Exit.FAILED)
        return
    answer = verdict.answer
    out.record({
        "ledger": str(ledger), "program": in_force, "id": answer["id"], "seq": answer["seq"],
        "status": answer["status"], "from": since.isoformat().replace("+00:00", "Z"),
    })  # fmt: skip


def publish_fact(text: str, since: dt.datetime) -> Any:
    """The publish fact of a program's text; its id is of the text, so that a repeat is one."""
    import hashlib

    from vafa.engine.facts import PublishFact

    digest = hashlib.sha256(text.encode()).hexdigest()
    return PublishFact(f"program:{digest[:16]}", since, text)


def _described(found: Program) -> dict[str, Any]:
    return {
        "program": found.id,
        "title": found.title,
        "rules": [
            {
                "rule": rule.id,
                "kind": type(rule).__name__.lower(),
                "currency": found.currency[found.currency_of(rule)].id,
                "priority": rule.priority,
                "gives": _gives(rule),
                "when": _given(rule.when),
                "limits": _given(rule.limits) + _given(rule.uses, "uses per "),
            }
            for rule in found.rules_in_order()
        ],
        "currencies": [
            {
                "currency": currency.id,
                "scale": currency.scale,
                "round": currency.round,
                "pending_days": currency.pending_days,
                "expiry": currency.expiry.__struct_config__.tag,
                "caps": _given(currency.caps),
            }
            for currency in found.currency
        ],
        "tiers": [
            {
                "tier": tier.id,
                "spend": tier.at_least.spend,
                "visits": tier.at_least.visits,
                "join": tier.join,
                "window": found.ladder.window if found.ladder else None,
            }
            for tier in found.tiers()
        ],
    }


def _gives(rule: Rule) -> str:
    from vafa.engine.program import Earn, Multiply

    value = rule.factor if isinstance(rule, Multiply) else rule.points
    figure = (
        " ".join(f"{tier}:{points}" for tier, points in value.items())
        if isinstance(value, dict) else str(value)
    )  # fmt: skip
    if isinstance(rule, Earn):
        return f"{figure} per {rule.per:,} {rule.basis}"
    return f"x {figure}" if isinstance(rule, Multiply) else figure


def _given(part: Any, prefix: str = "") -> list[str]:
    """The fields of a part of a program that it sets, as `field value` texts."""
    default = type(part)()
    shown = []
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if value == getattr(default, name):
            continue
        if name == "negated":
            shown += _given(value, "not ")
        elif isinstance(value, list):
            shown.append(f"{prefix}{name} {'/'.join(value)}")
        elif hasattr(value, "__struct_fields__"):
            ends = [str(getattr(value, end) or "") for end in value.__struct_fields__]
            shown.append(f"{prefix}{name} {'..'.join(ends)}")
        else:
            shown.append(f"{prefix}{name} {value}")
    return shown
