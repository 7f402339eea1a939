"""Conditions on members become a list of questions for the kernel (rulebook section 3)."""

from __future__ import annotations

from typing import Any, get_args

from ..calendars.calendars import period_table, week_begins
from ..program.conditions import Conditions, MemberType, NotConditions, Range
from ..program.figures import Sequence
from ..program.referrals import REFERRED
from .layout import Key, key_of
from .placed import PlacedProgram

(IF_SEGMENT, IF_SUBSCRIPTION, IF_AGE, IF_MEMBER_DAYS, IF_NEAR, IF_FIRST, IF_NTH, IF_EVERY,
 IF_SINCE, IF_STREAK, IF_COUNTER, IF_SEQUENCE) = range(12)  # fmt: skip
MEMBER_FIELDS = (
    "member_type", "segment", "subscription", "age", "member_days", "anniversary", "first_purchase",
    "nth_purchase", "every_nth", "days_since_purchase", "streak", "counter", "sequence",
)  # fmt: skip
_FIRSTS = {"ever": 0, "store": 1, "category": 2}
_LISTS = {"store": "stores", "category": "categories"}
_FIRST_IN_PERIOD = 3


class MemberConditions:
    """The questions of all rules of one version: conds and the lists that they look at."""

    def __init__(self, placed: PlacedProgram) -> None:
        self.placed = placed
        self.conds: list[tuple[int, ...]] = []
        self.lists: list[int] = []
        self.first_periods: list[Any] = []
        self._first_names: list[str] = []
        self._nodes: list[str] = []

    def add(self, when: Conditions) -> int:
        """Add the questions of one rule; the place of its anniversary condition, -1 none."""
        near = -1
        self._nodes = when.category or []
        for negated, asked in ((False, when), (True, when.negated)):
            for name in MEMBER_FIELDS:
                value = getattr(asked, name)
                if value is None:
                    continue
                if name == "anniversary" and not negated:
                    near = len(self.conds)
                getattr(self, f"_{name}")(value, negated)
        return near

    def _put(self, op: int, negated: bool, a: int = 0, b: int = 0, c: int = 0,
             values: list[int] | None = None) -> None:  # fmt: skip
        first = len(self.lists)
        self.lists += values or []
        self.conds.append((op, int(negated), a, b, c, first, len(self.lists)))

    def _member_type(self, names: list[str], negated: bool) -> None:
        # A type is known of a member or not, as a segment that facts set.
        # All types have slots: who is of a type that no rule asks for is of none that one does.
        slot = {name: self.placed.layout.slot("type", name) for name in get_args(MemberType)}
        if REFERRED in names:
            slot[REFERRED] = self.placed.layout.slot(REFERRED)
        slots = [-slot[name] for name in names]
        self._put(IF_SEGMENT, negated, values=slots)

    def _segment(self, names: list[str], negated: bool) -> None:
        defined = {segment.id: i for i, segment in enumerate(self.placed.program.segment)}
        layout = self.placed.layout
        values = [defined[name] for name in names if name in defined]
        values += [-layout.slot("segment", name) for name in names]
        self._put(IF_SEGMENT, negated, values=values)

    def _subscription(self, plans: list[str], negated: bool) -> None:
        values = [self.placed.layout.slot("subscription", plan) for plan in plans]
        self._put(IF_SUBSCRIPTION, negated, values=values)

    def _age(self, asked: Range, negated: bool) -> None:
        self._put(IF_AGE, negated, *bounds(asked))

    def _member_days(self, asked: Range, negated: bool) -> None:
        self._put(IF_MEMBER_DAYS, negated, *bounds(asked))

    def _anniversary(self, near: Any, negated: bool) -> None:
        self._put(IF_NEAR, negated, self.placed.date_slot(near.of), near.before, near.after)

    def _first_purchase(self, scopes: list[str], negated: bool) -> None:
        first = len(self.lists)
        if "category" in scopes:
            self.lists += [key_of(node) for node in self._nodes]
        self._put(IF_FIRST, negated, first, len(self.lists),
                  values=[self._first(scope) for scope in scopes])  # fmt: skip

    def _first(self, scope: str) -> int:
        if scope in _LISTS:
            self.placed.layout.slot(_LISTS[scope], holds_list=True)
        if scope in _FIRSTS:
            return _FIRSTS[scope]
        if scope not in self._first_names:
            program = self.placed.program
            self._first_names.append(scope)
            self.first_periods.append(
                period_table(program.calendar, scope, week_begins(program))[0]
            )
        return _FIRST_IN_PERIOD + self._first_names.index(scope)

    def _nth_purchase(self, numbers: list[int], negated: bool) -> None:
        self._put(IF_NTH, negated, values=list(numbers))

    def _every_nth(self, n: int, negated: bool) -> None:
        self._put(IF_EVERY, negated, n)

    def _days_since_purchase(self, days: int, negated: bool) -> None:
        self._put(IF_SINCE, negated, days)

    def _streak(self, streak: Any, negated: bool) -> None:
        program, layout = self.placed.program, self.placed.layout
        key = ("streak", streak.period, program.calendar, week_begins(program))
        layout.slot(*key, size=2)
        self._put(IF_STREAK, negated, layout.keys("streak").index(key), streak.count)

    def _counter(self, reached: Any, negated: bool) -> None:
        number, unit = self.placed.own_counter(reached.id)
        self._put(IF_COUNTER, negated, number, int(reached.at_least * unit))

    def _sequence(self, step: Any, negated: bool) -> None:
        program, layout = self.placed.program, self.placed.layout
        key = sequence_key(next(one for one in program.sequence if one.id == step.id))
        layout.slot(*key, size=2)
        numbers = layout.keys("sequence")
        self._put(IF_SEQUENCE, negated, numbers.index(key), values=list(step.step))


def sequence_key(sequence: Sequence) -> Key:
    """The layout's name of a sequence: all that its steps depend on."""
    reset = -1 if sequence.reset_days is None else sequence.reset_days
    return "sequence", sequence.id, sequence.steps, sequence.repeat, sequence.gap_days, reset


def bounds(asked: Range | None) -> tuple[int, int]:
    """At least and at most, -1 where there is none."""
    if asked is None:
        return -1, -1
    least = -1 if asked.at_least is None else asked.at_least
    return least, -1 if asked.at_most is None else asked.at_most


def asks_member(when: NotConditions) -> bool:
    """Whether a condition looks at the member beyond its tier."""
    return any(getattr(when, name) is not None for name in MEMBER_FIELDS)
