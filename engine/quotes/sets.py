"""Sets of units: as many as there are, the dearest units first (rulebook section 8).

A set wants so many units from each of several pools of lines, and no unit serves two wants. Where
pools share lines, a unit goes to a want only if as many sets as without it can still be made of
the others. Sets alike are counted, never listed.

>>> list(in_sets({0: 2, 1: 2}, [([0, 1], 1), ([0], 1)], None))
[(2, {1: 1, 0: 1})]
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise

Units = dict[int, int]
"""Whole units by the line's place."""

Sets = Iterator[tuple[int, Units]]
"""(how many sets, units of each by line)."""

Want = tuple[Sequence[int], int]
"""Places of the lines that serve, the best one first, and how many units of them."""


def in_sets(there: Mapping[int, int], wants: Sequence[Want], most: int | None) -> Sets:
    """Sets of the units that are there, at most so many of them."""
    left = _Left(there, wants)
    sets = left.sets()
    if most is not None:
        sets = min(sets, most)
    while sets:
        one = left.next(sets)
        times = left.alike(one, sets)
        left.take(one, times)
        sets -= times
        yield times, one


class _Left:
    """Units that are left, and whether they suffice for so many sets."""

    def __init__(self, there: Mapping[int, int], wants: Sequence[Want]) -> None:
        self._units = dict(there)
        self._wants = wants
        self._serves = dict.fromkeys(there, 0)
        for number, (pool, _) in enumerate(wants):
            for place in pool:
                self._serves[place] |= 1 << number
        # Where no line serves two wants, no unit that one takes is missed by another.
        self._shared = any(word & (word - 1) for word in self._serves.values())
        # Lines that serve the same wants are alike to the question whether units suffice.
        self._alike = Counter[int]()
        for place, units in there.items():
            self._alike[self._serves[place]] += units

    def sets(self) -> int:
        """How many sets there are."""
        most = min(
            sum(self._units[place] for place in pool) // quantity for pool, quantity in self._wants
        )
        return _largest(most, lambda sets: self._suffice(self._asked(sets), {}))

    def next(self, sets: int) -> Units:
        """One of so many sets that are there: want by want the first units that may be taken."""
        one: Units = {}
        asked = self._asked(sets)
        for number, (pool, quantity) in enumerate(self._wants):
            missing = quantity
            for place in pool:
                if not missing:
                    break
                here = min(missing, self._units[place] - one.get(place, 0))
                taken = _largest(here, self._spares(asked, one, number, place))
                if taken:
                    one[place] = one.get(place, 0) + taken
                    asked[number] -= taken
                    missing -= taken
        return one

    def alike(self, one: Units, sets: int) -> int:
        """How often this set may be made of so many that are there."""
        most = min(self._units[place] // units for place, units in one.items())
        return _largest(min(most, sets), lambda times: self._suffice(
            self._asked(sets - times), {place: times * units for place, units in one.items()}
        ))  # fmt: skip

    def take(self, one: Units, times: int) -> None:
        """Take the units of sets alike."""
        for place, units in one.items():
            self._units[place] -= times * units
            self._alike[self._serves[place]] -= times * units

    def _asked(self, sets: int) -> list[int]:
        return [sets * quantity for _, quantity in self._wants]

    def _spares(
        self, asked: Sequence[int], one: Units, number: int, place: int
    ) -> Callable[[int], bool]:
        """Whether the sets can be made if a want takes so many units of a line."""

        def spares(units: int) -> bool:
            rest = [*asked]
            rest[number] -= units
            return self._suffice(rest, {**one, place: one.get(place, 0) + units})

        return spares

    def _suffice(self, asked: Sequence[int], without: Mapping[int, int]) -> bool:
        if not self._shared:
            return True
        there = self._alike.copy()
        for place, units in without.items():
            there[self._serves[place]] -= units
        return _can_serve(asked, there)


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `most` that fits; 0 does, and whatever is below one that does."""
    if fits(most):
        return most
    least = 0
    while most - least > 1:
        middle = (least + most) // 2
        if fits(middle):
            least = middle
        else:
            most = middle
    return least


Step = tuple[int, int]
"""A want, and units by the wants that they serve, bit by bit."""


def _can_serve(asked: Sequence[int], there: Mapping[int, int]) -> bool:
    """Whether each want can have the units that it asks for; `there` by the wants that they serve.

    What is given to a want may be given to another one if the first can have others instead.
    """
    left = dict(there)
    given: Counter[Step] = Counter()
    for want, units in enumerate(asked):
        missing = units
        while missing:
            way = _way(want, len(asked), left, given)
            if not way:
                return False
            word = way[0][1]
            given_up = [(giver, of) for (giver, _), (_, of) in pairwise(way)]
            moved = min(missing, left[word], *(given[step] for step in given_up))
            left[word] -= moved
            given.update(dict.fromkeys(way, moved))
            given.subtract(dict.fromkeys(given_up, moved))
            missing -= moved
    return True


def _way(want: int, wants: int, left: Mapping[int, int], given: Mapping[Step, int]) -> list[Step]:
    """Who takes units that serve what, from those that are left back to the want: each but the
    first takes what the one before it gives up. Empty where there is no way."""
    came: dict[int, Step] = {}
    queue = [want]
    for taker in queue:
        for word, units in left.items():
            if not word >> taker & 1:
                continue
            if units:
                way = [(taker, word)]
                while way[-1][0] != want:
                    way.append(came[way[-1][0]])
                return way
            for giver in range(wants):
                if given[giver, word] and giver not in queue:
                    came[giver] = taker, word
                    queue.append(giver)
    return []
