"""Programs as they were published: which version was in force at an instant (section 10).

Versions are numbered from 1 in the order of publication. A fact is rated by the version with
the latest effective time at or before its own, ties going to the later publication, among
those known when it was accepted; its journal row keeps the number, and every replay rates it
with that.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calendars.calendars import business_day, business_days
from ..checks.program_file import Problem, ProgramError, accepted_program, parse_program
from ..checks.whole import beyond
from ..program.program import Program
from .controls import Published, published

Int64 = NDArray[np.int64]
UInt16 = NDArray[np.uint16]


MOST_VERSIONS = 60_000
"""A row of the journal has 16 bits for the version that rated it."""


@dataclass(frozen=True, slots=True)
class Version:
    """One publication: its number from 1, its seq, its effective time (us), what it says."""

    number: int
    seq: int
    since: int
    content: Published
    program: Program


class ProgramVersions:
    """All publications of a ledger, in order."""

    def __init__(self) -> None:
        self.all: list[Version] = []
        self._by_time: list[Version] = []
        self._since = np.zeros(0, np.int64)
        self._number = np.zeros(1, np.uint16)
        self._clocks: list[list[int]] = []
        """Numbers of the versions whose dates and hours are alike."""
        self._day_kept: tuple[int, int] = (-1, -1)
        self._titles: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self.all)

    def __iter__(self) -> Iterator[Version]:
        return iter(self.all)

    def add(self, seq: int, since: int, payload: bytes, *, new: bool = False) -> Version:
        """Take a publication: one that is `new` is checked whole. Raises ProgramError."""
        content = published(payload)
        program = (parse_program if new else accepted_program)(content.program)
        made = Version(len(self.all) + 1, seq, since, content, program)
        if new:
            found = [*beyond([one.program for one in (*self.all, made)])]
            if made.number > MOST_VERSIONS:
                found.append(("id", f"a ledger has at most {MOST_VERSIONS} versions"))
            if found:
                raise ProgramError("program", [Problem(*problem, 1) for problem in found])
        # The table of its zone takes as long as many commits: the first till is not to wait.
        business_day(made.program, since)
        self.all.append(made)
        self._index()
        return made

    def cut(self, length: int) -> None:
        """Forget the publications beyond a length (one that did not happen)."""
        del self.all[length:]
        self._index()

    def _index(self) -> None:
        by_time = sorted(self.all, key=attrgetter("since", "number"))
        self._by_time = by_time
        self._since = np.array([version.since for version in by_time], np.int64)
        self._number = np.array([0, *(version.number for version in by_time)], np.uint16)
        clocks: dict[tuple[str, int], list[int]] = {}
        for version in self.all:
            clock = version.program.zone, version.program.day_starts_at
            clocks.setdefault(clock, []).append(version.number)
        self._clocks = list(clocks.values())
        self._day_kept = (-1, -1)
        self._titles = {}

    def numbers_at(self, at: Int64) -> UInt16:
        """Number of the version in force at each instant (us); 0 before the first."""
        return self._number[np.searchsorted(self._since, at, side="right")]

    def at(self, at_us: int) -> Version | None:
        """The version in force at an instant; None before the first."""
        if self._by_time and at_us >= self._by_time[-1].since:
            # Nearly every read is of now.
            return self._by_time[-1]
        place = bisect_right(self._by_time, at_us, key=attrgetter("since"))
        return self._by_time[place - 1] if place else None

    def showing(self, at_us: int) -> Version:
        """The version by which reads show an instant: before the first, the first one."""
        return self.at(at_us) or self._by_time[0]

    def taken_over(self) -> list[tuple[int, int] | None]:
        """Of each version: the place from 0 of the one that it took over from, of those published
        before it, and the first business day that begins under it; None of what was first."""
        found: list[tuple[int, int] | None] = []
        for place, version in enumerate(self.all):
            before = [one for one in self.all[:place] if one.since < version.since]
            if not before:
                found.append(None)
                continue
            earlier = max(before, key=attrgetter("since", "number"))
            day = business_day(version.program, version.since)
            begun = business_day(version.program, version.since - 1) < day
            found.append((earlier.number - 1, day if begun else day + 1))
        return found

    @property
    def first_since(self) -> int:
        """The instant from which on some version is in force. Only with a publication."""
        return int(self._since[0])

    @property
    def latest(self) -> Version:
        """The version published last."""
        return self.all[-1]

    def titles(self) -> dict[str, str]:
        """Titles of rules by id, as the version published last that has a rule says."""
        if not self._titles:
            self._titles = {
                rule.id: rule.title for version in self.all for rule in version.program.rule
            }
        return self._titles

    def currency_of(self, rule: str) -> str | None:
        """Currency of a rule, as the version published last that has it says."""
        for version in reversed(self.all):
            for found in version.program.rule:
                if found.id == rule:
                    return version.program.currency[version.program.currency_of(found)].id
        return None

    def until(self, version: Version) -> int | None:
        """The instant (us) from which another version is in force instead; None for none.

        It is the version's own instant where it never is in force.
        """
        place = self._by_time.index(version) + 1
        return self._by_time[place].since if place < len(self._by_time) else None

    def day(self, at_us: int) -> int:
        """Business day of an instant by the version that shows it; the last second is kept."""
        second = at_us // 1_000_000
        if second != self._day_kept[0]:
            self._day_kept = second, business_day(self.showing(at_us).program, at_us)
        return self._day_kept[1]

    def dates(self, at: Int64, number: UInt16) -> tuple[Any, Any]:
        """(business day int32[n], local minute int16[n]) of facts by their versions' numbers."""
        if len(self._clocks) == 1:
            return business_days(self.all[0].program, at)
        day, minute = np.zeros(len(at), np.int32), np.zeros(len(at), np.int16)
        for numbers in self._clocks:
            rows = np.isin(number, numbers)
            day[rows], minute[rows] = business_days(self.all[numbers[0] - 1].program, at[rows])
        return day, minute


def unlike(new: Program, before: Iterable[Version]) -> str | None:
    """Why a program cannot follow those before it; None when it can.

    Points and amounts of one ledger are units of one scale each.
    """
    for version in before:
        old = version.program
        if new.unit != old.unit:
            return f"the unit was {old.unit.code} with exponent {old.unit.exponent}; keep it"
        cards, were = new.gift_cards, old.gift_cards
        if cards is not None and were is not None and cards.currency != were.currency:
            return (
                f"the gift cards' currency was {were.currency!r}; keep it, or what is on the cards "
                "is nowhere"
            )
        scales = {currency.id: (currency.scale, currency.kind) for currency in old.currency}
        for currency in new.currency:
            scale, kind = scales.get(currency.id, (currency.scale, currency.kind))
            if (scale, kind) != (currency.scale, currency.kind):
                return (
                    f"the currency {currency.id!r} was of kind {kind!r} and scale {scale}; "
                    "keep them, or name another currency"
                )
    return None
