"""The rows of a snapshot, packed little by little while commits go on.

Packing all rows that have changed since the last checkpoint at once would hold up the commits: 3 us
a member. So a few are packed between two commits, and of a member that a commit changes meanwhile
the row from before it is taken, which the commit has kept anyway to be able to take itself back.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

import numpy as np

from vafa.native.state import State

from .checkpoint import Rows

PIECE = 64
"""Rows that are packed before the clock is looked at."""


class Gathering:
    """Rows of some members as they were at an instant: in `rows`, once none is left."""

    def __init__(self, state: State, members: set[int], rows: list[Rows]) -> None:
        self._state, self._left, self._rows = state, members, rows
        self._kept: dict[int, bytes] = {}

    def missing(self) -> set[int]:
        """Members whose rows are not in `rows` yet."""
        return self._left.union(self._kept)

    def keep(self, before: Mapping[int, bytes]) -> None:
        """A commit changes members, whose packed rows before it are told."""
        changed = self._left.intersection(before)
        self._left -= changed
        self._kept.update((member, before[member]) for member in changed)

    def go_on(self, seconds: float = math.inf) -> bool:
        """Pack rows for so long; whether all are packed."""
        until = time.perf_counter() + seconds
        while self._left and time.perf_counter() < until:
            some = [self._left.pop() for _ in range(min(PIECE, len(self._left)))]
            members = np.array(some, np.uint32)
            rows, bounds = self._state.pack_some(members)
            self._rows.append(Rows(members.tobytes(), bounds.tobytes(), rows))
        if self._left:
            return False
        if self._kept:
            bounds = np.cumsum([0, *map(len, self._kept.values())], dtype=np.int64)
            members = np.array([*self._kept], np.uint32)
            self._rows.append(
                Rows(members.tobytes(), bounds.tobytes(), b"".join(self._kept.values()))
            )
            self._kept = {}
        return True
