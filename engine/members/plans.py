"""Plans that members subscribe to: their terms, fees and entitlements (rulebook section 7)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

from ..calendars.calendars import FIRST_DAY, LAST_DAY, business_day, months_later
from ..controls.closing import end_of_day
from ..controls.versions import ProgramVersions
from ..program.membership import Plan
from ..program.program import Program
from .membership import CLOSED, END, START, MemberEvent


def plan_of(program: Program, name: str) -> Plan | None:
    """The plan of a name; None for one that the program does not have."""
    return next((plan for plan in program.plan if plan.id == name), None)


def plan_end(program: Program, name: str, day: int, ends_at: int | None) -> int | None:
    """The instant (us) before which a plan that starts on a business day is active.

    `ends_at` where the fact names it. None where terms follow each other, or the plan has none.
    """
    if ends_at is not None:
        return ends_at
    plan = plan_of(program, name)
    if plan is None or plan.term is None or plan.renewal == "automatic":
        return None
    return _term_end(program, plan, day, 1)


def terms_begun(program: Program, plan: Plan, since: int, at: int) -> tuple[int, int | None]:
    """How many terms of a plan have begun by an instant, and when the last one ends (us).

    The end is None for a plan without a term.
    """
    if plan.term is None:
        return 1, None
    day = business_day(program, since)
    numbers = _numbers(plan, day)
    n = 1 + min(
        bisect_right(numbers, at, key=lambda n: _term_end(program, plan, day, n)),
        len(numbers) - 1,
    )
    return n, _term_end(program, plan, day, n)


def _numbers(plan: Plan, day: int) -> range:
    """Numbers of terms from 1 on, as long as they end within the calendar tables."""
    assert plan.term is not None
    days = plan.term.days or 31 * (plan.term.months or 1)
    return range(1, max(2, (LAST_DAY - day) // days))


def _term_end(program: Program, plan: Plan, day: int, n: int) -> int:
    """The first instant (us) after the n-th term of a plan that starts on a business day."""
    assert plan.term is not None
    if plan.term.days is not None:
        after = day + n * plan.term.days
    else:
        months = n * (plan.term.months or 0)
        after = int(months_later(program.calendar, months)[day - FIRST_DAY])
    return end_of_day(program, after - 1) + 1


class ActivePlan(NamedTuple):
    """A plan that a member has at an instant; instants are us.

    `until` is the instant before which it is active, None while terms follow each other;
    `fees` is what the terms that have begun cost together.
    """

    name: str
    since: int
    until: int | None
    renews: bool
    terms: int
    term_ends: int | None
    fees: int
    entitlements: tuple[str, ...]


def plans_at(
    versions: ProgramVersions, events: Iterable[MemberEvent], at: int
) -> list[ActivePlan]:
    """The plans that are active at an instant (us), by what has happened up to it."""
    started: dict[str, MemberEvent] = {}
    for event in events:
        if event.what == START:
            started[event.name] = event
        elif event.what == END:
            started.pop(event.name, None)
        elif event.what == CLOSED:
            started.clear()
    found = (_active(versions.showing(event.at).program, event, at) for event in started.values())
    return [plan for plan in found if plan is not None]


def _active(program: Program, event: MemberEvent, at: int) -> ActivePlan | None:
    name, since = event.name, event.at
    until = plan_end(program, name, business_day(program, since), event.ends_at)
    if until is not None and at >= until:
        return None
    plan = plan_of(program, name) or Plan(id=name)
    terms, term_ends = terms_begun(program, plan, since, at)
    fee = plan.fee if event.fee is None else event.fee
    return ActivePlan(
        name, since, until, until is None and term_ends is not None, terms, term_ends,
        terms * fee, tuple(sorted(plan.entitlements)),
    )  # fmt: skip
