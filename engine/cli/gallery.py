"""`vafa gallery`: known programs, each with a short history and its figures."""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .output import Commands, Exit, Output, leave, output_options, say

if TYPE_CHECKING:
    from vafa.engine.gallery import Entry

FOLDER = Path("examples/programs")

folder_option = click.option(
    "--folder", type=click.Path(file_okay=False, path_type=Path), default=FOLDER,
    show_default=True, help="Folder of the gallery.",
)  # fmt: skip


@click.group(cls=Commands, invoke_without_command=True)
@folder_option
@click.pass_context
@output_options
def gallery(out: Output, ctx: click.Context, folder: Path) -> None:
    """List known programs that vafa runs, or run them: vafa gallery run.

    Their mechanisms are those of the programs named; every figure is ours.
    """
    if ctx.invoked_subcommand is not None:
        return
    out.rows([
        {"name": entry.name, "title": entry.expected.about.en, "عنوان": entry.expected.about.fa,
         "mechanism": entry.expected.about.mechanism}
        for entry in _entries(folder)
    ])  # fmt: skip


def _entries(folder: Path) -> list[Entry]:
    from vafa.engine.gallery import entries

    found = entries(folder)
    if not found:
        raise click.BadParameter(
            f"{folder} has no programs; run in a checkout of vafa, or name a gallery",
            param_hint="--folder",
        )
    return found


def _told(right: bool, out: Output) -> bool | str:
    return right if out.form != "table" else "yes" if right else "NO"


@gallery.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@folder_option
@output_options
def run(out: Output, names: tuple[str, ...], folder: Path) -> None:
    """Play the histories of programs (default: all) in ledgers that are thrown away.

    With names, every fact and balance is shown as expected and as it came; without, a row a
    program. Exit code 1 when something differs.
    """
    from vafa.engine.gallery import play

    found = {entry.name: entry for entry in _entries(folder)}
    for name in names:
        if name not in found:
            raise click.BadParameter(f"no program {name!r}; known: {', '.join(found)}")
    rows: list[dict[str, Any]] = []
    wrong = 0
    with out.bar("playing", "programs") as tick:
        for done, name in enumerate(names or found, 1):
            with tempfile.TemporaryDirectory() as ledger:
                checks = play(found[name], Path(ledger))
            failed = [check for check in checks if not check.right]
            wrong += len(failed)
            if names:
                rows += [
                    {"program": name, "what": check.what, "expected": check.expected,
                     "got": "the same" if check.right and out.form == "table" else check.got,
                     "right": _told(check.right, out), "why": check.why}
                    for check in checks
                ]  # fmt: skip
            else:
                rows.append({
                    "program": name, "title": found[name].expected.about.en,
                    "checked": len(checks), "wrong": len(failed),
                })  # fmt: skip
            for check in failed:
                say(f"{name}: {check.what}: expected {check.expected}, got {check.got}")
            tick(done, len(names or found))
    out.rows(rows)
    say(f"{wrong} wrong" if wrong else "all as expected")
    if wrong:
        leave(Exit.FAILED)
