"""A member of the plain-Python reference: lots, counters, tiers (rulebook sections 4 to 6)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from .program import After, Caps, Currency, Never, PeriodEnd, Program, Tier, Uses
from .reference_calendar import (
    ONE_DAY,
    add_months,
    period_end,
    period_number,
    week_begins,
)


class Lot(NamedTuple):
    """Points earned on one date; `good_through` None never expires."""

    earned: dt.date
    active_from: dt.date
    good_through: dt.date | None
    points: int


class Owner(NamedTuple):
    """Whose limits are meant: a rule, or a currency with its caps; decimals at a scale."""

    id: str
    caps: Caps
    scale: int


@dataclass
class MemberState:
    """A member after its latest sale. Points are in units of their currency's scale.

    `lots` holds by currency what had not expired on the latest sale's date, in spending
    order; `expired` what had. `good_through` holds the last good date of each tier that
    was met.
    """

    program: Program
    issued: Counter[str] = field(default_factory=Counter)
    expired: Counter[str] = field(default_factory=Counter)
    lots: dict[str, list[Lot]] = field(default_factory=dict)
    good_through: dict[str, dt.date] = field(default_factory=dict)
    purchases: int = 0
    upgrades: int = 0
    spend: Counter[int] = field(default_factory=Counter)
    visits: Counter[int] = field(default_factory=Counter)
    given: Counter[tuple[str, str, str | int]] = field(default_factory=Counter)
    used: Counter[tuple[str, str, str | int]] = field(default_factory=Counter)

    def balance(self, currency: str, day: dt.date) -> tuple[int, int, int]:
        """(active, pending, expired) on a day not before that of the latest sale."""
        active = pending = 0
        expired = self.expired[currency]
        for lot in self.lots.get(currency, []):
            if lot.active_from > day:
                pending += lot.points
            elif lot.good_through is None or day <= lot.good_through:
                active += lot.points
            else:
                expired += lot.points
        return active, pending, expired

    def tier(self, day: dt.date) -> str | None:
        """The highest tier still good on a day not before that of the latest sale."""
        good = [tier.id for tier in self.program.tiers() if self._is_good(tier, day)]
        return good[-1] if good else None

    def begin(self, day: dt.date) -> None:
        """Brings the clock to the date of the next sale: expiries and tier checks."""
        for currency, lots in self.lots.items():
            gone = [x for x in lots if x.good_through is not None and x.good_through < day]
            self.expired[currency] += sum(lot.points for lot in gone)
            self.lots[currency] = [lot for lot in lots if lot not in gone]
        for tier in self.program.tiers():
            through = self._extended(tier, day)
            if through is not None:
                self.good_through[tier.id] = through

    def add_points(self, currency: Currency, day: dt.date, points: int) -> None:
        """Makes a lot of points earned on the day."""
        self.issued[currency.id] += points
        active_from = day + dt.timedelta(days=currency.pending_days)
        through = _good_through(self.program, currency, day)
        lots = self.lots.setdefault(currency.id, [])
        for place, lot in enumerate(lots):
            if lot[:3] == (day, active_from, through):
                lots[place] = lot._replace(points=lot.points + points)
                return
        lots.append(Lot(day, active_from, through, points))
        lots.sort(key=lambda lot: (lot.good_through or dt.date.max, lot.earned))

    def add_purchase(self, day: dt.date, eligible: int) -> None:
        """Counts a purchase, then checks every tier."""
        before = self.tier(day)
        self.purchases += 1
        ladder = self.program.ladder
        if ladder is None:
            return
        window = self._number(ladder.window, day)
        self.spend[window] += eligible
        self.visits[window] += 1
        for tier in ladder.tier:
            if self._metrics_hold(tier, day):
                end = self._validity_end(day)
                self.good_through[tier.id] = max(end, self.good_through.get(tier.id, end))
        names = [None, *(tier.id for tier in ladder.tier)]
        self.upgrades += names.index(self.tier(day)) > names.index(before)

    def cut(self, owner: Owner, day: dt.date, sale: str, figure: int) -> tuple[int, str]:
        """(figure within the room the owner has, name of the last limit that cut it)."""
        limit = ""
        for name in Caps.__struct_fields__:
            cap: Decimal | None = getattr(owner.caps, name)
            if cap is None:
                continue
            given = self.given[owner.id, name, self._key(name, day, sale)]
            room = max(0, int(cap * 10**owner.scale) - given)
            if figure > room:
                figure, limit = room, name
        return figure, limit

    def uses_left(self, rule: str, uses: Uses, day: dt.date) -> bool:
        """True if the rule may be used once more."""
        for name in Uses.__struct_fields__:
            most: int | None = getattr(uses, name)
            if most is not None and self.used[rule, name, self._number(name, day)] >= most:
                return False
        return True

    def count_given(self, owner: Owner, day: dt.date, sale: str, points: int) -> None:
        """Counts what an owner of limits gave."""
        for name in Caps.__struct_fields__:
            if getattr(owner.caps, name) is not None:
                self.given[owner.id, name, self._key(name, day, sale)] += points

    def count_use(self, rule: str, uses: Uses, day: dt.date) -> None:
        """Counts a basket to which the rule gave more than zero."""
        for name in Uses.__struct_fields__:
            if getattr(uses, name) is not None:
                self.used[rule, name, self._number(name, day)] += 1

    def _key(self, limit: str, day: dt.date, sale: str) -> str | int:
        return sale if limit == "basket" else self._number(limit, day)

    def _number(self, period: str, day: dt.date) -> int:
        return period_number(self.program.calendar, week_begins(self.program), period, day)

    def _is_good(self, tier: Tier, day: dt.date) -> bool:
        if _always_held(tier):
            return True
        through = self._extended(tier, day)
        return through is not None and day <= through

    def _extended(self, tier: Tier, day: dt.date) -> dt.date | None:
        # A tier is checked again at the start of the first date after its validity: a
        # lifetime figure still holds then, one of a new period does not.
        through = self.good_through.get(tier.id)
        while through is not None and through < day:
            if not self._metrics_hold(tier, through + ONE_DAY):
                break
            through = self._validity_end(through + ONE_DAY)
        return through

    def _metrics_hold(self, tier: Tier, day: dt.date) -> bool:
        assert self.program.ladder is not None
        window = self._number(self.program.ladder.window, day)
        answers = []
        if tier.at_least.spend is not None:
            answers.append(self.spend[window] >= tier.at_least.spend)
        if tier.at_least.visits is not None:
            answers.append(self.visits[window] >= tier.at_least.visits)
        if not answers:
            return True
        return all(answers) if tier.join == "all" else any(answers)

    def _validity_end(self, day: dt.date) -> dt.date:
        ladder = self.program.ladder
        assert ladder is not None
        period = "year" if ladder.window == "lifetime" else ladder.window
        k = 1 if ladder.validity == "next_period" else 0
        return period_end(self.program.calendar, week_begins(self.program), period, day, k)


def _always_held(tier: Tier) -> bool:
    # Thresholds of 0 hold before any purchase: all of them, or one where any serves.
    given = [x for x in (tier.at_least.spend, tier.at_least.visits) if x is not None]
    if tier.join == "any" and given:
        return any(figure == 0 for figure in given)
    return all(figure == 0 for figure in given)


def _good_through(program: Program, currency: Currency, earned: dt.date) -> dt.date | None:
    match currency.expiry:
        case Never():
            return None
        case After(days=int() as days):
            return earned + dt.timedelta(days=days)
        case After(months=int() as months):
            return add_months(program.calendar, earned, months)
        case PeriodEnd(period=period, k=k):
            return period_end(program.calendar, week_begins(program), period, earned, k)
        case _:
            raise AssertionError(currency.expiry)
