"""A batch of facts in its order of which the plain sales stand in columns, the others decoded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from vafa.native.wire import Sale

from .columns import Facts, join, take
from .dictionaries import Dictionaries
from .intake import DecodedFacts, SaleColumns, facts_of
from .records import Content

Int64 = NDArray[np.int64]


class MixedFacts(DecodedFacts):
    """Plain sales in columns with facts of other kinds, or forms, between them."""

    def __init__(self, sales: SaleColumns, others: Mapping[int, Sale]) -> None:
        """`others` are the facts that are not among the sales, by their rows in the batch."""
        n = len(sales.ids) + len(others)
        self.facts = dict(others)
        self._sales = sales
        self._odd = np.array(sorted(others), np.int64)
        self.plain = np.ones(n, np.bool_)
        self.plain[self._odd] = False
        # A row's place among the sales.
        self._place = np.cumsum(self.plain) - 1
        ids = np.empty(n, object)
        ids[self.plain] = sales.ids
        self.at = np.empty(n, np.int64)
        self.at[self.plain] = sales.at
        for row, fact in others.items():
            ids[row], self.at[row] = fact.id, fact.at
        self.ids: list[str] = ids.tolist()
        self._sort_out([(row, others[row]) for row in self._odd.tolist()])

    def part(self, begin: int, end: int) -> MixedFacts:
        """See Intake."""
        lo, hi = np.searchsorted(self._odd, (begin, end)).tolist()
        others = {row - begin: self.facts[row] for row in self._odd[lo:hi].tolist()}
        return MixedFacts(self._sales.part(begin - lo, end - hi), others)

    def member_of(self, row: int) -> str:
        """See DecodedFacts."""
        if not self.plain[row]:
            return super().member_of(row)
        return self._sales.member_of(int(self._place[row]))

    def content(self, row: int) -> Content:
        """See Intake."""
        if not self.plain[row]:
            return super().content(row)
        return self._sales.content(int(self._place[row]))

    def columns(self, dictionaries: Dictionaries, rows: Int64 | None) -> Facts:
        """See Intake."""
        wanted = np.arange(len(self.ids)) if rows is None else rows
        plain = self.plain[wanted]
        facts = join(
            self._sales.columns(
                dictionaries, None if rows is None else self._place[wanted[plain]]
            ),
            facts_of([self.whose(row) for row in wanted[~plain].tolist()], dictionaries),
        )
        order = np.concatenate([np.flatnonzero(plain), np.flatnonzero(~plain)])
        return take(facts, np.argsort(order))
