"""Parked facts: returns, and payments, whose sale has not arrived (rulebook section 9).

A parked one is journalled with status PARKED; of an exchange only the return part waits.
It applies in the commit of the sale, whose row tells what became of it: its postings as
corrections, and a correction of no rule and 0 points whose `limit` is its status. Any fact
with the id that it names ends the waiting; only a sale of its member lets it apply.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .columns import NO_RULE, OF_SALES, SALE
from .status import POSTINGS, Status

CORRECT = POSTINGS.index("correct")
PARKED_CODE = int(Status.PARKED)


class Waiting(NamedTuple):
    """A parked fact: its seq and its member's number."""

    seq: int
    member: int


@dataclass
class Parked:
    """Parked facts by the id of the sale that they name, in the order of arrival."""

    by_sale: dict[str, list[Waiting]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.by_sale)

    def add(self, sale: str, seq: int, member: int) -> None:
        """A fact waits for a sale."""
        self.by_sale.setdefault(sale, []).append(Waiting(seq, member))

    def arrived(self, ids: Iterable[str]) -> None:
        """Facts with these ids are in the journal: nothing waits for them any more."""
        for name in ids:
            self.by_sale.pop(name, None)

    def awaited(self, ids: list[str]) -> list[int]:
        """Places of the ids that something waits for."""
        if not self.by_sale or self.by_sale.keys().isdisjoint(ids):
            return []
        return [place for place, name in enumerate(ids) if name in self.by_sale]


class Resolved(NamedTuple):
    """What became of a parked fact: the row that tells it, the fact's seq, its status."""

    row: int
    seq: int
    status: int


def resolutions(starts: NDArray[np.int64], postings: Mapping[str, NDArray[Any]]) -> list[Resolved]:
    """What the postings of rows tell of parked facts."""
    if not postings["corrects"].any():
        return []
    rule, points = postings["rule"], postings["points"]
    rows = np.flatnonzero((points == 0) & (rule == NO_RULE) & (postings["kind"] == CORRECT))
    if not len(rows):
        return []
    owners = np.searchsorted(starts, rows, side="right") - 1
    return [
        Resolved(owner, int(postings["corrects"][row]), int(postings["limit"][row]))
        for owner, row in zip(owners.tolist(), rows.tolist(), strict=True)
    ]


def in_force(kind: NDArray[np.uint8], status: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which rows take part in folds before anything waits no more: accepted ones, and
    exchanges whose return part is parked."""
    return (status == Status.OK) | ((status == Status.PARKED) & (kind == SALE))


def is_parked_whole(kind: int, status: int) -> bool:
    """Whether a row moves nothing until its sale is here."""
    return kind in OF_SALES and status == Status.PARKED
