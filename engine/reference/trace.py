"""What the reference tells while it plays a member: `explain` listens (rulebook section 12).

The reference calls these functions where it decides something; nothing that a listener does
changes a figure. A kind of fact that has more to tell adds a function here.
"""

from __future__ import annotations

from .outcome import Outcome, RatingTrace, Worth
from .state import Basket, SaleState, State


class Trace(RatingTrace):
    """A listener that hears nothing; listeners override what they want to hear."""

    def begins(self, fact: str, account: str, tier: str | None, member: State) -> None:
        """A fact is about to be applied: the member stands on its date, as it was before it.

        `account` is whose it is where members are tied.
        """

    def rated(self, basket: Basket, outcomes: dict[str, Outcome]) -> None:
        """A fact's basket is rated."""

    def returns(self, sale: SaleState, found: Worth) -> None:
        """Lines of a sale have come back; what its rules gave before stands in `sale.now`.

        What was heard of rules since the fact began is of the lines that are left.
        """

    def pays(self, sale: str, amount: int, owed_before: int, owed: int) -> None:
        """Money has come for a sale: what of it was owed before, and is now."""


SILENT = Trace()
