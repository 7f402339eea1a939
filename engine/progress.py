"""Progress to the next tier: what a member lacks, and by when (rulebook section 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vafa.native.state import State

from .calendars import (
    FIRST_DAY,
    LAST_DAY,
    date_of,
    day_number,
    period_end_after,
    week_begins,
    ymd_table,
)
from .compile_ladder import OF_COUNTER, rolling_starts, window_key
from .program import Rolling

if TYPE_CHECKING:
    from .compile import CompiledProgram


def progress_of(
    compiled: CompiledProgram, state: State, member: int, tier: int, day: int
) -> dict[str, Any] | None:
    """What the tier above asks, what the member has and lacks of it, and by when.

    `tier` is one of the layout, -1 none; `day` a business day from that of the member's
    latest fact on. `by` is the last date on which all that counts still counts, None where
    it always does. None for a member of the highest tier, or without a ladder.
    """
    tiers, asked = compiled.program.tiers(), compiled.asked
    above = compiled.rungs.index(tier) + 1 if tier in compiled.rungs else 0
    if above >= len(tiers):
        return None
    has = state.metrics(compiled.native, member, above, day)
    metrics = {
        name: {"asked": least, "has": have, "missing": max(0, least - (have or 0))}
        for (name, _, _, least), have in zip(asked[above], has, strict=True)
    }
    counters = [subject for _, of, subject, _ in asked[above] if of == OF_COUNTER]
    by = _by(compiled, state, member, counters, day)
    return {
        "tier": tiers[above].id,
        "join": tiers[above].join,
        "metrics": metrics,
        "by": None if by is None else date_of(by).isoformat(),
    }


def _by(
    compiled: CompiledProgram, state: State, member: int, counters: list[int], day: int
) -> int | None:
    """Last day on which all that counts for some counters on a day still counts."""
    program = compiled.program
    assert program.ladder is not None
    window = program.ladder.window
    if isinstance(window, Rolling):
        return _rolling_by(compiled, state, member, counters, day)
    if window == "lifetime":
        return None
    if window == "membership_year":
        return _year_end(program.calendar, max(state.joined(member), FIRST_DAY), day)
    ends = period_end_after(program.calendar, window, week_begins(program), 0)
    return int(ends[day - FIRST_DAY])


def _rolling_by(
    compiled: CompiledProgram, state: State, member: int, counters: list[int], day: int
) -> int | None:
    assert compiled.program.ladder is not None
    starts = rolling_starts(window_key(compiled, compiled.program.ladder.window))
    since = int(starts[day - FIRST_DAY])
    layout = compiled.layout
    counted = [
        then
        for number in counters
        for then in state.vec(member, layout.counter_slot(number))[::2]
        if since <= then <= day
    ]
    if not counted:
        return None
    return min(int(np.searchsorted(starts, min(counted), side="right")) - 1 + FIRST_DAY, LAST_DAY)


def _year_end(calendar: str, joined: int, day: int) -> int:
    """Last day of the membership year of a day."""
    table = ymd_table(calendar)
    begun, here = int(table[joined - FIRST_DAY]), int(table[day - FIRST_DAY])
    months, days = begun // 100 % 100, begun % 100
    falls = day_number(calendar, here // 10_000, months, days)
    return (falls if day < falls else day_number(calendar, here // 10_000 + 1, months, days)) - 1
