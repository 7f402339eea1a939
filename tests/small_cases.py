"""A drawn case of one small program, in the making."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .cases import PUBLISH, Case, Fact
from .choices import Choices
from .strategies import Blocks

CUTS = ((1,), (1,), (2, 3), (50,))


class SmallCase:
    """A program of one or two members, "m" and "n"; facts are put where they arrive.

    What `choices` is asked for between the program, the rows and the cuts is the drawer's own.
    """

    def __init__(
        self, name: str, seed: bytes, size: int, program: Callable[[Choices], str], alone: int
    ) -> None:
        """A block of so many bytes makes the program; so many of a hundred have one member."""
        self._name = f"{name} {seed.hex()}"
        self._blocks = Blocks(seed)
        self.choices = Choices(self._blocks.block(name, size))
        self._text = program(self.choices)
        self.members = ["m"] if self.choices.chance(alone) else ["m", "n"]
        self._facts: list[tuple[int, Fact]] = []

    def rows(self, least: int, most: int, size: int) -> Iterator[tuple[int, Choices]]:
        """Places of so many rows, each with choices of its own."""
        for place in range(self.choices.number(least, most)):
            yield place, Choices(self._blocks.block(f"row {place}", size))

    def put(self, place: int, fact: Fact) -> None:
        """A fact in the order of arrival, after those put at its place before."""
        self._facts.append((place, fact))

    def case(self) -> Case:
        """The case as it is now; the program is in force before all facts."""
        facts = sorted(self._facts, key=lambda one: one[0])
        publish = {"id": "v1", "kind": PUBLISH, "occurred_at": "2020-01-01T00:00:00Z",
                   "program": "v1"}  # fmt: skip
        cuts = self.choices.pick(CUTS)
        return Case(self._name, {"v1": self._text}, [publish, *(f for _, f in facts)], cuts)
