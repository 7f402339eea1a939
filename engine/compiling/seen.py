"""What facts have named so far, by number: tables of rule words have a row for each."""

from __future__ import annotations

from ..columns.dictionaries import Codes, Dictionaries


class Seen:
    """The ledger's dictionaries, and names that the journal keeps as words."""

    def __init__(self, dictionaries: Dictionaries) -> None:
        self.dictionaries = dictionaries
        self.coupons, self.channels, self.activities = Codes(), Codes(), Codes()
        # Number 0 of each is what a fact without one has.
        self.channels.number("")
        self.activities.number("")

    def sizes(self) -> tuple[int, int, int]:
        """How many channels, coupons and activities have been seen."""
        return len(self.channels), len(self.coupons), len(self.activities)

    def followed(self) -> tuple[int, ...]:
        """How long all is that the tables of a program follow."""
        known = self.dictionaries
        return (
            len(known.products), len(known.products.categories), len(known.stores),
            len(known.terminals), len(known.tenders), *self.sizes(),
        )  # fmt: skip

    def cut(self, sizes: tuple[int, int, int]) -> None:
        """Forget the channels, coupons and activities beyond earlier lengths."""
        codes = self.channels, self.coupons, self.activities
        for seen, length in zip(codes, sizes, strict=True):
            seen.cut(length)
