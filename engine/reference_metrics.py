"""Figures of a member's past: counters, segments, sequences, tier metrics (sections 3 and 6)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction

from .program import CounterRule, Ladder, Program, Rolling, SegmentRule, Sequence, Thresholds
from .program_conditions import Range
from .reference_basket import eligible_amount, line_answers
from .reference_calendar import (
    ONE_DAY,
    add_months,
    member_year,
    member_year_end,
    period_end,
    period_number,
    same_period,
    week_begins,
)
from .reference_state import BasketLine, Purchase, Record, State

Metric = tuple[str, str]
"""(kind, name) of a figure that a tier asks; spend, visits and margin have no name."""


def counted(rule: CounterRule, record: Record) -> Fraction:
    """What one record adds to a counter, in minor units, units, visits or times."""
    if rule.count == "activity":
        mine = record.kind == "activity" and record.code in (rule.activity or [])
        return Fraction(record.quantity if mine else 0)
    lines = [
        line
        for line in record.lines
        if all(truth for _, truth in line_answers(line.line.sku, line.product, rule.when))
    ]
    match rule.count:
        case "spend":
            return Fraction(sum(eligible_amount(line, record.on_redeemed) for line in lines))
        case "quantity":
            thousandths = sum((_quantity(line, record) for line in lines), Fraction(0))
            return Fraction(math.floor(thousandths), 1000)
        case _:
            return Fraction(1 if lines else 0)


def _quantity(line: BasketLine, record: Record) -> Fraction:
    return line.quantity * (Fraction(1) if record.on_redeemed else line.unredeemed)


def counter(program: Program, member: State, name: str, day: dt.date) -> Fraction:
    """A counter as it stands, in the period of a date."""
    rule = next(rule for rule in program.counter if rule.id == name)
    return sum(
        (
            counted(rule, record)
            for record in member.records
            if same_period(program, rule.window, record.date, day)
        ),
        Fraction(0),
    )


# -- purchases -------------------------------------------------------------------------------


def days_since_purchase(member: State, day: dt.date) -> int | None:
    """Days since the last purchase; None without one."""
    return (day - member.purchases[-1].date).days if member.purchases else None


def in_segment(program: Program, member: State, name: str, day: dt.date) -> bool:
    """Whether the member is in a segment, set by a fact or defined by figures."""
    if name in member.about.segments:
        return True
    rules = [rule for rule in program.segment if rule.id == name]
    return any(all(_segment_answers(program, member, rule, day)) for rule in rules)


def _segment_answers(
    program: Program, member: State, rule: SegmentRule, day: dt.date
) -> Iterator[bool]:
    records = [r for r in member.records if same_period(program, rule.window, r.date, day)]
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


_asked: dict[int, tuple[Thresholds, dict[Metric, Fraction]]] = {}


def asked(thresholds: Thresholds) -> dict[Metric, Fraction]:
    """What a tier asks, by metric."""
    # Asked for every fact and date: kept by the object, which holds its number.
    if id(thresholds) not in _asked:
        _asked[id(thresholds)] = thresholds, _figures_asked(thresholds)
    return _asked[id(thresholds)][1]


def _figures_asked(thresholds: Thresholds) -> dict[Metric, Fraction]:
    found: dict[Metric, Fraction] = {}
    for name in ("spend", "visits", "margin"):
        value = getattr(thresholds, name)
        if value is not None:
            found[name, ""] = Fraction(value)
    for name in ("points", "counter", "activity", "value", "balance"):
        for key, value in getattr(thresholds, name).items():
            found[name, key] = Fraction(value)
    return found


def metric(
    program: Program, member: State, name: Metric, records: Iterable[Record]
) -> Fraction | None:
    """A metric over records, or as it stands now; None is not known."""
    kind, key = name
    if kind == "value":
        value = member.about.values.get(key)
        return None if value is None else Fraction(value)
    if kind == "balance":
        scale = 10 ** program.currency[program.currency_at(key)].scale
        return Fraction(member.wallet.active(key), scale)
    if kind == "counter":
        rule = next(rule for rule in program.counter if rule.id == key)
        return sum((counted(rule, record) for record in records), Fraction(0))
    whole = sum(_of_record(name, record) for record in records)
    if kind == "points":
        return Fraction(whole, 10 ** program.currency[program.currency_at(key)].scale)
    return Fraction(whole)


def _of_record(name: Metric, record: Record) -> int:
    """What one record adds to a metric."""
    kind, key = name
    if kind == "points":
        given = (x for x in record.given if x.currency == key and not x.donated)
        return sum(entry.points for entry in given)
    if kind == "activity":
        return record.quantity if record.code == key else 0
    return {
        "spend": record.eligible, "visits": int(record.eligible > 0), "margin": record.margin
    }[kind]  # fmt: skip


def ladder_calendar(program: Program, ladder: Ladder) -> str:
    """The calendar of a ladder's window and validity."""
    return ladder.calendar or program.calendar


def window(program: Program, member: State, day: dt.date) -> Callable[[dt.date], bool]:
    """Whether a date counts on a day, by the ladder's window."""
    ladder = program.ladder
    assert ladder is not None
    calendar = ladder_calendar(program, ladder)
    joined = member.about.joined or day
    match ladder.window:
        case Rolling(days=int() as days):
            first = day - dt.timedelta(days=days - 1)
            return lambda date: first <= date <= day
        case Rolling(months=int() as months):
            before = add_months(calendar, day, -months)
            return lambda date: before < date <= day
        case "membership_year":
            year = member_year(calendar, joined, day)
            return lambda date: date <= day and member_year(calendar, joined, date) == year
        case str() as period:
            begins = week_begins(program, calendar)
            number = period_number(calendar, begins, period, day)
            return lambda date: (
                date <= day and period_number(calendar, begins, period, date) == number
            )
        case _:
            raise AssertionError(ladder.window)


def window_end(program: Program, member: State, day: dt.date) -> dt.date | None:
    """Last date on which all that counts on a day still counts; None: it always does."""
    ladder = program.ladder
    assert ladder is not None
    calendar = ladder_calendar(program, ladder)
    match ladder.window:
        case Rolling():
            return _rolling_end(program, member, day)
        case "membership_year":
            return member_year_end(calendar, member.about.joined or day, day, 0)
        case "lifetime":
            return None
        case str() as period:
            return period_end(calendar, week_begins(program, calendar), period, day, 0)


def _rolling_end(program: Program, member: State, day: dt.date) -> dt.date | None:
    counts = window(program, member, day)
    dates = [record.date for record in member.records if counts(record.date)]
    if not dates:
        return None
    end = day
    while window(program, member, end + ONE_DAY)(min(dates)):
        end += ONE_DAY
    return end
