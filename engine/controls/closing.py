"""Closed days: the `day closed` facts of a ledger, and whose turn it is (rulebook section 5).

Expiry is of the clock; a closed day writes it down, and gives what is given on anniversaries.
Dates and instants rise from one to the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..calendars.calendars import DAY_US, business_days, day_begins
from ..columns.status import Status
from ..program.program import Program

_NEVER = -(2**63)


@dataclass
class ClosedDays:
    """The closed days in order: instants (us), business days, seqs and version numbers."""

    at: list[int] = field(default_factory=list)
    day: list[int] = field(default_factory=list)
    seq: list[int] = field(default_factory=list)
    version: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.at)

    @property
    def last_at(self) -> int:
        """Instant of the last one; before all instants when there is none."""
        return self.at[-1] if self.at else _NEVER

    def check(self, at: int, day: int) -> Status:
        """Whether a day may be closed now."""
        if self.at and (at <= self.at[-1] or day <= self.day[-1]):
            return Status.DAY_OUT_OF_ORDER
        return Status.OK

    def add(self, at: int, day: int, seq: int, version: int) -> None:
        """A day is closed."""
        self.at.append(at)
        self.day.append(day)
        self.seq.append(seq)
        self.version.append(version)

    def pop(self) -> None:
        """The last one did not happen."""
        for column in (self.at, self.day, self.seq, self.version):
            column.pop()

    def columns(self, start: int = 0, until: int | None = None) -> Any:
        """(at int64, day int32, index of the version uint16, seq uint64) of some.

        From one on, or those up to an instant.
        """
        end = len(self.at)
        if until is not None:
            end = int(np.searchsorted(np.array(self.at, np.int64), until, side="right"))
        return (
            np.array(self.at[start:end], np.int64),
            np.array(self.day[start:end], np.int32),
            np.array(self.version[start:end], np.int64).astype(np.uint16) - np.uint16(1),
            np.array(self.seq[start:end], np.uint64),
        )

    def late(self, at: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which instants do not come after every closed day; None when all do."""
        if not self.at or (len(at) and int(at.min()) > self.at[-1]):
            return None
        return at <= self.at[-1]


def end_of_day(program: Program, day: int) -> int:
    """Last instant (us) that carries a business date."""
    low, high = (day - 2) * DAY_US, (day + 3) * DAY_US
    begins = day_begins(program, day + 1, low, high)
    return int(begins[business_days(program, begins)[0] > day].min()) - 1
