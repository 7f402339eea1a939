"""Tiers of the reference: grants, validity, ways down, progress (rulebook section 6)."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from fractions import Fraction

from .program import Ladder, Program, Tier, Validity
from .reference_calendar import (
    NEVER,
    ONE_DAY,
    add_months,
    member_year_end,
    period_end,
    week_begins,
)
from .reference_metrics import Metric, asked, ladder_calendar, metric, window, window_end
from .reference_state import Grant, Record, State


@dataclass(frozen=True)
class Progress:
    """What is missing to the next tier, by metric; `by` is the last date that helps."""

    tier: str
    missing: dict[Metric, Fraction]
    by: dt.date | None


# -- metrics -------------------------------------------------------------------------------------


def figures(
    program: Program, member: State, day: dt.date, only: Tier | None = None
) -> dict[Metric, Fraction | None]:
    """The metrics that the ladder (or one tier) asks, in the windows of a date."""
    if program.ladder is None:
        return {}
    counts = window(program, member, day)
    records = [record for record in member.records if counts(record.date)]
    names = {name: None for tier in program.tiers() for name in asked(tier.at_least)}
    if only is not None:
        names = dict.fromkeys(asked(only.at_least))
    return {name: metric(program, member, name, records) for name in names}


def _joined(tier: Tier, answers: dict[Metric, bool]) -> bool:
    if not answers:
        return True
    return all(answers.values()) if tier.join == "all" else any(answers.values())


def _holds(program: Program, member: State, tier: Tier, day: dt.date) -> bool:
    found = figures(program, member, day, tier)
    return _joined(tier, {
        name: (value := found[name]) is not None and value >= figure
        for name, figure in asked(tier.at_least).items()
    })  # fmt: skip


def _would_hold(
    program: Program, member: State, tier: Tier, day: dt.date, seen: Grant
) -> bool:
    """Whether metrics held on a past date without what came back since.

    `balance` is not looked at: it stands as it was when the grant was made.
    """
    counts = window(program, member, day)
    records: list[Record] = [r for r in member.records[: seen.records] if counts(r.date)]
    answers = {}
    for name, figure in asked(tier.at_least).items():
        kind, key = name
        if kind == "balance":
            units = seen.balances.get(key, 0)
            value: Fraction | None = Fraction(units, _scale(program, key))
        elif kind == "value":
            value = Fraction(seen.values[key]) if key in seen.values else None
        else:
            value = metric(program, member, name, records)
        answers[name] = value is not None and value >= figure
    return _joined(tier, answers)


def _scale(program: Program, currency: str) -> int:
    return int(10 ** program.currency[program.currency_at(currency)].scale)


def _always(tier: Tier) -> bool:
    """Thresholds that hold before any fact: the tier is everybody's."""
    answers = {
        name: name[0] != "value" and figure <= 0 for name, figure in asked(tier.at_least).items()
    }
    return _joined(tier, answers)


# -- standing ------------------------------------------------------------------------------------


def computed_tier(program: Program, member: State, day: dt.date) -> str | None:
    """The highest tier still good on a date, manual ones apart."""
    good = [tier.id for tier in program.tiers() if _is_good(program, member, tier, day)]
    return good[-1] if good else None


def tier_on(program: Program, member: State, day: dt.date) -> str | None:
    """The member's tier: the higher of the computed one and the manual one."""
    rungs = [tier.id for tier in program.tiers()]
    found = [computed_tier(program, member, day)]
    manual = member.about.manual_tier
    if manual is not None and day <= manual[1] and manual[0] in rungs:
        found.append(manual[0])
    return max((x for x in found if x is not None), key=rungs.index, default=None)


def _is_good(program: Program, member: State, tier: Tier, day: dt.date) -> bool:
    ladder = program.ladder
    assert ladder is not None
    if _always(tier):
        return True
    grace = dt.timedelta(ladder.grace_days)
    if ladder.validity == "while_met" and ladder.down != "never":
        if _holds(program, member, tier, day):
            return True
        held = member.held.get(tier.id)
        if ladder.grace_days and held is not None and day <= held + grace:
            return True
    return any(
        grant.through is None or day <= grant.through + grace
        for grant in member.grants
        if grant.tier == tier.id
    )


def _validity_end(program: Program, member: State, day: dt.date, k: int | None) -> dt.date:
    """Last date of a validity that begins on a day; k: of the k-th period after the day's."""
    ladder = program.ladder
    assert ladder is not None
    calendar = ladder_calendar(program, ladder)
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


def _grant(program: Program, member: State, tier: Tier, day: dt.date) -> Grant:
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


def _lasts(ladder: Ladder) -> bool:
    return ladder.validity != "while_met" or ladder.down == "never"


# -- the clock -----------------------------------------------------------------------------------


def next_event(program: Program, member: State) -> dt.date | None:
    """The first date after today on which a tier may come or go."""
    if program.ladder is None:
        return None
    today, grace = member.wallet.today, dt.timedelta(program.ladder.grace_days)
    days = []
    for grant in member.grants:
        if grant.through is not None:
            days += [grant.through + ONE_DAY, grant.through + grace + ONE_DAY]
    if not _lasts(program.ladder):
        days += [held + grace + ONE_DAY for held in member.held.values()]
        end = window_end(program, member, today)
        if end is not None and end < NEVER:
            days.append(end + ONE_DAY)
    return min((day for day in days if day > today), default=None)


def begin(program: Program, member: State, day: dt.date) -> None:
    """The start of a date: tiers whose validity is over are checked again."""
    ladder = program.ladder
    if ladder is None:
        return
    for tier in ladder.tier:
        if _lasts(ladder):
            last = _last_grant(member, tier.id)
            if last is None or last.through is None or last.through + ONE_DAY != day:
                continue
            if _holds(program, member, tier, day):
                member.grants.append(_grant(program, member, tier, day))
    _step_down(program, member, day)
    note_held(program, member, day)
    member.top = computed_tier(program, member, day)


def hold_until(program: Program, member: State, day: dt.date) -> None:
    """Nothing happens up to a date: what holds today holds through it."""
    if program.ladder is not None and not _lasts(program.ladder):
        for tier in program.ladder.tier:
            if member.held.get(tier.id) == member.wallet.today and _holds(
                program, member, tier, member.wallet.today
            ):
                member.held[tier.id] = day


def note_held(program: Program, member: State, day: dt.date) -> None:
    """Under `while_met`, remember the last date on which a tier's metrics held."""
    if program.ladder is not None and not _lasts(program.ladder):
        for tier in program.ladder.tier:
            if not _always(tier) and _holds(program, member, tier, day):
                member.held[tier.id] = day


def _step_down(program: Program, member: State, day: dt.date) -> None:
    ladder = program.ladder
    assert ladder is not None
    rungs = [tier.id for tier in ladder.tier]
    if ladder.down != "one_step" or member.top not in rungs:
        return
    above = rungs.index(member.top)
    now = computed_tier(program, member, day)
    if above == 0 or (now is not None and rungs.index(now) >= above - 1):
        return
    last = _last_grant(member, member.top)
    since = member.held.get(member.top, day - ONE_DAY)
    if last is None:
        last = Grant(program, member.top, since, since, len(member.records), {}, {})
    over = last.through or since
    through = _validity_end(program, member, over + ONE_DAY, 0)
    member.grants.append(replace(
        last, tier=rungs[above - 1], on=day, through=through, stepped_from=last
    ))  # fmt: skip


# -- after a fact --------------------------------------------------------------------------------


def raised(
    before: dict[Metric, Fraction | None], after: dict[Metric, Fraction | None]
) -> set[Metric]:
    """Metrics that a fact has raised."""
    found = set()
    for name, value in after.items():
        old = before[name]
        if value is not None and (old is None or value > old):
            found.add(name)
    return found


def check(program: Program, member: State, day: dt.date, names: set[Metric]) -> Tier | None:
    """Tiers one of whose metrics a fact has raised are checked; the tier that it reaches."""
    if program.ladder is None:
        return None
    rungs = [tier.id for tier in program.tiers()]
    before = rungs.index(member.top) if member.top in rungs else -1
    for tier in program.tiers():
        if not (names & set(asked(tier.at_least))) or _always(tier):
            continue
        if _lasts(program.ladder) and _holds(program, member, tier, day):
            member.grants.append(_grant(program, member, tier, day))
    note_held(program, member, day)
    member.top = computed_tier(program, member, day)
    after = rungs.index(member.top) if member.top in rungs else -1
    if after <= before:
        return None
    member.upgrades += 1
    return program.tiers()[after]


def review(program: Program, member: State, day: dt.date) -> list[str]:
    """Tiers that fall because of what has come back (section 9, `strict`)."""
    if program.ladder is None:
        return []
    fallen = []
    for tier in program.tiers():
        if _always(tier):
            continue
        was_good = _was_good(program, member, tier, day)
        gone = [g for g in member.grants if g.tier == tier.id and not _stands(member, g)]
        member.grants = [g for g in member.grants if all(g is not x for x in gone)]
        if _lasts(program.ladder):
            put_off = max((g.through or NEVER for g in gone), default=dt.date.min)
            _catch_up(program, member, tier, min(day, put_off))
        else:
            _review_held(program, member, tier, day)
        if was_good and not _is_good(program, member, tier, day):
            fallen.append(tier.id)
    member.top = computed_tier(program, member, day)
    return fallen


def _was_good(program: Program, member: State, tier: Tier, day: dt.date) -> bool:
    """Before the return: under `while_met` the date itself counts as held."""
    return _is_good(program, member, tier, day) or member.held.get(tier.id) == day


def _stands(member: State, grant: Grant) -> bool:
    """Whether a grant would have been made, by the version that made it."""
    while grant.stepped_from is not None:
        grant = grant.stepped_from
    program = grant.program
    assert program.ladder is not None
    if not _lasts(program.ladder):
        return True
    tier = next(tier for tier in program.tiers() if tier.id == grant.tier)
    return _would_hold(program, member, tier, grant.on, grant)


def _catch_up(program: Program, member: State, tier: Tier, day: dt.date) -> None:
    """Checks before a date that a longer validity, now gone, had put off."""
    while (last := _last_grant(member, tier.id)) is not None:
        if last.through is None or last.through >= day:
            return
        on = last.through + ONE_DAY
        seen = replace(last, records=sum(record.date < on for record in member.records))
        if not _would_hold(program, member, tier, on, seen):
            return
        made = _grant(program, member, tier, on)
        member.grants.append(replace(made, records=seen.records))


def _review_held(program: Program, member: State, tier: Tier, day: dt.date) -> None:
    ladder = program.ladder
    assert ladder is not None
    held = member.held.pop(tier.id, None)
    if held is None:
        return
    balances = {c.id: member.wallet.active(c.id) for c in program.currency}
    for back in range(ladder.grace_days + 1):
        on = day - dt.timedelta(back)
        if on > held:
            continue
        count = sum(record.date <= on for record in member.records)
        seen = Grant(program, tier.id, on, None, count, dict(member.about.values), balances)
        if _would_hold(program, member, tier, on, seen):
            member.held[tier.id] = on
            return


# -- progress ------------------------------------------------------------------------------------


def progress(program: Program, member: State, day: dt.date) -> Progress | None:
    """What is missing to the tier above the member's, and by when."""
    rungs = [tier.id for tier in program.tiers()]
    now = tier_on(program, member, day)
    above = rungs.index(now) + 1 if now is not None else 0
    if above >= len(rungs):
        return None
    tier = program.tiers()[above]
    found = figures(program, member, day)
    missing = {
        name: max(Fraction(0), figure - (found[name] or 0))
        for name, figure in asked(tier.at_least).items()
    }
    return Progress(tier.id, missing, window_end(program, member, day))
