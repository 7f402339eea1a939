"""Conditions of the program format, and the words that all of its parts are made of.

All given conditions of a rule must hold; inside one, any listed value serves (rulebook
section 3).
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_.-]{0,63}(?!\n)$")]
Text = Annotated[str, Meta(min_length=1, max_length=200)]
Minor = Annotated[int, Meta(ge=0, le=10**12, description="an amount in minor units")]
Worth = Annotated[int, Meta(ge=1, le=10**12, description="an amount in minor units")]
HoldHours = Annotated[int, Meta(ge=1, le=8_760, description="hours")]
Count = Annotated[int, Meta(ge=1, le=10**9)]
Natural = Annotated[int, Meta(ge=0, le=10**9)]
Days = Annotated[int, Meta(ge=0, le=36_500)]
Months = Annotated[int, Meta(ge=0, le=1_200)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Period = Literal["week", "month", "quarter", "half", "year"]
Rounding = Literal["floor", "ceil", "half_up", "half_even"]
RuleRounding = Literal["floor", "ceil", "half_up", "half_even", "carry", "line"]
Calendar = Literal["gregorian", "jalali"]
MemberType = Literal["person", "organisation", "household"]
First = Literal["ever", "week", "month", "quarter", "half", "year", "store", "category"]
ByTier = dict[str, Decimal]

WEEKDAYS: tuple[str, ...] = Weekday.__args__  # type: ignore[attr-defined]
PERIODS: tuple[str, ...] = Period.__args__  # type: ignore[attr-defined]
LINE_LISTS = ("sku", "brand", "department", "category", "supplier", "price_class", "label")
LINE_FIELDS = (*LINE_LISTS, "on_promotion")
"""Fields of a line condition: lists, of which any value serves, and a truth."""


class Part(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass



class LineConditions(Part, frozen=True, kw_only=True):
    """Conditions on a line: every given field must hold, any listed value serves."""

    sku: list[Text] | None = None
    brand: list[Text] | None = None
    department: list[Text] | None = None
    category: list[Text] | None = None
    supplier: list[Text] | None = None
    price_class: list[Text] | None = None
    label: list[Text] | None = None
    on_promotion: bool | None = None


class Dates(Part, frozen=True, kw_only=True, rename={"first": "from", "last": "to"}):
    """Business dates, both included."""

    first: dt.date | None = None
    last: dt.date | None = None


class Hours(Part, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """Wall-clock time, from included and to not; over midnight when to is not after from."""

    start: dt.time
    end: dt.time


class Range(Part, frozen=True, kw_only=True):
    """At least and at most, both included."""

    at_least: Natural | None = None
    at_most: Natural | None = None


class Near(Part, frozen=True, kw_only=True):
    """Within some days before or after an anniversary: birthday, joining, or a named one."""

    of: Text = "birthday"
    before: Annotated[int, Meta(ge=0, le=180)] = 0
    after: Annotated[int, Meta(ge=0, le=180)] = 0


class Streak(Part, frozen=True, kw_only=True):
    """Purchases in at least `count` consecutive weeks or months, this one included."""

    count: Annotated[int, Meta(ge=1, le=1_000)]
    period: Literal["week", "month"]


class Reached(Part, frozen=True, kw_only=True):
    """A counter that stood at this figure or above before the fact."""

    id: Name
    at_least: Decimal


class Step(Part, frozen=True, kw_only=True):
    """The purchase is one of these steps of a sequence (from 1)."""

    id: Name
    step: Annotated[list[Count], Meta(min_length=1)]


class Draw(Part, frozen=True, kw_only=True):
    """The fact wins a draw, on average once in `one_in`; its id and the seed decide."""

    one_in: Annotated[int, Meta(ge=2, le=10**9)]
    seed: Text


class NotConditions(LineConditions, frozen=True, kw_only=True):
    """Conditions negated each on its own."""

    store: list[Text] | None = None
    region: list[Text] | None = None
    format: list[Text] | None = None
    channel: list[Text] | None = None
    terminal: list[Text] | None = None
    tender: list[Text] | None = None
    coupon: list[Text] | None = None
    weekday: list[Weekday] | None = None
    date: Dates | None = None
    time: Hours | None = None
    holiday: list[Name] | None = None
    without: LineConditions | None = None
    min_amount: Minor | None = None
    min_quantity: Decimal | None = None
    min_basket: Minor | None = None
    tier: list[Name] | None = None
    tier_at_least: Name | None = None
    member_type: list[MemberType] | None = None
    segment: list[Text] | None = None
    subscription: list[Text] | None = None
    age: Range | None = None
    member_days: Range | None = None
    anniversary: Near | None = None
    first_purchase: list[First] | None = None
    nth_purchase: list[Count] | None = None
    every_nth: Annotated[int, Meta(ge=1, le=10**6)] | None = None
    days_since_purchase: Count | None = None
    streak: Streak | None = None
    counter: Reached | None = None
    sequence: Step | None = None
    draw: Draw | None = None


class Conditions(NotConditions, frozen=True, kw_only=True, rename={"negated": "not"}):
    """When a rule applies: all given conditions must hold (rulebook section 3).

    A rule with `activity` acts on activities only, any other on sales only.
    """

    activity: list[Text] | None = None
    negated: NotConditions = NotConditions()
