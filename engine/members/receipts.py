"""Whose the receipts are that were rung up without a member (rulebook sections 2, 7 and 8).

A sale of nobody is in the journal and in no member's figures until a claim names it. Only sales
that were claimed are kept here; all others are found by their ids.
"""

from __future__ import annotations

from typing import NamedTuple


class Claimed(NamedTuple):
    """Who claimed a sale last, by number, and the claim's id; "" once it was cancelled."""

    member: int
    claim: str


class Receipts:
    """Claims of a ledger as of a seq."""

    def __init__(self) -> None:
        self.by_sale: dict[str, Claimed] = {}
        self._sale_of: dict[str, str] = {}

    def claimed(self, sale: str, by: Claimed) -> None:
        """A claim is accepted, or what is known of a sale is read."""
        self.by_sale[sale] = by
        if by.claim:
            self._sale_of[by.claim] = sale

    def cancelled(self, claim: str) -> str:
        """A claim is undone; its sale."""
        sale = self._sale_of.pop(claim)
        self.by_sale[sale] = self.by_sale[sale]._replace(claim="")
        return sale

    def sale_of(self, claim: str) -> str | None:
        """The sale of a claim that stands; None for any other id."""
        return self._sale_of.get(claim)

    def owner(self, sale: str) -> int | None:
        """Number of the member whose claim of a sale stands."""
        found = self.by_sale.get(sale)
        return found.member if found is not None and found.claim else None
