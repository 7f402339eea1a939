"""Who buys where and when: members and tills made up so that rules apply (section 3).

A frame gathers what several rules ask together; a situation is one choice of it. Whether a
rule then really applies is for the kernel to say: a situation only gives it the chance.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..calendars.calendars import FIRST_DAY, date_of
from ..columns.dictionaries import Product
from ..program.conditions import Conditions, Draw, LineConditions, NotConditions
from ..program.figures import CounterRule
from ..program.program import Program
from ..program.rules import Rule
from .conditions import EVERY_DAY, EVERY_MINUTE, Sets
from .products import product_for, products_for
from .rules import by_tier

MOST_RULES = 256
MOST_SITUATIONS = 24
MOST_PAST = 60

Bools = NDArray[np.bool_]

_OF_TILL = ("store", "region", "format", "channel", "terminal")
_OF_BASKET = ("tender", "coupon", "segment", "subscription")


class Past(msgspec.Struct, frozen=True):
    """A purchase (or, with a code, an activity) of days ago."""

    days: int
    net: int = 1
    quantity: int = 1000
    product: Product | None = None
    activity: str = ""


class Situation(msgspec.Struct, frozen=True):
    """A member and a till at an instant; `rules` are those that it was made for."""

    at: dt.datetime
    store: str = "any"
    region: str | None = None
    format: str | None = None
    channel: str = ""
    terminal: str = ""
    tender: str = "any"
    coupons: tuple[str, ...] = ()
    tier: str | None = None
    segments: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    birth: dt.date | None = None
    anniversaries: tuple[tuple[str, dt.date], ...] = ()
    member_days: int = 400
    past: tuple[Past, ...] = ()
    products: tuple[Product, ...] = ()
    rules: tuple[str, ...] = ()
    draws: tuple[Draw, ...] = ()

    def words(self) -> str:
        """In words, without what is nothing particular."""
        said = [f"{self.at:%A %Y-%m-%d %H:%M}".lower()]
        said += [f"{name} {value}" for name in ("store", "region", "format", "channel", "terminal",
                                                "tender", "tier")
                 if (value := getattr(self, name)) not in (None, "", "any")]  # fmt: skip
        said += [f"{name} {'/'.join(values)}" for name, values in
                 (("coupon", self.coupons), ("segment", self.segments), ("plan", self.plans))
                 if values]  # fmt: skip
        if self.birth is not None:
            said.append(f"born {self.birth}")
        said += [f"{name} {date}" for name, date in self.anniversaries]
        said += [f"wins one in {draw.one_in}" for draw in self.draws]
        if self.past:
            said.append(f"{len(self.past)} fact{'s' if len(self.past) > 1 else ''} before")
        return ", ".join(said)


@dataclass(frozen=True)
class Frame:
    """What some rules ask together of tills and members."""

    days: Bools
    minutes: frozenset[int]
    tiers: frozenset[int]
    rules: tuple[Rule, ...] = ()
    given: dict[str, set[str]] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=dict)

    def refuses(self, name: str) -> set[str]:
        """Values of a list that some rule refuses."""
        return self.refused.get(name, set())


class Situations:
    """Makes the situations of a program."""

    def __init__(self, program: Program, sets: Sets, today: int) -> None:
        self.program, self.sets, self.today = program, sets, today
        self.rules = [r for r in program.rules_in_order() if r.when.activity is None][:MOST_RULES]
        every = range(-1, len(sets.tiers))
        self._open = Frame(EVERY_DAY, EVERY_MINUTE, frozenset(every))
        self._parts = {
            rule.id: (sets.days(rule.when), sets.minutes(rule.when), self._tiers(rule))
            for rule in self.rules
        }

    def _tiers(self, rule: Rule) -> frozenset[int]:
        figures = by_tier(rule)
        tiers = self.sets.tier_set(rule.when)
        if figures is None:
            return tiers
        return tiers & {self.sets.tiers.index(name) for name in figures}

    def all(self) -> list[Situation]:
        """Nobody in particular, every tier, each rule alone, then rules that go together."""
        made: dict[Situation, None] = {}
        plain = [rule for rule in self.rules if _asks_lines_only(rule)]
        for frame in self._frames(plain):
            made.setdefault(self._made(frame))
            if len(made) == MOST_SITUATIONS:
                break
        return list(made)

    def _frames(self, plain: Sequence[Rule]) -> Iterator[Frame]:
        yield self._joined(self._open, plain)
        for place in range(len(self.sets.tiers)):
            yield self._joined(replace(self._open, tiers=frozenset([place])), plain)
        for rule in self.rules:
            alone = self._with(self._open, rule)
            if alone is not None:
                yield self._joined(alone, self.rules)
                yield alone

    def _joined(self, frame: Frame, rules: Sequence[Rule]) -> Frame:
        taken = {rule.id for rule in frame.rules}
        for rule in rules:
            if rule.id not in taken:
                frame = self._with(frame, rule) or frame
        return frame

    def _with(self, frame: Frame, rule: Rule) -> Frame | None:
        """A frame with one more rule; None where they do not go together."""
        days, minutes, tiers = self._parts[rule.id]
        minutes, tiers = frame.minutes & minutes, frame.tiers & tiers
        if not minutes or not tiers:
            return None
        if days is EVERY_DAY:
            days = frame.days
        elif frame.days is not EVERY_DAY:
            days = frame.days & days
        if days is not EVERY_DAY and not days.any():
            return None
        given, refused = dict(frame.given), dict(frame.refused)
        for name in (*_OF_TILL, *_OF_BASKET):
            mine, no = getattr(rule.when, name), getattr(rule.when.negated, name)
            if not mine and not no:
                continue
            if no:
                refused[name] = refused.get(name, set()) | set(no)
            if mine:
                both = given.get(name, set(mine)) & set(mine)
                # Of what one can have several, the first of each list is taken.
                given[name] = both if name in _OF_TILL else given.get(name, set()) | {mine[0]}
            if name in given and not given[name] - refused.get(name, set()):
                return None
        return Frame(days, minutes, tiers, (*frame.rules, rule), given, refused)

    # -- one choice ------------------------------------------------------------------------

    def _made(self, frame: Frame) -> Situation:
        program = self.program
        days = np.flatnonzero(frame.days) + FIRST_DAY
        coming = days[days >= self.today]
        day = int(coming[0] if len(coming) else days[-1])
        noon = 720 if 720 in frame.minutes else min(frame.minutes)
        values = {name: sorted(frame.given[name] - frame.refuses(name))
                  for name in frame.given}  # fmt: skip
        tills: dict[str, Any] = {name: values[name][0] for name in _OF_TILL if values.get(name)}
        chosen = Situation(
            at=self._instant(day, noon),
            **tills,
            tender=values["tender"][0] if values.get("tender") else "any",
            coupons=tuple(values.get("coupon", ())),
            segments=tuple(values.get("segment", ())),
            plans=tuple(values.get("subscription", ())),
            tier=self._tier(frame.tiers),
            products=tuple(products_for(program, frame.rules)),
            rules=tuple(rule.id for rule in frame.rules),
            draws=tuple(rule.when.draw for rule in frame.rules if rule.when.draw is not None),
        )
        for rule in frame.rules:
            chosen = self._member(chosen, rule.when, day)
        return chosen

    def _tier(self, tiers: frozenset[int]) -> str | None:
        """The lowest of the tiers that are asked for; none where any would do."""
        if -1 in tiers:
            return None
        return self.sets.tiers[min(tiers)]

    def _instant(self, day: int, minute: int) -> dt.datetime:
        """An instant of a business day at a minute of the wall clock."""
        date = date_of(day)
        if minute < self.program.day_starts_at * 60:
            date += dt.timedelta(days=1)
        clock = dt.time(minute // 60, minute % 60, tzinfo=ZoneInfo(self.program.zone))
        return dt.datetime.combine(date, clock)

    def _member(self, chosen: Situation, when: Conditions, day: int) -> Situation:
        """The situation with a member whom a rule's conditions want."""
        today = date_of(day)
        change: dict[str, Any] = {}
        if when.member_days is not None:
            change["member_days"] = when.member_days.at_least or when.member_days.at_most or 0
        years = 30
        if when.age is not None:
            years = when.age.at_least or when.age.at_most or 0
            change["birth"] = _years_before(today, years)
        if when.anniversary is not None:
            of = when.anniversary.of
            if of == "birthday":
                change["birth"] = _years_before(today, years)
            elif of == "joining":
                change["member_days"] = (today - _years_before(today, 1)).days
            else:
                named = {**dict(chosen.anniversaries), of: _years_before(today, 1)}
                change["anniversaries"] = tuple(sorted(named.items()))
        past = [*chosen.past, *self._past(when)]
        for segment in self.program.segment:
            if segment.id in (when.segment or ()):
                past += _past_of_segment(segment)
                if segment.member_days is not None:
                    span = segment.member_days
                    change["member_days"] = span.at_least or span.at_most or 0
        change["past"] = tuple(past[:MOST_PAST])
        return msgspec.structs.replace(chosen, **change)

    def _past(self, when: Conditions) -> Iterator[Past]:
        """Purchases and activities that a condition needs before the basket."""
        since = when.days_since_purchase or 1
        before = 0
        if when.nth_purchase:
            before = min(when.nth_purchase) - 1
        elif when.every_nth:
            before = when.every_nth - 1
        elif when.days_since_purchase:
            before = 1
        gap = 1
        if when.sequence is not None:
            sequence = next(s for s in self.program.sequence if s.id == when.sequence.id)
            before, gap = min(when.sequence.step) - 1, max(1, sequence.gap_days)
            since = max(since, gap)
        yield from (Past(since + gap * k) for k in range(min(before, MOST_PAST)))
        if when.streak is not None:
            # Half a month apart, some purchase lies in every month.
            apart, times = (7, 1) if when.streak.period == "week" else (14, 3)
            count = min(when.streak.count * times, MOST_PAST)
            yield from (Past(since + apart * k) for k in range(count))
        if when.counter is not None:
            counter = next(c for c in self.program.counter if c.id == when.counter.id)
            yield from _past_of_counter(counter, int(when.counter.at_least))


def _years_before(date: dt.date, years: int) -> dt.date:
    day = 28 if (date.month, date.day) == (2, 29) else date.day
    return date.replace(year=date.year - years, day=day)


def _past_of_counter(counter: CounterRule, figure: int) -> Iterator[Past]:
    if counter.count == "activity":
        yield Past(0, quantity=max(1, figure), activity=(counter.activity or [""])[0])
        return
    product = product_for([counter.when], "counted")
    if counter.count == "visits":
        yield from (Past(0, product=product) for _ in range(min(figure, MOST_PAST)))
    elif counter.count == "quantity":
        yield Past(0, quantity=1_000 * max(1, figure), product=product)
    else:
        yield Past(0, net=max(1, figure), product=product)


def _past_of_segment(segment: Any) -> Iterator[Past]:
    since = 0
    if segment.days_since_purchase is not None:
        since = segment.days_since_purchase.at_least or 0
    spend = (segment.spend.at_least or 0) if segment.spend is not None else 0
    visits = (segment.visits.at_least or 0) if segment.visits is not None else 0
    visits = max(visits, 1 if spend or segment.days_since_purchase is not None else 0)
    for k in range(min(visits, MOST_PAST)):
        yield Past(since, net=max(1, spend) if k == 0 else 1)


def _asks_lines_only(rule: Rule) -> bool:
    """Whether a rule looks at nothing but lines and amounts."""
    of_lines = {
        *LineConditions.__struct_fields__, "min_amount", "min_quantity", "min_basket", "without",
    }  # fmt: skip
    return all(
        getattr(part, name) is None
        for part in (rule.when, rule.when.negated)
        for name in NotConditions.__struct_fields__ if name not in of_lines
    )
