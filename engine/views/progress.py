"""Progress to the next tier: what a member lacks, and by when (rulebook section 6)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from vafa.native.state import State

from ..calendars.calendars import (
    FIRST_DAY,
    LAST_DAY,
    date_text,
    day_number,
    period_end_after,
    week_begins,
    ymd_table,
)
from ..compiling.ladder import OF_COUNTER, rolling_starts, window_key
from ..compiling.version import CompiledProgram
from ..program.tiers import Rolling


def progress_of(
    compiled: CompiledProgram, state: State, member: int, tier: int, day: int
) -> dict[str, Any] | None:
    """What the tier above asks, what the member has and lacks of it, and by when.

    `tier` is one of the layout, -1 none; `day` a business day from that of the member's
    latest fact on. `by` is the last date on which all that counts still counts, None where
    it always does. None for a member of the highest tier, or without a ladder.
    """
    rung = compiled.shown.rung_above(tier)
    if rung is None:
        return None
    by = until_json(compiled, state, member, day, rung)
    told: dict[str, Any] = orjson.loads(compiled.shown.progress(state, member, rung, day, by))
    return told


def until_json(
    compiled: CompiledProgram, state: State, member: int, day: int, rung: int | None = None
) -> bytes:
    """The date by which all that a rung counts on a day still counts, as JSON.

    The rung is by default that above the member's tier.
    """
    program = compiled.program
    if program.ladder is None or program.ladder.window == "lifetime":
        return b"null"
    window = program.ladder.window
    if isinstance(window, Rolling) or compiled.some_count_nothing:
        if rung is None:
            rung = compiled.shown.rung_above(state.tier(compiled.native, member, day))
            if rung is None:
                return b"null"
        counters = [subject for _, of, subject, _ in compiled.asked[rung] if of == OF_COUNTER]
        if not counters:
            # Values that are fed in and balances are of no window.
            return b"null"
    if isinstance(window, Rolling):
        by = _rolling_by(compiled, state, member, counters, day)
        return b"null" if by is None else _date(by)
    if window == "membership_year":
        return _date(_year_end(program.calendar, max(state.joined(member), FIRST_DAY), day))
    return _period_end(program.calendar, window, week_begins(program), day)


def _date(day: int) -> bytes:
    return orjson.dumps(date_text(day))


@lru_cache(64)
def _period_end(calendar: str, period: str, begins: int, day: int) -> bytes:
    """Last date of a day's period; members who are looked at on one day share it."""
    return _date(int(period_end_after(calendar, period, begins, 0)[day - FIRST_DAY]))


def _rolling_by(
    compiled: CompiledProgram, state: State, member: int, counters: list[int], day: int
) -> int | None:
    assert compiled.program.ladder is not None
    starts = rolling_starts(window_key(compiled, compiled.program.ladder.window))
    since = int(starts[day - FIRST_DAY])
    layout = compiled.layout
    counted = []
    for number in counters:
        entries = state.vec(member, layout.counter_slot(number))
        # What came back whole has left its day with nothing.
        counted += [
            then for then, left in zip(entries[::2], entries[1::2], strict=True)
            if left and since <= then <= day
        ]  # fmt: skip
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
