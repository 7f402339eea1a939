"""Lots, debt and totals of a member in the reference (rulebook sections 5, 9 and 12)."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..program.currencies import After, Currency, Inactivity, Never, PeriodEnd
from ..program.program import Program
from .calendar import NEVER, ONE_DAY, add_months, period_end, week_begins


class Dates(NamedTuple):
    """Dates of a lot. `good_through` None never passes, unless `idle` has (calendar, months)."""

    earned: dt.date
    active_from: dt.date
    good_through: dt.date | None
    idle: tuple[str, int] | None = None


class Lot(NamedTuple):
    """Points of one posting. `place` is the source's in the member's order and the rule's.

    `made` is what it had at first, before debt or expiry took any of it. `unpaid` ones wait for
    the money of their sale and not for a date. A lot never changes: its wallet puts another in its
    place, and copies of a wallet share what is alike.
    """

    currency: str
    points: int
    dates: Dates
    source: str
    rule: str
    place: tuple[int, int]
    waiting: bool = False
    passed: bool = False
    expired: int = 0
    made: int = 0
    unpaid: bool = False


class Take(NamedTuple):
    """Points taken from a lot (its place in the list), or `debt`, or `forgiven`."""

    where: int | str
    points: int


def earned_dates(program: Program, currency: Currency, day: dt.date) -> Dates:
    """Dates of points that are earned on a day (section 5)."""
    active_from = day + dt.timedelta(days=currency.pending_days)
    match currency.expiry:
        case Never():
            return Dates(day, active_from, None)
        case After(days=int() as days):
            return Dates(day, active_from, day + dt.timedelta(days=days))
        case After(months=int() as months, calendar=calendar):
            return Dates(day, active_from, add_months(calendar or program.calendar, day, months))
        case PeriodEnd(period=period, k=k, calendar=calendar):
            calendar = calendar or program.calendar
            end = period_end(calendar, week_begins(program, calendar), period, day, k)
            return Dates(day, active_from, end)
        case Inactivity(months=months, calendar=calendar):
            return Dates(day, active_from, None, (calendar or program.calendar, months))
        case _:
            raise AssertionError(currency.expiry)


Figures = defaultdict[str, int]
"""Points by currency."""


def _no_figures() -> Figures:
    return defaultdict(int)


@dataclass
class Wallet:
    """A member's points, on the date `today`. Figures are in units of the currency's scale.

    `renewals` holds by currency what keeps lots of an inactivity policy alive: dates, each
    with the sale that can take it back ("" for none). `unposted` holds what has expired and
    waits for `day closed`: (last good date, currency, points); `ran_out` what holds released at
    their end: (currency, points, what of them is no more forgiven); `causes` what each cause
    was given of a currency.
    """

    today: dt.date = dt.date.min
    lots: list[Lot] = field(default_factory=list)
    debt: Figures = field(default_factory=_no_figures)
    issued: Figures = field(default_factory=_no_figures)
    expired: Figures = field(default_factory=_no_figures)
    redeemed: Figures = field(default_factory=_no_figures)
    reversed: Figures = field(default_factory=_no_figures)
    donated: Figures = field(default_factory=_no_figures)
    sent: Figures = field(default_factory=_no_figures)
    received: Figures = field(default_factory=_no_figures)
    forgiven: Figures = field(default_factory=_no_figures)
    renewals: dict[str, list[tuple[dt.date, str]]] = field(default_factory=dict)
    unposted: list[tuple[dt.date, str, int]] = field(default_factory=list)
    ran_out: list[tuple[str, int, int]] = field(default_factory=list)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)

    def copy(self) -> Wallet:
        """A wallet that changes apart from this one."""
        return Wallet(
            self.today, list(self.lots), self.debt.copy(), self.issued.copy(),
            self.expired.copy(), self.redeemed.copy(), self.reversed.copy(), self.donated.copy(),
            self.sent.copy(), self.received.copy(), self.forgiven.copy(),
            {name: list(dates) for name, dates in self.renewals.items()}, list(self.unposted),
            list(self.ran_out), self.causes.copy(),
        )  # fmt: skip

    # -- the clock ---------------------------------------------------------------------------

    def good_through(self, lot: Lot) -> dt.date:
        """Last date on which the lot is good, as things stand."""
        if lot.dates.idle is None:
            return lot.dates.good_through or NEVER
        calendar, months = lot.dates.idle
        last = max((date for date, _ in self.renewals.get(lot.currency, [])), default=None)
        since = lot.dates.earned if last is None else max(lot.dates.earned, last)
        return add_months(calendar, since, months)

    def next_event(self) -> dt.date | None:
        """The first date after today on which a lot passes or becomes active."""
        days = []
        for lot in self.lots:
            if lot.points and not lot.passed:
                through = self.good_through(lot)
                if through < NEVER:
                    days.append(through + ONE_DAY)
                if lot.waiting and not lot.unpaid:
                    days.append(lot.dates.active_from)
        return min((day for day in days if day > self.today), default=None)

    def begin(self, day: dt.date) -> None:
        """The start of a date: lots that have passed go, pending ones pay debt."""
        self.today = max(self.today, day)
        for through, currency, points in self.pass_away():
            self.unposted.append((through, currency, points))
        for lot in self.in_spending_order(lot for lot in self.lots if lot.waiting):
            if not lot.unpaid and lot.dates.active_from <= self.today:
                self.pay_debt(self._now(lot, lot._replace(waiting=False)))

    def pass_away(self) -> list[tuple[dt.date, str, int]]:
        """Lots whose last good date is over expire: (last good date, currency, points)."""
        gone = []
        for place, lot in enumerate(self.lots):
            if not lot.passed and (through := self.good_through(lot)) < self.today:
                if lot.points:
                    gone.append((through, lot.currency, lot.points))
                self.lots[place] = self._expired(lot)
        return gone

    def forfeit(self) -> None:
        """All points expire today, whatever their dates."""
        for place, lot in enumerate(self.lots):
            if lot.points:
                self.unposted.append((self.today, lot.currency, lot.points))
            self.lots[place] = self._expired(lot)

    def _expired(self, lot: Lot) -> Lot:
        """A lot of which all that it had has expired."""
        self.expired[lot.currency] += lot.points
        return lot._replace(passed=True, expired=lot.expired + lot.points, points=0)

    # -- balances ----------------------------------------------------------------------------

    def is_active(self, lot: Lot) -> bool:
        """Whether the lot's points can be spent today."""
        return lot.points > 0 and not lot.passed and not lot.waiting

    def active(self, currency: str) -> int:
        """Points that can be spent today."""
        return sum(
            x.points for x in self.lots
            if x.currency == currency and not x.passed and not x.waiting
        )  # fmt: skip

    def pending(self, currency: str) -> int:
        """Points that wait for their active-from date, or for money."""
        return sum(x.points for x in self.lots if x.currency == currency and x.waiting)

    def in_spending_order(self, lots: Iterable[Lot]) -> list[Lot]:
        """Earliest expiry, earliest earned, the source's place, the rule's; never last."""
        return sorted(lots, key=lambda x: (self.good_through(x), x.dates.earned, x.place))

    # -- coming and going --------------------------------------------------------------------

    def add(self, lot: Lot) -> None:
        """Put a lot there: what is active pays debt at once; what has passed expires."""
        lot = lot._replace(made=lot.points)
        through = self.good_through(lot)
        if through < self.today:
            self.unposted.append((through, lot.currency, lot.points))
            self.lots.append(self._expired(lot))
        elif lot.dates.active_from > self.today:
            self.lots.append(lot._replace(waiting=True))
        else:
            self.lots.append(lot)
            self.pay_debt(lot)

    def wait_for_money(
        self, currency: str, source: str, sold: dt.date, place: tuple[int, int], points: int
    ) -> None:
        """So many more points of a sale wait for its money, or less below zero."""
        own = [x for x in self.lots if x.unpaid and x.source == source and x.currency == currency]
        if points < 0:
            self.take(own, -points)
        elif points:
            dates = Dates(sold, NEVER, None)
            self.lots.append(Lot(
                currency, points, dates, source, "", place, waiting=True, made=points, unpaid=True,
            ))  # fmt: skip

    def pay_debt(self, lot: Lot) -> None:
        """Points that become active pay what is owed."""
        paid = min(self.debt[lot.currency], lot.points)
        if paid:
            self.debt[lot.currency] -= paid
            self._now(lot, lot._replace(points=lot.points - paid))

    def _place(self, lot: Lot) -> int:
        """Where a lot is. Lots may be equal: it is this very one."""
        return next(place for place, other in enumerate(self.lots) if other is lot)

    def _now(self, lot: Lot, after: Lot) -> Lot:
        """Put a lot as it is now where it was."""
        self.lots[self._place(lot)] = after
        return after

    def pools(self, currency: str, *, pending: bool) -> list[Lot]:
        """Active lots in spending order, then (if asked for) pending ones."""
        mine = [x for x in self.lots if x.currency == currency]
        pools = self.in_spending_order(x for x in mine if self.is_active(x))
        if pending:
            pools += self.in_spending_order(x for x in mine if x.waiting and not x.unpaid)
        return pools

    def take(self, lots: Sequence[Lot], points: int) -> tuple[list[Take], int]:
        """(what was taken from which lot, what was missing)."""
        takes = []
        for lot in lots:
            taken = min(lot.points, points)
            if taken:
                place = self._place(lot)
                self.lots[place] = lot._replace(points=lot.points - taken)
                points -= taken
                takes.append(Take(place, taken))
        return takes, points

    def short(self, currency: str, missing: int, *, forgive: bool) -> list[Take]:
        """What was missing becomes debt, or is forgiven."""
        if not missing:
            return []
        (self.forgiven if forgive else self.debt)[currency] += missing
        return [Take("forgiven" if forgive else "debt", missing)]

    def restore(
        self, takes: list[Take], points: int, fresh: Lot, revived_through: dt.date | None
    ) -> tuple[int, int]:
        """Points go back to where they were taken, the last taken first (section 9).

        Takes them off `takes`. A part that had become debt cancels it, or is a lot such as
        `fresh`; the rest pays open debt, then is in its lot again; of a lot that has passed
        it lives to `revived_through`, or expires at once for None. Returns (what was forgiven
        and is no longer, what expired).
        """
        currency, unforgiven, expired = fresh.currency, 0, 0
        while points:
            where, taken = takes.pop()
            part = min(taken, points)
            points -= part
            if part < taken:
                takes.append(Take(where, taken - part))
            if where == "forgiven":
                self.forgiven[currency] -= part
                unforgiven += part
                continue
            paid = min(self.debt[currency], part)
            self.debt[currency] -= paid
            if part == paid:
                continue
            if isinstance(where, str):
                self.add(fresh._replace(points=part - paid))
                continue
            lot = self.lots[where]
            if not lot.passed:
                self.lots[where] = lot._replace(points=lot.points + part - paid)
                continue
            if revived_through is None:
                self.lots[where] = lot._replace(expired=lot.expired + part - paid)
                self.expired[currency] += part - paid
                expired += part - paid
                continue
            dates = lot.dates._replace(good_through=revived_through, idle=None)
            self.add(lot._replace(points=part - paid, passed=False, expired=0, dates=dates))
        return unforgiven, expired
