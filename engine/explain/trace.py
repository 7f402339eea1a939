"""What was heard of the facts of a member while the reference played them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from ..reference.basket import Basket
from ..reference.earning import Outcome
from ..reference.returns import Worth
from ..reference.state import BasketLine, SaleState, State
from ..reference.trace import Trace
from ..reference.turn import Turn


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
class Heard:
    """One fact: its turn, the member just before it, the ratings that it took."""

    turn: Turn
    before: State
    ratings: list[Rated] = field(default_factory=list)
    returned: Returned | None = None

    def rating(self) -> Rated | None:
        """The rating of the fact itself, not of a sale that it returns of."""
        mine = (rated for rated in self.ratings if rated.basket.fact == self.turn.row.id)
        return next(mine, None)


class Listener(Trace):
    """Hears some facts, or all; `heard` has them by id."""

    def __init__(self, wanted: Collection[str] | None = None) -> None:
        self.heard: dict[str, Heard] = {}
        self._wanted = wanted
        self._now: Heard | None = None
        self._wishes: dict[str, Outcome] = {}
        self._rooms: dict[tuple[str, str], int] = {}

    def begins(self, turn: Turn) -> None:
        """See Trace."""
        self._now, self._wishes, self._rooms = None, {}, {}
        name = turn.row.id
        if self._wanted is None or name in self._wanted:
            self._now = self.heard[name] = Heard(turn, turn.member.copy())
            if turn.account:
                # A closed day is heard of each account.
                self.heard[f"{name}/{turn.account}"] = self._now

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
            self._now.ratings.append(Rated(basket, outcomes, self._wishes, self._rooms))
            self._wishes, self._rooms = {}, {}

    def returns(self, sale: SaleState, found: Worth) -> None:
        """See Trace."""
        if self._now is not None:
            self._now.returned = Returned(
                sale.basket, list(sale.left), dict(sale.first), dict(sale.now), found
            )
