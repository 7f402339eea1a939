"""Figures of a member's past: counters, segments, sequences, tier metrics (sections 3 and 6)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from operator import attrgetter

from ..program.conditions import Range
from ..program.figures import CounterRule, SegmentRule, Sequence
from ..program.program import Program
from ..program.tiers import Rolling, Thresholds
from .basket import meets
from .calendar import (
    ONE_DAY,
    add_months,
    member_year_begin,
    member_year_end,
    period_dates,
    period_end,
    week_begins,
)
from .lines import eligible_amount
from .state import Purchase, Record, State
from .world import exactly, once, scales

Figure = int | Fraction
Metric = tuple[str, str]
"""(kind, name) of a figure that a tier asks; spend, visits and margin have no name."""


def counted(rule: CounterRule, record: Record) -> int:
    """What one record adds to a counter: minor units, thousandths of units, visits, times."""
    if rule.count == "activity":
        mine = record.kind == "activity" and record.code in (rule.activity or [])
        return record.quantity if mine else 0
    lines = [
        line for line in record.lines if meets(line.line.sku, line.product, rule.when)
    ]
    match rule.count:
        case "spend":
            return sum(eligible_amount(line, record.on_redeemed) for line in lines)
        case "quantity":
            if record.on_redeemed:
                return sum(line.quantity for line in lines)
            return math.floor(sum(line.quantity * line.unredeemed for line in lines))
        case _:
            return 1 if lines else 0


def total(rule: CounterRule, records: Iterable[Record]) -> Figure:
    """What records add to a counter together."""
    whole = sum(counted(rule, record) for record in records)
    return Fraction(whole, 1000) if rule.count == "quantity" else whole


def counter(program: Program, member: State, name: str, day: dt.date) -> Figure:
    """A counter as it stands, in the period of a date."""
    rule = next(rule for rule in program.counter if rule.id == name)
    return total(rule, _in_period(program, member, rule.window, day))


def _in_period(program: Program, member: State, period: str, day: dt.date) -> list[Record]:
    """Records of the calendar period of a day."""
    first, last = period_dates(program, period, day)
    return [record for record in member.records if first <= record.date <= last]


# -- purchases -------------------------------------------------------------------------------


def days_since_purchase(member: State, day: dt.date) -> int | None:
    """Days since the last purchase, the latest by its date; None without one."""
    last = max((purchase.date for purchase in member.purchases), default=None)
    return None if last is None else (day - last).days


def in_segment(program: Program, member: State, name: str, day: dt.date) -> bool:
    """Whether the member is in a segment, set by a fact or defined by figures."""
    if name in member.about.segments:
        return True
    rules = [rule for rule in program.segment if rule.id == name]
    return any(all(_segment_answers(program, member, rule, day)) for rule in rules)


def _segment_answers(
    program: Program, member: State, rule: SegmentRule, day: dt.date
) -> Iterator[bool]:
    records = _in_period(program, member, rule.window, day)
    joined = member.about.joined
    if rule.spend is not None:
        yield within(rule.spend, sum(record.eligible for record in records))
    if rule.visits is not None:
        yield within(rule.visits, sum(record.eligible > 0 for record in records))
    if rule.days_since_purchase is not None:
        yield within(rule.days_since_purchase, days_since_purchase(member, day))
    if rule.member_days is not None:
        yield within(rule.member_days, None if joined is None else (day - joined).days)


def within(span: Range, value: int | None) -> bool:
    """Whether a value is known and within a range."""
    if value is None:
        return False
    if span.at_least is not None and value < span.at_least:
        return False
    return span.at_most is None or value <= span.at_most


def step_of(rule: Sequence, purchases: Iterable[Purchase], day: dt.date) -> int | None:
    """The step of a sequence that a purchase on this day is; None if it is none."""
    last: int | None = None
    at = day
    for date in [*(purchase.date for purchase in purchases), day]:
        step = _next_step(rule, last, (date - at).days)
        if step is not None:
            last, at = step, date
    return step


def _next_step(rule: Sequence, last: int | None, since: int) -> int | None:
    if last is None:
        return 1
    if since < rule.gap_days:
        return None
    if rule.reset_days is not None and since > rule.reset_days:
        return 1
    if last < rule.steps:
        return last + 1
    return 1 if rule.repeat else None


# -- metrics of tiers --------------------------------------------------------------------------


@once
def asked(thresholds: Thresholds) -> dict[Metric, Figure]:
    """What a tier asks, by metric."""
    found: dict[Metric, Figure] = {}
    for name in ("spend", "visits", "margin"):
        value = getattr(thresholds, name)
        if value is not None:
            found[name, ""] = value
    for name in ("points", "counter", "activity", "value", "balance"):
        for key, value in getattr(thresholds, name).items():
            found[name, key] = value if isinstance(value, int) else exactly(value)
    return found


def metric(
    program: Program, member: State, name: Metric, records: Iterable[Record]
) -> Figure | None:
    """A metric over records, or as it stands now; None is not known."""
    kind, key = name
    if kind == "value":
        return member.about.values.get(key)
    if kind == "balance":
        return in_points(program, key, member.wallet.active(key))
    if kind == "counter":
        return total(next(rule for rule in program.counter if rule.id == key), records)
    whole = sum(map(_adds(name), records))
    return in_points(program, key, whole) if kind == "points" else whole


def is_candidate(program: Program, member: State) -> bool:
    """Whether a closed club still asks something of a member (section 7)."""
    entry = program.membership.entry
    if entry is None:
        return False
    answers = [
        (value := metric(program, member, name, member.records)) is None or value < figure
        for name, figure in asked(entry.at_least).items()
    ]
    return any(answers) if entry.join == "all" else all(answers)


def in_points(program: Program, currency: str, units: int) -> Figure:
    """Units of a currency as points."""
    per_point = scales(program)[currency]
    return units if per_point == 1 else Fraction(units, per_point)


def _adds(name: Metric) -> Callable[[Record], int]:
    """What one record adds to a metric."""
    kind, key = name
    match kind:
        case "spend":
            return attrgetter("eligible")
        case "visits":
            return lambda record: int(record.eligible > 0)
        case "margin":
            return attrgetter("margin")
        case "points":
            return lambda record: sum(
                x.points for x in record.given if x.currency == key and not x.donated
            )
        case _:
            return lambda record: record.quantity if record.code == key else 0


def in_window(program: Program, member: State, day: dt.date) -> list[Record]:
    """Records that count on a day, by the ladder's window."""
    first = window_begin(program, member, day)
    return [record for record in member.records if first <= record.date <= day]


def window_begin(program: Program, member: State, day: dt.date) -> dt.date:
    """First date that counts on a day, by the ladder's window in the program's calendar."""
    ladder, calendar = program.ladder, program.calendar
    assert ladder is not None
    match ladder.window:
        case Rolling(days=int() as days):
            return day - dt.timedelta(days=days - 1)
        case Rolling(months=int() as months):
            return add_months(calendar, day, -months) + ONE_DAY
        case "membership_year":
            return member_year_begin(calendar, member.about.joined or day, day)
        case str() as period:
            return period_dates(program, period, day)[0]
        case _:
            raise AssertionError(ladder.window)


def window_end(program: Program, member: State, day: dt.date) -> dt.date | None:
    """Last date on which all that counts on a day still counts; None: it always does."""
    ladder, calendar = program.ladder, program.calendar
    assert ladder is not None
    match ladder.window:
        case Rolling():
            return _rolling_end(program, member, day)
        case "membership_year":
            return member_year_end(calendar, member.about.joined or day, day, 0)
        case "lifetime":
            return None
        case str() as period:
            return period_end(calendar, week_begins(program), period, day, 0)


def _rolling_end(program: Program, member: State, day: dt.date) -> dt.date | None:
    names = {
        name for tier in program.tiers() for name in asked(tier.at_least)
        if name[0] not in ("value", "balance")
    }  # fmt: skip
    # What came back whole counts nothing any more.
    records = [
        record for record in in_window(program, member, day)
        if any(metric(program, member, name, [record]) for name in names)
    ]
    if not records:
        return None
    oldest, end = min(record.date for record in records), day
    window = program.ladder.window if program.ladder else None
    assert isinstance(window, Rolling)
    if window.months is not None:
        # It counts at least so many months less a day.
        end = max(day, add_months(program.calendar, oldest, window.months) - ONE_DAY)
    while window_begin(program, member, end + ONE_DAY) <= oldest:
        end += ONE_DAY
    return end
