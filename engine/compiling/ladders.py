"""Ladders of versions beside each other: which are alike, which are simple (section 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..calendars.calendars import week_begins
from ..program.program import Program
from ..program.tiers import Ladder, Tier


def is_simple(ladder: Ladder | None, calendar: str) -> bool:
    """Whether nothing of a ladder needs more than its counters at the moment of a sale."""
    if ladder is None:
        return True
    return (
        isinstance(ladder.window, str)
        and ladder.window in ("week", "month", "quarter", "half", "year")
        and ladder.validity in ("next_period", "this_period")
        and ladder.validity_period in (None, ladder.window)
        and ladder.calendar in (None, calendar)
        and ladder.grace_days == 0
        and ladder.down == "to_qualified"
        and all(tier.bonus is None and _plain(tier) for tier in ladder.tier)
    )


def ladder_key(program: Program) -> tuple[Any, ...]:
    """All that tells how the tiers of a version go: two that have it alike have one ladder."""
    ladder = program.ladder
    if ladder is None:
        return ()
    names = {name for tier in ladder.tier for name in tier.at_least.counter}
    counters = [one for one in program.counter if one.id in names]
    return ladder, program.calendar, week_begins(program), counters


def go_alike(programs: Sequence[Program]) -> bool:
    """Whether members' tiers go by one ladder, whatever version is in force, between facts.

    Of simple ones over one period nothing comes or goes but by a purchase.
    """
    keys = [ladder_key(program) for program in programs]
    if all(key == keys[0] for key in keys):
        return True
    periods = [(key[0].window, *key[1:3]) for key in keys if key]
    simple = all(is_simple(program.ladder, program.calendar) for program in programs)
    return simple and all(period == periods[0] for period in periods)


def _plain(tier: Tier) -> bool:
    asked = tier.at_least
    others = (asked.points, asked.counter, asked.activity, asked.value, asked.balance)
    return asked.margin is None and not any(others)
