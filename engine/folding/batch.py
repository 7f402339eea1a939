"""New facts of a commit, and what a fold asks of the ledger as it is before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..columns.columns import Extra, Facts
from ..columns.parked import Parked
from ..columns.status import Status
from ..controls.reward_stock import RewardStock
from ..members.membership import Membership
from .chain import Heads, History, Known


class Past(Protocol):
    """What a fold asks of the ledger as it is before a commit."""

    parked: Parked

    membership: Membership

    @property
    def stock(self) -> RewardStock:
        """What facts have brought of rewards, and whose items are."""

    def history(self, heads: Heads, known: Known | None = None) -> History:
        """The facts in force of the chains of a member and those tied to it, up to seqs."""

    def facts_at(self, seqs: list[int], members: tuple[int, ...] | None = None) -> History:
        """Facts by their seqs, as those of some members (default theirs)."""

    def find_ids(self, ids: list[str]) -> dict[str, int]:
        """Seqs of those ids that are known."""

    def type_of(self, member: int, at: int) -> str | None:
        """What a member is at an instant (us), as facts have told."""

    def member_of(self, seq: int, kinds: tuple[int, ...]) -> int | None:
        """Number of the member whose accepted fact of some kinds a seq is, NO_MEMBER of
        nobody's; else None."""


@dataclass(slots=True)
class Batch:
    """New facts of a commit: columns with dates, ids, first seq, version numbers."""

    facts: Facts
    ids: list[str]
    first: int
    version: NDArray[np.uint16]
    refused: Mapping[int, Status] = field(default_factory=dict)
    """Rows that are refused for state before they are folded."""
    _row_of: dict[str, int] | None = None
    known: dict[str, int] = field(default_factory=dict)
    """Seqs of what facts of the batch name, where the ledger has them."""
    legs: bool = False
    """Rows that a fact of another member has caused: nothing waits for them."""
    came_back: list[CameBack] = field(default_factory=list)
    """What its returns have brought back of sales that gift cards paid, as they were decided."""

    def row_of(self, name: str) -> int | None:
        """Row of an id."""
        if self._row_of is None:
            self._row_of = {name: row for row, name in enumerate(self.ids)}
        return self._row_of.get(name)


class CameBack(NamedTuple):
    """A return of a sale that gift cards paid was taken: `facts` has the return, then the sale.

    `back` of the `redeemed` money of the sale is back with it and with those taken before it.
    """

    facts: Facts
    id: str
    sale: str
    version: int
    redeemed: int
    back: int


def write_taken(facts: Facts, row: int, taken: int) -> Extra:
    """Write down what a redemption has taken of more that it asked; its extra."""
    extra = facts.extra(row)
    now = msgspec.structs.replace(extra, amount=taken, asked=extra.amount)
    assert facts.extras is not None
    facts.extras[row] = now
    return now
