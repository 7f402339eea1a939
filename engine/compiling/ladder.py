"""The ladder becomes arrays: what each rung asks, and how long it stays good (section 6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..calendars.calendars import (
    DAYS,
    FIRST_DAY,
    months_back,
    period_end_after,
    validity_period,
    validity_table,
    week_begins,
)
from ..program.tiers import Ladder, Rolling, Thresholds, Tier, Validity
from .ladders import is_simple
from .layout import ACTIVITY, EARNED, MARGIN, SPEND, VISITS
from .placed import PlacedProgram

Asked = list[tuple[str, int, int, int]]
"""(name, OF_COUNTER, OF_VALUE or OF_BALANCE, its subject, least) of each figure asked."""

OF_COUNTER, OF_VALUE, OF_BALANCE = range(3)
BY_TABLE, BY_MONTHS, WHILE_MET, BY_MEMBERSHIP = range(4)
_DOWN = ("to_qualified", "one_step", "never")


def window_key(placed: PlacedProgram, window: str | Rolling) -> tuple[Any, ...]:
    """The layout's name of a window."""
    program = placed.program
    if isinstance(window, Rolling):
        return ("rolling", window.days, window.months, program.calendar)
    if window == "membership_year":
        return ("membership",)
    return placed.period_window(window)


def ladder_arrays(
    placed: PlacedProgram, asked: list[Asked]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(arrays, numbers) of a program's ladder, or of none; `asked` of its rungs."""
    program, layout = placed.program, placed.layout
    ladder, tiers = program.ladder, program.tiers()
    simple = layout.one_ladder and is_simple(ladder, program.calendar)
    spend = visits = -1
    for _, metric, subject, _ in (one for rung in asked for one in rung) if simple else ():
        kind = layout.counters[subject][0]
        assert metric == OF_COUNTER
        spend, visits = (subject, visits) if kind == SPEND else (spend, subject)
    through, begins, validity, k = _validity(placed, ladder)
    arrays = {
        "rung": np.array(placed.rungs, np.int32),
        "tier_number": np.array([layout.rules.index(f"tier.{t.id}") for t in tiers], np.uint16),
        "tier_spend": _least([tier.at_least.spend for tier in tiers]),
        "tier_visits": _least([tier.at_least.visits for tier in tiers]),
        "tier_any": np.array([tier.join == "any" for tier in tiers], np.uint8),
        "tier_always": np.array(
            [_always(tier, rung) for tier, rung in zip(tiers, asked, strict=True)], np.uint8
        ),
        "tier_through": through,
        "tier_begins": begins,
        "asked_from": np.cumsum([0, *map(len, asked)], dtype=np.int32),
        "held_slot": np.array([
            _held_slot(placed, tier, rung) if validity == WHILE_MET else -1
            for tier, rung in zip(tiers, asked, strict=True)
        ], np.int32),
        "bonus_currency": np.array([_bonus_currency(placed, tier) for tier in tiers], np.int32),
        "bonus_points": np.array([_bonus_points(placed, tier) for tier in tiers], np.int64),
    }  # fmt: skip
    numbers = {
        "simple_ladder": simple,
        "ladder": layout.ladder_number(program),
        "ladder_at": layout.ladder_at,
        "validity": validity,
        "validity_k": k,
        "grace_days": ladder.grace_days if ladder else 0,
        "down": _DOWN.index(ladder.down) if ladder else 0,
        "steps_by_membership": _steps_by_membership(ladder),
        "validity_calendar": int(((ladder and ladder.calendar) or program.calendar) == "jalali"),
        "tiers_at": layout.tiers_at,
        "spend_counter": spend,
        "visits_counter": visits,
    }
    return arrays, numbers


def _held_slot(placed: PlacedProgram, tier: Tier, rung: Asked) -> int:
    """Slots of the balances that a rung was last held by, and of the day; -1 where they tell
    nothing: all that a rung needs was met when it was held, and any of balances alone."""
    kinds = {metric == OF_BALANCE for _, metric, _, _ in rung}
    if tier.join == "all" or len(kinds) < 2:
        return -1
    return placed.layout.slot("held", tier.id, size=2, empty=True)


def _validity(placed: PlacedProgram, ladder: Ladder | None) -> tuple[Any, Any, int, int]:
    """(last good day by day, last day of the period that begins, kind, periods after)."""
    if ladder is None:
        return None, None, BY_TABLE, 0
    program = placed.program
    whole_years = validity_period(ladder) == "membership_year"
    if ladder.validity == "while_met" and (ladder.down != "one_step" or whole_years):
        return None, None, WHILE_MET, 0
    if isinstance(ladder.validity, Validity):
        return validity_table(program, ladder), None, BY_MONTHS, 0
    k = 1 if ladder.validity == "next_period" else 0
    if whole_years:
        return None, None, BY_MEMBERSHIP, k
    calendar = ladder.calendar or program.calendar
    begins = period_end_after(calendar, validity_period(ladder), week_begins(program, calendar), 0)
    if ladder.validity == "while_met":
        return None, begins, WHILE_MET, 0
    return validity_table(program, ladder), begins, BY_TABLE, k


def _steps_by_membership(ladder: Ladder | None) -> bool:
    """Whether a step down is good through a membership year."""
    if ladder is None or isinstance(ladder.validity, Validity):
        return False
    return validity_period(ladder) == "membership_year"


def asked_of(
    placed: PlacedProgram, asked: Thresholds, over: str | Rolling
) -> Asked:
    """What some thresholds ask over a window."""
    layout, window = placed.layout, window_key(placed, over)
    found: Asked = []
    for name, kind, least in (("spend", SPEND, asked.spend), ("visits", VISITS, asked.visits),
                              ("margin", MARGIN, asked.margin)):  # fmt: skip
        if least is not None:
            found.append((name, OF_COUNTER, layout.counter(kind, None, window), least))
    for name, points in asked.points.items():
        place = layout.currencies.index(name)
        number = layout.counter(EARNED, name, window)
        least = int(points * 10 ** layout.scales[place])
        found.append((f"points.{name}", OF_COUNTER, number, least))
    for name, figure in asked.counter.items():
        kind, subject, unit = placed.counted(name)
        number = layout.counter(kind, subject, window)
        found.append((f"counter.{name}", OF_COUNTER, number, int(figure * unit)))
    for code, quantity in asked.activity.items():
        number = layout.counter(ACTIVITY, (code,), window)
        found.append((f"activity.{code}", OF_COUNTER, number, quantity))
    for name, least in asked.value.items():
        found.append((f"value.{name}", OF_VALUE, layout.slot("value", name, size=2), least))
    for name, points in asked.balance.items():
        place = layout.currencies.index(name)
        least = int(points * 10 ** layout.scales[place])
        found.append((f"balance.{name}", OF_BALANCE, place, least))
    return found


def _always(tier: Tier, asked: list[Any]) -> bool:
    """A tier that asks nothing above zero is always held, before any purchase too.

    A value that nobody has fed in is not known, and meets nothing.
    """
    test = any if tier.join == "any" and asked else all
    return test(metric != OF_VALUE and least <= 0 for _, metric, _, least in asked)


def _bonus_currency(placed: PlacedProgram, tier: Tier) -> int:
    if tier.bonus is None:
        return -1
    return placed.currency_number(tier.bonus.currency)


def _bonus_points(placed: PlacedProgram, tier: Tier) -> int:
    if tier.bonus is None:
        return 0
    scale = placed.layout.scales[placed.currency_number(tier.bonus.currency)]
    return int(tier.bonus.points * 10**scale)


def asked_to_enter(placed: PlacedProgram) -> Asked:
    """As `asked_of`, what a closed club asks of a candidate, ever."""
    entry = placed.program.membership.entry
    return asked_of(placed, entry.at_least, "lifetime") if entry else []


def _least(values: list[int | None]) -> Any:
    return np.array([-1 if value is None else value for value in values], np.int64)


def rolling_starts(window: tuple[Any, ...]) -> Any:
    """First day of a rolling window by day."""
    _, days, months, calendar = window
    if days is not None:
        first = np.arange(FIRST_DAY, FIRST_DAY + DAYS, dtype=np.int32) - np.int32(days - 1)
        return np.maximum(first, FIRST_DAY).astype(np.int32)
    return months_back(calendar, months)
