"""What the reference answers: postings, corrections, a member at a date (sections 2 and 12)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest
from typing import NamedTuple

from ..program.program import Program
from .metrics import Figure, counter
from .receipts import plain
from .run import Run
from .spending import redeemable, run_out
from .state import State
from .tiers import Progress, progress, tier_on
from .turn import Posting, Row, advance
from .world import Version


class Balance(NamedTuple):
    """Points of one currency, in units of its scale."""

    active: int
    pending: int
    held: int
    debt: int


@dataclass
class Answer:
    """What became of a fact.

    `status` is ok, replayed, parked or refused; `reason` the slug of a refusal. A fact of no
    member tells by member what was corrected and what `day closed` has posted; `legs` are the
    postings of the other members of a fact of several, corrections included. `parked` tells
    of the returns that waited for this sale: ok, or why they proved invalid; `rows` of what
    follows a claim, or its cancel: the sale, its returns. `budgets` are the rules whose budget it
    closed. `taken` is what a redemption took that asked for more, `items` are the items of a reward
    that were given or came back, `codes` what codes of printed coupons came to.
    """

    id: str
    status: str = "ok"
    reason: str = ""
    postings: list[Posting] = field(default_factory=list)
    balances: dict[str, Balance] = field(default_factory=dict)
    tier: str | None = None
    corrections: dict[str, list[Posting]] = field(default_factory=dict)
    closings: dict[str, list[Posting]] = field(default_factory=dict)
    legs: dict[str, list[Posting]] = field(default_factory=dict)
    parked: dict[str, str] = field(default_factory=dict)
    rows: dict[str, Answer] = field(default_factory=dict)
    budgets: list[str] = field(default_factory=list)
    taken: int | None = None
    items: list[str] = field(default_factory=list)
    codes: list[tuple[str, str, str]] = field(default_factory=list)


class LotView(NamedTuple):
    """A lot that has points, as it stands on a date. What waits for money has none from which it
    is active."""

    currency: str
    earned: dt.date
    active_from: dt.date | None
    good_through: dt.date | None
    points: int
    source: str
    rule: str


class Totals(NamedTuple):
    """Figures of a currency since the beginning."""

    issued: int
    expired: int
    redeemed: int
    reversed: int
    donated: int
    forgiven: int
    transferred_out: int
    transferred_in: int
    debt: int


@dataclass
class MemberView:
    """A member on a date, without further facts."""

    tier: str | None
    balances: dict[str, Balance]
    redeemable: dict[str, int]
    lots: list[LotView]
    totals: dict[str, Totals]
    counters: dict[str, Figure]
    purchases: int
    upgrades: int
    progress: Progress | None
    carry: dict[str, Fraction]
    units: dict[str, Fraction]


def balances(program: Program, member: State) -> dict[str, Balance]:
    """Balances of the program's currencies."""
    wallet = member.wallet
    return {
        c.id: Balance(
            wallet.active(c.id), wallet.pending(c.id), member.held_points(c.id), wallet.debt[c.id]
        )
        for c in program.currency
    }


def views(
    version: Version, member: State, days: Iterable[dt.date], moments: Iterable[int] = ()
) -> list[MemberView]:
    """A member on dates in their order, not before that of its latest fact; the state stays.

    `moments` (us) are the instants on those dates at which it is seen, their ends if left out.
    """
    member, found = member.copy(), []
    for day, at_us in zip_longest(days, moments):
        run_out(version, member, day, at_us)
        advance(version, member, day)
        found.append(_seen(version.program, member, max(day, member.wallet.today)))
    return found


def _seen(program: Program, member: State, day: dt.date) -> MemberView:
    wallet = member.wallet
    lots = []
    for lot in wallet.in_spending_order(lot for lot in wallet.lots if lot.points):
        dates, through = lot.dates, wallet.good_through(lot)
        lots.append(LotView(
            lot.currency, dates.earned, None if lot.unpaid else dates.active_from,
            None if through == dt.date.max else through, lot.points, lot.source, lot.rule,
        ))  # fmt: skip
    totals = {
        c.id: Totals(
            wallet.issued[c.id], wallet.expired[c.id], wallet.redeemed[c.id],
            wallet.reversed[c.id], wallet.donated[c.id], wallet.forgiven[c.id],
            wallet.sent[c.id], wallet.received[c.id], wallet.debt[c.id],
        )
        for c in program.currency
    }  # fmt: skip
    return MemberView(
        tier_on(program, member, day), balances(program, member),
        _redeemable(program, member, day), lots, totals,
        {rule.id: counter(program, member, rule.id, day) for rule in program.counter},
        len(member.purchases), member.upgrades, progress(program, member, day),
        dict(member.carry), dict(member.units),
    )  # fmt: skip


def _redeemable(program: Program, member: State, day: dt.date) -> dict[str, int]:
    """Points of each spendable currency that may be redeemed outside of a basket (section 8)."""
    found, tier = {}, tier_on(program, member, day)
    for currency in program.currency:
        if currency.kind != "status":
            active, terms = member.wallet.active(currency.id), program.terms_of(currency.id)
            found[currency.id] = (
                active if terms is None else redeemable(program, terms, active, tier)
            )
    return found


def corrections(before: Run, after: Run, *new: str) -> list[Posting]:
    """One posting per fact, rule and currency whose sum has changed, but for the new facts."""
    found = []
    was, is_now = before.rows, after.rows
    for name in _in_order(was, is_now):
        if was.get(name) is is_now.get(name) or (name in new and name not in was):
            continue
        # A sale that its member claims again is another: the old one gives nothing any more.
        old, now = _sums(was.get(name)), _sums(None if name in new else is_now.get(name))
        for rule, currency, apart in dict.fromkeys([*now, *old]):
            change = now[rule, currency, apart] - old[rule, currency, apart]
            if change:
                kind, points = (apart, 0) if apart else ("correct", change)
                found.append(Posting(rule, kind, currency, change, points, "", plain(name)))
    return found


def _in_order(*rows: dict[str, Row]) -> Iterable[str]:
    names: dict[str, None] = {}
    for each in reversed(rows):
        names.update(dict.fromkeys(each))
    return names


_APART = ("offer", "accrue", "capture")
"""Kinds of postings without points: their figures are corrected apart."""


def _sums(row: Row | None) -> Counter[tuple[str, str, str]]:
    """Figures by rule and currency: points, and apart from them, by their kind, those of postings
    that have none and what was to be taken back of expired points."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for posting in row.postings if row is not None else []:
        key = posting.rule, posting.currency
        if posting.kind in _APART:
            not_had = posting.kind == "offer" and posting.limit
            sums[*key, posting.kind] += posting.points if not_had else posting.desired
            continue
        sums[*key, ""] += posting.points
        if posting.kind == "reverse":
            # Points that have expired: a budget has them back.
            sums[*key, "reverse"] += posting.desired - posting.points
    return sums
