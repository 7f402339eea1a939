"""What is told of members beside their figures, kept for as long as nothing of it can have changed.

It changes with facts of cards and members, with a seq of the member's own and with the business
day. An app that shows a balance asks several times for one purchase; the figures are written anew
each time, which takes less than to look for them.
"""

from __future__ import annotations

from typing import NamedTuple

from ..folding.fold import Fold

MOST_KEPT = 8_192
"""Members of a process, a few kilobytes each."""

Standing = tuple[int, int, int, int]
"""Seq of the member's latest fact, business day, version that shows it, changes of cards."""


class Kept(NamedTuple):
    """JSON: a member's name, and members of an object with a comma behind each."""

    standing: Standing
    name: bytes
    more: bytes


class KeptAnswers:
    """What was told of the members that were asked for lately: a young half and an old one.

    When the young one is full it becomes the old one, so that nobody has to look for the
    one that goes.
    """

    def __init__(self) -> None:
        self._fold: Fold | None = None
        self._young: dict[str, Kept] = {}
        self._old: dict[str, Kept] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def find(self, fold: Fold, name: str, standing: Standing) -> Kept | None:
        """What was told of a member that stands as it did then."""
        if fold is not self._fold:
            self._fold, self._young, self._old = fold, {}, {}
            return None
        found = self._young.get(name)
        if found is None:
            found = self._old.get(name)
            if found is None:
                return None
            if found.standing == standing:
                self.keep(name, found)
        return found if found.standing == standing else None

    def keep(self, name: str, kept: Kept) -> None:
        """Keep what is told for the fold of the last `find`."""
        self._young[name] = kept
        if len(self._young) >= MOST_KEPT // 2:
            self._young, self._old = {}, self._young
