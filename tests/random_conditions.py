"""Random figures, limits and conditions: what rules are made of."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from vafa.engine.program.conditions import PERIODS

from . import vocabulary
from .choices import Choices

Table = dict[str, Any]


def caps(choices: Choices, scale: int, more: Sequence[str] = ()) -> Table:
    """Most points by basket, day, periods and ever: one to three of them."""
    names = choices.some(("basket", "day", *PERIODS, "lifetime", *more), 1, 3)
    return {name: figure(choices, vocabulary.CAPS, scale) for name in names}


def figure(choices: Choices, figures: Sequence[str], scale: int) -> Decimal:
    """One of some figures of points, with a part of a point where the scale has parts."""
    units = choices.pick((0, 0, 1, 5)) if scale else 0
    return choices.decimal(figures) + Decimal(units).scaleb(-scale)


def span(choices: Choices, bounds: Sequence[int]) -> Table:
    """At least, at most, or both."""
    first, last = sorted((choices.pick(bounds), choices.pick(bounds)))
    shape = choices.pick(("at_least", "at_most", "both"))
    if shape == "both":
        return {"at_least": first, "at_most": last}
    return {shape: last if shape == "at_least" else first}


# -- conditions ------------------------------------------------------------------------------

OF_MEMBERS = (
    "segment", "segment", "member_type", "subscription", "age", "member_days", "tier",
    "tier_at_least", "days_since_purchase", "counter",
)  # fmt: skip
_OF_SALES = (
    "store", "region", "format", "channel", "terminal", "tender", "coupon", "weekday", "date",
    "time", "holiday", "without", "min_amount", "min_quantity", "anniversary", "anniversary",
    "first_purchase", "first_purchase", "nth_purchase", "every_nth", "streak", "sequence",
    "sequence",
)  # fmt: skip
_OF_ACTIVITIES = (
    "store", "region", "channel", "terminal", "weekday", "date", "time", "holiday",
    "anniversary",
)  # fmt: skip


def conditions(table: Table, choices: Choices) -> Table:
    """Conditions of a rule on sales."""
    when: Table = {}
    if choices.chance(45):
        when |= line_conditions(choices.split(6), 1)
    when |= entries(table, choices.split(10), _OF_SALES + OF_MEMBERS, 2)
    if choices.chance(40):
        negated = line_conditions(choices.split(4), 1) if choices.chance(30) else {}
        when["not"] = negated | entries(table, choices, _OF_SALES + OF_MEMBERS, 2)
    return when


def activity_conditions(table: Table, choices: Choices) -> Table:
    """Conditions of a rule on activities: none of lines, tenders or purchases."""
    when: Table = {"activity": choices.some(vocabulary.ACTIVITIES, 1, 2)}
    when |= entries(table, choices, _OF_ACTIVITIES + OF_MEMBERS, 1)
    if choices.chance(20):
        when["not"] = entries(table, choices, _OF_ACTIVITIES + OF_MEMBERS, 1)
    return when


def line_conditions(choices: Choices, least: int) -> Table:
    """One or two fields of a line condition."""
    found: Table = {}
    for name in choices.some((*vocabulary.OF_LINES, "on_promotion"), least, 2):
        if name == "on_promotion":
            found[name] = choices.pick((True, False))
        else:
            values = vocabulary.OF_LINES[name]
            found[name] = choices.some(values, 1, max(2, len(values) // 2))
    return found


def entries(table: Table, choices: Choices, names: Sequence[str], most: int) -> Table:
    """At most so many of the named conditions, those that the table has words for."""
    found: Table = {}
    for name in choices.some(names, 0, most):
        value = _entry(table, choices, name)
        if value is not None:
            found[name] = value
    return found


def _entry(table: Table, choices: Choices, name: str) -> Any:
    """One condition's value; None where the table has no word for it."""
    if name in vocabulary.OF_BASKETS:
        values = vocabulary.OF_BASKETS[name]
        return choices.some(values, 1, max(2, len(values) // 2))
    return _MAKERS[name](table, choices)


def _tiers(table: Table) -> list[str]:
    return [tier["id"] for tier in table.get("ladder", {}).get("tier", [])]


def _segment(table: Table, choices: Choices) -> list[str]:
    own = [segment["id"] for segment in table.get("segment", [])]
    return choices.some((*own, *own, *vocabulary.SEGMENTS), 1, 2)


def _counter(table: Table, choices: Choices) -> Table | None:
    if not table.get("counter"):
        return None
    reached = choices.decimal(("1", "2", "1000", "3.5"))
    return {"id": choices.pick(table["counter"])["id"], "at_least": reached}


def _sequence(table: Table, choices: Choices) -> Table | None:
    if not table.get("sequence"):
        return None
    sequence = choices.pick(table["sequence"])
    steps = tuple(range(1, sequence["steps"] + 1))
    return {"id": sequence["id"], "step": choices.some(steps, 1, 2)}


def _time(table: Table, choices: Choices) -> Table:
    hours = tuple(dt.time(h, m) for h in (9, 12, 20, 23, 0, 4) for m in (0, 30))
    return {"from": choices.pick(hours), "to": choices.pick(hours)}


def _near(table: Table, choices: Choices) -> Table:
    return {
        "of": choices.pick(("birthday", "birthday", "joining", vocabulary.ANNIVERSARY)),
        "before": choices.pick((3, 0, 1, 30, 180)),
        "after": choices.pick((0, 3, 30, 180)),
    }


def _dates(table: Table, choices: Choices) -> Table:
    first = choices.pick(vocabulary.ANCHORS).date() - dt.timedelta(days=choices.number(0, 40))
    last = first + dt.timedelta(days=choices.pick((30, 0, 1, 365, 1_000)))
    shape = choices.pick(("from", "to", "both"))
    if shape == "from":
        return {"from": first}
    return {"to": last} if shape == "to" else {"from": first, "to": last}


_MAKERS: dict[str, Callable[[Table, Choices], Any]] = {
    "tier": lambda t, c: c.some(_tiers(t), 1, 2) if _tiers(t) else None,
    "tier_at_least": lambda t, c: c.pick(_tiers(t)) if _tiers(t) else None,
    "segment": _segment,
    "member_type": lambda t, c: [c.pick(("person", "organisation"))],
    "subscription": lambda t, c: c.some(vocabulary.PLANS, 1, 2),
    "age": lambda t, c: span(c, (0, 18, 20, 29, 30, 31, 65)),
    "member_days": lambda t, c: span(c, (0, 1, 7, 30, 365)),
    "date": _dates,
    "time": _time,
    "holiday": lambda t, c: [vocabulary.HOLIDAYS] if "holidays" in t else None,
    "without": lambda t, c: line_conditions(c, 1),
    "min_amount": lambda t, c: c.pick((100, 0, 1, 1_000, 5_000)),
    "min_quantity": lambda t, c: c.decimal(("1", "0", "1.5", "0.347", "3")),
    "anniversary": _near,
    "counter": _counter,
    "sequence": _sequence,
    "first_purchase": lambda t, c: c.some(("ever", *PERIODS, "store", "category"), 1, 2),
    "nth_purchase": lambda t, c: c.some((1, 2, 3, 4), 1, 2),
    "every_nth": lambda t, c: c.pick((2, 1, 3)),
    "days_since_purchase": lambda t, c: c.pick((1, 2, 7, 30)),
    "streak": lambda t, c: {
        "count": c.number(1, 3), "period": c.pick(("week", "week", "month")),
    },
}  # fmt: skip
