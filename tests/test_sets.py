"""Sets of units whose pools share lines, held to a search over every single unit."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from vafa.engine.quotes.sets import Want, in_sets

SEEDS = range(300)

Slots = list[frozenset[int]]
"""Lines that serve, for each unit that is wanted."""


def drawn(seed: int) -> tuple[dict[int, int], list[Want], int | None]:
    """Units by line, wants of a set, the most sets."""
    choose = random.Random(seed)
    there = {line: choose.randint(0, 4) for line in range(choose.randint(1, 5))}
    wants: list[Want] = []
    for _ in range(choose.randint(1, 4)):
        pool = choose.sample(sorted(there), choose.randint(1, len(there)))
        wants.append((sorted(pool), choose.randint(1, 2)))
    return there, wants, choose.choice([None, None, 1, 2])


def served(slots: Sequence[frozenset[int]], units: Sequence[int]) -> bool:
    """Whether each slot can have a unit of its own."""
    owner: dict[int, int] = {}

    def seat(slot: int, tried: set[int]) -> bool:
        for unit, line in enumerate(units):
            if line in slots[slot] and unit not in tried:
                tried.add(unit)
                if unit not in owner or seat(owner[unit], tried):
                    owner[unit] = slot
                    return True
        return False

    return all(seat(slot, set()) for slot in range(len(slots)))


def unit_by_unit(there: dict[int, int], wants: Sequence[Want], most: int | None) -> list[list[int]]:
    """The sets, each the lines of its units in the order in which they are wanted."""
    left = [line for line, units in there.items() for _ in range(units)]
    slots = [frozenset(pool) for pool, quantity in wants for _ in range(quantity)]
    sets = 0
    while sets != most and served(slots * (sets + 1), left):
        sets += 1
    found = []
    for number in range(sets):
        one: list[int] = []
        rest = slots * (sets - number)
        for slot in slots:
            rest = rest[1:]
            for line in sorted(slot & set(left)):
                without = [*left]
                without.remove(line)
                if served(rest, without):
                    left = without
                    one.append(line)
                    break
        found.append(one)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_sets_are_those_of_a_search_over_units(seed: int) -> None:
    there, wants, most = drawn(seed)
    found = [
        {line: units for line, units in one.items() if units}
        for times, one in in_sets(there, wants, most) for _ in range(times)
    ]  # fmt: skip
    assert found == [
        {line: one.count(line) for line in one} for one in unit_by_unit(there, wants, most)
    ]


def test_a_billion_units_are_counted() -> None:
    wants: list[Want] = [([0, 1], 1), ([0], 1)]
    (found,) = in_sets({0: 10**9, 1: 10**9}, wants, None)
    assert found == (10**9, {1: 1, 0: 1})
