"""What the reference tells while it plays a member: `explain` listens (rulebook section 12).

The reference calls these functions where it decides something; nothing that a listener does
changes a figure. A kind of fact that has more to tell adds a function here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .basket import Basket
    from .earning import Outcome
    from .returns import Worth
    from .state import SaleState
    from .turn import Turn


class Trace:
    """A listener that hears nothing; listeners override what they want to hear."""

    def begins(self, turn: Turn) -> None:
        """A fact is about to be applied: the member stands on its date, as it was before it."""

    def wishes(self, outcome: Outcome) -> None:
        """A rule's figure is exact and rounded; limits come next."""

    def cuts(self, rule: str, limit: str, room: int) -> None:
        """A limit or cap leaves a rule's figure only this room, in units."""

    def rated(self, basket: Basket, outcomes: dict[str, Outcome]) -> None:
        """A basket is rated: a fact as it was, or what is left of an earlier sale."""

    def returns(self, sale: SaleState, found: Worth) -> None:
        """Lines of a sale have come back; what its rules gave before stands in `sale.now`."""


SILENT = Trace()
