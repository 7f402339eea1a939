"""Checks of a whole program that types alone cannot make (rulebook section 10).

`check` returns (path, message) pairs; an empty list means that the program is sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .calendars import FIRST_DAY, LAST_DAY, expiry_table
from .program import (
    LINE_FIELDS,
    After,
    Bonus,
    Caps,
    Conditions,
    Currency,
    Earn,
    Ladder,
    Multiply,
    Never,
    NotConditions,
    Program,
    Rule,
)

MAX_POINTS = 10**12
MAX_FACTOR = 1_000
MAX_DECIMALS = 6

Found = Iterator[tuple[str, str]]


def check(program: Program) -> list[tuple[str, str]]:
    """Everything wrong with the program, as (path, message)."""
    found: list[tuple[str, str]] = []
    found += _zone(program)
    found += _unique("currency", [c.id for c in program.currency])
    for place, currency in enumerate(program.currency):
        found += _currency(program, f"currency[{place}]", currency)
    found += _unique("rule", [rule.id for rule in program.rule])
    for place, rule in enumerate(program.rule):
        found += _rule(program, f"rule[{place}]", rule)
    for place, conditions in enumerate(program.exclude):
        path = f"exclude[{place}]"
        if not any(getattr(conditions, name) for name in LINE_FIELDS):
            found.append((path, "names no product: give at least one of " + ", ".join(LINE_FIELDS)))
    if program.ladder:
        found += _ladder(program.ladder)
    return found


def _zone(program: Program) -> Found:
    try:
        ZoneInfo(program.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield "zone", f"unknown IANA time zone {program.zone!r}"


def _unique(table: str, ids: list[str]) -> Found:
    for place, name in enumerate(ids):
        if name in ids[:place]:
            yield f"{table}[{place}].id", f"the id {name!r} is used twice"


def _currency(program: Program, path: str, currency: Currency) -> Found:
    expiry = currency.expiry
    if isinstance(expiry, After) and (expiry.days is None) == (expiry.months is None):
        yield f"{path}.expiry", "give either days or months"
        return
    yield from _caps(f"{path}.caps", currency.caps, currency.scale)
    if isinstance(expiry, Never):
        return
    through = expiry_table(program, currency)
    earned = range(FIRST_DAY, LAST_DAY + 1 - 3_650)
    if any(through[day - FIRST_DAY] < day + currency.pending_days for day in earned):
        yield f"{path}.expiry", "points would expire before they are active (see pending_days)"


def _caps(path: str, caps: Caps, scale: int) -> Found:
    for name in Caps.__struct_fields__:
        value = getattr(caps, name)
        if value is not None:
            yield from _points(f"{path}.{name}", value, scale)


def _points(path: str, value: Decimal, scale: int) -> Found:
    if not value.is_finite() or value <= 0:
        yield path, "must be above zero"
    elif value > MAX_POINTS:
        yield path, f"must be at most {MAX_POINTS}"
    elif value != round(value, scale):
        yield path, f"has more decimals than the currency's scale of {scale}"


def _rule(program: Program, path: str, rule: Rule) -> Found:
    names = [currency.id for currency in program.currency]
    if rule.currency is not None and rule.currency not in names:
        yield f"{path}.currency", f"unknown currency {rule.currency!r}; known: {', '.join(names)}"
        return
    scale = program.currency[program.currency_of(rule)].scale
    yield from _caps(f"{path}.limits", rule.limits, scale)
    yield from _conditions(program, f"{path}.when", rule.when)
    match rule:
        case Earn():
            yield from _by_tier(program, f"{path}.points", rule.points, _rate)
        case Multiply():
            yield from _by_tier(program, f"{path}.factor", rule.factor, _factor)
            if not any(_multiplies(program, rule, other) for other in program.rule):
                yield path, "there is no earn rule in its currency for it to multiply"
        case Bonus():
            if rule.round is not None:
                yield f"{path}.round", "a bonus is a whole figure; nothing is rounded"
            yield from _by_tier(
                program, f"{path}.points", rule.points, lambda p, v: _points(p, v, scale)
            )


def _multiplies(program: Program, rule: Multiply, other: Rule) -> bool:
    return isinstance(other, Earn) and program.currency_of(other) == program.currency_of(rule)


def _by_tier(program: Program, path: str, value: Decimal | dict[str, Decimal], each) -> Found:  # type: ignore[no-untyped-def]
    if isinstance(value, Decimal):
        yield from each(path, value)
        return
    if not value:
        yield path, "names no tier"
    for tier, figure in value.items():
        yield from _known_tier(program, f"{path}.{tier}", tier)
        yield from each(f"{path}.{tier}", figure)


def _rate(path: str, value: Decimal) -> Found:
    if not value.is_finite() or value <= 0:
        yield path, "must be above zero"
    elif value > 10**9 or value != round(value, MAX_DECIMALS):
        yield path, f"must be at most 10^9 with at most {MAX_DECIMALS} decimals"


def _factor(path: str, value: Decimal) -> Found:
    if not value.is_finite() or value < 1:
        yield path, "a factor is at least 1"
    elif value > MAX_FACTOR or value != round(value, MAX_DECIMALS):
        yield path, f"must be at most {MAX_FACTOR} with at most {MAX_DECIMALS} decimals"


def _known_tier(program: Program, path: str, tier: str) -> Found:
    names = [t.id for t in program.tiers()]
    if tier not in names:
        yield path, f"unknown tier {tier!r}; known: {', '.join(names) or 'none (no ladder)'}"


def _conditions(program: Program, path: str, when: Conditions) -> Found:
    yield from _common(program, path, when)
    yield from _common(program, f"{path}.not", when.negated)
    if when.tier_at_least is not None:
        yield from _known_tier(program, f"{path}.tier_at_least", when.tier_at_least)
    quantity = when.min_quantity
    if quantity is not None and not (
        quantity.is_finite() and 0 <= quantity <= 10**9 and quantity == round(quantity, 3)
    ):
        yield f"{path}.min_quantity", "must be 0 to 10^9 units with at most 3 decimals"


def _common(program: Program, path: str, when: NotConditions) -> Found:
    for name in (*LINE_FIELDS, "store", "terminal", "tender", "weekday", "tier"):
        values = getattr(when, name)
        if values is not None and not values:
            yield f"{path}.{name}", "the list is empty; leave the field out instead"
        for place, value in enumerate(values or []):
            if name == "tier":
                yield from _known_tier(program, f"{path}.tier[{place}]", value)
    if when.date is not None:
        first, last = when.date.first, when.date.last
        if first is None and last is None:
            yield f"{path}.date", "give from, to or both"
        if first is not None and last is not None and last < first:
            yield f"{path}.date", "ends before it begins"
    if when.time is not None:
        for name, time in (("from", when.time.start), ("to", when.time.end)):
            if time.second or time.microsecond or time.tzinfo:
                yield f"{path}.time.{name}", "give hours and minutes only"


def _ladder(ladder: Ladder) -> Found:
    yield from _unique("ladder.tier", [tier.id for tier in ladder.tier])
    for place, tier in enumerate(ladder.tier):
        path = f"ladder.tier[{place}].at_least"
        if place == 0:
            continue
        below = ladder.tier[place - 1].at_least
        if tier.at_least.spend is None and tier.at_least.visits is None:
            yield path, "only the lowest tier may ask nothing"
        for name in ("spend", "visits"):
            mine, lower = getattr(tier.at_least, name), getattr(below, name)
            if mine is not None and lower is not None and mine <= lower:
                yield f"{path}.{name}", f"must be above the {lower} of the tier below"
