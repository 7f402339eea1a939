"""What a fact changed of its member: lots, balances, the tier (rulebook sections 5, 6, 12).

Found by looking at the member before and after, so that it tells of every kind of fact.
"""

from __future__ import annotations

import datetime as dt

from ..program.program import Program
from ..reference import tiers
from ..reference.answers import Balance, balances
from ..reference.lots import Lot, Wallet
from ..reference.metrics import Figure
from ..reference.receipts import plain
from ..reference.state import Grant, State
from ..reference.turn import Row
from .rules import exact_text, metric_name
from .shape import (
    BalancesTold,
    BalanceTold,
    GrantTold,
    LotMade,
    LotMoved,
    MetricTold,
    NextTier,
    TierTold,
)


def lots_made(before: Wallet, after: Wallet) -> list[LotMade]:
    """The lots that a fact made, in the order in which it made them."""
    # A wallet only ever gains lots: those that are used up stay, empty.
    return [
        LotMade(
            lot.currency, lot.rule or None, plain(lot.source), lot.made, lot.dates.earned,
            None if lot.unpaid else lot.dates.active_from, _through(after, lot), lot.points,
        )
        for lot in after.lots[len(before.lots) :]
    ]  # fmt: skip


def lots_moved(before: Wallet, after: Wallet) -> list[LotMoved]:
    """The lots that were there and have more or less than before, in spending order."""
    now = {
        id(old): new for old, new in zip(before.lots, after.lots, strict=False) if new is not old
    }
    found = []
    for old in before.in_spending_order(lot for lot in before.lots if id(lot) in now):
        new = now[id(old)]
        expired = new.expired - old.expired
        if new.points != old.points or expired:
            found.append(LotMoved(
                old.currency, old.rule or None, plain(old.source), old.dates.earned,
                _through(after, new), new.points - old.points + expired, expired,
            ))  # fmt: skip
    return found


def _through(wallet: Wallet, lot: Lot) -> dt.date | None:
    through = wallet.good_through(lot)
    return None if through == dt.date.max else through


def balances_told(
    program: Program, before: State, after: State, row: Row
) -> dict[str, BalancesTold]:
    """Each currency before and after a fact."""
    then, now = balances(program, before), balances(program, after)
    return {
        name: BalancesTold(_told(then[name]), _told(now[name]), row.lack[name]) for name in now
    }


def _told(balance: Balance) -> BalanceTold:
    return BalanceTold(balance.active, balance.pending, balance.held, balance.debt)


# -- the tier ------------------------------------------------------------------------------------


def tier_told(program: Program, before: State, after: State) -> TierTold | None:
    """The ladder before and after a fact; None for a program without one."""
    if program.ladder is None:
        return None
    then, now = before.wallet.today, after.wallet.today
    old, new = tiers.figures(program, before, then), tiers.figures(program, after, now)
    found = tiers.progress(program, after, now)
    ahead = None
    if found is not None:
        missing = {metric_name(name): exact_text(lack) for name, lack in found.missing.items()}
        ahead = NextTier(found.tier, missing, found.by)
    return TierTold(
        tiers.tier_on(program, before, then), tiers.tier_on(program, after, now),
        [MetricTold(metric_name(name), _figure(old[name]), _figure(new[name])) for name in new],
        _others(after.grants, before.grants), _others(before.grants, after.grants), ahead,
    )  # fmt: skip


def _figure(figure: Figure | None) -> str | None:
    return None if figure is None else exact_text(figure)


def _others(grants: list[Grant], known: list[Grant]) -> list[GrantTold]:
    """Grants that are not among others: the very ones, for grants may be equal."""
    same = set(map(id, known))
    return [
        GrantTold(grant.tier, grant.on, grant.through)
        for grant in grants if id(grant) not in same
    ]  # fmt: skip
