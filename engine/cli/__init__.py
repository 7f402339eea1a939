"""The command line: `vafa`. A file a command; the engine is imported inside commands only.

Data goes to stdout, talk and progress to stderr. Exit codes: 0 ok, 1 failed, 2 usage,
3 rejects present, 4 program invalid, 75 try later.
"""

# ruff: noqa: PLC0415 -- the engine is imported when a command runs: help starts fast

from __future__ import annotations

import click

from .balance import balance
from .causes import causes
from .close import close
from .coupon import coupon
from .demo import demo
from .explain import explain
from .gallery import gallery
from .gift_card import gift_card
from .lint import lint
from .load import load
from .member import member
from .output import Commands
from .program import program
from .quote import quote
from .rewards import rewards
from .verify import verify


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from importlib import metadata

    try:
        version = metadata.version("vafa")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    click.echo(f"vafa {version}")
    ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """A loyalty engine: exact points from till baskets, in a ledger that can be replayed."""


for command in (
    demo, load, balance, member, quote, explain, causes, gift_card, coupon, rewards, close, verify,
    program, gallery,
):  # fmt: skip
    main.add_command(command)
program.add_command(lint)

__all__ = ["main"]
