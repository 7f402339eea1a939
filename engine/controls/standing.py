"""What facts of no member have settled so far: programs, closed days, budgets."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..calendars.calendars import day_of
from ..columns.columns import CLAIMS, LEGS
from ..columns.schema import column
from ..facts import KINDS
from .budgets import Budgets, read_closing
from .closing import ClosedDays
from .versions import ProgramVersions

(
    CATALOG, PUBLISH, STORE, DAY_CLOSED, CLOSING, BUDGET_CLOSED, PROFIT_SHARE, REWARD_STOCK,
    COUPON_ISSUE, COUPON_BLOCK,
) = (
    KINDS.index(kind)
    for kind in (
        "catalog", "program publish", "store", "day closed", "closing", "budget closed",
        "profit share", "reward stock", "coupon issue", "coupon block",
    )
)  # fmt: skip
DERIVED = (*LEGS, CLOSING, BUDGET_CLOSED)
"""Rows that the engine adds to a commit, after those of its facts; they have no id of their
own and name what caused them."""


def facts_of_record(kinds: NDArray[np.uint8]) -> int:
    """How many of a record's rows are facts: the derived ones come last.

    A claim, or its cancel, is the one fact of its record.
    """
    n = len(kinds)
    if kinds[0] in CLAIMS:
        return 1
    while n and kinds[n - 1] in DERIVED:
        n -= 1
    return n


def legs_of_record(kinds: NDArray[np.uint8], facts: int) -> int:
    """How many rows of members follow the facts of a record, before the budgets it closes."""
    return int(np.count_nonzero(kinds[facts:] != BUDGET_CLOSED))


@dataclass
class Standing:
    """Programs, closed days and budgets of a ledger as of a seq."""

    versions: ProgramVersions = field(default_factory=ProgramVersions)
    closed: ClosedDays = field(default_factory=ClosedDays)
    budgets: Budgets = field(default_factory=Budgets)

    def read_first(self, seq: int, facts: pa.RecordBatch) -> int:
        """Take what the first row of a record settles; its kind."""
        kind = int(column(facts, "kind")[0])
        if kind == PUBLISH:
            payload = facts.column("payload")[0].as_py()
            self.versions.add(seq, int(column(facts, "at")[0]), payload)
        elif kind == DAY_CLOSED and not column(facts, "status")[0]:
            self.closed.add(
                int(column(facts, "at")[0]),
                day_closed(facts.column("payload")[0].as_py()),
                seq,
                int(column(facts, "program")[0]),
            )
        return kind


def closed_budgets(first: int, facts: pa.RecordBatch) -> list[tuple[str, int]]:
    """(rule, seq) of the budgets that a record closes: they are its last rows."""
    kinds = column(facts, "kind")
    found = []
    row = len(kinds) - 1
    while row >= 0 and kinds[row] == BUDGET_CLOSED:
        closing = read_closing(facts.column("payload")[row].as_py())
        found.append((closing.rule, first + row))
        row -= 1
    return found[::-1]


def day_closed(payload: bytes) -> int:
    """Business day of a `day closed` fact."""
    return day_of(dt.date.fromisoformat(payload.decode()))
