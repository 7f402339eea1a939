"""Figures of a member that rules look at: counters, sequences, segments; and holidays."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from msgspec import Meta, field

from .conditions import Count, Days, LineConditions, Name, Part, Period, Range, Text


class Holidays(Part, frozen=True, kw_only=True):
    """A holiday calendar: a country's, with dates added and taken away."""

    id: Name
    country: Annotated[str, Meta(pattern=r"^[A-Z]{2}(?!\n)$")] | None = None
    add: list[dt.date] = field(default_factory=list)
    remove: list[dt.date] = field(default_factory=list)


class CounterRule(Part, frozen=True, kw_only=True):
    """A figure kept for each member, in a calendar period or ever.

    `spend`, `quantity` and `visits` look at the lines that match `when` (quantity in units);
    `activity` sums the quantities of the listed activities.
    """

    id: Name
    count: Literal["spend", "quantity", "visits", "activity"]
    window: Period | Literal["lifetime"] = "lifetime"
    when: LineConditions = LineConditions()
    activity: list[Text] | None = None


class Sequence(Part, frozen=True, kw_only=True):
    """Purchases as steps 1, 2, .. of `steps`; conditions name the steps.

    A purchase less than `gap_days` after the last step is no step. After `reset_days`
    without a step, and with `repeat` after the last one, the sequence begins anew.
    """

    id: Name
    steps: Annotated[int, Meta(ge=1, le=1_000)]
    repeat: bool = False
    gap_days: Days = 0
    reset_days: Count | None = None


class SegmentRule(Part, frozen=True, kw_only=True):
    """A segment defined by figures as they stand before a fact; all given must hold."""

    id: Name
    window: Period | Literal["lifetime"] = "lifetime"
    spend: Range | None = None
    visits: Range | None = None
    days_since_purchase: Range | None = None
    member_days: Range | None = None
