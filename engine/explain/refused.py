"""What a refused fact found where it came: what it lacked, which terms it did not keep."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..facts import SaleFact
from ..reference.facts import net_voids
from ..reference.receipts import plain
from ..reference.returns import Refusal
from ..reference.run import play
from ..reference.spending import redeemable
from ..reference.world import Accepted, World
from .change import balances_told, tier_told
from .journal import terms_told
from .shape import Explanation
from .trace import Heard, Listener


def refused(
    told: Explanation, world: World, known: Sequence[Accepted], entry: Accepted
) -> Explanation:
    """The explanation with the member as the fact found it.

    `known` are the member's facts in force when it came. One that could not even be tried, as
    a return of what was not sold, is told as it is.
    """
    listener = Listener({entry.fact.id})
    before = play(world, known).rows
    try:
        run = play(world, [*known, entry], trace=listener)
    except Refusal:
        return told
    step = next(step for step in run.steps if step.entry is entry)
    heard, program = listener.heard[entry.fact.id], entry.version.program
    # Itself, or a later one that would lack more with it.
    short = entry.fact.id if any(step.row.lack.values()) else next((
        name for name, row in run.rows.items()
        if name in before and any(row.lack[c] > before[name].lack[c] for c in row.lack)
    ), None)  # fmt: skip
    return msgspec.structs.replace(
        told, balances=balances_told(program, heard.before, heard.before, step.row),
        tier=tier_told(program, heard.before, heard.before),
        short=None if short is None else plain(short),
        broken=terms_told(step.row), redeemable=_redeemable(heard, entry),
    )  # fmt: skip


def _redeemable(heard: Heard, entry: Accepted) -> dict[str, int]:
    """The most that each redemption tender would have taken (rulebook section 8)."""
    fact, program, wallet = entry.fact, entry.version.program, heard.before.wallet
    net = None
    if isinstance(fact, SaleFact):
        net = sum(line.net for line in net_voids(fact.lines))
    return {
        terms.tender: redeemable(
            program, terms, wallet.active(terms.currency), heard.tier, net
        )
        for terms in program.redemption if terms.currency is not None
    }  # fmt: skip
