"""Tiers of the reference: grants, validity, ways down, progress (rulebook section 6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..program.program import Program
from ..program.tiers import Tier, Validity
from .calendar import (
    NEVER,
    ONE_DAY,
    add_months,
    member_year_end,
    period_end,
    week_begins,
)
from .metrics import (
    Figure,
    Metric,
    asked,
    in_points,
    in_window,
    metric,
    window_begin,
    window_end,
)
from .state import Grant, State
from .world import Version, once, rungs


@dataclass(frozen=True)
class Progress:
    """What is missing to the next tier, by metric; `by` is the last date that helps."""

    tier: str
    missing: dict[Metric, Figure]
    by: dt.date | None


# -- metrics -------------------------------------------------------------------------------------

Found = Mapping[Metric, Figure | None]


def figures(program: Program, member: State, day: dt.date) -> Found:
    """The metrics that the ladder asks, in the window of a date."""
    names = metrics_asked(program)
    records = in_window(program, member, day) if names else []
    return {name: metric(program, member, name, records) for name in names}


@once
def metrics_asked(program: Program) -> list[Metric]:
    """The metrics that any tier asks."""
    return list(dict.fromkeys(
        name for tier in program.tiers() for name in asked(tier.at_least)
    ))  # fmt: skip


def _joined(tier: Tier, answers: Sequence[bool]) -> bool:
    return all(answers) if tier.join == "all" or not answers else any(answers)


def _met(tier: Tier, found: Found) -> bool:
    """Whether figures reach what a tier asks."""
    return _joined(tier, [
        (value := found[name]) is not None and value >= figure
        for name, figure in asked(tier.at_least).items()
    ])  # fmt: skip


def _met_on(program: Program, member: State, day: dt.date) -> set[str]:
    """Under `while_met`, the tiers whose metrics hold on a date."""
    if _lasts(program):
        return set()
    found = figures(program, member, day)
    return {tier.id for tier in program.tiers() if _met(tier, found)}


def _would_hold(
    program: Program, member: State, tier: Tier, day: dt.date, seen: Grant
) -> bool:
    """Whether metrics held on a past date without what came back since.

    `balance` is not looked at: it stands as it was when the grant was made.
    """
    first, past = window_begin(program, member, day), member.records[: seen.records]
    records = [record for record in past if first <= record.date <= day]
    found: dict[Metric, Figure | None] = {}
    for name in asked(tier.at_least):
        kind, key = name
        if kind == "balance":
            found[name] = in_points(program, key, seen.balances.get(key, 0))
        elif kind == "value":
            found[name] = seen.values.get(key)
        else:
            found[name] = metric(program, member, name, records)
    return _met(tier, found)


@once
def _always(program: Program) -> set[str]:
    """Tiers whose thresholds hold before any fact: they are everybody's."""
    return {
        tier.id
        for tier in program.tiers()
        if _joined(tier, [
            name[0] != "value" and figure <= 0 for name, figure in asked(tier.at_least).items()
        ])
    }  # fmt: skip


# -- standing ------------------------------------------------------------------------------------


def computed_tier(program: Program, member: State, day: dt.date) -> str | None:
    """The highest tier still good on a date, manual ones apart."""
    return _highest(program, member, day, _met_on(program, member, day))


def _highest(program: Program, member: State, day: dt.date, met: set[str]) -> str | None:
    good = _good(program, member, day, met)
    return next((tier.id for tier in reversed(program.tiers()) if tier.id in good), None)


def tier_on(program: Program, member: State, day: dt.date) -> str | None:
    """The member's tier: the higher of the computed one and the manual one."""
    places, found = rungs(program), [computed_tier(program, member, day)]
    manual = member.about.manual_tier
    if manual is not None and day <= manual[1] and manual[0] in places:
        found.append(manual[0])
    return max((x for x in found if x is not None), key=places.__getitem__, default=None)


def _good(program: Program, member: State, day: dt.date, met: set[str]) -> set[str]:
    """Tiers that are good on a date; `met` as `_met_on` tells."""
    ladder = program.ladder
    if ladder is None:
        return set()
    since = day - dt.timedelta(ladder.grace_days)
    good = _always(program) | met
    good |= {x.tier for x in member.grants if x.through is None or x.through >= since}
    if ladder.grace_days and not _lasts(program):
        good |= {tier for tier, held in member.held.items() if held >= since}
    return good


def _validity_end(program: Program, member: State, day: dt.date, k: int | None) -> dt.date:
    """Last date of a validity that begins on a day; k: of the k-th period after the day's."""
    ladder = program.ladder
    assert ladder is not None
    calendar = ladder.calendar or program.calendar
    if isinstance(ladder.validity, Validity):
        return add_months(calendar, day, ladder.validity.months)
    if k is None:
        k = 1 if ladder.validity == "next_period" else 0
    period = ladder.validity_period
    if period is None:
        has_period = isinstance(ladder.window, str) and ladder.window != "lifetime"
        if not has_period:
            return period_end(calendar, 0, "year", day, k)
        period = ladder.window  # type: ignore[assignment]
    if period == "membership_year":
        return member_year_end(calendar, member.about.joined or day, day, k)
    assert isinstance(period, str)
    return period_end(calendar, week_begins(program, calendar), period, day, k)


def grant_of(program: Program, member: State, tier: Tier, day: dt.date) -> Grant:
    ladder = program.ladder
    assert ladder is not None
    through = None if ladder.down == "never" else _validity_end(program, member, day, None)
    balances = {c.id: member.wallet.active(c.id) for c in program.currency}
    return Grant(
        program, tier.id, day, through, len(member.records), dict(member.about.values), balances
    )


def _last_grant(member: State, tier: str) -> Grant | None:
    """The grant of a tier that is good longest."""
    grants = [grant for grant in member.grants if grant.tier == tier]
    return max(grants, key=lambda grant: grant.through or NEVER, default=None)


def _lasts(program: Program) -> bool:
    """Whether a tier that was met is good for a while, not only while it is met."""
    ladder = program.ladder
    return ladder is None or ladder.validity != "while_met" or ladder.down == "never"


# -- the clock -----------------------------------------------------------------------------------

def take_over(version: Version, member: State, day: dt.date) -> bool:
    """Tiers that went by another version's ladder go by this one's, after the member's date or,
    where `day` is no later or the version was in force, on it.

    What was held as long as it was met was good through the last date on which it was. What is
    over by the new terms is over at once: nothing steps down for that. Tells whether the ladder
    is another one.
    """
    program = version.program
    was, today = member.under, member.wallet.today
    member.under = program
    if was is None or was is program or _ladder_key(was) == _ladder_key(program):
        return False
    if not _lasts(was):
        _end_holding(was, member)
    held: set[str] = set()
    in_force = version.earlier is None or version.begins <= today
    if (day <= today or in_force) and not _lasts(program):
        held = _met_on(program, member, today)
        note_held(program, member, today, held)
    member.top = _highest(program, member, today, held)
    return True


@once
def _ladder_key(program: Program) -> tuple[object, ...]:
    if program.ladder is None:
        return ()
    names = {name for tier in program.tiers() for name in tier.at_least.counter}
    counters = [counter for counter in program.counter if counter.id in names]
    return program.ladder, program.calendar, week_begins(program), counters


def _end_holding(was: Program, member: State) -> None:
    """Tiers were good through the last date on which they were held."""
    assert was.ladder is not None
    today = member.wallet.today
    met = _met_on(was, member, today)
    for tier, on in member.held.items():
        if on == today and tier not in met and not was.ladder.grace_days:
            member.held[tier] = on - ONE_DAY
    for tier, on in member.held.items():
        values, balances = member.held_by[tier]
        records = sum(record.date <= on for record in member.records)
        settled = member.held_settled.get(tier) == on
        member.grants.append(Grant(
            was, tier, on, on, records, dict(values), balances, settled=settled
        ))  # fmt: skip
    member.held, member.held_by, member.held_settled = {}, {}, {}


def next_event(program: Program, member: State) -> dt.date | None:
    """The first date after today on which a tier may come or go."""
    if program.ladder is None:
        return None
    today, grace = member.wallet.today, dt.timedelta(program.ladder.grace_days)
    ends = {grant.through for grant in member.grants if grant.through is not None}
    days = [end + after + ONE_DAY for end in ends for after in {dt.timedelta(0), grace}]
    if not _lasts(program):
        days += [held + grace + ONE_DAY for held in member.held.values()]
        if today in member.held.values():
            end = window_end(program, member, today)
            days += [] if end is None else [end + ONE_DAY]
    return min((day for day in days if day > today), default=None)


def begin(program: Program, member: State, day: dt.date) -> None:
    """The start of a date: tiers whose validity is over are checked again."""
    if program.ladder is None:
        return
    met = _met_on(program, member, day)
    ended = _ended(program, member, day) if _lasts(program) else []
    found = figures(program, member, day) if ended else {}
    for tier in ended:
        if _met(tier, found):
            member.grants.append(grant_of(program, member, tier, day))
    _step_down(program, member, day, met)
    note_held(program, member, day, met)
    member.top = _highest(program, member, day, met)


def _ended(program: Program, member: State, day: dt.date) -> list[Tier]:
    """Tiers of which the longest validity was over with the day before."""
    last: dict[str, dt.date] = {}
    for grant in member.grants:
        through = grant.through or NEVER
        last[grant.tier] = max(through, last.get(grant.tier, through))
    return [
        tier for tier in program.tiers()
        if last.get(tier.id) == day - ONE_DAY and tier.id not in _always(program)
    ]


def hold_until(program: Program, member: State, day: dt.date) -> None:
    """Nothing happens up to a date: what holds today holds through it."""
    today = member.wallet.today
    if today in member.held.values():
        met = _met_on(program, member, today)
        note_held(program, member, day, {x for x in met if member.held.get(x) == today})


def note_held(program: Program, member: State, day: dt.date, met: set[str]) -> None:
    """Remember the last date on which the metrics of tiers held, and what else held then."""
    held = met - _always(program) if met else met
    if held:
        balances = {c.id: member.wallet.active(c.id) for c in program.currency}
        member.held |= dict.fromkeys(held, day)
        member.held_by |= dict.fromkeys(held, (member.about.values, balances))


def _step_down(program: Program, member: State, day: dt.date, met: set[str]) -> None:
    ladder = program.ladder
    assert ladder is not None
    if ladder.down != "one_step":
        return
    places = rungs(program)
    if member.top not in places:
        return
    above = places[member.top]
    now = _highest(program, member, day, met)
    if above == 0 or (now is not None and places[now] >= above - 1):
        return
    last, held = _last_grant(member, member.top), member.held.get(member.top)
    if held is not None and (last is None or (last.through or NEVER) <= held):
        values, balances = member.held_by[member.top]
        by_metrics = Grant(
            program, member.top, held, held, len(member.records), dict(values), balances
        )
        if last is not None and last.through == held:
            by_metrics = replace(last, also=by_metrics)
        last = by_metrics
    if last is None:
        # It was everybody's under another version.
        return
    over = last.through or NEVER
    through = _validity_end(program, member, over + ONE_DAY, 0)
    member.grants.append(replace(
        last, tier=ladder.tier[above - 1].id, on=day, through=through, stepped_from=last
    ))  # fmt: skip


# -- after a fact --------------------------------------------------------------------------------


def raised(
    before: Found, after: Found
) -> set[Metric]:
    """Metrics that a fact has raised."""
    found = set()
    for name, value in after.items():
        old = before[name]
        if value is not None and (old is None or value > old):
            found.add(name)
    return found


def check(
    program: Program, member: State, day: dt.date, names: set[Metric], found: Found
) -> Tier | None:
    """Tiers one of whose metrics a fact has raised are checked; the tier that it reaches."""
    if program.ladder is None:
        return None
    places = rungs(program)
    before = places.get(member.top or "", -1)
    met = [tier for tier in program.tiers() if _met(tier, found)]
    for tier in met if _lasts(program) else []:
        if tier.id not in _always(program) and names & asked(tier.at_least).keys():
            member.grants.append(grant_of(program, member, tier, day))
    held = set() if _lasts(program) else {tier.id for tier in met}
    note_held(program, member, day, held)
    member.top = _highest(program, member, day, held)
    after = places.get(member.top or "", -1)
    if after <= before:
        return None
    member.upgrades += 1
    return program.tiers()[after]


def look_again(program: Program, member: State, day: dt.date) -> None:
    """After a tier-reached bonus: under `while_met` a balance that it raised may be met."""
    if not _lasts(program):
        met = _met_on(program, member, day)
        note_held(program, member, day, met)
        member.top = _highest(program, member, day, met)


def review(program: Program, member: State, day: dt.date) -> list[str]:
    """Tiers that fall because of what has come back (section 9, `strict`)."""
    fallen = []
    for name in {grant.tier for grant in member.grants} - {tier.id for tier in program.tiers()}:
        _let_go(member, name)
    for tier in program.tiers():
        was_good = _was_good(program, member, tier, day)
        gone = _let_go(member, tier.id)
        if tier.id in _always(program):
            continue
        if _lasts(program):
            _catch_up(program, member, tier, day, gone)
        else:
            _review_held(program, member, tier, day)
        if was_good and not _is_good_now(program, member, tier, day):
            fallen.append(tier.id)
    member.top = computed_tier(program, member, day)
    return fallen


def _let_go(member: State, tier: str) -> list[Grant]:
    """The grants of a tier that do not stand, which the member has no more."""
    gone = [g for g in member.grants if g.tier == tier and not _stands(member, g)]
    member.grants = [g for g in member.grants if all(g is not x for x in gone)]
    return gone


def _was_good(program: Program, member: State, tier: Tier, day: dt.date) -> bool:
    """Before the return: under `while_met` the date itself counts as held."""
    return _is_good_now(program, member, tier, day) or member.held.get(tier.id) == day


def _is_good_now(program: Program, member: State, tier: Tier, day: dt.date) -> bool:
    return tier.id in _good(program, member, day, _met_on(program, member, day))


def _stands(member: State, grant: Grant) -> bool:
    """Whether a grant would have been made, by the version that made it.

    A step down stands while the tier above would have been granted on any of the dates
    that made it good as long.
    """
    if grant.settled or grant.stepped_from is None:
        return would_be_made(member, grant)
    while grant.stepped_from is not None:
        grant = grant.stepped_from
        if grant.also is not None and would_be_made(member, grant.also):
            return True
    alike = [
        other
        for other in member.grants
        if (other.tier, other.through, other.stepped_from) == (grant.tier, grant.through, None)
    ]
    return any(would_be_made(member, made) for made in (grant, *alike))


def would_be_made(member: State, grant: Grant) -> bool:
    if grant.settled:
        return True
    program = grant.program
    tier = next(tier for tier in program.tiers() if tier.id == grant.tier)
    return _would_hold(program, member, tier, grant.on, grant)


def _catch_up(
    program: Program, member: State, tier: Tier, day: dt.date, gone: list[Grant]
) -> None:
    """Checks up to a date that a longer validity, now gone, had put off."""
    while (last := _last_grant(member, tier.id)) is not None:
        if last.through is None or last.through >= day:
            return
        on = last.through + ONE_DAY
        if not any(grant.on < on <= (grant.through or NEVER) for grant in gone):
            # It was checked on that date.
            return
        seen = replace(last, records=sum(record.date < on for record in member.records))
        if not _would_hold(program, member, tier, on, seen):
            return
        made = grant_of(program, member, tier, on)
        member.grants.append(replace(made, records=seen.records))


def _review_held(program: Program, member: State, tier: Tier, day: dt.date) -> None:
    ladder = program.ladder
    assert ladder is not None
    held = member.held.pop(tier.id, None)
    if held is None:
        return
    values, balances = member.held_by[tier.id]
    for back in range(ladder.grace_days + 1):
        on = day - dt.timedelta(back)
        if on > held:
            continue
        count = sum(record.date <= on for record in member.records)
        seen = Grant(program, tier.id, on, None, count, values, balances)
        settled = member.held_settled.get(tier.id) == on
        if settled or _would_hold(program, member, tier, on, seen):
            member.held[tier.id] = on
            return


# -- progress ------------------------------------------------------------------------------------


def progress(program: Program, member: State, day: dt.date) -> Progress | None:
    """What is missing to the tier above the member's, and by when."""
    now = tier_on(program, member, day)
    above = rungs(program)[now] + 1 if now is not None else 0
    if above >= len(program.tiers()):
        return None
    tier = program.tiers()[above]
    found = figures(program, member, day)
    missing = {
        name: max(0, figure - (found[name] or 0))
        for name, figure in asked(tier.at_least).items()
    }
    counted = any(name[0] not in ("value", "balance") for name in missing)
    return Progress(tier.id, missing, window_end(program, member, day) if counted else None)
