"""Checks of conditions, and of what they look at: holidays, counters, sequences, segments.

(path, message) pairs, as `whole.check` gives them (rulebook sections 3 and 10).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ..program.conditions import LINE_LISTS, Conditions, Dates, Hours, NotConditions
from ..program.figures import CounterRule, Holidays, SegmentRule
from ..program.figures import Sequence as SequenceRule
from ..program.program import Program
from .dates import within
from .figures import (
    MAX_AMOUNT,
    MAX_UNITS,
    Found,
    filled,
    known,
    known_tier,
    some_product,
    span,
    units,
    whole,
)

LISTS = (
    *LINE_LISTS, "store", "region", "format", "channel", "terminal", "tender", "coupon",
    "weekday", "holiday", "tier", "member_type", "segment", "subscription", "first_purchase",
    "nth_purchase",
)  # fmt: skip
"""Conditions that are lists of which any value serves."""


def conditions(program: Program, path: str, when: Conditions) -> Found:
    """The `when` of a rule."""
    yield from filled(path, when, ("activity",))
    yield from _entries(program, path, when)
    yield from _entries(program, f"{path}.not", when.negated)
    yield from _never(program, path, when)


def _entries(program: Program, path: str, when: NotConditions) -> Found:
    yield from filled(path, when, LISTS)
    yield from _of_basket(program, path, when)
    yield from _of_member(program, path, when)


def _of_basket(program: Program, path: str, when: NotConditions) -> Found:
    for place, name in enumerate(when.holiday or []):
        at = f"{path}.holiday[{place}]"
        yield from known(at, "holiday calendar", name, [h.id for h in program.holidays])
    if when.date is not None:
        yield from _dates(f"{path}.date", when.date)
    if when.time is not None:
        yield from _hours(f"{path}.time", when.time)
    if when.without is not None:
        yield from some_product(f"{path}.without", when.without)
    if when.min_quantity is not None:
        yield from units(f"{path}.min_quantity", when.min_quantity)


def _of_member(program: Program, path: str, when: NotConditions) -> Found:
    for place, tier in enumerate(when.tier or []):
        yield from known_tier(program, f"{path}.tier[{place}]", tier)
    if when.tier_at_least is not None:
        yield from known_tier(program, f"{path}.tier_at_least", when.tier_at_least)
    for name in ("age", "member_days"):
        value = getattr(when, name)
        if value is not None:
            yield from span(f"{path}.{name}", value)
    if when.counter is not None:
        yield from counter_figure(
            program, f"{path}.counter", when.counter.id, when.counter.at_least
        )
    if when.sequence is not None:
        yield from _steps(program, f"{path}.sequence", when.sequence.id, when.sequence.step)


def _dates(path: str, dates: Dates) -> Found:
    first, last = dates.first, dates.last
    if first is None and last is None:
        yield path, "give from, to or both"
    if first is not None and last is not None and last < first:
        yield path, "ends before it begins"
        return
    for name, date in (("from", first), ("to", last)):
        if date is not None:
            yield from within(f"{path}.{name}", date)


def _hours(path: str, hours: Hours) -> Found:
    for name, time in (("from", hours.start), ("to", hours.end)):
        if time.second or time.microsecond or time.tzinfo:
            yield f"{path}.{name}", "give hours and minutes only"


def _steps(program: Program, path: str, name: str, steps: list[int]) -> Found:
    sequences = {sequence.id: sequence for sequence in program.sequence}
    if name not in sequences:
        yield from known(f"{path}.id", "sequence", name, list(sequences))
        return
    most = sequences[name].steps
    for place, step in enumerate(steps):
        if step > most:
            yield f"{path}.step[{place}]", f"the sequence has {most} steps"


def counter_figure(program: Program, path: str, name: str, value: Decimal) -> Found:
    """A figure that a counter may reach, in the counter's own unit."""
    counters = {counter.id: counter for counter in program.counter}
    if name not in counters:
        yield from known(f"{path}.id", "counter", name, list(counters))
        return
    match counters[name].count:
        case "spend":
            yield from whole(f"{path}.at_least", value, MAX_AMOUNT, "minor units")
        case "quantity":
            yield from units(f"{path}.at_least", value)
        case _:
            yield from whole(f"{path}.at_least", value, MAX_UNITS, "times")


def _never(program: Program, path: str, when: Conditions) -> Found:
    """Conditions that no member can meet together."""
    tiers = [tier.id for tier in program.tiers()]
    if when.tier and when.tier_at_least in tiers:
        least = tiers.index(when.tier_at_least)
        if all(tier in tiers[:least] for tier in when.tier):
            yield f"{path}.tier", f"every tier listed is below {when.tier_at_least!r}"
    if when.nth_purchase and when.every_nth and not any(
        nth % when.every_nth == 0 for nth in when.nth_purchase
    ):
        yield f"{path}.nth_purchase", f"no multiple of the {when.every_nth} of every_nth is listed"
    for name in LISTS:
        given, refused = getattr(when, name), getattr(when.negated, name)
        if given and refused and set(given) <= set(refused):
            yield f"{path}.{name}", f"every value listed is refused by not.{name}"


# -- what conditions look at -----------------------------------------------------------------


def holidays(program: Program) -> Found:
    """Holiday calendars: a known country, dates, none both added and taken away."""
    for place, entry in enumerate(program.holidays):
        path = f"holidays[{place}]"
        if entry.country is None:
            if not entry.add:
                yield path, "names no date: give a country, or dates to add"
            if entry.remove:
                yield f"{path}.remove", "there is no country whose dates it could take away"
        elif not known_country(entry.country):
            yield f"{path}.country", f"there are no holidays of a country {entry.country!r}"
        yield from _added(path, entry)


def _added(path: str, entry: Holidays) -> Found:
    for name in ("add", "remove"):
        for at, date in enumerate(getattr(entry, name)):
            yield from within(f"{path}.{name}[{at}]", date)
    both = sorted(set(entry.add) & set(entry.remove))
    if both:
        yield f"{path}.remove", f"{both[0]} is added as well"


def known_country(code: str) -> bool:
    """Whether the `holidays` package has the holidays of an ISO 3166 country."""
    # Only programs that name a country pay for the import.
    from holidays import list_supported_countries  # noqa: PLC0415

    return code in list_supported_countries(include_aliases=True)


def counters(rules: Sequence[CounterRule]) -> Found:
    """Counters: `activity` counts listed activities, the others lines."""
    for place, rule in enumerate(rules):
        path = f"counter[{place}]"
        yield from filled(path, rule, ("activity",))
        yield from filled(f"{path}.when", rule.when, LINE_LISTS)
        if rule.count != "activity":
            if rule.activity is not None:
                yield f"{path}.activity", f"a counter of {rule.count} looks at lines"
        elif rule.activity is None:
            yield f"{path}.activity", "is missing: a counter of activity lists them"
        if rule.count == "activity" and rule.when != type(rule.when)():
            yield f"{path}.when", "an activity has no lines"


def sequences(rules: Sequence[SequenceRule]) -> Found:
    """Sequences: a step must be possible before the sequence begins anew."""
    for place, rule in enumerate(rules):
        if rule.reset_days is not None and rule.reset_days < rule.gap_days:
            yield (
                f"sequence[{place}].reset_days",
                f"begins anew before the gap of {rule.gap_days} days has passed",
            )


def segments(rules: Sequence[SegmentRule]) -> Found:
    """Segments defined by figures."""
    names = ("spend", "visits", "days_since_purchase", "member_days")
    for place, rule in enumerate(rules):
        path = f"segment[{place}]"
        given = [name for name in names if getattr(rule, name) is not None]
        if not given:
            yield path, "asks nothing: give at least one of " + ", ".join(names)
        elif rule.window != "lifetime" and not {"spend", "visits"} & set(given):
            yield f"{path}.window", "is of spend and visits, and neither is given"
        for name in given:
            yield from span(f"{path}.{name}", getattr(rule, name))
