"""Batches of members' facts on their way in: one shape for the writer.

Facts decoded from JSON are here, an Arrow table of sales in `wire/arrow_sales.py`, both in one
batch in `mixed.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from vafa.native.wire import Sale, fill

from .columns import CLAIM, CLOSE, ENROL, RETURN, SALE, UPDATE, Facts
from .dictionaries import Dictionaries
from .records import Content
from .schema import string_array


class Intake(Protocol):
    """A batch of facts of members that are right in form."""

    ids: list[str]
    at: NDArray[np.int64]
    def id_array(self, rows: NDArray[np.int64] | None) -> pa.Array:
        """Ids of some rows (None: all) as an Arrow string array."""

    def part(self, begin: int, end: int) -> Intake:
        """The rows from one up to another as a batch of their own."""

    def content(self, row: int) -> Content:
        """What two facts of one id are compared by."""

    def columns(self, dictionaries: Dictionaries, rows: NDArray[np.int64] | None) -> Facts:
        """Some rows (None: all) as columns; new names are added to the dictionaries."""


class SaleColumns(Intake, Protocol):
    """Sales that stand in columns."""

    def member_of(self, row: int) -> str:
        """The member whose a sale is."""

    def part(self, begin: int, end: int) -> SaleColumns:
        """See Intake."""


_REFERRERS = frozenset(("referrer", "referrer_card"))


def _about(fact: Sale) -> dict[str, Any]:
    """What a fact tells of its member."""
    return {} if fact.extra is None or fact.extra.about is None else fact.extra.about


class DecodedFacts:
    """Facts of members decoded one by one, of any kinds."""

    facts: list[Sale] | dict[int, Sale]
    """Facts by their rows."""

    def __init__(self, facts: list[Sale]) -> None:
        self.facts = facts
        self.ids = [fact.id for fact in facts]
        self.at = np.array([fact.at for fact in facts], np.int64)
        self._sort_out(list(enumerate(facts)))

    def _sort_out(self, facts: Sequence[tuple[int, Sale]]) -> None:
        """Find the rows whose facts need to be named before they are columns."""
        self.with_cards = [
            row for row, fact in facts
            if fact.kind == CLOSE
            or (fact.extra is not None and (fact.extra.card or fact.extra.cards))
            or "referrer_card" in _about(fact)
        ]  # fmt: skip
        """Rows that have to do with cards: of those that name one, and of members that leave."""
        self.with_receipts = [
            row for row, fact in facts
            if fact.kind == CLAIM or (
                not fact.member and fact.kind in (SALE, RETURN)
                and not (fact.extra is not None and fact.extra.card)
            )
        ]
        """Rows of which a receipt tells more: claims, and those that name nobody."""
        self.with_referrers = [
            row for row, fact in facts
            if fact.kind in (ENROL, UPDATE)
            and not _REFERRERS.isdisjoint(_about(fact))
        ]  # fmt: skip
        self._named: dict[int, Sale] = {}

    def part(self, begin: int, end: int) -> DecodedFacts:
        """See Intake."""
        return DecodedFacts([self.facts[row] for row in range(begin, end)])

    def first_rows(self) -> dict[str, int]:
        """The first row of each member that is named."""
        rows = range(len(self.ids) - 1, -1, -1)
        return {self.member_of(row): row for row in rows}

    def name(self, members: Mapping[int, str], referrers: Mapping[int, str]) -> None:
        """Tell by row whose facts are that cards name, and whom they name as referrers."""
        for row in {*members, *referrers}:
            fact_id, at, member, store, terminal, lines, tenders, kind, extra = (
                self.facts[row].parts()
            )
            if row in referrers:
                about = _about(self.facts[row]) | {"referrer": referrers[row]}
                extra = msgspec.structs.replace(extra, about=about)
            self._named[row] = Sale.of(
                fact_id, at, members.get(row, member), store, terminal, lines, tenders, kind, extra
            )

    def whose(self, row: int) -> Sale:
        """A fact with its member, also where a card tells it."""
        return self._named.get(row, self.facts[row])

    def member_of(self, row: int) -> str:
        """The member that a fact names, also where a card tells it."""
        return self.whose(row).member

    def id_array(self, rows: NDArray[np.int64] | None) -> pa.Array:
        """See Intake."""
        return string_array(self.ids if rows is None else [self.ids[row] for row in rows])

    def content(self, row: int) -> Content:
        """See Intake."""
        return self.facts[row].content()

    def columns(self, dictionaries: Dictionaries, rows: NDArray[np.int64] | None) -> Facts:
        """See Intake."""
        wanted = range(len(self.ids)) if rows is None else rows.tolist()
        return facts_of([self.whose(row) for row in wanted], dictionaries)


def facts_of(facts: list[Sale], dictionaries: Dictionaries) -> Facts:
    """Decoded facts as columns; new names are added to the dictionaries."""
    n = len(facts)
    return Facts(day=np.zeros(n, np.int32), minute=np.zeros(n, np.int16),
                 **fill(facts, dictionaries))  # fmt: skip
