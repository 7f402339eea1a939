"""Conditions as sets, and whether two of them can hold together (rulebook section 3).

Days, minutes of the day and tiers are sets, which are compared value by value; the other
conditions are compared by what they say.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..calendars.calendars import DAYS, FIRST_DAY, day_of
from ..compiling.conditions import in_hours, under
from ..program.conditions import (
    WEEKDAYS,
    Conditions,
    Draw,
    LineConditions,
    NotConditions,
    Range,
)
from ..program.program import Program

Bools = NDArray[np.bool_]
Dates = Mapping[str, Sequence[dt.date]]

ONE_VALUE = (
    "sku", "brand", "department", "supplier", "price_class", "store", "region", "format",
    "channel", "terminal",
)  # fmt: skip
"""Lists of which a line or basket has one value."""

MANY_VALUES = ("label", "tender", "coupon", "segment", "subscription", "first_purchase")
"""Lists of which it may have several at once."""


EVERY_DAY = np.ones(DAYS, np.bool_)
EVERY_MINUTE = frozenset(range(1_440))


def _of_days(part: NotConditions) -> bool:
    return any(getattr(part, name) is not None for name in ("date", "weekday", "holiday"))


@cache
def _weekdays() -> NDArray[np.int64]:
    # 1970-01-01 was a Thursday: day 0 is weekday 3.
    return (np.arange(FIRST_DAY, FIRST_DAY + DAYS) + 3) % 7


class Sets:
    """Conditions of one program as sets of days, minutes and tiers."""

    def __init__(self, program: Program, holidays: Dates) -> None:
        """`holidays` are dates by holiday calendar, as a publication would have them."""
        self.tiers = [tier.id for tier in program.tiers()]
        self._holidays = {name: self._dates(dates) for name, dates in holidays.items()}

    @staticmethod
    def _dates(dates: Sequence[dt.date]) -> Bools:
        out = np.zeros(DAYS, np.bool_)
        out[[day_of(date) - FIRST_DAY for date in dates]] = True
        return out

    def days(self, when: Conditions) -> Bools:
        """Which days from FIRST_DAY on serve dates, weekdays and holidays."""
        if not any(_of_days(part) for part in (when, when.negated)):
            return EVERY_DAY
        out = EVERY_DAY.copy()
        for part, wanted in ((when, True), (when.negated, False)):
            if part.weekday is not None:
                out &= np.isin(_weekdays(), list(map(WEEKDAYS.index, part.weekday))) == wanted
            if part.holiday is not None:
                inside = np.zeros(DAYS, np.bool_)
                for name in part.holiday:
                    inside |= self._holidays[name]
                out &= inside == wanted
            if part.date is not None:
                inside = np.ones(DAYS, np.bool_)
                if part.date.first is not None:
                    inside[: day_of(part.date.first) - FIRST_DAY] = False
                if part.date.last is not None:
                    inside[day_of(part.date.last) - FIRST_DAY + 1 :] = False
                out &= inside == wanted
        return out

    @staticmethod
    def minutes(when: Conditions) -> frozenset[int]:
        """Minutes of the day that serve the time of day."""
        if when.time is None and when.negated.time is None:
            return EVERY_MINUTE
        return frozenset(minute for minute in EVERY_MINUTE if in_hours(when, minute))

    def tier_set(self, when: Conditions) -> frozenset[int]:
        """Tiers that serve, by their place on the ladder; -1 is none."""
        return frozenset(
            place for place in range(-1, len(self.tiers))
            if self._serves(when, place) and not self._refuses(when.negated, place)
        )  # fmt: skip

    def _serves(self, when: NotConditions, place: int) -> bool:
        name = self.tiers[place] if place >= 0 else None
        return (when.tier is None or name in when.tier) and (
            when.tier_at_least is None or place >= self.tiers.index(when.tier_at_least)
        )

    def _refuses(self, negated: NotConditions, place: int) -> bool:
        name = self.tiers[place] if place >= 0 else None
        return (negated.tier is not None and name in negated.tier) or (
            negated.tier_at_least is not None
            and place >= self.tiers.index(negated.tier_at_least)
        )

    # -- together --------------------------------------------------------------------------

    def apart(self, one: Conditions, two: Conditions) -> str | None:
        """The condition by which no line, basket or member meets both; None when some may."""
        return next(self._apart(one, two), None)

    def _apart(self, one: Conditions, two: Conditions) -> Iterator[str]:
        codes = set(one.activity or ()), set(two.activity or ())
        if any(codes) and not codes[0] & codes[1]:
            yield "activity"
        yield from (name for name in ONE_VALUE if not values(one, two, name))
        for name in MANY_VALUES:
            if _refused(one, two, name) or _refused(two, one, name):
                yield name
        if one.category and two.category and not nodes(one.category, two.category):
            yield "category"
        if all_under(one.category, two.negated.category) or all_under(
            two.category, one.negated.category
        ):
            yield "not.category"
        if not promotions(one) & promotions(two):
            yield "on_promotion"
        for name in ("age", "member_days"):
            if not _ranges_meet(getattr(one, name), getattr(two, name)):
                yield name
        if _draws_apart(one, two) or _draws_apart(two, one):
            yield "draw"
        if not self.tier_set(one) & self.tier_set(two):
            yield "tier"
        if not self.minutes(one) & self.minutes(two):
            yield "time"
        days = self.days(one), self.days(two)
        if not any(part is EVERY_DAY for part in days) and not (days[0] & days[1]).any():
            yield "date"


# -- lists -------------------------------------------------------------------------------------


def values(one: Conditions, two: Conditions, name: str) -> set[str] | bool:
    """Values of a list that serve two conditions; True when any other value does."""
    given = [set(part) for c in (one, two) if (part := getattr(c, name)) is not None]
    refused = {v for c in (one, two) for v in getattr(c.negated, name) or ()}
    return set.intersection(*given) - refused if given else True


def _refused(one: Conditions, two: Conditions, name: str) -> bool:
    given, refused = getattr(one, name), getattr(two.negated, name)
    return bool(given and refused and set(given) <= set(refused))


def _draws_apart(one: Conditions, two: Conditions) -> bool:
    """Whether what one wins the other must lose."""
    won, lost = one.draw, two.negated.draw
    return won is not None and draw_implied(won, lost)


def draw_implied(mine: Draw, its: Draw | None) -> bool:
    """Whether who wins one draw wins another: what is a multiple is one of every divisor."""
    return its is not None and mine.seed == its.seed and not mine.one_in % its.one_in


def nodes(one: Sequence[str], two: Sequence[str]) -> list[str]:
    """Category nodes below both of two lists: the deeper of each pair on one path."""
    found = []
    for a in one:
        for b in two:
            if under([b], a):
                found.append(a)
            elif under([a], b):
                found.append(b)
    return found


def all_under(given: Sequence[str] | None, roofs: Sequence[str] | None) -> bool:
    return bool(given and roofs) and all(under(list(roofs or ()), node) for node in given or ())


def promotions(when: LineConditions) -> set[bool | None]:
    """What is known of a promotion (None: nothing) that serves."""
    negated = getattr(when, "negated", NotConditions())
    return {
        told for told in (True, False, None)
        if (when.on_promotion is None or told == when.on_promotion)
        and (negated.on_promotion is None or told != negated.on_promotion)
    }  # fmt: skip


def _ranges_meet(one: Range | None, two: Range | None) -> bool:
    if one is None or two is None:
        return True
    low = max(one.at_least or 0, two.at_least or 0)
    high = min(r.at_most for r in (one, two, Range(at_most=10**10)) if r.at_most is not None)
    return low <= high
