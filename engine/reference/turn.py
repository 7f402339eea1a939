"""One fact at its place: its postings, the member's clock, points given (sections 4 to 6)."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..columns.status import Status
from ..program.program import Program
from . import tiers
from .calendar import ONE_DAY
from .facts import Moved
from .lots import Lot, earned_dates
from .metrics import Metric
from .offers import Broken
from .outcome import Outcome
from .state import Basket, Given, State, TierGift
from .trace import SILENT, Trace
from .world import Accepted, Version, World, rungs

NONE_WAITS: Mapping[str, int] = {}
"""No points wait for money."""


@dataclass
class Posting:
    """What a fact moved. `points` are signed by their effect on the member.

    `rule` is empty for what no rule gave or took, `limit` the last limit that lowered
    `desired`, `corrects` the fact that a `correct` posting is about.
    """

    rule: str
    kind: str
    currency: str
    desired: int
    points: int
    limit: str = ""
    corrects: str = ""


@dataclass
class Row:
    """What one fact did at its place.

    `lack` is by currency what it wanted and did not find, `owed_back` that of a return,
    `broken` the terms of redemption that it does not keep, by currency, `broken_offers` the
    offers that it names and may not have. `basket` is what rules saw, `outcomes` what they gave,
    `left` what left for another member, `back` the money of goods that came back.
    """

    id: str
    date: dt.date
    postings: list[Posting] = field(default_factory=list)
    lack: Counter[str] = field(default_factory=Counter)
    owed_back: Counter[str] = field(default_factory=Counter)
    broken: list[tuple[str, Status]] = field(default_factory=list)
    broken_offers: list[Broken] = field(default_factory=list)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    basket: Basket | None = None
    left: list[Moved] = field(default_factory=list)
    back: int = 0

    def post(self, kind: str, currency: str, points: int, rule: str = "") -> None:
        """Note a posting that no limit concerns; nothing for 0."""
        if points:
            self.postings.append(Posting(rule, kind, currency, points, points))


@dataclass
class Turn:
    """One fact at its place: what it may look at and where it writes.

    `sale_is_here` says that the sale which it returns of is known; `missing` is what the
    last taking of points did not find; `candidate` says that the member was one before the fact;
    `joins` takes up another account; `account` is whose it is where members are tied.
    """

    world: World
    accepted: Accepted
    program: Program
    member: State
    row: Row
    place: int
    date: dt.date
    clock: dt.time
    at_us: int
    tier: str | None
    sale_is_here: bool = False
    missing: int = 0
    candidate: bool = False
    trace: Trace = SILENT
    joins: Callable[[], None] | None = None
    account: str = ""

    @property
    def today(self) -> dt.date:
        """The member's date: that of the fact, or of the one that it comes right after."""
        return self.member.wallet.today


def advance(version: Version, member: State, day: dt.date, *, to_fact: bool = True) -> None:
    """Bring the clock to a date: expiries, activations and checks of tiers on their dates.

    Each date passes under the version that was in force when it began, of those that the
    version took over from; by the end its own ladder is in force (not without `to_fact`).
    """
    while dt.date.min < member.wallet.today < day:
        then, last = version, day
        while then.earlier is not None and member.wallet.today + ONE_DAY < then.begins:
            then, last = then.earlier, min(last, then.begins - ONE_DAY)
        if then is version:
            break
        _pass(then, member, last)
    if to_fact or member.wallet.today < day:
        _pass(version, member, day)


def _pass(version: Version, member: State, day: dt.date) -> None:
    """Bring the clock to a date, all dates up to it under one version."""
    program = version.program
    taken = tiers.take_over(version, member, day)
    while member.wallet.today < day:
        if member.wallet.today == dt.date.min:
            step = day
        elif taken:
            # The first date under the version: nobody has looked what holds by its ladder.
            step, taken = member.wallet.today + ONE_DAY, False
        else:
            events = (member.wallet.next_event(), tiers.next_event(program, member), day)
            step = min(event for event in events if event is not None)
        if member.wallet.today > dt.date.min:
            tiers.hold_until(program, member, step - ONE_DAY)
        member.wallet.begin(step)
        tiers.begin(program, member, step)


# -- points given --------------------------------------------------------------------------------


def give(
    turn: Turn, basket: Basket, outcomes: dict[str, Outcome], waits: Mapping[str, int] = NONE_WAITS
) -> tuple[Given, ...]:
    """Post what rules gave to a basket, each a lot (section 4.6), but for what waits for money."""
    member, given = turn.member, []
    turn.row.basket, turn.row.outcomes = basket, outcomes
    for name, outcome in outcomes.items():
        currency = outcome.currency
        if outcome.desired <= 0 or outcome.lost:
            continue
        turn.row.postings.append(Posting(
            name, outcome.kind, currency.id, outcome.desired, outcome.granted, outcome.limit
        ))  # fmt: skip
        if outcome.granted <= 0:
            continue
        donated = outcome.rule.donate is not None
        given.append(Given(
            name, currency.id, outcome.granted, outcome.anniversary, donated,
            outcome.of_balance,
        ))  # fmt: skip
        member.wallet.issued[currency.id] += outcome.granted
        if donated:
            member.wallet.donated[currency.id] += outcome.granted
            member.wallet.causes[outcome.rule.donate or "", currency.id] += outcome.granted
            turn.row.post("donate", currency.id, -outcome.granted, name)
            continue
        place, later = (turn.place, outcome.place), waits.get(name, 0)
        member.wallet.wait_for_money(currency.id, turn.row.id, turn.date, place, later)
        if later < outcome.granted:
            member.wallet.add(Lot(
                currency.id, outcome.granted - later,
                earned_dates(turn.program, currency, turn.date), turn.row.id, name, place,
            ))  # fmt: skip
    return tuple(given)


def reach(turn: Turn, names: set[Metric], found: tiers.Found) -> None:
    """Check tiers after a fact that has raised metrics; give a tier-reached bonus."""
    member, program = turn.member, turn.program
    places = rungs(program)
    before = places.get(member.top or "", -1)
    tier = tiers.check(program, member, turn.today, names, found)
    for rung in program.tiers()[before + 1 : 0 if tier is None else places[tier.id] + 1]:
        # What was given for a tier that had ended since does not fall with it again.
        if rung.id in member.gifts:
            member.gifts[rung.id] = replace(member.gifts[rung.id], over=True)
    if tier is None or tier.bonus is None or tier.id in member.gifts or turn.candidate:
        return
    currency = program.currency_named(tier.bonus.currency)
    points = int(tier.bonus.points * 10**currency.scale)
    rule = f"tier.{tier.id}"
    turn.row.postings.append(Posting(rule, "bonus", currency.id, points, points))
    member.wallet.issued[currency.id] += points
    grant = tiers.grant_of(program, member, tier, turn.today)
    member.gifts[tier.id] = TierGift(turn.row.id, currency.id, points, grant)
    place = len(program.rule) + [rung.id for rung in program.tiers()].index(tier.id)
    member.wallet.add(Lot(
        currency.id, points, earned_dates(program, currency, turn.date), turn.row.id, rule,
        (turn.place, place),
    ))  # fmt: skip
    # It may raise a balance, and no tier is reached twice.
    tiers.look_again(program, member, turn.today)


def forgives(turn: Turn, currency: str, *, always_owed: bool = False) -> bool:
    """Whether a shortfall is forgiven: in status currencies, or by `late_shortfall`."""
    if is_status(turn.program, currency):
        return True
    return turn.program.late_shortfall == "forgive" and not always_owed


def is_status(program: Program, currency: str) -> bool:
    """Whether a currency only qualifies."""
    return any(c.id == currency and c.kind == "status" for c in program.currency)
