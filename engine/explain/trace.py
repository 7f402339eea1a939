"""What was heard of the facts of a member while the reference played them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from ..reference.lines import BasketLine
from ..reference.outcome import Outcome, Worth
from ..reference.state import Basket, SaleState, State
from ..reference.trace import Trace


@dataclass
class Rated:
    """One rating: `wishes` are outcomes as they were before limits, `rooms` what limits left."""

    basket: Basket
    outcomes: dict[str, Outcome]
    wishes: dict[str, Outcome]
    rooms: dict[tuple[str, str], int]


@dataclass
class Returned:
    """A return: the sale with what is left of it, what its rules gave before and give now."""

    basket: Basket
    left: list[BasketLine]
    first: dict[str, Outcome]
    before: dict[str, int]
    found: Worth


@dataclass
class Paid:
    """Money for a sale: what of it was owed before, and is now."""

    sale: str
    amount: int
    owed_before: int
    owed: int


@dataclass
class Heard:
    """One fact: whose it is where members are tied, the tier at it, the member just before it,
    its rating, what came back, what was paid."""

    account: str
    tier: str | None
    before: State
    rating: Rated | None = None
    returned: Returned | None = None
    paid: Paid | None = None


class Listener(Trace):
    """Hears some facts, or all; `heard` has them by id."""

    def __init__(self, wanted: Collection[str] | None = None) -> None:
        self.heard: dict[str, Heard] = {}
        self._wanted = wanted
        self._now: Heard | None = None
        self._wishes: dict[str, Outcome] = {}
        self._rooms: dict[tuple[str, str], int] = {}

    def begins(self, fact: str, account: str, tier: str | None, member: State) -> None:
        """See Trace."""
        self._now, self._wishes, self._rooms = None, {}, {}
        if self._wanted is None or fact in self._wanted:
            self._now = self.heard[fact] = Heard(account, tier, member.copy())
            if account:
                # A closed day is heard of each account.
                self.heard[f"{fact}/{account}"] = self._now

    def wishes(self, outcome: Outcome) -> None:
        """See Trace."""
        if self._now is not None:
            self._wishes[outcome.rule.id] = replace(outcome)

    def cuts(self, rule: str, limit: str, room: int) -> None:
        """See Trace."""
        if self._now is not None:
            self._rooms[rule, limit] = room

    def rated(self, basket: Basket, outcomes: dict[str, Outcome]) -> None:
        """See Trace."""
        if self._now is not None:
            self._now.rating = Rated(basket, outcomes, self._wishes, self._rooms)

    def returns(self, sale: SaleState, found: Worth) -> None:
        """See Trace."""
        if self._now is not None:
            self._now.returned = Returned(
                sale.basket, list(sale.left), dict(sale.first), dict(sale.now), found
            )
        self._wishes, self._rooms = {}, {}

    def pays(self, sale: str, amount: int, owed_before: int, owed: int) -> None:
        """See Trace."""
        if self._now is not None:
            self._now.paid = Paid(sale, amount, owed_before, owed)
