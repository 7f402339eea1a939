"""One account takes up another in the reference: records and lots side by side (section 7)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from .lots import Lot, Take, Wallet
from .state import About, Hold, Pool, Purchase, State
from .turn import Turn
from .world import rungs

FIGURES = (
    "debt", "issued", "expired", "redeemed", "reversed", "donated", "sent", "received",
    "forgiven",
)  # fmt: skip


def absorb(turn: Turn, other: State, places: int, *, pools: bool) -> None:
    """All that another member has is this one's; `places` is how many facts this one has had.

    Without `pools` they are one person from now on.
    """
    mine, lots = turn.member, len(turn.member.wallet.lots)

    def moved(takes: tuple[Take, ...]) -> tuple[Take, ...]:
        return tuple(
            take if isinstance(take.where, str) else Take(take.where + lots, take.points)
            for take in takes
        )

    _records(mine, other, places)
    mine.pools |= {name: _pool(pool, moved) for name, pool in other.pools.items()}
    mine.holds |= {name: _hold(hold, places, moved) for name, hold in other.holds.items()}
    mine.about = _about(turn, mine.about, other.about, pools=pools)
    _tiers(turn, mine, other)
    _wallets(mine.wallet, other.wallet, places)
    mine.now_us = max(mine.now_us, other.now_us)


def _pool(pool: Pool, moved: Callable[[tuple[Take, ...]], tuple[Take, ...]]) -> Pool:
    return replace(pool, takes=moved(pool.takes))


def _hold(
    hold: Hold, places: int, moved: Callable[[tuple[Take, ...]], tuple[Take, ...]]
) -> Hold:
    return replace(hold, place=hold.place + places, takes=moved(hold.takes))


def _records(mine: State, other: State, places: int) -> None:
    """Records, sales and remainders of both; purchases, which no return takes back any more."""
    first = len(mine.records)
    mine.records += other.records
    for name, sale in other.sales.items():
        copied = sale.copy()
        copied.record, copied.place = sale.record + first, sale.place + places
        mine.sales[name] = copied
    # A streak, and the steps of a sequence, are the survivor's, unless it has none.
    theirs = [replace(one, streak=one.streak and not mine.purchases) for one in other.purchases]
    both: list[Purchase] = [*mine.purchases, *theirs]
    mine.purchases[:] = sorted(
        (replace(one, fact="", kept=True) for one in both), key=lambda one: one.date
    )
    for kept, more in ((mine.carry, other.carry), (mine.units, other.units)):
        for name, rest in more.items():
            kept[name] = kept[name] + rest if name in kept else rest


def _about(turn: Turn, mine: About, other: About, *, pools: bool) -> About:
    plans = dict(mine.plans)
    for name, end in other.plans.items():
        if name in plans:
            ends = [one for one in (plans[name], end) if one is not None]
            plans[name] = max(ends) if len(ends) == 2 else None
        else:
            plans[name] = end
    about = replace(mine, plans=plans)
    if pools:
        return about
    if about.birth is None:
        about = replace(about, birth=other.birth, birth_calendar=other.birth_calendar)
    joined = [day for day in (mine.joined, other.joined) if day is not None]
    return replace(
        about, joined=min(joined, default=None), enrolled=mine.enrolled or other.enrolled,
        anniversaries=other.anniversaries | mine.anniversaries,
        segments=mine.segments | other.segments, values=other.values | mine.values,
        type=mine.type or other.type, referred=mine.referred or other.referred,
        manual_tier=_manual(turn, mine, other),
    )  # fmt: skip


def _manual(turn: Turn, mine: About, other: About) -> tuple[str, dt.date] | None:
    """The higher of two manual tiers that last; of one tier the one that lasts longer."""
    places = rungs(turn.program)

    def rank(tier: tuple[str, dt.date] | None) -> tuple[int, dt.date]:
        lasts = tier is not None and tier[1] >= turn.today and tier[0] in places
        return (places[tier[0]], tier[1]) if tier and lasts else (-1, dt.date.min)

    best = max(mine.manual_tier, other.manual_tier, key=rank)
    return best if rank(best)[0] >= 0 else mine.manual_tier


def _tiers(turn: Turn, mine: State, other: State) -> None:
    """A tier is good as long as that of either; what was granted is looked at no more."""
    mine.grants = [replace(grant, settled=True) for grant in (*mine.grants, *other.grants)]
    for name, day in other.held.items():
        if name not in mine.held or mine.held[name] < day:
            mine.held[name], mine.held_by[name] = day, other.held_by[name]
    mine.held_settled = dict(mine.held)
    gifts = other.gifts | mine.gifts
    mine.gifts = {name: replace(gift, grant=None) for name, gift in gifts.items()}
    places = rungs(turn.program)
    mine.top = max(mine.top, other.top, key=lambda name: places.get(name or "", -1))
    mine.upgrades += other.upgrades


def _wallets(mine: Wallet, other: Wallet, places: int) -> None:
    """Lots of both, and what is active pays what is owed, the first that became active first."""
    mine.lots += [
        lot._replace(place=(lot.place[0] + places, lot.place[1])) for lot in other.lots
    ]
    for name in FIGURES:
        for currency, points in getattr(other, name).items():
            getattr(mine, name)[currency] += points
    for currency, renewals in other.renewals.items():
        mine.renewals.setdefault(currency, []).extend(renewals)
    mine.unposted += other.unposted
    mine.ran_out += other.ran_out
    mine.causes.update(other.causes)

    def ripens(lot: Lot) -> dt.date:
        return lot.dates.active_from

    for lot in sorted(mine.in_spending_order(filter(mine.is_active, mine.lots)), key=ripens):
        mine.pay_debt(lot)
